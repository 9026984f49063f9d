"""The shift of one stratum over parts from coarse to fine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra import get
from concentra.pl import _style as style
from concentra.pl.forest import centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def granularity(
    data: Any,
    *,
    stratum: str | None = None,
    metric: str = "hill_q1",
    key: str = "granularity",
    ax: Axes | None = None,
) -> Axes:
    """The shift of one stratum at every granularity, with intervals where there are any.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.granularity`; or the frame of `concentra.get.granularity`, or of
        `concentra.analysis.granularity.contrast_levels` (there resolution 0 is that of annotated types).
    stratum, metric
        Which shift; the first stratum if None.
    key
        Where `tl.granularity` stored it.
    ax
        Axes to draw on; a new figure's if None.

    Returns
    -------
    The axes. Points are the shift, corrected for depth where that was computed; colour and marker are the direction
    of both metrics together; filled points are significant after adjustment.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"resolution": [0.0, 0.8], "stratum": "kidney", "metric": "hill_q1", "shift": [-1.0, 2.0],
    ...                       "direction": ["more concentrated", "less concentrated"], "verdict": "undecided"})
    >>> ax = granularity(found, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['types', '0.8']
    """
    rows, name = style.only(style.frame_of(data, get.granularity, key=key), "stratum", stratum)
    rows, metric = style.only(rows, "metric", metric)
    ax = style.axes_or_new(ax)
    for place, (middle, row) in enumerate(zip(centres(rows), rows.to_dict("records"), strict=True)):
        if not pd.isna(row.get("low")):
            width = 1.6 if row.get("interval", "interval") == "interval" else 0.6
            hue = style.look(row["direction"]).colour
            ax.plot(
                [place, place], [row["low"], row["high"]], color=hue, linewidth=width, solid_capstyle="butt"
            )
        style.mark(ax, place, middle, row["direction"], filled=style.established(row["verdict"]))
    style.zero_line(ax, vertical=False, horizontal=True)
    ax.set_xticks(range(len(rows)), [_scale(one) for one in rows["resolution"]])
    ax.set_xlim(-0.6, len(rows) - 0.4)
    ax.set_ylabel(f"shift in {style.metric_label(metric)}")
    ax.set_title(style.readable(name))
    style.bare(ax)
    return ax


def _scale(resolution: object) -> str:
    """A resolution as people read it."""
    if not isinstance(resolution, (int, float)):
        return style.readable(resolution, 14)
    return f"{resolution:g}" if resolution else "types"
