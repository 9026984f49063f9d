"""Every donor as a point, by group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from concentra import get
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def donors(
    data: Any,
    *,
    group: str,
    stratum: str | None = None,
    metric: str = "hill_q1",
    order: list[str] | None = None,
    contrast: pd.DataFrame | None = None,
    key: str = "concentration",
    ax: Axes | None = None,
) -> Axes:
    """A metric of every donor of one stratum by group, the median of each group, and the estimate with its interval.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.concentration`, or the frame of `concentra.get.concentration` with the column
        of the groups.
    group
        The column of labels that says which group a donor belongs to.
    stratum, metric
        Which one; the first stratum if None.
    order
        The groups, the reference first; in the order of their names, numbers by size, if None.
    contrast
        The frame of `concentra.get.contrast`; its effect, interval and verdict are written above the points.
    key
        Where `tl.concentration` stored it.
    ax
        Axes to draw on; a new figure's if None.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> units = pd.DataFrame({"stratum": "lung", "donor": ["a", "b", "c"], "age": ["3m", "3m", "24m"],
    ...                       "hill_q1": [3.0, 4.0, 2.0]})
    >>> ax = donors(units, group="age", ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['3m\\n(n = 2)', '24m\\n(n = 1)']
    """
    rows, name = style.only(style.frame_of(data, get.concentration, key=key), "stratum", stratum)
    rows = rows.dropna(subset=[metric])
    groups = style.groups_of(
        rows if isinstance(data, pd.DataFrame) else style.frame_of(data, get.composition), group
    )
    here = {groups[donor] for donor in rows["donor"].astype(str)}
    names = order or list(style.in_order(here))
    hues = style.group_colours(names)
    ax = style.axes_or_new(ax)
    labels = []
    for place, one in enumerate(names):
        values = np.sort([value for donor, value in zip(rows["donor"].astype(str), rows[metric], strict=True)
                          if groups[donor] == one])  # fmt: skip
        labels.append(f"{style.readable(one, 14)}\n(n = {len(values)})")
        marker = style.GROUP_MARKERS[min(place, len(style.GROUP_MARKERS) - 1)]
        ax.scatter(place + _aside(len(values)), values, s=22, color=hues[one], marker=marker, alpha=0.9,
                   linewidth=0, zorder=2)  # fmt: skip
        if len(values):
            middle = float(np.median(values))
            ax.plot([place - 0.3, place + 0.3], [middle, middle], color=style.INK, linewidth=1.4, zorder=3)
    ax.set_xticks(range(len(names)), labels)
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.set_ylabel(style.metric_label(metric))
    ax.set_title(_title(name, metric, contrast))
    style.bare(ax)
    return ax


def _aside(n: int) -> Any:
    """Sideways places of n sorted values: left, middle and right in turn."""
    return np.resize([0.0, -0.1, 0.1], n)


def _title(name: str, metric: str, contrast: pd.DataFrame | None) -> str:
    """The name of the stratum, and below it what was found."""
    title = style.readable(name)
    if contrast is None or "effect" not in contrast:
        return title
    rows = contrast[(contrast["stratum"].astype(str) == name) & (contrast["metric"] == metric)]
    if rows.empty or pd.isna(rows["effect"].iloc[0]):
        return title
    row: Mapping[str, Any] = {str(one): value for one, value in rows.iloc[0].items()}
    kind = "ratio" if metric.startswith("hill") else "difference"
    return f"{title}\n{kind} {row['effect']:.2f} ({row['low']:.2f} to {row['high']:.2f}), {row['verdict']}"
