"""The page `docs/calibration.md` and its figures, from the tables that the calibrations wrote.

``python benchmarks/calibration_page.py docs`` reads ``calibration.csv``, ``calibration_cohorts.csv``,
``calibration_model.csv`` and ``calibration_verdicts.csv`` there.
"""

from __future__ import annotations

import sys
from pathlib import Path

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
                f"promised: {limit:g}",
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
    made = figure(10.5, 3.9)
    panels = made.subplots(1, 2, sharey=True, sharex=True)
    colours = ("#00745a", "#3f7fbf", "#9c4a1a", "#6f8f1f", "#a63a6e")
    for ax, method in zip(panels, ("family of twelve", "tissue alone"), strict=True):
        ax.axvspan(*COVERED, color="#00745a", alpha=0.10, linewidth=0)
        for place, (first, second) in enumerate(sizes):
            for metric, filled in (("hill_q1", True), ("gini_stratum", False)):
                own = rows[
                    (rows["method"] == method) & (rows["metric"] == metric)
                    & (rows["n_reference"] == first) & (rows["n_other"] == second)
                ].set_index("scenario")["rate"].reindex(scenarios)  # fmt: skip
                height = np.arange(len(scenarios)) + 0.13 * (place - 2)
                ax.plot(own, height, linestyle="", marker="os^DP"[place], markersize=5, color=colours[place],
                        fillstyle="full" if filled else "none",
                        label=f"{first} v {second}" if filled else None)  # fmt: skip
        ax.set_yticks(range(len(scenarios)), scenarios)
        ax.set_title(f"{method}: coverage of 95 % intervals", fontsize=10, loc="left")
        ax.set_xlim(0.76, 1.005)
        bare(ax)
    made.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=9,
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
    for metric, colour, marker in (("hill_q1", "#00745a", "o"), ("gini_stratum", "#c46fa8", "s")):
        own = rows[rows["metric"] == metric]
        ax.plot(own["rate"], [labels.index(label) for label in own["label"]], linestyle="", marker=marker, markersize=5,
                color=colour, label=METRICS[metric],
                fillstyle="none" if metric == "gini_stratum" else "full")  # fmt: skip
    ax.set_yticks(range(len(labels)), labels, fontsize=8.5)
    ax.set_xscale("symlog", linthresh=0.2)
    ax.set_xticks([0, 0.05, 0.1, 0.2, 0.5, 1], ["0", ".05", ".1", ".2", ".5", "1"])
    ax.set_xlim(0, 1)
    ax.set_title("single tests at .05 that reject, no difference", fontsize=10, loc="left")
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    bare(ax)
    return made


def table(frame: pd.DataFrame) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    return "\n".join(
        [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False))]
    )


def rule_table(cohorts: pd.DataFrame) -> str:
    """Numbers of the first figure: the rows are rules, three numbers a column for 3, 4 and 6 donors."""
    columns = (
        ("changed", "called", "called, differ"), ("null", "called_null", "called, null"), ("null", "level", "level"),
        ("null", "level_worst", "level, worst group"), ("mixed", "false_discoveries", "false discoveries"),
    )  # fmt: skip
    rows = []
    for rule in RULES:
        row = {"rule": rule}
        for kind, column, name in columns:
            own = cohorts[(cohorts["kind"] == kind) & (cohorts["rule"] == rule)].sort_values("n")[column]
            row[name] = " ".join(f"{value:.3f}".removeprefix("0") for value in own)
        rows.append(row)
    return table(pd.DataFrame(rows))


def verdict_table(verdicts: pd.DataFrame) -> str:
    """Whole cohorts: verdict, effects and intervals."""
    rows = []
    for row in verdicts.to_dict("records"):
        found = {"cohort": row["cohort"], "model": row["model"], "verdict": row["verdict"]}
        for metric in METRICS:
            effect, low, high, p = (row[f"{metric}_{one}"] for one in ("effect", "low", "high", "p"))
            form = (
                "{:.2f} ({:.2f} to {:.2f}), p {:.1g}"
                if metric == "hill_q1"
                else "{:+.3f} ({:+.3f} to {:+.3f}), p {:.1g}"
            )
            found["ratio of effective numbers" if metric == "hill_q1" else "difference of Gini"] = (
                form.format(effect, low, high, p)
            )
        rows.append(found)
    return table(pd.DataFrame(rows))


def power_table(model: pd.DataFrame) -> str:
    """Power at unequal depth beside equal depth."""
    rows = model[(model["question"] == "power, depth") & ~model["method"].str.startswith("as counted")]
    wide = rows.pivot_table(index=["n_other", "metric"], columns="scenario", values="rate").reset_index()
    wide["metric"] = wide["metric"].map(METRICS)
    return table(wide.rename(columns={"n_other": "donors in each group"}).round(3))


