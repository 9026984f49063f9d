"""Figure S3: the cell types that carry the shift in effective number, per tissue and platform."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.report.markdown import number
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

TISSUES = ("Marrow", "Kidney", "Limb_Muscle", "Lung", "Spleen")
COHORTS = ("tms_facs", "tms_droplet")
TOP = 6
METRIC = "hill_q1"
# lineage to colour and mark: no two share both, and the marks alone tell them apart in grey
LINEAGES = {
    "B": ("#0072B2", "o"),
    "T": ("#56B4E9", "s"),
    "NK": ("#004c73", "D"),
    "myeloid": ("#D55E00", "^"),
    "immune, unspecified": ("#8c8c8c", "P"),
    "stem and progenitor": ("#CC79A7", "v"),
    "erythroid and megakaryocytic": ("#A50F15", "<"),
    "epithelial": ("#009E73", ">"),
    "endothelial": ("#E69F00", "X"),
    "stromal": ("#7a5c2e", "h"),
    "muscle": ("#5e3c99", "p"),
}
OTHER = ("#222222", "*")


@figure("S3")
def drivers(drivers: pd.DataFrame, attributed_shift: pd.DataFrame) -> Drawing:
    """Cell types that carry the shift in effective number"""
    figure, axes = style.canvas(len(TISSUES), len(COHORTS), width=style.PAGE, height=232)
    here = drivers[(drivers["metric"] == METRIC) & (drivers["rank"] <= TOP)]
    shifts = attributed_shift[attributed_shift["metric"] == METRIC]
    for row, tissue in enumerate(TISSUES):
        for column, cohort in enumerate(COHORTS):
            ax, rows = axes[row, column], here[(here["cohort"] == cohort) & (here["stratum"] == tissue)]
            if rows.empty:
                ax.set_axis_off()
                continue
            _panel(ax, rows)
            of_panel = shifts[(shifts["cohort"] == cohort) & (shifts["stratum"] == tissue)]
            _title(ax, of_panel.to_dict("records")[0], f"{tissue_name(tissue)}, {_platform(cohort)}")
    for ax in axes[-1]:
        ax.set_xlabel("contribution to the shift in eff_N (cell types)")
    shown = here[here["cohort"].isin(COHORTS) & here["stratum"].isin(TISSUES)]
    _legend(
        figure,
        [name for name in LINEAGES if name in set(shown["lineage"])],
        set(shown["lineage"]) - set(LINEAGES),
    )
    caption = (
        f"The {TOP} cell types with the largest contributions to the shift in effective number (eff_N), per tissue and "
        "platform: below zero towards concentration, above zero away from it. All contributions sum to the shift "
        "of means over donors, given above each panel beside the published shift of medians and n (young / old). Bars: "
        "95 % intervals over donors; open marks, thin bars: range over pairs where a group has two donors; open marks "
        "without a bar: one donor in a group. Scales differ between panels."
    )
    return Drawing(
        figure, caption, "Ten dot plots of the cell types that contribute most to the shift, by lineage."
    )


def _panel(ax: Any, rows: pd.DataFrame) -> None:
    ax.axvline(0, color=style.FAINT, linewidth=0.6, zorder=0)
    for place, row in enumerate(rows.sort_values("rank").to_dict("records")):
        hue, marker = LINEAGES.get(row["lineage"], OTHER)
        certain = row["interval"] == "interval"
        if not pd.isna(row["low"]):
            ax.hlines(place, row["low"], row["high"], color=hue, linewidth=1.1 if certain else 0.5, zorder=1)
        ax.scatter(
            row["contribution"], place, s=17, marker=marker, color=hue if certain else "white", edgecolor=hue,
            linewidth=0.8, zorder=2,
        )  # fmt: skip
    names = [fill(style.readable(name, 56), 32) for name in rows.sort_values("rank")["part"]]
    ax.set_yticks(range(len(rows)), names, fontsize=5.5, linespacing=1.05)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.margins(x=0.08)
    ax.locator_params(axis="x", nbins=5)
    ax.tick_params(axis="y", length=0)


def _title(ax: Any, shift: Mapping[Any, Any], name: str) -> None:
    ax.set_title(name, loc="right", pad=11, fontweight="bold")
    words = (
        f"n = {shift['n_reference']} / {shift['n_other']}; "
        f"shift of means {number(shift['shift_of_means'], 2, sign=True)}, "
        f"of medians {number(shift['shift_of_medians'], 2, sign=True)}"
    )
    ax.annotate(
        words, (1, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=6, ha="right",
        va="bottom",
    )  # fmt: skip


def _platform(cohort: str) -> str:
    return style.title_of(cohort).rpartition(", ")[2]


def _legend(figure: Any, lineages: list[str], others: set[str]) -> None:
    from matplotlib.lines import Line2D

    looks = {name: LINEAGES[name] for name in lineages} | ({"other": OTHER} if others else {})
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=hue, markersize=4.5, label=name)
        for name, (hue, marker) in looks.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
