"""The figures of `docs/calibration.md`, from the tables that the calibrations wrote."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

RULES = {
    "concentra": ("#00745a", "o"),
    "moderated (Smyth)": ("#3f7fbf", "s"),
    "moderated, trend in ln cells": ("#6f8f1f", "D"),
    "each tissue alone": ("#5b6bbf", "P"),
    "Welch": ("#9c4a1a", "X"),
    "exact ranks, both adjusted": ("#7a7a7a", "^"),
    "cells as units": ("#a63a6e", "v"),
}
METRICS = {"hill_q1": "effective number", "gini_stratum": "Gini"}
COVERED = (0.93, 0.98)


def figure(width: float, height: float) -> Figure:
    """An empty figure."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def bare(ax: Axes) -> None:
    """No frame above and at the right."""
    ax.spines[["top", "right"]].set_visible(False)


def rules(cohorts: pd.DataFrame) -> Figure:
    """What each rule calls where donors differ, where they do not, and the level of its single tests."""
    made = figure(11, 3.9)
    panels = made.subplots(1, 3)
    pictures = (
        ("changed", "called", "tissues called, groups that differ", None),
        ("null", "called_null", "tissues called, one group split in two", 0.01),
        ("null", "level", "single tests at .05, same (worse metric)", 0.06),
    )
    for ax, (kind, column, title, limit) in zip(panels, pictures, strict=True):
        rows = cohorts[cohorts["kind"] == kind]
        for rule, (colour, marker) in RULES.items():
            own = rows[rows["rule"] == rule].sort_values("n")
            ax.plot(
                own["n"], own[column], color=colour, marker=marker, markersize=5, linewidth=1.2, label=rule
            )
        if limit is not None:
            ax.axhline(limit, color="#444444", linewidth=0.8, linestyle=":")
            ax.annotate(
                f"target: {limit:g}",
                (1, limit),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=8,
            )
            ax.set_yscale("symlog", linthresh=0.1)
            ax.set_yticks([0, 0.02, 0.05, 0.1, 0.3, 1], ["0", ".02", ".05", ".1", ".3", "1"])
        ax.set_ylim(-0.01 if limit is None else -0.004, 1.05)
        ax.set_xticks(sorted(rows["n"].unique()))
        ax.set_xlabel("donors in each group")
        ax.set_title(title, fontsize=10, loc="left")
        bare(ax)
    panels[0].set_ylabel("share")
    made.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9
    )
    return made


def coverage(model: pd.DataFrame) -> Figure:
    """Coverage of the model's intervals: a row a scenario, a point a pair of group sizes."""
    rows = model[model["question"] == "coverage"]
    scenarios = list(dict.fromkeys(rows["scenario"]))[::-1]
    sizes = list(dict.fromkeys(zip(rows["n_reference"], rows["n_other"], strict=True)))
    made = figure(10.5, 4.6)
    panels = made.subplots(1, 2, sharey=True, sharex=True)
    colours = ("#00745a", "#3f7fbf", "#9c4a1a", "#6f8f1f", "#a63a6e", "#5b6bbf")
    for ax, method in zip(panels, ("family of twelve", "tissue alone"), strict=True):
        ax.axvspan(*COVERED, color="#00745a", alpha=0.10, linewidth=0)
        for place, (first, second) in enumerate(sizes):
            for metric, filled in (("hill_q1", True), ("gini_stratum", False)):
                own = rows[
                    (rows["method"] == method) & (rows["metric"] == metric)
                    & (rows["n_reference"] == first) & (rows["n_other"] == second)
                ].set_index("scenario")["rate"].reindex(scenarios)  # fmt: skip
                height = np.arange(len(scenarios)) + 0.12 * (place - 2.5)
                ax.plot(own, height, linestyle="", marker="os^DPX"[place], markersize=5, color=colours[place],
                        fillstyle="full" if filled else "none",
                        label=f"{first} v {second}" if filled else None)  # fmt: skip
        ax.set_yticks(range(len(scenarios)), scenarios)
        ax.set_title(f"{method}: coverage of 95% intervals", fontsize=10, loc="left")
        ax.set_xlim(0.6, 1.005)
        bare(ax)
    made.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize=9,
                title="donors; filled: ln effective number, open: logit Gini", title_fontsize=9)  # fmt: skip
    return made


def hard_cases(model: pd.DataFrame) -> Figure:
    """Levels where they could fail: spread, depth, repeated visits."""
    rows = model[model["question"].str.startswith("level")].copy()
    rows["label"] = [
        f"{r.question.removeprefix('level, ')}: {r.scenario}, {r.n_reference} v {r.n_other}, {r.method}"
        for r in rows.itertuples()
    ]
    labels = list(dict.fromkeys(rows["label"]))[::-1]
    made = figure(10, 0.9 + 0.27 * len(labels))
    ax = made.subplots()
    ax.axvline(0.05, color="#444444", linewidth=0.8, linestyle=":")
    for metric, colour, marker, shift in (
        ("hill_q1", "#00745a", "o", 0.1),
        ("gini_stratum", "#c46fa8", "s", -0.1),
    ):
        own = rows[rows["metric"] == metric]
        ax.errorbar(own["rate"], [labels.index(label) + shift for label in own["label"]],
                    xerr=2 * own["standard_error"], linestyle="", marker=marker, markersize=5, color=colour,
                    elinewidth=1, label=METRICS[metric],
                    fillstyle="none" if metric == "gini_stratum" else "full")  # fmt: skip
    for label, limit in rows.groupby("label")["high"].first().items():
        place = labels.index(str(label))
        ax.plot([limit, limit], [place - 0.35, place + 0.35], color="#444444", linewidth=1.2)
    ax.set_yticks(range(len(labels)), labels, fontsize=8.5)
    ax.set_xscale("symlog", linthresh=0.2)
    ax.set_xticks([0, 0.05, 0.1, 0.2, 0.5, 1], ["0", ".05", ".1", ".2", ".5", "1"])
    ax.set_xlim(0, 1)
    ax.set_title("single tests at .05 that reject, no difference", fontsize=10, loc="left")
    ax.legend(frameon=False, fontsize=9, loc="center right")
    bare(ax)
    return made


