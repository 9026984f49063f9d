"""Concentration and verdict at every level of a hierarchy of cell types, or at every resolution of clustering."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import charts, sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Cell, Page, Section
from concentra.report.sections.answer import interval_cell

EFFECTS = {
    "hill_q1": ("Effective number", "ratio of effective numbers"),
    "gini_stratum": ("Gini coefficient", "difference in Gini coefficient"),
}
"""The deciding metrics: title, and what the effect is."""


def granularity(page: Page, found: Findings) -> Section | None:
    """The verdict at every granularity, and within each coarser type; None where there is but one granularity."""
    table, measured = found.table("granularity"), found.table("granularity_concentration")
    if table.empty and measured.empty:
        return None
    blocks: list[Markup] = []
    for name, rows in table.groupby("contrast", sort=False) if len(table) else ():
        blocks += _compared(page, found, rows, sentences.plain(name))
    if table.empty:
        blocks.append(
            page.table(
                _measured(found, measured),
                "Concentration at every granularity, medians over donors",
                name="granularity",
            )
        )
    blocks += _nested(page, found)
    stability = found.table("stability")
    if len(stability):
        blocks.append(page.table(_stability(found, stability), "Clusters found with different seeds: their number, "
                                 "and how well the clusterings agree (adjusted Rand index; 1: the same)",
                                 name="stability"))  # fmt: skip
    return Section("granularity", "Granularity", tuple(blocks))


def level_rows(found: Findings, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a tissue and granularity: six columns.

    Parameters
    ----------
    found
        The findings: the name of a tissue and the level of intervals are theirs.
    rows
        Of one contrast: the columns of `concentra.analysis.granularity.Granularity`.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "level": "fine", "n_parts": 27, "metric": ["hill_q1", "gini_stratum"],
    ...     "verdict": "undecided", "median_reference": [9.3, 0.7], "median_other": [7.1, 0.8],
    ...     "effect": [0.77, 0.1], "low": [0.6, 0.0], "high": [1.0, 0.2]})
    >>> [str(value) for value in level_rows(Findings({}), rows)[0].values()]
    ['lung', 'fine (27)', 'undecided', '9.30 to 7.10', '0.77 (0.60 to 1.00)', '+0.100 (0.000 to +0.200)']
    """
    level = f"{100 * found.level:g}%"
    made = []
    for (stratum, name), of in rows.groupby(["stratum", "level"], sort=False):
        by_metric = {str(row["metric"]): row for row in sentences.records(of)}
        if "hill_q1" not in by_metric:
            continue
        effective, gini = by_metric["hill_q1"], by_metric.get("gini_stratum")
        made.append({
            found.tissue: sentences.plain(stratum, 120), "granularity": _named(name, effective["n_parts"]),
            "verdict": str(effective["verdict"]), "effective number (medians)": _medians(effective),
            f"ratio ({level})": interval_cell(effective, sign=False),
            f"Gini, difference ({level})": "–" if gini is None else interval_cell(gini, sign=True),
        })  # fmt: skip
    return made


def _named(level: object, n_parts: object) -> Cell:
    """A granularity as it is shown, sorted by its number of types.

    >>> print(_named("27 types", 27), _named("69 types in 7 types", 7))
    27 types 69 types in 7 types (7)
    """
    name, n = sentences.plain(level, 40), int(float(str(n_parts)))
    return Cell(name if name in (str(n), f"{n} types") else f"{name} ({n})", n)


def _medians(row: dict[str, Any]) -> str:
    before, after = (sentences.short(row.get(f"median_{side}")) for side in ("reference", "other"))
    return before if after == "–" else f"{before} to {after}"


def _compared(page: Page, found: Findings, rows: pd.DataFrame, name: str) -> list[Markup]:
    several = rows["stratum"].nunique() > 1
    shown = level_rows(found, rows)
    numbered = any("(" in str(row["granularity"]) for row in shown)
    table = page.table(
        shown, f"Verdict at every granularity, {name}{'; in brackets the number of types' if numbered else ''}",
        name="granularity", verdict="verdict",
    )  # fmt: skip
    if several:
        return [_matrix(page, found, rows, name), table]
    return [page.grid(*(effect_chart(page, rows, name, metric) for metric in EFFECTS)), table]


