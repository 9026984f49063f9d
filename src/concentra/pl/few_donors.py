"""What small studies conclude, rule by rule."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "signs of both shifts": "published: both signs",
    "exact test": "exact test (effective number)",
    "exact tests of both metrics": "exact tests (both measures)",
}
"""Rules as people read them."""
SEGMENTS = (("more", "more concentrated"), ("less", "less concentrated"), ("mixed", "mixed"))


def few_donors(
    data: pd.DataFrame, *, stratum: str | None = None, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """The share of small studies that conclude each direction, a bar for each number of donors and rule.

    Parameters
    ----------
    data
        As `concentra.analysis.few_donors.few_donors` returns it.
    stratum, title
        Which stratum, the first if None; a title instead of its name.
    ax
        Axes to draw on; a new figure's if None.

    Returns
    -------
    The axes: bars from 0 to 1, "more concentrated" from the left, then "mixed", "less concentrated" from the right, the
    open space between is undecided. Shares of at least 6% are written into the bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = pd.DataFrame({"stratum": "blood", "n_donors": [3, 3], "rule": ["signs of both shifts", "verdict"],
    ...                       "more": [0.9, 0.2], "less": [0.08, 0.0], "mixed": [0.02, 0.0]})
    >>> ax = few_donors(found, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['published: both signs', 'verdict']
    """
    rows, name = style.only(data, "stratum", stratum)
    ax = style.axes_or_new(ax)
    places, labels, height = [], [], 0.0
    for size, of_size in rows.groupby("n_donors", sort=True):
        ax.text(-0.02, height, f"{size} v {size} donors", ha="right", va="center", fontweight="bold",
                transform=ax.get_yaxis_transform(), fontsize="small")  # fmt: skip
        for row in of_size.to_dict("records"):
            height += 1
            _bar(ax, row, height)
            places.append(height)
            labels.append(NAMES.get(str(row["rule"]), str(row["rule"])))
        height += 1.4
    for _, word in SEGMENTS:
        ax.barh([0], [0], color=style.look(word).colour, label=word)
    ax.barh([0], [0], color="white", edgecolor=style.FAINT, label="undecided")
    ax.set_yticks(places, labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(height - 0.7, -0.7)
    ax.set_xlim(0, 1)
    ax.set_xlabel("share of small studies (%)")
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    ax.set_title(title or style.readable(name))
    style.bare(ax)
    return ax


def _bar(ax: Axes, row: Mapping[Hashable, Any], height: float) -> None:
    """One bar: more from the left, less from the right, mixed after more."""
    starts = {"more": 0.0, "mixed": row["more"], "less": 1.0 - row["less"]}
    ax.barh([height], [1], color="none", edgecolor=style.FAINT, linewidth=0.6, height=0.8)
    for key, word in SEGMENTS:
        share = row[key]
        if share > 0:
            ax.barh([height], [share], left=[starts[key]], color=style.look(word).colour, height=0.8)
        if share >= 0.06:
            ax.text(starts[key] + share / 2, height, f"{100 * share:.0f}", ha="center", va="center",
                    color="black" if key == "less" else "white", fontsize="small")  # fmt: skip
