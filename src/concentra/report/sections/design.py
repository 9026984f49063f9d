"""What was compared: donors in each group, what is confounded with the groups, what could have been detected."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Page, Section


def design(page: Page, found: Findings) -> Section:
    """Numbers of donors and cells, confounding, detectable change."""
    units = found.units
    few = int((~units["included"].astype(bool)).sum()) if "included" in units else 0
    cells = int(found.table("composition")["n_cells"].sum())
    blocks: list[Markup] = [page.text(
        f"{sentences.counted(units['donor'].nunique(), 'donor')}, {sentences.counted(len(found.strata), 'tissue')}, "
        f"{sentences.counted(found.table('composition')['part'].nunique(), 'cell type')}, "
        f"{sentences.counted(cells, 'cell')}. "
        f"{'No donor was' if not few else sentences.counted(few, 'donor was', 'donors were')} left out of a tissue for "
        "having too few cells."
    )]  # fmt: skip
    for name, caption in (
        (
            "confounding",
            "Other columns in the two groups. Complete: the groups share no value, so the two cannot be separated.",
        ),
        ("design", "Donors in each tissue."),
    ):
        table = found.table(name)
        if len(table):
            blocks.append(page.table(readable_rows(table), caption, name=name))
    detectable = _detectable(found)
    if detectable:
        blocks.append(
            page.table(detectable, "What these donors could have shown with 80% power.", name="detectable")
        )
    return Section("design", "Design", tuple(blocks))


def _detectable(found: Findings) -> list[dict[str, Any]]:
    if found.verdicts.empty or found.verdicts["hill_q1_detectable"].isna().all():
        return []
    return [
        {"tissue": sentences.plain(row["stratum"]), "contrast": sentences.plain(row["contrast"]),
         "effective number, ratio": number(row["hill_q1_detectable"], 2),
         "Gini, difference": number(row["gini_detectable"], 3)}
        for row in sentences.records(found.verdicts)
    ]  # fmt: skip


def readable_rows(frame: pd.DataFrame) -> list[dict[str, str]]:
    """A short table as text for people: names without underscores, four significant digits.

    >>> readable_rows(pd.DataFrame({"n_cells": [1200], "p_value": [0.01234567]}))
    [{'n cells': '1,200', 'p value': '0.01235'}]
    """
    return [
        {str(key).replace("_", " "): _cell(value) for key, value in row.items()}
        for row in sentences.records(frame)
    ]


def _cell(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}".replace("-", "−") if isinstance(value, float) else sentences.plain(value, 300)
