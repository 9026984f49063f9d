"""The effect in every stratum with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from concentra import get
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def forest(data: Any, *, metric: str = "hill_q1", key: str = "contrast", ax: Axes | None = None) -> Axes:
    """The effect in every stratum as a point, its interval as a line, its direction as colour and marker.

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
    The axes. With a column `effect`, points are effects: for an effective number the ratio of the other group to the
    reference, on a logarithmic axis. Without it, points are shifts, corrected for depth where that was computed.
    Colour and marker are the verdict. A thin line is a range at two donors, no interval.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": ["lung"], "metric": ["hill_q1"], "effect": [0.8], "low": [0.6], "high": [0.9],
    ...                       "n_reference": [4], "n_other": [4], "verdict": ["more concentrated"]})
    >>> ax = forest(found, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xlabel()
    (['lung  4, 4'], 'ratio of effective numbers')
    """
    rows, metric = style.only(style.frame_of(data, get.contrast, key=key), "metric", metric)
    ax = style.axes_or_new(ax)
    ratio = "effect" in rows and metric.startswith("hill")
    style.zero_line(ax, at=1.0 if ratio else 0.0)
    places = np.arange(len(rows))[::-1]
    for place, middle, row in zip(places, centres(rows), rows.to_dict("records"), strict=True):
        width = 0.6 if row.get("interval", "interval") != "interval" else 1.6
        hue = style.look(row["verdict"]).colour
        ax.plot([row["low"], row["high"]], [place, place], color=hue, linewidth=width, solid_capstyle="butt")
        style.mark(ax, middle, place, row["verdict"])
    sides: tuple[str, ...] = ("n_reference", "n_other") if "n_reference" in rows else ("n_early", "n_late")
    if "other" in rows and rows["other"].isna().all():  # a number: all donors together
        sides = sides[:1]
    labels = [
        f"{style.readable(row['stratum'])}  {', '.join(str(row[side]) for side in sides)}"
        for row in rows.to_dict("records")
    ]
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    if ratio:
        style.ratio_axis(ax.xaxis, rows[["effect", "low", "high"]].to_numpy(dtype=float).ravel().tolist())
        ax.set_xlabel("ratio of effective numbers")
    else:
        ax.set_xlabel(f"{'difference' if 'effect' in rows else 'shift'} in {style.metric_label(metric)}")
    style.bare(ax)
    return ax


def centres(rows: pd.DataFrame) -> list[float]:
    """Where the point of every row stands: the effect, else the corrected shift, else the shift."""
    if "effect" in rows:
        return [float(value) for value in rows["effect"]]
    corrected = rows["corrected"] if "corrected" in rows else rows["shift"]
    return [float(value) for value in corrected.where(corrected.notna(), rows["shift"])]