def deep_and_shallow(model: pd.DataFrame) -> Figure:
    """Power for a true difference where one group has ten times the cells, beside equal depth."""
    rows = model[model["question"] == "power, depth"]
    made = figure(9, 3.0)
    panels = made.subplots(1, 2, sharey=True, sharex=True)
    styles = {"300 v 3,000 cells": ("#00745a", "o"), "300 v 300 cells": ("#7a7a7a", "s")}
    for ax, (metric, title) in zip(panels, METRICS.items(), strict=True):
        for scenario, (colour, marker) in styles.items():
            for method, line in (("Gini rarefied, number corrected", "-"), ("as counted", ":")):
                own = rows[
                    (rows["scenario"] == scenario) & (rows["method"] == method) & (rows["metric"] == metric)
                ]
                how = "corrected" if line == "-" else "as counted"
                ax.errorbar(own["n_other"], own["rate"], yerr=2 * own["standard_error"], color=colour, marker=marker,
                            linestyle=line, linewidth=1.2, markersize=4.5, label=f"{scenario}, {how}")  # fmt: skip
        ax.set_title(title, fontsize=10, loc="left")
        ax.set_xticks(sorted(rows["n_other"].unique()))
        ax.set_xlabel("donors in each group")
        ax.set_ylim(0, None)
        bare(ax)
    panels[0].set_ylabel("share found at .05")
    made.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=8.5,
    )
    return made


RESAMPLING = {
    ("concentra", "mean"): ("donors resampled, mean", "#00745a", "o"),
    ("concentra", "median"): ("donors resampled, median", "#3f7fbf", "s"),
    ("Welch t, uncorrected", "mean"): ("Welch, as counted", "#6f8f1f", "D"),
    ("percentile, donors then cells", "mean"): ("percentile, donors then cells", "#9c4a1a", "^"),
    ("cells pooled", "mean"): ("cells pooled", "#a63a6e", "v"),
}


def resampling(rows: pd.DataFrame) -> Figure:
    """Coverage of bootstrap intervals, which describe drivers, planes and rescue and decide nothing."""
    rows = rows[(rows["question"] == "coverage") & (rows["cells_other"] > 0)]
    cells = list(dict.fromkeys(zip(rows["cells_reference"], rows["cells_other"], strict=True)))
    sizes = list(dict.fromkeys(zip(rows["n_reference"], rows["n_other"], strict=True)))
    made = figure(11, 3.4)
    for ax, (first, second) in zip(made.subplots(1, len(cells), sharey=True), cells, strict=True):
        ax.axhspan(*COVERED, color="#00745a", alpha=0.10, linewidth=0)
        for (method, statistic), (label, colour, marker) in RESAMPLING.items():
            own = rows[
                (rows["method"] == method) & (rows["statistic"] == statistic) & (rows["metric"] == "hill_q1")
                & (rows["cells_reference"] == first) & (rows["cells_other"] == second)
            ]  # fmt: skip
            places = [sizes.index(pair) for pair in zip(own["n_reference"], own["n_other"], strict=True)]
            ax.plot(places, own["rate"], color=colour, marker=marker, markersize=5, linestyle="", label=label)
        ax.set_xticks(range(len(sizes)), [f"{a} v {b}" for a, b in sizes], fontsize=8)
        ax.set_title(f"{first:,} against {second:,} cells", fontsize=10, loc="left")
        ax.set_xlabel("donors")
        ax.set_ylim(0, 1.02)
        bare(ax)
    made.axes[0].set_ylabel("coverage of 95% intervals")
    made.legend(
        *made.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=9,
    )
    return made


def whole_cohorts(verdicts: pd.DataFrame) -> Figure:
    """Effects with intervals in whole cohorts, and the margins."""
    made = figure(10, 3.3)
    labels = [f"{row['cohort']}, {row['model']}" for row in verdicts.to_dict("records")][::-1]
    rows = verdicts.iloc[::-1].to_dict("records")
    pictures = (
        ("hill_q1", "ratio of effective numbers", 1.0, (0.9, 1 / 0.9)),
        ("gini_stratum", "difference of Gini coefficients", 0.0, (-0.04, 0.04)),
    )
    for ax, (metric, title, none, margin) in zip(made.subplots(1, 2, sharey=True), pictures, strict=True):
        ax.axvspan(*margin, color="#7a7a7a", alpha=0.15, linewidth=0)
        ax.axvline(none, color="#444444", linewidth=0.8)
        for place, row in enumerate(rows):
            called = row["verdict"] == "more concentrated"
            ax.plot(
                [row[f"{metric}_low"], row[f"{metric}_high"]], [place, place], color="#444444", linewidth=1.2
            )
            ax.plot(row[f"{metric}_effect"], place, marker="^" if called else "s", markersize=6,
                    color="#c4501b" if called else "#7a7a7a")  # fmt: skip
        ax.set_yticks(range(len(labels)), labels, fontsize=9)
        ax.set_title(title, fontsize=10, loc="left")
        bare(ax)
    return made
