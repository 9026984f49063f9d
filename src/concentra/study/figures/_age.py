"""What the figures of a metric against age share: one panel a tissue, every donor a point."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from concentra.study.declare import Drawing
from concentra.study.figures import _style as style

COLUMNS = 5
SHIFT = {"tms_facs": -0.35, "tms_droplet": 0.35}


def against_age(concentration: pd.DataFrame, *, metric: str, label: str, unit: str) -> Drawing:
    """The metric of every donor against age, one panel a tissue, both platforms in it."""
    shown = concentration[concentration["cohort"].isin(SHIFT) & concentration["included"]]
    several = shown.groupby("stratum")["age_months"].nunique()
    tissues = sorted(several.index[several > 1])
    rows = math.ceil((len(tissues) + 1) / COLUMNS)
    figure, axes = style.canvas(rows, COLUMNS, width=style.PAGE, height=28 * rows + 8, sharey=True)
    for ax, tissue in zip(axes.flat, tissues, strict=False):
        _panel(ax, shown[shown["stratum"] == tissue], metric)
        ax.set_title(style.readable(tissue), pad=2)
    for ax in axes.flat[len(tissues) :]:
        ax.set_axis_off()
    for ax in axes.flat[: max(len(tissues) - COLUMNS, 0)]:
        ax.tick_params(labelbottom=False)
    _legend(axes.flat[-1])
    figure.supxlabel("age (months)", fontsize=7)
    figure.supylabel(f"{label} ({unit})" if unit else label, fontsize=7)
    counts = shown[shown["stratum"].isin(tissues)].groupby("cohort")["donor"].agg(["nunique", "size"])
    who = "; ".join(
        f"{style.title_of(str(name))}: {row['nunique']} donors, {row['size']} donor-tissue units"
        for name, row in counts.iterrows()
    )
    caption = (
        f"{label} against age, one point a donor in a tissue ({who}); lines join medians over donors of an age. "
        "Circles are females, squares males. Donors of unknown identity and units with too few cells are not shown."
    )
    return Drawing(
        figure, caption, f"{len(tissues)} small panels, one a tissue, of {label} against age in months."
    )


def _panel(ax: Any, rows: pd.DataFrame, metric: str) -> None:
    notes = []
    for cohort, shift in SHIFT.items():
        here = rows[rows["cohort"] == cohort]
        if here.empty:
            continue
        hue = style.colour(cohort)
        medians = here.groupby("age_months")[metric].median()
        ax.plot(medians.index + shift, medians, color=hue, linewidth=0.8, zorder=1)
        for sex, marker in style.MARKERS.items():
            points = here[here["sex"] == sex]
            ax.scatter(
                points["age_months"] + shift, points[metric], s=9, marker=marker, color=hue,
                edgecolor="white", linewidth=0.3, zorder=2,
            )  # fmt: skip
        notes.append(str(len(here)))
    ax.text(
        0.98,
        0.03,
        "n = " + " + ".join(notes),
        transform=ax.transAxes,
        ha="right",
        fontsize=5.5,
        color=style.INK,
    )
    ax.set_xticks([1, 3, 18, 24, 30], ["1", "3", "18", "24", "30"])
    ax.set_xlim(-1, 33)
    ax.margins(y=0.12)


def _legend(ax: Any) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], color=style.colour(name), label=style.title_of(name).removeprefix("Tabula Muris Senis, ")
        )
        for name in SHIFT
    ]
    handles += [
        Line2D([], [], color=style.INK, marker=marker, linestyle="", markersize=4, label=sex)
        for sex, marker in style.MARKERS.items()
    ]
    ax.legend(handles=handles, loc="center")
    ax.set_axis_off()
