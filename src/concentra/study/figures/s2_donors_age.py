"""Figure S2: Gini coefficient and effective number of every donor against age, one panel a tissue."""

from __future__ import annotations

import math
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {
    "gini_present": ("gini_rarefied", "Gini coefficient over cell types present"),
    "hill_q1": ("hill_q1_corrected", "effective number, eff_N (cell types)"),
}
COLUMNS = 5
SIDE = {"tms_facs": -1, "tms_droplet": 1}  # each platform has its side of an age
SHIFT, STEP, WIDEST = 0.3, 0.4, 1.3  # months: of a platform, between donors of one age, and of all of them
GROUPS = {"young": (-0.9, 5.2), "old": (22.2, 31.6)}
SHADE = "#f0f0f0"
TICKS = [2, 18, 24, 30]
TICK_NAMES = ["1, 3", "18", "24", "30"]
ALPHA = 0.05


@figure("S2")
def donors_age(concentration: pd.DataFrame, age_trend: pd.DataFrame) -> Drawing:
    """Both measures of every donor against age"""
    shown = concentration[concentration["cohort"].isin(SIDE) & concentration["included"]]
    several = shown.groupby(["stratum", "cohort"])["age_months"].nunique().groupby("stratum").max()
    tissues = sorted(several.index[several > 1], key=tissue_name)
    rows = math.ceil((len(tissues) + 1) / COLUMNS)
    drawn, axes = style.canvas(1, 1, width=style.PAGE, height=min(style.TALLEST, 2 * (36 * rows + 8)))
    axes[0, 0].remove()
    halves: Any = drawn.subfigures(2, 1)
    for half, letter, (metric, (corrected, label)) in zip(halves, "ab", METRICS.items(), strict=True):
        grid = half.subplots(rows, COLUMNS, squeeze=False, sharey=True)
        lines = age_trend[age_trend["metric"] == metric]
        for ax, tissue in zip(grid.flat, tissues, strict=False):
            _panel(ax, shown[shown["stratum"] == tissue], metric, corrected)
            _trends(ax, lines, tissue)
            if letter == "a":
                _counts(ax, shown[shown["stratum"] == tissue])
        for ax in grid.flat[len(tissues) :]:
            ax.set_axis_off()
        for ax in grid.flat[: max(len(tissues) - COLUMNS, 0)]:
            ax.tick_params(labelbottom=False)
        half.supylabel(f"$\\mathbf{{{letter}}}$   {label}", fontsize=7)
        if letter == "a":
            _legend(grid.flat[len(tissues)])
    halves[-1].supxlabel("age (months)", fontsize=7)
    return Drawing(drawn, _caption(shown, tissues, age_trend), _alternative(tissues))


def _panel(ax: Any, rows: pd.DataFrame, metric: str, corrected: str) -> None:
    for low, high in GROUPS.values():
        ax.axvspan(low, high, color=SHADE, linewidth=0, zorder=0)
    for cohort, side in SIDE.items():
        here = rows[rows["cohort"] == cohort]
        if here.empty:
            continue
        place, hue = beside(here["age_months"], here[metric], side), style.colour(cohort)
        ax.vlines(place, here[metric], here[corrected], color=hue, linewidth=0.5, alpha=0.6, zorder=2)
        ax.plot(place, here[corrected], "_", color=hue, markersize=2.6, markeredgewidth=0.7, zorder=2)
        for sex, marker in style.MARKERS.items():
            of_sex = (here["sex"] == sex).to_numpy()
            ax.scatter(
                place[of_sex], here[metric][of_sex], s=9, marker=marker, linewidth=0.6, zorder=3,
                color=hue if cohort == "tms_facs" else "white",
                edgecolor="white" if cohort == "tms_facs" else hue,
            )  # fmt: skip
    ax.set_title(fill(tissue_name(str(rows["stratum"].iloc[0])), 24), loc="left", linespacing=1.0)
    ax.set_xticks(TICKS, TICK_NAMES)
    ax.set_xlim(-1.2, 32.2)
    ax.margins(y=0.06)


def _counts(ax: Any, rows: pd.DataFrame) -> None:
    """The number of donors under the title of a panel."""
    counts = [f"{_platform(name)} {n}" for name in SIDE if (n := int((rows["cohort"] == name).sum()))]
    ax.set_title(ax.get_title(loc="left"), loc="left", pad=10.5)
    ax.annotate(
        ", ".join(counts), (0, 1), (0, 2), xycoords="axes fraction", textcoords="offset points", fontsize=6,
        color=style.INK, va="bottom",
    )  # fmt: skip


def beside(ages: pd.Series, values: pd.Series, side: int) -> np.ndarray:
    """Where the marks of one platform stand: donors of one age in order of value, in steps away from the age.

    >>> beside(pd.Series([3, 3, 24]), pd.Series([0.2, 0.1, 0.3]), 1).round(2).tolist()
    [3.7, 3.3, 24.3]
    """
    of_age = values.groupby(ages)
    order, size = of_age.rank(method="first") - 1, of_age.transform("size")
    step = np.minimum(STEP, WIDEST / np.maximum(size - 1, 1))
    return np.asarray(ages + side * (SHIFT + step * order))


