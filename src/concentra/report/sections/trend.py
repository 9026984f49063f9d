"""The trend of every tissue along a numeric column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import charts, sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number, together
from concentra.report.page import Page, Section, p_cell

MOST = 20
NAMES = {
    "hill_q1": "effective number",
    "gini_stratum": "Gini coefficient",
    "gini_present": "Gini coefficient, present types",
}


def trend(page: Page, found: Findings) -> Section | None:
    """Slopes with intervals, and every donor along the axis; None without a trend."""
    table = found.table("trend")
    if table.empty:
        return None
    rows = table[table["metric"].isin(NAMES)].dropna(subset=["slope"])
    along = sentences.quantity(table["along"].iloc[0])
    shown = [
        {found.tissue: sentences.plain(row["stratum"]), "metric": NAMES[row["metric"]], "donors": str(row["n_donors"]),
         "slope": number(row["slope"], 4, sign=True),
         f"{100 * found.level:g}% interval": _interval(row),
         "adjusted p (ranks)": p_cell(row["p_exact_adjusted"])}
        for row in sentences.records(rows)
    ]  # fmt: skip
    blocks: list[Markup] = (
        [
            page.table(
                shown,
                f"Change of each metric per unit of {along}; exact test of rank correlation, adjusted over "
                f"{found.tissues}",
                name="trend",
            )
        ]
        if shown
        else []
    )
    drawn = [
        _chart(page, found, row, along)
        for row in sentences.records(rows[rows["metric"] == "hill_q1"].head(MOST))
    ]
    charts_there = [one for one in drawn if one is not None]
    if charts_there:
        blocks.append(page.grid(*charts_there))
    return Section("trend", "Trend", tuple(blocks))


def _interval(row: Mapping[str, Any]) -> str:
    if pd.isna(row["slope_low"]):
        return "–"
    return " to ".join(together((row["slope_low"], row["slope_high"]), 4, sign=True))


def _chart(page: Page, found: Findings, row: Mapping[str, Any], along: str) -> Markup | None:
    if not found.axis[0]:
        return None
    units = found.units[found.units["stratum"].astype(str) == str(row["stratum"])]
    values = [
        {"donor": sentences.identifier(one["donor"]), "along": found.along(one), "value": one["hill_q1"],
         "n_cells": one["n_cells"]}
        for one in sentences.records(units)
        if not pd.isna(one["hill_q1"]) and not pd.isna(found.along(one))
    ]  # fmt: skip
    ends = sorted({value["along"] for value in values})
    slope, intercept = row["slope"], row.get("intercept")
    lines = [] if intercept is None or pd.isna(intercept) or not ends else [
        {"along": end, "value": intercept + slope * end} for end in (ends[0], ends[-1])
    ]  # fmt: skip
    return page.chart(
        charts.trend(values, lines, title="effective number", along=along), sentences.plain(row["stratum"])
    )
