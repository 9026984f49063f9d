"""The page `docs/calibration.md` and its figures, from the tables that the calibrations wrote.

``python benchmarks/calibration_page.py docs`` reads ``calibration.csv`` and ``calibration_*.csv`` there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import calibration_figures as figures
from calibration_figures import RULES


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
            row[name] = "\u00a0".join(f"{value:.3f}".removeprefix("0") for value in own)
        rows.append(row)
    return table(pd.DataFrame(rows))


def verdict_sentences(verdicts: pd.DataFrame) -> str:
    """The verdict on each whole cohort, in words."""
    lines = []
    for cohort, rows in verdicts.groupby("cohort", sort=False):
        words = dict.fromkeys(rows["verdict"])
        models = "" if len(rows) == 1 else ", plain and adjusted for sex and CMV"
        lines.append(f"- {cohort}{models}: {' / '.join(words)}")
    return "\n".join(lines)


def missed(model: pd.DataFrame) -> list[str]:
    """The rates outside their targets, beyond three standard errors."""
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
            f"{rows['rate'].max():.3f} (target {rows['low'].iloc[0]:g} to {rows['high'].iloc[0]:g})"
        )
    return lines


PAGE = """# Calibration

How often tests reject where nothing differs, how often intervals hold the true value, and how often a true
difference is called: measured on real donors and on simulated ones. Written by `make calibrate` from
`calibration*.csv`; cohorts are those of the data folder.

## The rules compared, on donors of published cohorts

A family is twelve tissues: six contrasts between known groups (colon tumours against normal tissue, two groups of
glioblastoma, of breast cancer and of blood against tumour, young against old blood at 27 and 69 types), each twice,
or six single groups split at random. Donors are drawn without replacement; {families:,} families a point (cells as
units: a fifth of them).

![Tissues called, null tissues called, and level, by rule](calibration_rules.png)

{rules}

Each entry holds 3, 4 and 6 donors a group. *Called*: more or less concentrated by the rule of the verdict (for
exact ranks: both metrics significant after adjustment). *Level*: of single tests, the worse metric; *worst group*:
the worst of the six. *False discoveries*: mean proportion where a third of the tissues differ. Standard errors are
at most {rule_error}.

## Coverage of the intervals

![Coverage of the model's intervals](calibration_coverage.png)

{tissues:,} tissues of Dirichlet donors with 1,000 cells each; standard errors are about {cover_error}. *One
outlying donor*: one donor of the other group has ten times smaller precision, and the interval should hold the
difference of the other donors; it becomes wide and holds it too often. *Outlying donors*: every donor of that
group, or of both groups, has one chance in four to be such a donor, and the interval should hold the difference of
the means of these mixtures. A composition that varies more is also more concentrated on average, so with 40 types
the mixture is skewed, and a group of three to six donors often shows nothing of its tail: no t interval
can allow for it. Moderation is not the reason: a family covers more than a tissue alone, but for three such donors
against seven ordinary ones, whose variance theirs is shrunk towards. Where both groups have such donors, the skewness
cancels and coverage is held. *Structural zeros*: half of the types are missing from a fifth of the donors. Shaded:
.93 to .98.

## Where the level could fail

![Level under unequal spread, depth and repeated visits](calibration_level.png)

Bars are two standard errors, dark ticks the targets. *Spread*: donors of the second group vary more, as normal
responses with five times the standard deviation, or as Dirichlet donors whose responses have about three times the
standard deviation and are skewed. Unequal groups have a variance each (Welch); equal groups share one, which gains
power at three and four donors and costs some level where spreads differ fivefold. *Depth*: young donors of the
blood cohort, thinned to 300 cells in one group and 3,000 in the other. *Repeated visits*: about ten visits of five
donors a side.

![Power at unequal depth](calibration_depth.png)

Power for a true difference, young against old blood, one tissue alone: more cells in one group never cost power
where the number is corrected and the Gini coefficient rarefied. As counted, the bias of the shallow group hides the
difference.

## Whole cohorts

![Effects in whole cohorts](calibration_cohorts.png)

{verdicts}

Shaded: the margins, a ratio of .9 and a difference of .04. Counting visits as donors would claim p = 3e-53 for the
27 types where 96 donors give 4e-8.

## Bootstrap intervals

![Coverage of bootstrap intervals](calibration_bootstrap.png)

These intervals describe drivers, planes and rescue; no verdict rests on them. At two donors a group a range is
given and nothing is promised. Effective number, {bootstrap_runs:,} studies a point.

## Targets that are missed

{missed}

## Compared with other packages

`make peers` runs them on the same cohorts; tests compare (`tests/stats/test_peers.py`).

| package | what | agreement |
|---|---|---|
| limma 3.54 `eBayes` | moderated variances, prior degrees of freedom, t of every type | 1e-6 |
| limma `eBayes(robust=TRUE)` | which types are shrunk less | another rule; moderated variances within 25% |
| limma `duplicateCorrelation`, lme4 1.1 | correlation of two visits of 92 donors, .90 to .93 | .001 |
| lmerTest 3.1 | estimate, error, degrees of freedom and p of the difference between two visits | 1e-4 |
| lme4 with all 868 visits | young against old, 96 donors | means of donors instead of weights: errors within 5% |
| vegan 2.6 `diversity`, `rarefy` | entropy, inverse Simpson, expected number of types | 1e-9 |
| scanpro 0.4 (propeller) | test of each type | shares there, log-ratios here: rank correlation of t .91 to .97 |
"""


def bare_number(value: float) -> str:
    """Without the zero before the point."""
    return f"{value:.3f}".removeprefix("0")


def main() -> None:
    """Draw and write."""
    folder = Path(sys.argv[1])
    bootstrap, cohorts, simulated, blood, verdicts = (
        pd.read_csv(folder / f"calibration{name}.csv", keep_default_na=False, na_values=[""])
        for name in ("", "_cohorts", "_model", "_blood", "_verdicts")
    )
    model = pd.concat([simulated, blood], ignore_index=True)
    for name, made in {
        "rules": figures.rules(cohorts), "coverage": figures.coverage(model), "level": figures.hard_cases(model),
        "depth": figures.deep_and_shallow(model), "cohorts": figures.whole_cohorts(verdicts),
        "bootstrap": figures.resampling(bootstrap),
    }.items():  # fmt: skip
        made.savefig(folder / f"calibration_{name}.png", dpi=110)
    failures = missed(model)
    covered = simulated[simulated["question"] == "coverage"]
    families = int(cohorts["families"].max())
    page = PAGE.format(
        families=families, rules=rule_table(cohorts), verdicts=verdict_sentences(verdicts),
        rule_error=bare_number(0.5 / np.sqrt(families)), tissues=int(covered["runs"].max()),
        cover_error=bare_number(np.sqrt(0.05 * 0.95 / covered["runs"].max())),
        bootstrap_runs=int(bootstrap.loc[bootstrap["question"] == "coverage", "runs"].min()),
        missed="\n".join(failures) if failures else "Every rate is within its range.",
    )  # fmt: skip
    (folder / "calibration.md").write_text(page, encoding="utf-8")
    print(f"{len(failures)} scenarios outside their targets")


if __name__ == "__main__":
    main()
