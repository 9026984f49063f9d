"""Small tables of real data that ship with the package.

`mouse_ageing`
    Cells by type in eleven tissues of seven young (3 months) and four old (24 months) mice: Tabula Muris Senis, sorted
    onto plates (The Tabula Muris Consortium 2020, Nature 583:590; no restrictions on use). A row is a count of one cell
    type of one mouse in one tissue: `donor`, `age`, `sex`, `tissue`, `cell_type`, `n_cells`. The public labels name the
    mouse only in part, so that donors are partly inferred; cells of unknown mice are left out. All old mice are male.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from concentra.errors import ArgumentError, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAMES", "load", "path"]

NAMES = ("mouse_ageing",)
"""The tables there are."""


def path(name: str) -> Path:
    """The file of a table, as `concentra analyze` and `concentra.analyze` take it.

    Parameters
    ----------
    name
        One of `NAMES`.

    Raises
    ------
    ArgumentError
        There is no such table.

    Examples
    --------
    >>> path("mouse_ageing").name
    'mouse_ageing.csv'
    """
    if name not in NAMES:
        raise ArgumentError(
            found=f"no table {name!r}", expected=f"one of {', '.join(NAMES)}", fix=nearest(name, NAMES)
        )
    return Path(__file__).with_name(f"{name}.csv")


def load(name: str) -> pd.DataFrame:
    """A table as a frame, one row a count.

    Parameters
    ----------
    name
        One of `NAMES`.

    Raises
    ------
    ArgumentError
        There is no such table.

    Examples
    --------
    >>> mice = load("mouse_ageing")
    >>> mice["donor"].nunique(), int(mice["n_cells"].sum())
    (11, 35491)
    """
    import pandas as pd

    return pd.read_csv(path(name))
