"""The sections of the report, one file each: a function of the page and the findings that returns a section, or None.

A new section is a new file here and its name in `ORDER`.
"""

from __future__ import annotations

from collections.abc import Callable

from concentra.report.findings import Findings
from concentra.report.page import Page, Section
from concentra.report.sections.all_tables import all_tables
from concentra.report.sections.answer import answer
from concentra.report.sections.design import design
from concentra.report.sections.granularity import granularity
from concentra.report.sections.left_out import left_out
from concentra.report.sections.methods import methods
from concentra.report.sections.plane import plane
from concentra.report.sections.provenance import provenance
from concentra.report.sections.several_groups import several_groups
from concentra.report.sections.tissues import tissues
from concentra.report.sections.trend import trend

ORDER: tuple[Callable[[Page, Findings], Section | None], ...] = (
    answer, several_groups, tissues, granularity, trend, plane, design, left_out, methods, provenance, all_tables,
)  # fmt: skip
"""The sections in the order of the page."""
