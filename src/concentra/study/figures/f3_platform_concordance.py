"""Figure 3: FACS against Droplet, levels and shifts per tissue."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {
    "gini_present": ("Gini coefficient", "shift in Gini"),
    "hill_q1": ("effective number", "shift in effective number"),
}
FACS, DROPLET = "tms_facs", "tms_droplet"
YOUNG, OLD = "median_reference", "median_other"
SHIFT = ("shift", "hodges_lehmann_low", "hodges_lehmann_high")
SHADE = "#f0f0f0"

Rows = dict[tuple[str, str], dict[Any, Any]]


@figure("3")
def platform_concordance(concordance: pd.DataFrame, platform_agreement: pd.DataFrame) -> Drawing:
    """FACS against Droplet: levels and shifts of the tissues that both have"""
    drawn, axes = style.canvas(2, 2, width=style.PAGE, height=150)
    tissues = _comparable(concordance)
    marks = []
    for row, (metric, (level, shift)) in enumerate(METRICS.items()):
        of_metric = concordance[concordance["metric"] == metric].to_dict("records")
        rows: Rows = {(one["stratum"], one["cohort"]): one for one in of_metric}
        marks += [_levels(axes[row, 0], rows, tissues, level), _shifts(axes[row, 1], rows, tissues, shift)]
    titles = ("levels, young → old", "shifts, old − young", "levels, young → old", "shifts, old − young")
    for ax, letter, title in zip(axes.flat, "abcd", titles, strict=True):
        style.panel_title(ax, letter, title)
    for ax, points in zip(axes.flat, marks, strict=True):  # once every axis has its place
        if points:
            names = [tissue_name(tissue) for tissue in points]
            starts, ends = zip(*points.values(), strict=True)
            across, up = zip(*ends, strict=True)
            style.label_points(ax, across, up, names, starts=starts, lines=_segments(ax))
    return Drawing(
        drawn,
        _caption(concordance, platform_agreement),
        "Four scatter plots of FACS against Droplet: levels and shifts of Gini coefficient and effective number.",
    )


def _segments(ax: Any) -> list[tuple[Pair, Pair]]:
    """The intervals and lines drawn."""
    found = [path for one in ax.collections for path in one.get_paths() if len(path.vertices) == 2]
    return [(tuple(path.vertices[0]), tuple(path.vertices[1])) for path in found]


def _comparable(concordance: pd.DataFrame) -> list[str]:
    """Tissues with a group that both platforms have."""
    known = concordance[concordance["metric"] == "gini_present"].groupby("stratum")[[YOUNG, OLD]].count()
    return sorted(known.index[(known > 1).any(axis=1)], key=tissue_name)


Pair = tuple[float, float]
Points = dict[str, tuple[Pair, Pair]]
"""Where the line of each tissue starts and ends."""


def _levels(ax: Any, rows: Rows, tissues: list[str], label: str) -> Points:
    """An arrow from the median of the young to that of the old donors; a mark where one group is missing."""
    found: Points = {}
    for tissue in tissues:
        known = [_pair(rows, tissue, group) for group in (YOUNG, OLD)]
        there = [pair for pair in known if pair is not None]
        if len(there) == 2:
            ax.annotate("", there[1], there[0],
                        arrowprops={"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.0, "mutation_scale": 7,
                                    "shrinkA": 0, "shrinkB": 0})  # fmt: skip
            ax.plot(
                *there[0], "o", color="white", markeredgecolor=style.INK, markersize=3.5, markeredgewidth=0.8
            )
        else:
            fill = "white" if known[1] is None else style.INK
            ax.plot(
                *there[0], "o", color=fill, markeredgecolor=style.INK, markersize=3.5, markeredgewidth=0.8
            )
        found[tissue] = (there[0], there[-1])
    every = [value for tissue in tissues for group in (YOUNG, OLD)
             if (pair := _pair(rows, tissue, group)) is not None for value in pair]  # fmt: skip
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    room = 0.08 * (high - low) or 0.1
    ax.axline((low, low), slope=1, color=style.FAINT, linewidth=0.6, zorder=0)
    ax.set(xlim=(low - room, high + room), ylim=(low - room, high + room))
    _square(ax, label)
    return found


def _pair(rows: Rows, tissue: str, name: str) -> Pair | None:
    """A value on both platforms; None where one has none."""
    both = [rows[tissue, cohort][name] for cohort in (FACS, DROPLET)]
    return None if any(pd.isna(one) for one in both) else (float(both[0]), float(both[1]))


def _shifts(ax: Any, rows: Rows, tissues: list[str], label: str) -> Points:
    """The shifts with their intervals; quadrants of opposite signs are shaded."""
    style.zero_line(ax, horizontal=True)
    found = {tissue: (pair, pair) for tissue in tissues if (pair := _pair(rows, tissue, "shift")) is not None}
    for tissue, (_, (x, y)) in found.items():
        across, up = ([rows[tissue, cohort][name] for name in SHIFT] for cohort in (FACS, DROPLET))
        ax.plot(x, y, "o", color=style.INK, markersize=3.5, zorder=3)
        if not pd.isna(across[1]):
            ax.hlines(y, across[1], across[2], color=style.INK, linewidth=0.6, alpha=0.55, zorder=1)
        if not pd.isna(up[1]):
            ax.vlines(x, up[1], up[2], color=style.INK, linewidth=0.6, alpha=0.55, zorder=1)
    ax.margins(0.08)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for x_range, y_range in (((left, 0), (0, top)), ((0, right), (bottom, 0))):
        ax.fill_between(x_range, *y_range, color=SHADE, linewidth=0, zorder=-1)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.text(0.02, 0.98, "opposite signs", transform=ax.transAxes, fontsize=6, fontstyle="italic", va="top")
    _square(ax, label)
    return found


def _square(ax: Any, label: str) -> None:
    ax.set_box_aspect(1)
    ax.set_xlabel(f"{label}, FACS")
    ax.set_ylabel(f"{label}, Droplet")


def _caption(concordance: pd.DataFrame, agreement: pd.DataFrame) -> str:
    gini = agreement[(agreement["what"] == "shift") & (agreement["metric"] == "gini_present")]
    same = "".join(
        f"; the Gini shifts have one sign in {row['n_same_sign']} of {row['n_strata']} tissues"
        for row in gini.to_dict("records")[:1]
    )
    donors = concordance[concordance["metric"] == "gini_present"]
    who = "; ".join(
        f"{style.title_of(name)}, {_range(rows['n_reference'])} young and {_range(rows['n_other'])} old mice per tissue"
        for name, rows in ((name, donors[donors["cohort"] == name]) for name in (FACS, DROPLET))
    )
    return (
        "Medians over mice of the Gini coefficient (a) and of the effective number of cell types (c): from young "
        "(open) to old (arrowhead); a lone mark where only one group is on both platforms (open young, filled old); "
        "on the line the platforms agree. b, d, shifts of medians, with exact 95% intervals of the median "
        f"difference (Hodges-Lehmann) where the mice allow one; shaded: opposite signs{same}. {who}. The platforms "
        "share mice, so that agreement is technical replication; ages, sorting and depth differ."
    )


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
