"""Figure S1: direction of every shift, tissue by platform and metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.report.markdown import number
from concentra.stats.verdict import LESS, MORE
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {
    "gini_present": ("Gini", 3, 1),
    "gini_rarefied": ("Gini at\n100 cells", 3, 1),
    "hill_q1": ("eff_N", 2, -1),
    "hill_q1_corrected": ("eff_N\ncorrected", 2, -1),
}
COHORTS = ("tms_facs", "tms_droplet")
CONCENTRATES, SPREADS, NO_TEST = "#eda28c", "#cfe4f5", "white"
"""Tints of the two directions, of different lightness."""
GAP = 0.6


@figure("S1")
def direction_heat_map(age_contrast: pd.DataFrame) -> Drawing:
    """Direction of every shift by tissue, platform and measure"""
    shown = age_contrast[
        age_contrast["cohort"].isin(COHORTS)
        & age_contrast["metric"].isin(METRICS)
        & age_contrast["shift"].notna()
    ]
    tissues = sorted(shown["stratum"].unique(), key=tissue_name)
    figure, axes = style.canvas(1, 1, width=style.PAGE, height=7.5 * len(tissues) + 32)
    ax = axes[0, 0]
    rows = {name: place for place, name in enumerate(tissues)}
    for row in shown.to_dict("records"):
        _cell(ax, row, _column(row["cohort"], row["metric"]), rows[row["stratum"]])
    _frame(ax, tissues, shown)
    _legend(figure)
    tested = shown[shown["p_exact"].notna() & shown["metric"].isin(["gini_present", "hill_q1"])]
    reached = int((tested["p_exact"] <= 0.05).sum())
    caption = (
        "Numbers are shifts of medians, old − young; donors are young / old. A triangle up on the darker tint: more "
        "concentrated (Gini up, effective number down); a triangle down on the lighter tint: less concentrated; "
        "without tint: no test, because a group has one donor or the groups differ twofold in cells; empty: no "
        "donors in one of the groups. Frame: the exact 95% interval of the median difference (Hodges-Lehmann) "
        f"excludes zero. Bold: exact p at most 0.05, unadjusted ({reached} of the {len(tested)} tests of Gini and "
        "eff_N as published)."
    )
    return Drawing(
        figure,
        caption,
        f"Heat map of {len(tissues)} tissues by two platforms and four metrics, coloured by direction.",
    )


def _column(cohort: str, metric: str) -> float:
    return COHORTS.index(cohort) * (len(METRICS) + GAP + 0.55) + list(METRICS).index(metric)


def _cell(ax: Any, row: Mapping[Any, Any], column: float, place: int) -> None:
    from matplotlib.patches import Rectangle

    _, decimals, sense = METRICS[row["metric"]]
    towards = row["shift"] * sense
    tested = not pd.isna(row["p_exact"])
    fill = NO_TEST if not tested else CONCENTRATES if towards > 0 else SPREADS if towards < 0 else "white"
    certain = row["hodges_lehmann_low"] > 0 or row["hodges_lehmann_high"] < 0
    ax.add_patch(
        Rectangle(
            (column - 0.46, place - 0.43), 0.92, 0.86, facecolor=fill,
            edgecolor=style.INK if certain else "none" if tested else "#d8d8d8",
            linewidth=1.2 if certain else 0.5,
        )
    )  # fmt: skip
    symbol = style.look(MORE if towards > 0 else LESS).sign if towards else "•"
    weight = "bold" if tested and row["p_exact"] <= 0.05 else "normal"
    ax.text(
        column - 0.3,
        place,
        symbol,
        ha="center",
        va="center",
        fontsize=6,
        color=style.INK if tested else style.FAINT,
    )
    ax.text(
        column + 0.4, place, number(row["shift"], decimals, sign=True), ha="right", va="center", fontsize=6,
        fontweight=weight,
    )  # fmt: skip


def _frame(ax: Any, tissues: list[str], shown: pd.DataFrame) -> None:
    donors = shown[shown["metric"] == "gini_present"]
    for cohort in COHORTS:
        first = _column(cohort, "gini_present")
        ax.text(
            first + 1.5,
            -1.75,
            style.title_of(cohort),
            ha="center",
            va="bottom",
            fontsize=7,
            fontweight="bold",
        )
        for metric, (name, *_) in METRICS.items():
            ax.text(_column(cohort, metric), -0.6, name, ha="center", va="bottom", fontsize=6.5)
        ax.text(first - 0.75, -0.6, "donors", ha="center", va="bottom", fontsize=6, color=style.INK)
        for row in donors[donors["cohort"] == cohort].to_dict("records"):
            sizes = f"{row['n_reference']} / {row['n_other']}"
            ax.text(first - 0.75, tissues.index(row["stratum"]), sizes, ha="center", va="center", fontsize=6)
    ax.set_yticks(range(len(tissues)), [tissue_name(tissue) for tissue in tissues], fontsize=7)
    ax.set_xticks([])
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_xlim(-1.1, _column(COHORTS[-1], "hill_q1_corrected") + 0.6)
    ax.set_ylim(len(tissues) - 0.4, -2.4)


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=CONCENTRATES, label=f"{style.look(MORE).sign} {MORE}"),
        Patch(facecolor=SPREADS, label=f"{style.look(LESS).sign} {LESS}"),
        Patch(facecolor=NO_TEST, edgecolor="#c8c8c8", linewidth=0.6, label="no test"),
        Patch(facecolor="white", edgecolor=style.INK, linewidth=1.2, label="interval excludes 0"),
        Line2D([], [], linestyle="", label="bold: p ≤ 0.05"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
