"""Every stratum in the plane of the two shifts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from concentra import get
from concentra.analysis.plane import PERMUTED, REGION
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "raw": ("shift in Gini coefficient", "shift in effective number"),
    "normalised": ("shift in Gini / (1 - 1/n)", "shift in ln effective number"),
}


def plane(
    data: Any,
    points: pd.DataFrame | None = None,
    *,
    axes: str = "raw",
    key: str = "plane",
    n_labels: int = 6,
    ax: Axes | None = None,
) -> Axes:
    """Shift in effective number against shift in Gini coefficient: strata, joint regions, and the null cloud.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.plane`, or the frame of `concentra.get.plane`; then `points` is the frame of
        `concentra.get.plane_points`, or None for neither regions nor cloud.
    axes
        "raw", or "normalised" where strata with different numbers of parts share the picture.
    key
        Where `tl.plane` stored it.
    n_labels
        How many of the farthest strata are named.
    ax
        Axes to draw on; a new figure's if None.

    Returns
    -------
    The axes. Grey dots are what exchanged labels give: lying along them is arithmetic, not evidence. Colour and marker
    are the quadrant of points whose joint region is without zero; the others are grey circles, their regions faint.
    The axes hold the points and the origin; a region or a dot that reaches farther is cut.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": ["lung"], "axes": ["raw"], "gini": [0.1], "hill_q1": [-2.0],
    ...                       "excludes_zero": [True]})
    >>> plane(found, ax=Figure().subplots()).get_xlabel()
    'shift in Gini coefficient'
    """
    rows, axes = style.only(style.frame_of(data, get.plane, key=key), "axes", axes)
    if points is None and not isinstance(data, pd.DataFrame):
        points = style.frame_of(data, get.plane_points, key=key)
    ax = style.axes_or_new(ax)
    style.zero_line(ax, horizontal=True)
    if points is not None and len(points):
        certain = set(rows.loc[rows["excludes_zero"].astype(bool), "stratum"].astype(str))
        _clouds(ax, points[points["axes"] == axes], certain)
    for row in rows.to_dict("records"):
        word = _quadrant(row) if row["excludes_zero"] else "undecided"
        style.mark(ax, row["gini"], row["hill_q1"], word, size=4.5)
    far = rows["gini"].abs() / (rows["gini"].abs().max() or 1) + rows["hill_q1"].abs() / (
        rows["hill_q1"].abs().max() or 1
    )
    _fit(ax, rows)
    named = rows.loc[far.sort_values(ascending=False).index[:n_labels]]
    labels = [style.readable(name) for name in named["stratum"]]
    style.label_points(ax, named["gini"], named["hill_q1"], labels, [style.INK] * len(named))
    ax.set_xlabel(LABELS.get(axes, LABELS["raw"])[0])
    ax.set_ylabel(LABELS.get(axes, LABELS["raw"])[1])
    style.bare(ax)
    return ax


def _quadrant(row: Mapping[Any, Any]) -> str:
    """The direction of a point: the quadrant it lies in."""
    if row["gini"] > 0 > row["hill_q1"]:
        return "more concentrated"
    return "less concentrated" if row["gini"] < 0 < row["hill_q1"] else "mixed"


def _fit(ax: Axes, rows: pd.DataFrame) -> None:
    """Limits that hold the points and the origin with a margin; regions and clouds do not stretch them."""
    for values, limit in ((rows["gini"], ax.set_xlim), (rows["hill_q1"], ax.set_ylim)):
        known = values[np.isfinite(values)]
        low, high = min(0.0, *known, 0.0), max(0.0, *known, 0.0)
        room = 0.3 * (high - low) or 1.0
        limit(low - room, high + room)


def _clouds(ax: Axes, points: pd.DataFrame, certain: set[str]) -> None:
    null = points[points["what"] == PERMUTED]
    n_clouds = max(1, null["stratum"].nunique())
    few = len(null) / n_clouds < 50
    ax.scatter(null["gini"], null["hill_q1"], s=5 if few else 2, color=style.FAINT, alpha=0.45, linewidth=0, zorder=1,
               rasterized=True)  # fmt: skip
    for name, region in points[points["what"] == REGION].groupby("stratum", observed=True):
        corners = region.sort_values("place")
        ax.fill(
            corners["gini"],
            corners["hill_q1"],
            facecolor="none",
            edgecolor=style.INK,
            linewidth=0.8 if str(name) in certain else 0.4,
            alpha=0.8 if str(name) in certain else 0.35,
            zorder=2,
        )
