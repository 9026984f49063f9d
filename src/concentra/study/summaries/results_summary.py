"""`results_summary.md`: young against old per tissue, and the models."""

from __future__ import annotations

import pandas as pd

from concentra.report import markdown
from concentra.report.markdown import number
from concentra.study.declare import summary
from concentra.study.summaries._shared import contrast_rows, title_of

HOW = """Each row compares donors, not cells: *Gini* and *eff_N* are, as published, the median over old donors minus
the median over young donors. *p* is the exact two-sided Mann-Whitney test, *least p* what these numbers of donors allow
at best. The verdict rests on a linear model of ln effective number and logit Gini coefficient: *ratio* and *difference*
are its effects with 95% intervals, *q* the Benjamini-Hochberg adjustment over the tissues of the cohort. The published
analysis says *crystallizes* for more concentrated and *disperses* for less."""


@summary
def results_summary(age_contrast: pd.DataFrame, head_shift: pd.DataFrame, planted: pd.DataFrame) -> str:
    """Young against old per tissue, first against last checkpoint per model"""
    blocks = ["# Results", HOW]
    for cohort, rows in age_contrast.groupby("cohort", sort=False):
        blocks += [f"## {markdown.escape(title_of(str(cohort)))}", markdown.table(contrast_rows(rows))]
        blocks.append(_count(rows))
        if (planted["cohort"] == cohort).any():
            blocks.append(_planted(rows, planted[planted["cohort"] == cohort]))
    blocks += ["## Models along training", markdown.table(_models(head_shift))]
    return markdown.join(*blocks)


def _count(rows: pd.DataFrame) -> str:
    verdicts = rows.drop_duplicates("stratum")["verdict"].value_counts()
    return "Verdicts: " + ", ".join(f"{count} {name}" for name, count in verdicts.items()) + "."


def _planted(rows: pd.DataFrame, planted: pd.DataFrame) -> str:
    verdicts = rows.drop_duplicates("stratum").set_index("stratum")["verdict"]
    found = [
        {
            "tissue (simulated)": row["stratum"],
            "planted": row["direction"],
            "planted Gini": number(row["gini_shift"], sign=True),
            "planted eff_N": number(row["hill_q1_shift"], 2, sign=True),
            "verdict": verdicts[row["stratum"]],
        }
        for _, row in planted.iterrows()
    ]
    return markdown.join(
        "What was planted in the simulated cells, and what was found:", markdown.table(found)
    )


def _models(head_shift: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "model": title_of(row["cohort"]),
            "importance": row["value"],
            "steps": f"{row['first']} to {row['last']}",
            "heads": row["n_heads"],
            "Gini": f"{number(row['gini_first'])} to {number(row['gini_last'])}",
            "shift": number(row["gini"], sign=True),
            "eff_N": f"{number(row['hill_q1_first'], 2)} to {number(row['hill_q1_last'], 2)}",
            "shift ": number(row["hill_q1"], 2, sign=True),
            "direction": row["direction"],
        }
        for _, row in head_shift.iterrows()
    ]
