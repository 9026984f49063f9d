"""Every table of the analysis with all its rows, to sort, filter and download."""

from __future__ import annotations

from concentra.report.findings import Findings
from concentra.report.page import Page, Section

DESCRIPTIONS = {
    "composition": "Cells and share of every cell type in every donor",
    "parts": "Cells of every cell type, and how many donors have it",
    "concentration": "Every metric of every donor",
    "design": "Donors, samples and cells of every comparison",
    "confounding": "Other columns in the groups compared",
    "contrast": "Every comparison of groups: effect, interval, tests, verdict",
    "omnibus": "Tests of all groups together",
    "trend": "Slopes along a number",
    "across": "All tissues in one test",
    "plane": "Both shifts together, and what exchanged labels give",
    "agreement": "What all choices of the multiverse have in common",
    "granularity": "The same comparison at every level or resolution",
    "granularity_concentration": "Every metric of every donor at every level or resolution",
    "scales": "Where levels or resolutions disagree",
    "clusters": "The cluster of every cell",
    "stability": "How far clusterings agree over seeds",
    "exact": "Tests without assumptions",
    "drivers": "Contribution of every cell type",
    "levels": "The change as a sum of terms between and within coarser types",
    "level_terms": "These terms in every donor",
    "nested": "The same comparison within each coarser type",
    "multiverse": "Every combination of choices",
    "plane_points": "Clouds and joint regions of the plane",
    "left_out": "What was left out, and why",
}
"""What each table holds."""
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
