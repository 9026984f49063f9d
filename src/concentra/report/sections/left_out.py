"""What was guessed, repaired, accepted or left out, and what limits the answer."""

from __future__ import annotations

from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.page import Page, Section
from concentra.report.sections.design import readable_rows

SHORT = 60
"""Rows that are shown here; a longer table stands among all tables."""


def left_out(page: Page, found: Findings) -> Section | None:
    """Notes, and the cells and donors left out; None where there are none."""
    blocks: list[Markup] = []
    notes = sentences.notes_of(
        [f"{note.kind}: {note}" if hasattr(note, "kind") else note for note in found.notes]
    )
    if notes:
        blocks.append(page.listing(notes))
    table = found.table("left_out")
    if len(table):
        cells = f", {sentences.counted(int(table['n_cells'].sum()), 'cell')}" if "n_cells" in table else ""
        more = f" The first {SHORT} rows; all are in the table left_out below." if len(table) > SHORT else ""
        blocks.append(
            page.table(
                readable_rows(table.head(SHORT), found.tissue), f"Left out{cells}.{more}", name="left_out"
            )
        )
    return Section("left-out", "Notes and data left out", tuple(blocks)) if blocks else None
