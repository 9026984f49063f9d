"""Every stratum in the plane of the two shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra import get
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "raw": ("shift in Gini coefficient", "shift in effective number (eff_N)"),
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
    The axes. Grey dots are what exchanged labels give: lying along them is arithmetic, not evidence. Filled points
    have a joint region without zero; the others' regions are faint.

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
        points = get.plane_points(data, key=key)
    ax = style.axes_or_new(ax)
    style.zero_line(ax, horizontal=True)
    if points is not None and len(points):
        certain = set(rows.loc[rows["excludes_zero"].astype(bool), "stratum"].astype(str))
        _clouds(ax, points[points["axes"] == axes], certain)
    for row in rows.to_dict("records"):
        hue = style.ACCENT if row["excludes_zero"] else style.INK
        ax.plot(row["gini"], row["hill_q1"], "o", color=hue, markerfacecolor=hue if row["excludes_zero"] else "white",
                markersize=4, zorder=3)  # fmt: skip
    far = rows["gini"].abs() / (rows["gini"].abs().max() or 1) + rows["hill_q1"].abs() / (
        rows["hill_q1"].abs().max() or 1
    )
    for place in far.sort_values(ascending=False).index[:n_labels]:
        ax.annotate(style.readable(rows.loc[place, "stratum"]), (rows.loc[place, "gini"], rows.loc[place, "hill_q1"]),
                    xytext=(4, 3), textcoords="offset points", fontsize="small")  # fmt: skip
    ax.set_xlabel(LABELS.get(axes, LABELS["raw"])[0])
    ax.set_ylabel(LABELS.get(axes, LABELS["raw"])[1])
    style.bare(ax)
    return ax


def _clouds(ax: Axes, points: pd.DataFrame, certain: set[str]) -> None:
    null = points[points["what"] == "null"]
    n_clouds = max(1, null["stratum"].nunique())
    few = len(null) / n_clouds < 50
    ax.scatter(null["gini"], null["hill_q1"], s=5 if few else 2, color=style.FAINT, alpha=0.45, linewidth=0, zorder=1,
               rasterized=True)  # fmt: skip
    for name, region in points[points["what"] == "region"].groupby("stratum", observed=True):
        corners = region.sort_values("place")
        ax.fill(
            corners["gini"],
            corners["hill_q1"],
            facecolor="none",
            edgecolor=style.ACCENT,
            linewidth=0.8 if str(name) in certain else 0.4,
            alpha=1.0 if str(name) in certain else 0.4,
            zorder=2,
        )
