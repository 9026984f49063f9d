"""Every table of the analysis with all its rows, to sort, filter and download."""

from __future__ import annotations

from concentra.report.findings import Findings
from concentra.report.page import Page, Section

DESCRIPTIONS = {
    "composition": "Cells and share of every cell type in every donor",
    "concentration": "Every metric of every donor",
    "contrast": "Every comparison of groups",
    "exact": "Tests without assumptions",
    "drivers": "Contribution of every cell type",
    "levels": "The change as a sum of terms between and within coarser types",
    "level_terms": "These terms in every donor",
    "nested": "The same comparison within each coarser type",
    "multiverse": "Every combination of choices",
    "plane_points": "Clouds and joint regions of the plane",
    "left_out": "What was left out, and why",
}
"""Of the tables that need one."""
INTERNAL = ("plane_points",)
"""Only points of a picture: in the folder of tables, not in the page."""


def all_tables(page: Page, found: Findings) -> Section:
    """The tables, each drawn when it is opened."""
    blocks = [
        page.text("All rows and columns, as in the CSV files. Search, filter by column, sort, download.")
    ]
    blocks += [
        page.whole(name, frame, DESCRIPTIONS.get(name, ""))
        for name, frame in found.tables.items()
        if name not in INTERNAL and len(frame)
    ]
    return Section("tables", "All tables", tuple(blocks))
