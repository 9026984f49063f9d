"""Figures that a command draws on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from concentra.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: Path, **options: Any) -> None:
    """Write a figure whole or not at all; the same figure gives the same bytes.

    Parameters
    ----------
    figure, path
        What is drawn, and the file; its ending names the format.
    options
        Of `Figure.savefig`, such as `dpi`.

    Raises
    ------
    OSError
        The disk does not take the file.
    """
    import matplotlib

    from concentra.pl._style import REPEATABLE, TIMELESS

    with matplotlib.rc_context(REPEATABLE), replacing(path) as temporary:
        figure.savefig(temporary, metadata=TIMELESS.get(path.suffix.lower()), **options)
