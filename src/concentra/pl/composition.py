"""Stacked bars of the composition of every donor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from concentra import get
from concentra.pl import _style as style
from concentra.printable import natural_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def composition(
    data: Any,
    *,
    stratum: str | None = None,
    group: str | None = None,
    order: Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    n_parts: int = len(style.PARTS),
    legend: bool = True,
    names: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """A horizontal bar for every donor of one stratum, divided by the shares of its parts.

    Parameters
    ----------
    data
        An AnnData of `concentra.pp.composition`, or the frame of `concentra.get.composition`.
    stratum
        Which one; the first if None.
    group
        The column of labels by which donors are ordered and named, such as the age; None: by name alone.
    order
        The groups, the reference first; in the order of their names, numbers by size, if None.
    colours
        The colour of a part; those of the largest parts by themselves if None. The others are grey, together.
    n_parts
        How many parts have a colour of their own.
    legend
        Whether to name the parts beside the bars.
    names
        Whether to name every donor; without, each group is named once, with its number of donors.
    ax
        Axes to draw on; a new figure's if None.

    Returns
    -------
    The axes. Bars run from 0 to 1; the part with the largest mean share is first, or the first of `colours`, and the
    same order holds in every bar. A gap stands between groups.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> cells = pd.DataFrame({"stratum": "lung", "donor": ["a", "a", "b"], "part": ["T", "B", "T"],
    ...                       "n_cells": [3, 1, 5]})
    >>> ax = composition(cells, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], [round(float(bar.get_width()), 2) for bar in ax.patches]
    (['a', 'b'], [0.75, 1.0, 0.25, 0.0])
    """
    frame = style.frame_of(data, get.composition)
    rows, name = style.only(frame, "stratum", stratum)
    groups = style.groups_of(rows, group)
    counts = rows.pivot_table(
        index="donor", columns="part", values="n_cells", aggfunc="sum", fill_value=0, observed=True
    )
    shares = counts.div(counts.sum(axis=1), axis=0)
    shares.index, shares.columns = shares.index.astype(str), shares.columns.astype(str)
    hues = dict(colours) if colours is not None else style.part_colours(shares.mean(), n_parts)
    named = [part for part in hues if part in shares]
    drawn = shares[named].assign(**{style.REST_NAME: shares.drop(columns=named).sum(axis=1)})
    if len(named) == len(shares.columns):
        drawn = drawn[named]
    ranks = {one: place for place, one in enumerate(order)} if order else style.in_order(groups.values())
    donors = sorted(shares.index, key=lambda donor: (ranks[groups[donor]], natural_key(donor)))
    places = _places([groups[donor] for donor in donors])
    ax = style.axes_or_new(ax)
    left = np.zeros(len(donors))
    for part in drawn.columns:
        width = drawn.loc[donors, part].to_numpy(dtype=float)
        ax.barh(places, width, left=left, height=0.82, color=hues.get(part, style.REST), edgecolor="white",
                linewidth=0.4 if names else 0.1, label=style.readable(part))  # fmt: skip
        left += width
    _name(ax, places, donors, [groups[donor] for donor in donors], names=names, grouped=group is not None)
    ax.set_ylim(max(places) + 0.6, -0.6)
    ax.set_xlim(0, 1)
    ax.set_xlabel("share of the cells")
    ax.set_title(style.readable(name))
    if legend:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize="small")
    style.bare(ax)
    return ax


def _name(
    ax: Axes,
    places: Sequence[float],
    donors: Sequence[str],
    groups: Sequence[str],
    *,
    names: bool,
    grouped: bool,
) -> None:
    """A tick for every donor, or one in the middle of each group."""
    if names:
        labels = [
            f"{style.readable(group)} · {style.verbatim(donor)}" if grouped else style.verbatim(donor)
            for donor, group in zip(donors, groups, strict=True)
        ]
        ax.set_yticks(places, labels)
        return
    middle = {
        one: [place for place, group in zip(places, groups, strict=True) if group == one] for one in groups
    }
    ax.set_yticks(
        [(here[0] + here[-1]) / 2 for here in middle.values()],
        [f"{style.readable(one)}\n(n = {len(here)})".strip() for one, here in middle.items()],
    )
    ax.tick_params(axis="y", length=0)


def _places(groups: list[str]) -> list[float]:
    """A place for every donor, with half a bar's gap where the group changes."""
    gaps = [0.0, *(0.5 * (one != other) for one, other in pairwise(groups))]
    return [float(place) for place in np.arange(len(groups)) + np.cumsum(gaps)]