def _trends(ax: Any, lines: pd.DataFrame, tissue: str) -> None:
    known = lines[lines["stratum"].eq(tissue) & lines["cohort"].isin(SIDE) & lines["slope"].notna()]
    for row in known.to_dict("records"):
        ends = np.array([float(age) for age in row["places"].split(", ")])[[0, -1]]
        firm = row["slope_low"] > 0 or row["slope_high"] < 0
        ax.plot(
            ends, row["intercept"] + row["slope"] * ends, color=style.colour(row["cohort"]), zorder=1,
            linewidth=1.4 if firm else 0.7, linestyle="-" if firm else (0, (4, 2)),
        )  # fmt: skip


def _platform(cohort: str) -> str:
    return style.title_of(cohort).rpartition(", ")[2]


def _legend(ax: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    filled = {"tms_facs": None, "tms_droplet": "white"}
    handles: list[Any] = [
        Line2D([], [], color=style.colour(name), marker="o", markersize=4, linestyle="",
               markerfacecolor=filled[name] or style.colour(name), label=_platform(name))
        for name in SIDE
    ]  # fmt: skip
    handles += [
        Line2D([], [], color=style.INK, marker=marker, linestyle="", markersize=4, label=sex)
        for sex, marker in style.MARKERS.items()
    ]
    handles += [
        Line2D([], [], color=style.INK, marker="_", linestyle="", markersize=5, label="corrected for depth"),
        Line2D([], [], color=style.INK, linewidth=1.4, label="slope, interval without 0"),
        Line2D([], [], color=style.INK, linewidth=0.7, linestyle=(0, (4, 2)), label="slope, interval with 0"),
        Patch(color=SHADE, label="ages compared"),
    ]
    legend = ax.legend(handles=handles, loc="upper left", handlelength=2.2, labelspacing=0.6, borderaxespad=0,
                       fontsize=6)  # fmt: skip
    legend.set_in_layout(False)  # it reaches over the empty panel beside it
    ax.set_axis_off()


def _caption(shown: pd.DataFrame, tissues: list[str], age_trend: pd.DataFrame) -> str:
    here = shown[shown["stratum"].isin(tissues)]
    counts = here.groupby("cohort", sort=False)["donor"].agg(["nunique", "size"])
    who = "; ".join(
        f"{style.title_of(str(name))}: {row['nunique']} mice, {row['size']} units"
        for name, row in counts.iterrows()
    )
    lone = shown["stratum"].nunique() - len(tissues)
    return (
        f"One mark for each mouse in a tissue, beside its age ({who}); the number of mice is above each panel of a. a, "
        "Gini coefficient over the cell types present; small ticks, joined to the marks: expected at 100 cells. b, "
        "effective number; small ticks: corrected for depth. Circles are females, squares males; filled FACS, open "
        "Droplet. Lines: Theil-Sen slope over all ages, thick where its exact 95% interval excludes zero. After "
        f"adjustment over the tissues of a platform the trend reaches the level of {ALPHA:g} in {_firm(age_trend)}. "
        f"Shaded: the ages compared as young and old. Not shown: {lone} tissues with mice of one age only"
        f"{_missing(shown, here)}, mice of unknown identity, units with too few cells."
    )


def _missing(shown: pd.DataFrame, here: pd.DataFrame) -> str:
    """The mice that have cells in tissues that are not drawn alone, with those tissues; empty where there are none."""
    key = ["cohort", "donor"]
    gone = shown[~shown.set_index(key).index.isin(here.set_index(key).index)].sort_values([*key, "stratum"])
    found = [
        f"{_platform(str(cohort))} mouse {donor}, in {' and '.join(map(tissue_name, rows['stratum'].unique()))} alone"
        for (cohort, donor), rows in gone.groupby(key, sort=False)
    ]
    return f" ({'; '.join(found)})" if found else ""


def _firm(age_trend: pd.DataFrame) -> str:
    """The trends that hold after adjustment, in words."""
    rows = age_trend[
        age_trend["cohort"].isin(SIDE)
        & age_trend["metric"].isin(METRICS)
        & (age_trend["p_exact_adjusted"] <= ALPHA)
    ]
    names = {"gini_present": "Gini", "hill_q1": "effective number"}
    found = [
        f"{tissue_name(row['stratum'])} on {_platform(row['cohort'])} ({names[row['metric']]})"
        for row in rows.to_dict("records")
    ]
    return ", ".join(found) or "no tissue"


def _alternative(tissues: list[str]) -> str:
    return (
        f"Two blocks of {len(tissues)} small panels, one per tissue: Gini coefficient and effective number of every "
        "mouse against age in months."
    )
