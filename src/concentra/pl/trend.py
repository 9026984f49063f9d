"""A metric of every unit along a numeric axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra import get
from concentra.design.axis import numeric_axis
from concentra.errors import ArgumentError, nearest
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def trend(
    data: Any,
    *,
    along: pd.Series | str,
    stratum: str | None = None,
    metric: str = "hill_q1",
    key: str = "concentration",
    ax: Axes | None = None,
) -> Axes:
    """The metric of every donor of one stratum against a numeric axis.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.concentration`, or the frame of `concentra.get.concentration`.
    along
        The column of the donors' numbers, or of ages such as 3m, as for `tl.trend`; or the place of each donor on the
        axis, by donor (its index), whose name is the label.
    stratum, metric
        Which one; the first stratum if None.
    key
        Where `tl.concentration` stored it.
    ax
        Axes to draw on; a new figure's if None.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> units = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "hill_q1": [3.0, 2.0]})
    >>> trend(units, along=pd.Series({"a": 3, "b": 24}, name="months"), ax=Figure().subplots()).get_xlabel()
    'months'
    """
    rows, name = style.only(style.frame_of(data, get.concentration, key=key), "stratum", stratum)
    ax = style.axes_or_new(ax)
    if isinstance(along, str):
        if along not in rows:
            raise ArgumentError(
                found=f"along={along!r}",
                expected="a label column of the donors",
                fix=nearest(along, list(map(str, rows.columns))),
            )
        places, title = numeric_axis(rows[along], along)
    else:
        title = str(along.name) if along.name is not None else ""
        places = rows["donor"].map(along.to_dict()).astype(float)
    ax.scatter(places, rows[metric], s=14, color=style.ACCENT, edgecolor="white", linewidth=0.4)
    ax.set_xlabel(style.readable(title))
    ax.set_ylabel(style.metric_label(metric))
    ax.set_title(style.readable(name))
    style.bare(ax)
    return ax
