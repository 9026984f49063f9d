"""The power of a design over its number of donors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def power(data: pd.DataFrame, *, by: str | None = None, target: float = 0.8, ax: Axes | None = None) -> Axes:
    """Power against the number of donors a group, a line for each size of change or number of cells.

    Parameters
    ----------
    data
        One row a design with `n_donors` (a group) and `power` (0 to 1), and the column `by`.
    by
        What the lines differ in, such as `effect` or `n_cells`; one line if None.
    target
        The power that is aimed at, as a faint line.
    ax
        Axes to draw on; a new figure's if None.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> designs = pd.DataFrame({"n_donors": [3, 6, 3, 6], "power": [0.2, 0.6, 0.5, 0.95],
    ...                         "effect": [0.9, 0.9, 0.8, 0.8]})
    >>> ax = power(designs, by="effect", ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0.8', '0.9']
    """
    ax = style.axes_or_new(ax)
    style.zero_line(ax, vertical=False, horizontal=True, at=target)
    lines = [("", data)] if by is None else [(f"{name:g}" if isinstance(name, (int, float)) else str(name), rows)
                                             for name, rows in data.groupby(by, sort=True, observed=True)]  # fmt: skip
    for place, (name, rows) in enumerate(lines):
        rows = rows.sort_values("n_donors", kind="stable")
        slot = min(place, len(style.GROUPS) - 1)
        ax.plot(rows["n_donors"], rows["power"], color=style.SERIES[slot], marker=style.GROUP_MARKERS[slot],
                markersize=4, linewidth=1.3, label=style.readable(name))  # fmt: skip
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("donors in each group")
    ax.set_ylabel("power")
    if by is not None:
        ax.legend(
            title="cells of each donor" if by == "n_cells" else style.readable(by),
            frameon=False,
            fontsize="small",
        )
    style.bare(ax)
    return ax
