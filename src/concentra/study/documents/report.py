"""The report: one HTML file that answers on its first screen, with every cohort, model, figure and table below."""

from __future__ import annotations

from pathlib import Path

from concentra import __version__
from concentra.report import page as pages
from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.page import Page, Section
from concentra.report.sections.models import models
from concentra.study import claims
from concentra.study.declare import document
from concentra.study.report import atlas, background, hierarchy
from concentra.study.report.answer import answer
from concentra.study.report.states import states
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

SOURCES = (
    Path(claims.__file__).with_name("claims.toml"),
    Path(sentences.__file__).with_name("references.toml"),
    *pages.SOURCES,
)
"""What the report is made from, beside the code and the results."""
HEADS = ("head_trajectory", "head_shift", "head_first_checkpoint", "head_influence")


@document("report.html", sources=SOURCES)
def report(results: Results) -> dict[str, str]:
    """The interactive report"""
    page = Page("Concentration of cell types with age and of attention heads with training")
    sections = [one for one in _sections(page, results) if one is not None]
    foot = f"Written by concentra {__version__}. This file loads nothing and sends nothing."
    return {"report.html": page.finish(sections, foot=foot)}


def _sections(page: Page, results: Results) -> list[Section | None]:
    """All parts of the page, in order: cohorts first, what is simulated after what is real."""
    atlases = _cohorts(results, "concentration")
    real = [name for name in atlases if name not in results.simulated]
    layered = _cohorts(results, "level_contrast")
    titles = {str(name): title_of(str(name)) for name in _cohorts(results, "head_trajectory")}
    found: dict[str, Findings] = {name: atlas.findings(results, name) for name in real}
    found |= {name: hierarchy.findings(results, name) for name in layered}
    return [
        answer(page, results, claims.judge(results.out)),
        *(atlas.atlas(page, results, name) for name in real),
        *(hierarchy.hierarchy(page, results, name) for name in layered),
        models(page, {name: results.rows(name) for name in HEADS}, titles),
        background.drivers(page, results),
        background.multiverse(page, results),
        states(page, results),
        *(atlas.atlas(page, results, name) for name in atlases if name in results.simulated),
        background.design(page, found) if found else None,
        background.left_out(page, results),
        background.figures(page, results),
        background.methods(page, results, found),
        background.provenance(page, results),
        background.all_tables(page, results),
    ]


def _cohorts(results: Results, table: str) -> list[str]:
    """The cohorts in a table."""
    frame = results.rows(table)
    return list(dict.fromkeys(frame["cohort"])) if len(frame) else []
