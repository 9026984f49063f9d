"""The parts that drive one stratum's shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from concentra import get
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def drivers(
    data: Any,
    *,
    stratum: str | None = None,
    metric: str = "hill_q1",
    n_parts: int = 12,
    key: str = "drivers",
    ax: Axes | None = None,
) -> Axes:
    """Contributions of the parts to the shift of one stratum, the largest first, with intervals.

    Orange-red bars push toward more concentrated, blue ones toward less.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.drivers`, or the frame of `concentra.get.drivers`.
    stratum, metric
        Which shift; the first stratum if None.
    n_parts
        How many parts are shown.
    key
        Where `tl.drivers` stored it.
    ax
        Axes to draw on; a new figure's if None.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": "lung", "metric": "hill_q1", "part": ["T", "B"], "contribution": [-1.0, 0.2],
    ...                       "low": [-1.5, -0.1], "high": [-0.5, 0.5]})
    >>> ax = drivers(found, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['T', 'B']
    """
    rows, name = style.only(style.frame_of(data, get.drivers, key=key), "stratum", stratum)
    rows, metric = style.only(rows, "metric", metric)
    rows = rows.reindex(
        rows["contribution"].abs().sort_values(ascending=False, kind="stable").index[:n_parts]
    )
    ax = style.axes_or_new(ax)
    places = np.arange(len(rows))[::-1]
    fewer = metric.startswith("hill")
    hues = [style.MORE if (value < 0) == fewer else style.LESS for value in rows["contribution"]]
    ax.barh(places, rows["contribution"], color=hues, height=0.7, alpha=0.85)
    ax.hlines(places, rows["low"], rows["high"], color=style.INK, linewidth=0.8)
    style.zero_line(ax)
    ax.set_yticks(places, [style.readable(part) for part in rows["part"]])
    ax.set_xlabel(f"contribution to the shift in {style.metric_label(metric)}")
    ax.set_title(style.readable(name))
    style.bare(ax)
    return ax
