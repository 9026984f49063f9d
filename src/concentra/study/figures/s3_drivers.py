"""Figure S3: the cell types that carry the shift in effective number, per tissue and platform."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.report.markdown import number
from concentra.report.sentences import worded
from concentra.stats.verdict import LESS, MORE
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

TISSUES = ("Marrow", "Kidney", "Limb_Muscle", "Lung", "Spleen")
COHORTS = ("tms_facs", "tms_droplet")
TOP = 6
METRIC = "hill_q1"


@figure("S3")
def drivers(drivers: pd.DataFrame, attributed_shift: pd.DataFrame) -> Drawing:
    """Cell types that carry the shift in effective number"""
    figure, axes = style.canvas(len(TISSUES), len(COHORTS), width=style.PAGE, height=style.TALLEST)
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
        ax.set_xlabel("contribution to the shift in eff_N")
    _legend(figure)
    caption = (
        f"The {worded(TOP)} cell types with the largest contributions to the shift in effective number (eff_N), per "
        "tissue and platform: below zero, triangle up, towards more concentrated; above zero, triangle down, towards "
        "less. All contributions sum to the shift of means over donors, given above each panel beside the published "
        "shift of medians and n (young / old). Bars: 95% intervals over donors; open marks, thin bars: range over "
        "pairs where a group has two donors; open marks without a bar: one donor in a group. Scales differ between "
        "panels."
    )
    return Drawing(figure, caption, "Ten dot plots of the cell types that contribute most to the shift.")


def _panel(ax: Any, rows: pd.DataFrame) -> None:
    ax.axvline(0, color=style.FAINT, linewidth=0.6, zorder=0)
    for place, row in enumerate(rows.sort_values("rank").to_dict("records")):
        how = style.look(MORE if row["contribution"] < 0 else LESS)
        hue = how.colour
        certain = row["interval"] == "interval"
        if not pd.isna(row["low"]):
            ax.hlines(place, row["low"], row["high"], color=hue, linewidth=1.1 if certain else 0.5, zorder=1)
        ax.scatter(
            row["contribution"], place, s=15, marker=how.marker, color=hue if certain else "white", edgecolor=hue,
            linewidth=0.8, zorder=2,
        )  # fmt: skip
    names = [fill(style.readable(name, 56), 34) for name in rows.sort_values("rank")["part"]]
    ax.set_yticks(range(len(rows)), names, fontsize=6, linespacing=1.0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.margins(x=0.08)
    ax.locator_params(axis="x", nbins=5)
    ax.tick_params(axis="y", length=0)


def _title(ax: Any, shift: Mapping[Any, Any], name: str) -> None:
    ax.set_title(name, loc="right", pad=12, fontweight="bold")
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


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], linestyle="", marker=how.marker, color=how.colour, markersize=4.5, label=f"towards {word}"
        )
        for word, how in ((word, style.look(word)) for word in (MORE, LESS))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
