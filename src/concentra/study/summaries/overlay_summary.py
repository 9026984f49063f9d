"""`overlay_summary.md`: models and tissues in one plane."""

from __future__ import annotations

import pandas as pd

from concentra.report import markdown
from concentra.report.markdown import number
from concentra.study.cohorts import simulated_names
from concentra.study.declare import summary
from concentra.study.summaries._shared import title_of

HOW = """An arrow of the plane is a pair of shifts, in Gini coefficient and in effective number (eff_N). A
composition that becomes more concentrated moves right and down. The two numbers measure nearly the same thing, so
that nearly every pair of shifts, also of no effect, lies in one of the two quadrants *more concentrated* (right, down;
the published analysis says *crystallizes*) and *less concentrated* (left, up; *disperses*)."""


@summary
def overlay_summary(
    overlay: pd.DataFrame, head_first_checkpoint: pd.DataFrame, head_influence: pd.DataFrame
) -> str:
    """Models and tissues in one plane"""
    blocks = ["# Models and tissues in one plane", HOW, markdown.table(_arrows(overlay)), _quadrants(overlay)]
    blocks.append("## What the models' shifts rest on")
    for cohort, rows in head_first_checkpoint[head_first_checkpoint["value"] == "abs"].groupby(
        "cohort", sort=False
    ):
        influence = head_influence[(head_influence["cohort"] == cohort) & (head_influence["value"] == "abs")]
        blocks += [f"### {markdown.escape(title_of(str(cohort)))}", _rests(rows, influence)]
        blocks.append(markdown.table(_firsts(rows)))
    return markdown.join(*blocks)


def _arrows(overlay: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "cohort": title_of(row["cohort"]),
            "tissue": row["stratum"].replace("_", " ") if row["kind"] == "atlas" else "–",
            "Gini": number(row["gini"], sign=True),
            "eff_N": number(row["hill_q1"], 2, sign=True),
            "direction": row["direction"],
        }
        for _, row in overlay.iterrows()
    ]


def _quadrants(overlay: pd.DataFrame) -> str:
    real = overlay[~overlay["cohort"].isin(simulated_names())]
    counts = real["direction"].value_counts()
    return (
        f"Of {len(real)} arrows of real data: "
        + ", ".join(f"{count} {name}" for name, count in counts.items())
        + "."
    )


def _rests(firsts: pd.DataFrame, influence: pd.DataFrame) -> str:
    shift, top = firsts.iloc[0], influence.iloc[0]
    same = (firsts["direction"] == shift["direction"]).sum()
    return (
        f"From step {shift['first']} to {shift['last']}: Gini {number(shift['gini'], sign=True)}, effective number "
        f"{number(shift['hill_q1'], 2, sign=True)}, {shift['direction']}. Without its most influential head "
        f"(layer {top['layer']}, head {top['head']}): {number(top['gini'], sign=True)} and "
        f"{number(top['hill_q1'], 2, sign=True)}. Of {len(firsts)} possible first checkpoints {same} give the same "
        "direction."
    )


def _firsts(firsts: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "first step": str(row["first"]),
            "Gini": number(row["gini"], sign=True),
            "eff_N": number(row["hill_q1"], 2, sign=True),
            "direction": row["direction"],
        }
        for _, row in firsts.iterrows()
    ]
