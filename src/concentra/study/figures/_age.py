"""What the figures of a metric against age share: one panel a tissue, every donor a mark."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.study.declare import Drawing
from concentra.study.figures import _style as style

COLUMNS = 4
SIDE = {"tms_facs": -1, "tms_droplet": 1}  # each platform has its side of an age
SHIFT, STEP, WIDEST = 0.3, 0.4, 1.3  # months: of a platform, between donors of one age, and of all of them
GROUPS = {"young": (-0.9, 5.2), "old": (22.2, 31.6)}
SHADE = "#f0f0f0"
TICKS = [1, 3, 18, 24, 30]
ALPHA = 0.05


def against_age(
    concentration: pd.DataFrame,
    age_trend: pd.DataFrame,
    *,
    metric: str,
    corrected: str | None,
    label: str,
    words: str,
) -> Drawing:
    """The metric of every donor against age, one panel a tissue, both platforms in it, with the lines of the trend.

    Parameters
    ----------
    concentration, age_trend
        The tables.
    metric, corrected
        Column of `concentration`, and the depth-corrected one shown beside it, if there is one.
    label
        Of the axis, with the unit.
    words
        What the small ticks are, for the caption and the legend.
    """
    shown = concentration[concentration["cohort"].isin(SIDE) & concentration["included"]]
    several = shown.groupby(["stratum", "cohort"])["age_months"].nunique().groupby("stratum").max()
    tissues = sorted(several.index[several > 1], key=tissue_name)
    rows = math.ceil((len(tissues) + 1) / COLUMNS)
    figure, axes = style.canvas(rows, COLUMNS, width=style.PAGE, height=46 * rows + 10, sharey=True)
    lines = age_trend[age_trend["metric"] == metric]
    for ax, tissue in zip(axes.flat, tissues, strict=False):
        _panel(ax, shown[shown["stratum"] == tissue], metric, corrected)
        _trends(ax, lines, tissue)
    for ax in axes.flat[len(tissues) :]:
        ax.set_axis_off()
    for ax in axes.flat[: max(len(tissues) - COLUMNS, 0)]:
        ax.tick_params(labelbottom=False)
    _legend(axes.flat[len(tissues)], words if corrected else "")
    figure.supxlabel("age (months)", fontsize=7)
    figure.supylabel(label, fontsize=7)
    return Drawing(
        figure,
        _caption(shown, tissues, lines, label, words if corrected else ""),
        f"{len(tissues)} small panels, one a tissue, of {label} against age in months, one mark a mouse.",
    )


def _panel(ax: Any, rows: pd.DataFrame, metric: str, corrected: str | None) -> None:
    for low, high in GROUPS.values():
        ax.axvspan(low, high, color=SHADE, linewidth=0, zorder=0)
    counts = []
    for cohort, side in SIDE.items():
        here = rows[rows["cohort"] == cohort]
        if here.empty:
            continue
        place = beside(here["age_months"], here[metric], side)
        hue = style.colour(cohort)
        if corrected:
            ax.vlines(place, here[metric], here[corrected], color=hue, linewidth=0.5, alpha=0.6, zorder=2)
            ax.plot(place, here[corrected], "_", color=hue, markersize=2.6, markeredgewidth=0.7, zorder=2)
        for sex, marker in style.MARKERS.items():
            of_sex = (here["sex"] == sex).to_numpy()
            ax.scatter(
                place[of_sex], here[metric][of_sex], s=10, marker=marker, linewidth=0.4, zorder=3,
                color=hue if cohort == "tms_facs" else "white",
                edgecolor="white" if cohort == "tms_facs" else hue,
            )  # fmt: skip
        females = int((here["sex"] == "female").sum())
        counts.append(f"{_platform(cohort)} {len(here)} ({females} f)")
    ax.set_title(tissue_name(str(rows["stratum"].iloc[0])), loc="left", pad=10.5)
    ax.annotate(
        "n = " + ", ".join(counts), (0, 1), (0, 2), xycoords="axes fraction", textcoords="offset points",
        fontsize=5.5, color=style.INK, va="bottom",
    )  # fmt: skip
    ax.set_xticks(TICKS, [str(age) for age in TICKS])
    ax.set_xlim(-1.2, 32.2)
    ax.margins(y=0.06)


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


def _legend(ax: Any, words: str) -> None:
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
    if words:
        handles.append(Line2D([], [], color=style.INK, marker="_", linestyle="", markersize=5, label=words))
    handles += [
        Line2D([], [], color=style.INK, linewidth=1.4, label="slope, interval without 0"),
        Line2D([], [], color=style.INK, linewidth=0.7, linestyle=(0, (4, 2)), label="slope, interval with 0"),
        Patch(color=SHADE, label="ages compared"),
    ]
    legend = ax.legend(
        handles=handles, loc="center left", ncols=2, handlelength=2.2, columnspacing=3, labelspacing=0.8,
        borderaxespad=0, fontsize=6,
    )  # fmt: skip
    legend.set_in_layout(False)  # it reaches over the empty panel beside it
    ax.set_axis_off()


def _caption(shown: pd.DataFrame, tissues: list[str], lines: pd.DataFrame, label: str, words: str) -> str:
    here = shown[shown["stratum"].isin(tissues)]
    counts = here.groupby("cohort", sort=False)["donor"].agg(["nunique", "size"])
    who = "; ".join(
        f"{style.title_of(str(name))}: {row['nunique']} mice, {row['size']} units"
        for name, row in counts.iterrows()
    )
    lone = shown["stratum"].nunique() - len(tissues)
    beside_raw = f" Small ticks joined to the marks: {words}." if words else ""
    firm = lines[lines["cohort"].isin(SIDE) & (lines["p_exact_adjusted"] <= ALPHA)]
    certain = [
        f"{tissue_name(row['stratum'])} on {_platform(row['cohort'])}" for row in firm.to_dict("records")
    ]
    return (
        f"{label[0].upper()}{label[1:]} against age, one mark a mouse in a tissue, beside its age ({who}). "
        f"Circles are females, squares males; filled FACS, open Droplet.{beside_raw} Lines: Theil-Sen slope over all "
        "ages, thick where its exact 95 % interval excludes zero. After adjustment over the tissues of a platform the "
        f"trend of {', '.join(certain) if certain else 'no tissue'} reaches the level. Shaded: the ages compared as "
        f"young and old. Not shown: {lone} tissues with mice of one age only, mice of unknown identity, units with too "
        "few cells."
    )