def effect_chart(page: Page, rows: pd.DataFrame, name: str, metric: str) -> Markup:
    """The effect on one of the two deciding metrics at every granularity of one tissue.

    Parameters
    ----------
    page
        Collects the chart.
    rows
        The columns of `concentra.analysis.granularity.Granularity`, of one tissue and contrast.
    name
        What was compared.
    metric
        "hill_q1" (a ratio) or "gini_stratum" (a difference).

    Examples
    --------
    >>> rows = pd.DataFrame({"level": ["7 types"], "n_parts": [7], "metric": ["hill_q1"], "effect": [0.9], "low": [0.8],
    ...                      "high": [1.1], "verdict": ["undecided"]})
    >>> "Effective number" in effect_chart(Page("t"), rows, "old against young", "hill_q1")
    True
    """
    values = [
        {"scale": str(_named(row["level"], row["n_parts"])), "effect": row["effect"], "low": row["low"],
         "high": row["high"], "verdict": str(row["verdict"])}
        for row in sentences.records(rows[rows["metric"] == metric].sort_values("n_parts", kind="stable"))
    ]  # fmt: skip
    note = f"From coarse to fine, {name}. Filled: established."
    title, unit = EFFECTS[metric]
    chart = charts.scales(values, ratio=metric == "hill_q1", title=unit)
    return page.chart(chart, f"{title} at every granularity", note)


def _matrix(page: Page, found: Findings, rows: pd.DataFrame, name: str) -> Markup:
    """The verdict of every tissue at every granularity as a sign."""
    shown = rows[rows["metric"] == "hill_q1"]
    names = sentences.distinct(shown["stratum"], 40)
    values = [
        {"name": names[str(row["stratum"])],
         "level": sentences.plain(row["level"], 24), "n_parts": int(row["n_parts"]), "verdict": str(row["verdict"]),
         "effect": row["effect"], "low": row["low"], "high": row["high"]}
        for row in sentences.records(shown)
    ]  # fmt: skip
    levels = list(dict.fromkeys(sentences.plain(level, 24) for level in rows["level"]))
    return page.chart(
        charts.matrix(values, levels=levels, title=found.tissue), "Verdict at every granularity",
        f"Filled: established; {name}.", width="full",
    )  # fmt: skip


def _measured(found: Findings, measured: pd.DataFrame) -> list[dict[str, Any]]:
    """Without a comparison: what the donors show at every granularity."""
    return [
        {
            found.tissue: sentences.plain(stratum, 120), "granularity": sentences.plain(level, 40),
            "donors": of["donor"].nunique(), "types present": f"{of['hill_q0'].median():.3g}",
            "effective number": number(of["hill_q1"].median(), 2),
            "Gini coefficient": number(of["gini_stratum"].median()),
        }
        for (stratum, level), of in measured.groupby(["stratum", "level"], sort=False)
    ]  # fmt: skip


def _nested(page: Page, found: Findings) -> list[Markup]:
    """The same comparison within each coarser type."""
    table = found.table("nested")
    if table.empty:
        return []
    made = []
    for name, rows in table.groupby("contrast", sort=False):
        within = rows.assign(stratum=rows["part"].astype(str), level=rows["fine"] + " in " + rows["coarse"])
        shown = [{"coarser type": row.pop(found.tissue)} | row for row in level_rows(found, within)]
        caption = f"The same comparison within each coarser type, {sentences.plain(name)}"
        if shown:
            made.append(page.folded("Within each coarser type", page.table(shown, caption, name="nested",
                                    verdict="verdict"), aside=True))  # fmt: skip
    return made


def _stability(found: Findings, table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {found.tissue: sentences.plain(row["stratum"], 120), "resolution": f"{row['resolution']:g}",
         "clusters": str(row["n_clusters_low"]) if row["n_clusters_low"] == row["n_clusters_high"]
         else f"{row['n_clusters_low']} to {row['n_clusters_high']}",
         "mean agreement": number(row["rand_index_mean"], 2), "lowest": number(row["rand_index_low"], 2)}
        for row in sentences.records(table)
    ]  # fmt: skip
