"""The paragraph of methods with its references."""

from __future__ import annotations

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.page import Page, Section


def methods(page: Page, found: Findings) -> Section:
    """A paragraph ready for a paper, and what it cites."""
    text, cited = sentences.methods(found.tables, found.options, found.versions)
    if found.methods:
        return Section("methods", "Methods", (page.text(found.methods),))
    return Section("methods", "Methods", (page.text(text), page.listing(cited, ordered=True)))
