"""One cohort of tissues, old against young donors, by the sections of any analysis."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Page, Section
from concentra.report.sections.answer import answer
from concentra.report.sections.plane import plane
from concentra.report.sections.tissues import tissues
from concentra.report.sections.trend import trend
from concentra.study.documents._rows import Source, confounding
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

TABLES = {
    "concentration": "concentration",
    "composition": "composition",
    "contrast": "age_contrast",
    "drivers": "drivers",
    "multiverse": "multiverse",
    "trend": "age_trend",
    "plane": "overlay_null",
    "plane_points": "overlay_cloud",
    "across": "across_tissues",
    "left_out": "left_out",
    "design": "design",
}
"""The tables of an analysis, and those of the study that hold them for every cohort."""
CONTROL = "Simulated cells with shifts that were planted: a control of the method, no finding."


def findings(results: Results, cohort: str) -> Findings:
    """The cohort as a report reads it.

    Parameters
    ----------
    results
        Those of a run.
    cohort
        Its name.
    """
    there = {name: results.rows(table, cohort=cohort) for name, table in TABLES.items()}
    tables = {name: frame.drop(columns="cohort") for name, frame in there.items() if len(frame)}
    design = (
        pd.DataFrame(confounding(Source(results, ()))) if "confounding" in results.names else pd.DataFrame()
    )
    if len(design):
        here = design["cohort"] == title_of(cohort).rpartition(", ")[2]
        tables["confounding"] = design[here].drop(columns="cohort")
    return Findings(tables, title=title_of(cohort), options={"trend": "age"}, id=f"{cohort}-")


def atlas(page: Page, results: Results, cohort: str) -> Section:
    """The answer of the cohort, every tissue, the trend along age, and its plane."""
    found = findings(results, cohort)
    simulated = cohort in results.simulated
    blocks: list[Markup] = [page.text(CONTROL if simulated else _donors(found))]
    blocks += answer(page, found).blocks
    if simulated:
        blocks += _planted(page, results, found)
    blocks.append(page.heading("Every tissue"))
    blocks += tissues(page, found, aside=simulated).blocks
    for title, section in (
        ("Trend along age", trend(page, found)),
        ("Plane of this cohort", plane(page, found)),
    ):
        if section:
            blocks.append(page.folded(title, *section.blocks))
    return Section(cohort, "Simulated" if simulated else found.title.rpartition(", ")[2], tuple(blocks))


def _donors(found: Findings) -> str:
    """How many cells and donors there are, and of how many cells the donor is inferred."""
    cells = found.table("composition")
    n_cells = sentences.counted(int(cells["n_cells"].sum()), "cell")
    known = f"{found.title}: {n_cells} of {sentences.counted(cells['donor'].nunique(), 'donor')}"
    inferred = int(cells.loc[cells["donor_source"] == "inferred", "n_cells"].sum())
    if not inferred:
        return f"{known}."
    of = "all of them" if inferred == cells["n_cells"].sum() else f"{inferred:,} of the cells"
    return f"{known}; the donor is inferred for {of}."


def _planted(page: Page, results: Results, found: Findings) -> list[Markup]:
    """What was planted beside what was found."""
    there = {(row["stratum"], row["metric"]): row for row in sentences.records(found.table("contrast"))}
    rows = [
        {
            "tissue": sentences.plain(row["stratum"]), "planted": str(row["direction"]),
            "verdict": str(there[row["stratum"], "hill_q1"]["verdict"]),
            **{title: f"{number(row[f'{short}_shift'], decimals, sign=True)}, found "
                      f"{number(there[row['stratum'], metric]['shift'], decimals, sign=True)}"
               for short, metric, title, decimals in
               (("gini", "gini_present", "Gini", 3), ("hill_q1", "hill_q1", "effective number", 2))},
        }
        for row in sentences.records(results.rows("planted")) if (row["stratum"], "hill_q1") in there
    ]  # fmt: skip
    caption = "Shifts that were planted, and those found."
    return [page.table(rows, caption, name="planted", verdict="verdict")] if rows else []
