"""The shift under every defensible choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from concentra import get
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def specification_curve(
    data: Any,
    *,
    stratum: str | None = None,
    metric: str = "hill_q1",
    key: str = "multiverse",
    ax: Axes | None = None,
) -> Axes:
    """The shift of one stratum under every specification, ascending; the choice made is marked.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.multiverse`, or the frame of `concentra.get.multiverse`.
    stratum, metric
        Which shift, "gini" or "hill_q1"; the first stratum if None.
    key
        Where `tl.multiverse` stored it.
    ax
        Axes to draw on; a new figure's if None.

    References
    ----------
    Simonsohn, Simmons & Nelson 2020, Nature Human Behaviour 4:1208.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": "lung", "hill_q1": [-1.0, 0.5], "counts_hill_q1": True,
    ...                       "published": [True, False]})
    >>> specification_curve(found, ax=Figure().subplots()).get_xlabel()
    '2 specifications, ascending'
    """
    rows, name = style.only(style.frame_of(data, get.multiverse, key=key), "stratum", stratum)
    rows = rows[rows[f"counts_{metric}"].astype(bool)].sort_values(metric, kind="stable")
    ax = style.axes_or_new(ax)
    places = np.arange(len(rows))
    chosen = rows["published"].astype(bool).to_numpy()
    values = rows[metric].to_numpy(dtype=float)
    ax.plot(places[~chosen], values[~chosen], ".", color=style.GREY, markersize=4)
    ax.plot(places[chosen], values[chosen], "D", color=style.ACCENT, markersize=5)
    style.zero_line(ax, vertical=False, horizontal=True)
    ax.set_xticks([])
    ax.set_xlabel(f"{len(rows)} specifications, ascending")
    ax.set_ylabel(f"shift in {style.metric_label(metric)}")
    ax.set_title(style.readable(name))
    style.bare(ax)
    return ax
