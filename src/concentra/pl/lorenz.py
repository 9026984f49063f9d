"""Lorenz curves of the units of one stratum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from concentra import get
from concentra.analysis.lorenz import lorenz_curves
from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def lorenz(
    data: Any,
    *,
    stratum: str | None = None,
    colours: Mapping[str, str] | None = None,
    key: str = "lorenz",
    ax: Axes | None = None,
) -> Axes:
    """What share of a unit its smallest parts hold together; the diagonal is equality.

    Parameters
    ----------
    data
        An AnnData after `concentra.tl.lorenz`, or the frame of `concentra.get.lorenz`.
    stratum
        Which one; the first if None.
    colours
        The colour of a donor's curve; the others are grey.
    key
        Where `tl.lorenz` stored it.
    ax
        Axes to draw on; a new figure's if None.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> curve = pd.DataFrame({"stratum": "lung", "donor": "a", "population": [0, 0.5, 1], "cumulative": [0, 0.2, 1]})
    >>> len(lorenz(curve, ax=Figure().subplots()).lines)  # the diagonal and one donor
    2
    """
    curves = (
        lorenz_curves(data.composition)
        if hasattr(data, "tables")
        else style.frame_of(data, get.lorenz, key=key)
    )
    rows, name = style.only(curves, "stratum", stratum)
    ax = style.axes_or_new(ax)
    ax.plot([0, 1], [0, 1], color=style.FAINT, linewidth=0.6)
    for donor, curve in rows.groupby("sample" if "sample" in rows else "donor", sort=True, observed=True):
        hue = (colours or {}).get(str(donor), style.FAINT)
        ax.plot(curve["population"], curve["cumulative"], color=hue, linewidth=1.0)
    ax.set_aspect("equal")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_xlabel("share of the parts, the smallest first")
    ax.set_ylabel("share of the cells")
    ax.set_title(style.readable(name))
    style.bare(ax)
    return ax
