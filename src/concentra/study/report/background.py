"""What stands behind the answer: drivers, specifications, design, what was left out, figures, methods, sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra import __version__
from concentra.report import bundle, sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number, together
from concentra.report.page import Cell, Page, Section, p_cell
from concentra.report.sections.design import design as design_of
from concentra.study import declare
from concentra.study.declare import all_parameters
from concentra.study.documents._rows import Source, cells_left_out
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of
from concentra.tables import Column

CLOUDS = ("overlay_cloud", "head_cloud")
"""Only points of a picture: in the folder of tables, not in the page."""
SUMMARIES = ("multiverse_summary", "level_agreement", "head_multiverse_summary")
METRICS = {"gini": "Gini coefficient", "hill_q1": "effective number", "both": "both"}


def multiverse(page: Page, results: Results) -> Section | None:
    """How many specifications agree in sign with the published one, for tissues, granularities and models."""
    rows = [row for name in SUMMARIES for row in sentences.records(results.rows(name))]
    if not rows:
        return None
    shown = [
        {
            "tissue or model": _place(row),
            "metric": METRICS.get(str(row["metric"]), str(row["metric"])),
            "combinations": row["n_specifications"],
            "same sign": _share(row["share_same_sign"]),
            "least to greatest": "–"
            if pd.isna(row["low"])
            else " to ".join(together((row["low"], row["high"]), 2, sign=True)),
            "joint p": p_cell(row["p_value"]),
        }
        for row in rows
    ]
    caption = (
        "Every defensible choice of analysis: how many keep the sign of the published one, and the test of all at "
        "once. Models have no labels to exchange, hence no p."
    )
    return Section("multiverse", "Multiverse", (page.table(shown, caption, name="multiverse"),))


def _place(row: Mapping[str, Any]) -> str:
    title = title_of(str(row["cohort"]))
    if "level" in row:
        return f"{title}, {row['level']}"
    return f"{sentences.plain(row['stratum'])}, {title.rpartition(', ')[2]}" if "stratum" in row else title


def _share(value: float) -> str | Cell:
    return "–" if value != value else Cell(f"{value:.0%}", value)


def drivers(page: Page, results: Results) -> Section | None:
    """Lineages of the marrow: change of share and contribution to the shift, on every platform."""
    rows = results.rows("lineage_shift", stratum="Marrow", level="lineage", metric="hill_q1")
    rows = rows[~rows["cohort"].isin(results.simulated)] if len(rows) else rows
    if rows.empty:
        return None
    shown = [
        {
            "lineage": sentences.plain(row["lineage"]),
            "platform": title_of(row["cohort"]).rpartition(", ")[2],
            "share": f"{100 * row['share_reference']:.1f}% to {100 * row['share_other']:.1f}%",
            "change (95%)": _change(row),
            "adjusted p": p_cell(row["p_adjusted"]),
            "contribution": Cell(number(row["contribution"], 2, sign=True), row["contribution"]),
        }
        for row in sentences.records(rows)
    ]
    words = page.text(
        "Which cell types carry the shift of a tissue stands in its part above, with a test of every type and "
        "intervals that hold for all of them together."
    )
    caption = "Lineages of the marrow, young to old: change in percentage points, contribution to the effective number."
    return Section("drivers", "Drivers", (words, page.table(shown, caption, name="lineages")))


def _change(row: Mapping[str, Any]) -> Cell:
    middle, low, high = together(
        (100 * row[f"share_change{end}"] for end in ("", "_low", "_high")), 1, sign=True
    )
    return Cell(middle if low == "–" else f"{middle} ({low} to {high})", row["share_change"])


def design(page: Page, cohorts: Mapping[str, Findings]) -> Section:
    """Donors, confounding and what could have been shown, for every cohort."""
    blocks: list[Markup] = [page.text(
        "The unit is the donor: cells of one donor are not independent. Where the two ages share no sex, age and sex "
        "cannot be separated. The least p is the smallest that these numbers of donors allow in an exact test."
    )]  # fmt: skip
    blocks += [page.folded(found.title, *design_of(page, found).blocks) for found in cohorts.values()]
    return Section("design", "Design", tuple(blocks))


def left_out(page: Page, results: Results) -> Section | None:
    """Cells that belong to no donor and tissue, and why; None where nothing was left out."""
    if not len(results.rows("left_out")):
        return None
    rows = cells_left_out(Source(results, ()))
    words = page.text(
        "Cells without a donor or a cell type are counted, reported and left out, never assigned. The table left_out "
        "below has them by tissue, age and sex."
    )
    table = page.table(rows, "Cells that belong to no donor and tissue, and why.", name="left_out")
    return Section("left-out", "Left out", (words, table))


def figures(page: Page, results: Results) -> Section | None:
    """The figures of the manuscript, as they are on paper; None where the run has drawn none."""
    shown = [
        page.folded(
            f"Figure {one.label}: {one.title}",
            page.picture(one.svg.read_text(encoding="utf-8"), f"Figure {one.label}.", one.caption, one.alternative),
            id=f"figure-{one.label}",
        )
        for one in results.pictures.values()
    ]  # fmt: skip
    return Section("figures", "Figures", tuple(shown)) if shown else None


def methods(page: Page, results: Results, cohorts: Mapping[str, Findings]) -> Section:
    """A paragraph ready for a paper, and what it cites."""
    tables = {name: frame for found in cohorts.values() for name, frame in found.tables.items()}
    text, cited = sentences.methods(tables, all_parameters()["settings"], _versions(results))
    return Section("methods", "Methods", (page.text(text), page.listing(cited, ordered=True)))


def _versions(results: Results) -> dict[str, str]:
    notes = list(results.provenance.values())
    packages = {str(name): str(version) for name, version in notes[0]["packages"].items()} if notes else {}
    return {"concentra": __version__} | packages


def provenance(page: Page, results: Results) -> Section:
    """Where the numbers come from: cohorts, steps with their parameters and inputs, versions, libraries of the page."""
    rows = [
        {
            "cohort": row["title"],
            "numbers from": row["status"],
            "files": row["files"] if isinstance(row["files"], str) else "–",
            "source": row["citation"],
            "licence": row["licence"],
        }
        for row in sentences.records(results.rows("sources"))
    ]
    steps = [
        {
            "step": sentences.plain(name),
            "question": note["title"],
            "parameters": tuple(f"{key} = {value}" for key, value in note["parameters"].items()) or "–",
            "input (SHA-256)": tuple(f"{file} {digest[:12]}" for file, digest in note["inputs"].items())
            or "–",
        }
        for name, note in results.provenance.items()
    ]
    versions = ", ".join(f"{name} {version}" for name, version in _versions(results).items())
    return Section("provenance", "Provenance", (
        page.table(rows, "Where the numbers of this run come from.", name="sources"),
        page.folded("Steps, parameters and inputs", page.table(steps, "What each step was made from.", name="steps"),
                    aside=True),
        page.text(f"Versions: {versions}."),
        page.folded("Libraries in this file", page.listing(list(bundle.packages())), aside=True),
    ))  # fmt: skip


def all_tables(page: Page, results: Results) -> Section:
    """Every table of the run with all its rows."""
    blocks = [
        page.text("All rows and columns, as in the CSV files. Search, filter by column, sort, download.")
    ]
    for name in results.names:
        frame = results.rows(name)
        if name in CLOUDS or not len(frame):
            continue
        declared = declare.tables()[name]
        meanings = {column: _meaning(about) for column, about in declared.columns().items()}
        blocks.append(page.whole(name, frame, (declared.__doc__ or "").split("\n")[0], meanings))
    return Section("tables", "All tables", tuple(blocks))


def _meaning(about: Column) -> str:
    return f"{about.description or ''}{f' ({about.unit})' if about.unit else ''}"