def missed(model: pd.DataFrame) -> list[str]:
    """The rates outside what is promised, beyond three standard errors."""
    slack = 3 * np.sqrt(np.maximum(model["rate"] * (1 - model["rate"]), 0.01) / model["runs"])
    beyond = (model["rate"] < model["low"] - slack) | (model["rate"] > model["high"] + slack)
    own = ~model["method"].isin(["as counted", "visits as donors"])
    lines = []
    for (question, scenario, method), rows in model[beyond & own].groupby(
        ["question", "scenario", "method"], sort=False
    ):
        of = (
            (model["question"] == question) & (model["scenario"] == scenario) & (model["method"] == method)
        ).sum()
        lines.append(
            f"- {question}, {scenario}, {method}: {len(rows)} of {of} rates, {rows['rate'].min():.3f} to "
            f"{rows['rate'].max():.3f} (promised {rows['low'].iloc[0]:g} to {rows['high'].iloc[0]:g})"
        )
    return lines


PAGE = """# Calibration

Written by `make calibrate` from `calibration*.csv`. Cohorts are those of the data folder.

## Rules beside each other, on donors of published cohorts

A family is twelve tissues: six contrasts between known groups (colon tumours against normal tissue, two groups of
glioblastoma, of breast cancer and of blood against tumour, young against old blood at 27 and 69 types), each twice, or
six single groups split at random. Donors are drawn without replacement; {families:,} families a point.

![Tissues called, null tissues called, and level, by rule](calibration_rules.png)

{rules}

Each entry holds 3, 4 and 6 donors a group. *Called*: more or less concentrated by the rule of the verdict (for exact
ranks: both metrics significant after adjustment). *Level*: of single tests, the worse metric; *worst group*: the worst
of the six. *False discoveries*: mean proportion where a third of the tissues differ.

## Coverage of the intervals

![Coverage of the model's intervals](calibration_coverage.png)

Twelve tissues of Dirichlet donors with 1,000 cells each. *One outlying donor*: one donor of the other group has ten
times smaller precision, and the interval should hold the difference of the other donors; it becomes wide and holds it
too often. *Outlying donors*: every donor of that group has one chance in four to be such a donor, and the interval
should hold the mean of this mixture, which few donors seldom show: no t interval can. *Structural zeros*: half of the
types are missing from a fifth of the donors.
Shaded: .93 to .98.

## Where the level could fail

![Level under unequal spread, depth and repeated visits](calibration_level.png)

*Spread x 5*: the standard deviation of the smaller group is five times that of the other. *Depth*: young donors of the
blood cohort, thinned to 300 cells in one group and 3,000 in the other. *Repeated visits*: about ten visits of five
donors a side.

Power for a true difference (young against old blood), tissue alone:

{power}

## Whole cohorts

{verdicts}

## What is not held

{missed}

## Beside other packages

`make peers` runs them on the same cohorts; tests compare (`tests/stats/test_peers.py`).

| package | what | agreement |
|---|---|---|
| limma 3.54 `eBayes` | moderated variances, prior degrees of freedom, t of every type | 1e-6 |
| limma `eBayes(robust=TRUE)` | which types are shrunk less | another rule; moderated variances within 25 % |
| limma `duplicateCorrelation`, lme4 1.1 | correlation of two visits of 92 donors, .90 to .93 | .001 |
| lmerTest 3.1 | estimate, error, degrees of freedom and p of the difference between two visits | 1e-4 |
| lme4 with all 868 visits | young against old, 96 donors | means of donors instead of weights: errors within 5 % |
| vegan 2.6 `diversity`, `rarefy` | entropy, inverse Simpson, expected number of types | 1e-9 |
| scanpro 0.4 (propeller) | test of each type | shares there, log-ratios here: rank correlation of t .91 to .97 |

Counting visits as donors would claim p = 3e-53 for the 27 types where 96 donors give 4e-8.
"""


def main() -> None:
    """Draw and write."""
    folder = Path(sys.argv[1])
    cohorts, model, verdicts = (
        pd.read_csv(folder / f"calibration_{name}.csv", keep_default_na=False, na_values=[""])
        for name in ("cohorts", "model", "verdicts")
    )
    for name, made in (
        ("rules", rules(cohorts)),
        ("coverage", coverage(model)),
        ("level", hard_cases(model)),
    ):
        made.savefig(folder / f"calibration_{name}.png", dpi=110)
    failures = missed(model)
    page = PAGE.format(
        families=int(cohorts["families"].max()), rules=rule_table(cohorts), verdicts=verdict_table(verdicts),
        power=power_table(model), missed="\n".join(failures) if failures else "Every rate is within its range.",
    )  # fmt: skip
    (folder / "calibration.md").write_text(page, encoding="utf-8")
    print(f"{len(failures)} scenarios outside what is promised")


if __name__ == "__main__":
    main()
