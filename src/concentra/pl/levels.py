"""The effect at every level of a hierarchy of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra import get
from concentra.pl import _style as style
from concentra.pl.forest import centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def levels(
    data: Any,
    *,
    stratum: str | None = None,
    metric: str = "hill_q1",
    key: str = "granularity",
    ax: Axes | None = None,
) -> Axes:
    """The effect at every level of a hierarchy of parts, from coarse to fine, with its interval.

    Parameters
    ----------
    data
        An `Analysis` with levels, an AnnData after `concentra.tl.granularity`, or a frame: one row a level with
        `stratum`, `metric`, `level` (its name), `effect`, `low`, `high`, `direction`, `verdict`, and `n_parts`
        where it is known; levels are drawn in the order of the rows.
    stratum, metric
        Which ones; the first stratum if None.
    key
        Of the stored result.
    ax
        Axes to draw on; a new figure's if None.

    Returns
    -------
    The axes. For an effective number the ratio of the other group to the reference, on a logarithmic axis with its
    line at 1; else the difference, with its line at 0. Filled points have a verdict that is a direction.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": "blood", "metric": "hill_q1", "level": ["coarse", "fine"], "n_parts": [7, 27],
    ...                       "effect": [1.0, 0.89], "low": [0.94, 0.85], "high": [1.06, 0.93],
    ...                       "direction": ["mixed", "more concentrated"],
    ...                       "verdict": ["no change beyond the margin", "more concentrated"]})
    >>> ax = levels(found, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['coarse\\n7 parts', 'fine\\n27 parts']
    """
    rows, name = style.only(style.frame_of(data, get.granularity, key=key), "stratum", stratum)
    rows, metric = style.only(rows, "metric", metric)
    ax = style.axes_or_new(ax)
    ratio = metric.startswith("hill")
    style.zero_line(ax, vertical=False, horizontal=True, at=1.0 if ratio else 0.0)
    for place, (middle, row) in enumerate(zip(centres(rows), rows.to_dict("records"), strict=True)):
        hue = style.look(row["verdict"]).colour
        ax.plot([place, place], [row["low"], row["high"]], color=hue, linewidth=1.6, solid_capstyle="butt")
        style.mark(ax, place, middle, row["verdict"])
    ax.set_xticks(range(len(rows)), [_level(row) for row in rows.to_dict("records")])
    ax.set_xlim(-0.6, len(rows) - 0.4)
    if ratio:
        style.ratio_axis(ax.yaxis, rows[["effect", "low", "high"]].to_numpy(dtype=float).ravel().tolist())
    ax.set_ylabel("ratio of effective numbers" if ratio else f"difference in {style.metric_label(metric)}")
    ax.set_title(style.readable(name))
    style.bare(ax)
    return ax


def _level(row: dict[object, object]) -> str:
    """A level as people read it, with its number of parts."""
    words, n_parts = style.readable(row["level"], 14), row.get("n_parts")
    return words if n_parts is None or pd.isna(str(n_parts)) else f"{words}\n{n_parts} parts"
