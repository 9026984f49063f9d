"""Figures that a command draws on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from concentra.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TIMELESS: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None},
}  # fmt: skip
"""What leaves out of a file when, and by which version, it was drawn."""


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

    with matplotlib.rc_context({"svg.hashsalt": "concentra"}), replacing(path) as temporary:
        figure.savefig(temporary, metadata=TIMELESS.get(path.suffix.lower()), **options)
