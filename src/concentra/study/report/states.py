"""Sub-states, clusters, validation and rescue: from real cells where the run has them, else simulated, labelled so."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Page, Section, p_cell
from concentra.report.sections.granularity import granularity
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

TABLES = {
    "activity_contrast": ("Sub-states within cell types, by activity of terms", "tissue and cell type"),
    "substate_contrast": ("Sub-states within cell types, by expression", "tissue and cell type"),
    "validation_resolutions": ("The validation cohort at every clustering resolution", "tissue"),
    "kidney_scale": ("Kidney over annotated types and over clusters", "tissue"),
}
"""Comparisons at several granularities, and what a row is."""
METRICS = {"gini_present": "Gini coefficient", "hill_q1": "effective number"}


def states(page: Page, results: Results) -> Section | None:
    """Every comparison over sub-states or clusters, the rescue, and what is absent; None where there is nothing."""
    blocks: list[Markup] = []
    for table, (title, row) in TABLES.items():
        for cohort, rows in _by_cohort(results.rows(table)):
            section = granularity(page, Findings({"granularity": _text_levels(rows)}, tissue=row))
            if section:
                blocks.append(page.folded(title, *section.blocks, note=_note(results, cohort)))
    blocks += _rescue(page, results)
    absent = results.rows("sources", status="absent")
    if len(absent):
        rows_absent = [
            {"data": row["title"], "how to get it": row["obtain"].replace("`", "")}
            for row in sentences.records(absent)
        ]
        caption = "Data that this run does not have, and how to get it."
        blocks.append(page.table(rows_absent, caption, name="absent", stacks=True))
    return Section("states", "Sub-states", tuple(blocks)) if blocks else None


def _by_cohort(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), rows) for name, rows in frame.groupby("cohort", sort=False)] if len(frame) else []


def _note(results: Results, cohort: str) -> str:
    """Whose cells they are."""
    title = title_of(cohort)
    return f"{title}: a control, no finding" if cohort in results.simulated else title


def _text_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with resolutions as text."""
    names = [f"{level:g}" if isinstance(level, float) else str(level) for level in rows["level"]]
    return rows.assign(level=names)


def _rescue(page: Page, results: Results) -> list[Markup]:
    """How much of the shift a treatment reverses, by cohort."""
    made = []
    for cohort, rows in _by_cohort(results.rows("rescue")):
        shown = [
            {"metric": METRICS.get(row["metric"], row["metric"]),
             "young / old / treated": f"{row['n_young']} / {row['n_old']} / {row['n_treated']}",
             "ageing shift": number(row["ageing_shift"], 3, sign=True),
             "rescued": f"{row['rescued_percent']:.0f}%", "p by permutation": p_cell(row["p_permutation"]),
             "smallest p possible": p_cell(row["p_attainable"])}
            for row in sentences.records(rows)
        ]  # fmt: skip
        caption = "Share of the ageing shift that caloric restriction reverses, units exchanged."
        table = page.table(shown, caption, name="rescue")
        made.append(page.folded("Rescue by caloric restriction", table, note=_note(results, cohort)))
    return made
