"""The shift of every stratum with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from concentra import get
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def forest(data: Any, *, metric: str = "hill_q1", key: str = "contrast", ax: Axes | None = None) -> Axes:
    """The shift of every stratum as a point, its interval as a line, its direction as colour and marker.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.contrast`, or the frame of `concentra.get.contrast`.
    metric
        Which one.
    key
        Where `tl.contrast` stored it.
    ax
        Axes to draw on; a new figure's if None.

    Returns
    -------
    The axes. Points are the shift corrected for depth, on which intervals are centred, or the plain shift where
    there is none; open where the verdict is no direction. A thin line is a range at two donors, no interval.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": ["lung"], "metric": ["hill_q1"], "shift": [-1.0], "corrected": [-1.1],
    ...                       "low": [-2.0], "high": [-0.2], "interval": ["interval"], "n_early": [4], "n_late": [4],
    ...                       "direction": ["crystallizes"], "verdict": ["unresolved"]})
    >>> ax = forest(found, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['lung  4, 4']
    """
    rows, metric = style.only(style.frame_of(data, get.contrast, key=key), "metric", metric)
    ax = style.axes_or_new(ax)
    centre = rows["corrected"].where(rows["corrected"].notna(), rows["shift"]).to_numpy(dtype=float)
    style.zero_line(ax)
    places = np.arange(len(rows))[::-1]
    for place, middle, row in zip(places, centre, rows.to_dict("records"), strict=True):
        towards = str(row["direction"] or "mixed")
        hue = style.COLOURS.get(towards, style.FAINT)
        width = 1.6 if row["interval"] == "interval" else 0.6
        ax.plot([row["low"], row["high"]], [place, place], color=hue, linewidth=width, solid_capstyle="butt")
        filled = hue if row["verdict"] in style.COLOURS else "white"
        ax.plot(
            middle, place, style.MARKERS.get(towards, "o"), color=hue, markerfacecolor=filled, markersize=5
        )
    labels = [
        f"{style.readable(row['stratum'])}  {row['n_early']}, {row['n_late']}"
        for row in rows.to_dict("records")
    ]
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.set_xlabel(f"shift in {style.metric_label(metric)}")
    style.bare(ax)
    return ax
