"""The first screen: the answer in a sentence, a picture, the verdicts in a table of six columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import charts, sentences
from concentra.report.findings import Findings, unit_name
from concentra.report.markdown import number, together
from concentra.report.page import Cell, Page, Section, p_cell

READING = (
    "Ratio and difference are those of the model, {corrected}; a ratio need not be the quotient of the medians, which "
    "are as {given}. Intervals hold for each row alone; adjusted p and verdict allow for all rows."
)
"""How the numbers of a verdict are read."""
OF_COUNTS = {"corrected": "corrected for numbers of cells", "given": "counted"}
OF_SHARES = {
    "corrected": "without correction for numbers of cells, which shares do not tell",
    "given": "given",
}


def answer(page: Page, found: Findings) -> Section:
    """What was found; without a contrast, what there is."""
    if found.verdicts.empty:
        return Section("answer", "Overview", _described(page, found))
    blocks: list[Markup] = []
    several = len(found.contrasts) > 1
    limits = _limits(found)
    place = {name: number for number, name in enumerate(found.strata)}
    for name, words in zip(
        found.contrasts,
        sentences.answer(
            found.table("contrast"),
            level=found.level,
            tissue=found.tissue,
            types=sentences.types_counted(found.tables),
        ),
        strict=True,
    ):
        rows = found.verdicts[found.verdicts["contrast"] == name].sort_values(
            "stratum", key=lambda names: names.astype(str).map(place), kind="stable"
        )
        if several:
            blocks.append(page.heading(sentences.plain(name, 200)))
        blocks.append(page.text(words, "lead"))
        blocks += [page.text(one, "note") for one in limits.pop(name, ())]
        blocks += _picture(page, rows, found)
        blocks.append(
            page.table(
                verdict_rows(rows, found.level, found.tissue),
                f"Verdicts, {sentences.plain(name, 200)}",
                name="verdicts",
                verdict="verdict",
                entire=True,
            )
        )
        if len(pooled := found.table("across")):
            here = pooled[pooled["contrast"] == name] if several else pooled
            blocks += [page.text(one) for one in sentences.across(here, tissue=found.tissue)]
    blocks += [page.text(one, "note") for rest in limits.values() for one in rest]
    blocks.append(
        page.text(READING.format(**(OF_SHARES if found.options.get("shares") else OF_COUNTS)), "note")
    )
    shown = [word for word in sentences.MEANINGS if (found.verdicts["verdict"] == word).any()]
    blocks.append(page.terms({word: sentences.MEANINGS[word] for word in shown}))
    return Section("answer", "Answer", tuple(blocks))


def _limits(found: Findings) -> dict[str, list[str]]:
    """What limits the answer, by the contrast that the note names; of several groups or none, by an empty name."""
    made: dict[str, list[str]] = {}
    for note in found.notes:
        if getattr(note, "kind", "") == "limits":
            name = next((one for one in found.contrasts if str(note).startswith(f"{one}: ")), "")
            words = str(note).removeprefix(f"{name}: ") if name else str(note)
            made.setdefault(name, []).append(f"Limits: {words}.")
    return made


def verdict_rows(
    rows: pd.DataFrame, level: float = 0.95, tissue: str = "tissue"
) -> list[dict[str, str | Cell]]:
    """Verdicts as text for people: six columns.

    >>> rows = pd.DataFrame({"contrast": "age", "stratum": ["Lung"], "metric": ["hill_q1"], "effect": [0.9],
    ...                      "low": [0.8], "high": [1.1], "n_reference": [3], "n_other": [4], "verdict": ["undecided"]})
    >>> list(verdict_rows(sentences.verdicts(rows))[0])
    ['tissue', 'verdict', 'donors', 'effective number, ratio (95%)', 'Gini, difference (95%)', 'adjusted p']
    """
    return [
        {
            tissue: sentences.plain(row["stratum"], 120),
            "verdict": str(row["verdict"]),
            "donors": donor_counts(row),
            f"effective number, ratio ({100 * level:g}%)": interval_cell(row, "hill_q1_", sign=False),
            f"Gini, difference ({100 * level:g}%)": interval_cell(row, "gini_", sign=True),
            "adjusted p": p_cell(row["p_adjusted"]),
        }
        for row in sentences.records(rows)
    ]


def donor_counts(row: Mapping[str, Any]) -> str:
    """Numbers of donors on either side; of all together where no groups are compared.

    >>> donor_counts({"n_reference": 5, "n_other": 4.0, "other": "24m"})
    '5 / 4'
    >>> donor_counts({"n_reference": 8, "n_other": 0, "other": None})
    '8'
    """
    sides = ("n_reference",) if pd.isna(row["other"]) else ("n_reference", "n_other")
    return " / ".join("–" if pd.isna(row[key]) else str(int(row[key])) for key in sides)


def interval_cell(row: Mapping[str, Any], prefix: str = "", *, sign: bool) -> str | Cell:
    """An effect with its interval, sorted by the effect: `effect`, `low` and `high` of a row, or so named.

    Parameters
    ----------
    row
        With the three values.
    prefix
        Of their names.
    sign
        A difference, with its sign and three decimals; otherwise a ratio.

    Examples
    --------
    >>> print(interval_cell({"effect": 0.77, "low": 0.64, "high": 0.92}, sign=False))
    0.77 (0.64 to 0.92)
    """
    if pd.isna(row[f"{prefix}effect"]):
        return "–"
    middle, low, high = together(
        (row[f"{prefix}{end}"] for end in ("effect", "low", "high")), 2 if not sign else 3, sign=sign
    )
    return Cell(middle if low == "–" else f"{middle} ({low} to {high})", float(row[f"{prefix}effect"]))


def _picture(page: Page, rows: pd.DataFrame, found: Findings) -> list[Markup]:
    drawn = rows.dropna(subset=["hill_q1_effect"])
    if drawn.empty:
        return []
    first = rows.iloc[0]
    side = sentences.plain(first["contrast"])
    if not pd.isna(first["other"]):
        side = f"{sentences.plain(first['other'])} against {sentences.plain(first['reference'])}"

    def points(metric: str) -> list[dict[str, Any]]:
        """The rows of the chart of one metric."""
        return [
            {"name": found.names.get(str(row["stratum"]), str(row["stratum"])), "effect": row[f"{metric}_effect"],
             "low": row[f"{metric}_low"], "high": row[f"{metric}_high"], "verdict": row["verdict"],
             "donors": donor_counts(row)}
            for row in sentences.records(drawn.dropna(subset=[f"{metric}_effect"]))
        ]  # fmt: skip

    side, level = f"{side[:1].upper()}{side[1:]}. " if side else "", f"{100 * found.level:g}%"
    shown = [
        page.chart(charts.forest(points("hill_q1"), ratio=True, title="ratio of effective numbers",
                                 unit="ratio"),
                   "Effective number", f"{side}Left of 1: more concentrated. Lines: {level} intervals."),
    ]  # fmt: skip
    if of_gini := points("gini"):
        shown.append(
            page.chart(charts.forest(of_gini, ratio=False, title="difference in Gini coefficient",
                                     unit="difference"),
                       "Gini coefficient", f"{side}Right of 0: more concentrated. Lines: {level} intervals."),
        )  # fmt: skip
    return [page.grid(*shown)]


def _described(page: Page, found: Findings) -> tuple[Markup, ...]:
    words = sentences.description(found.tables, tissue=found.tissue)
    rows = []
    for stratum in found.strata:
        units = found.units[found.units["stratum"].astype(str) == stratum]
        rows.append({
            "tissue": sentences.plain(stratum, 120), "donors": str(units["donor"].nunique()),
            "cells": f"{int(units['n_cells'].sum()):,}",
            "effective number (median)": number(units["hill_q1"].median(), 2),
            "lowest to highest": f"{number(units['hill_q1'].min(), 2)} to {number(units['hill_q1'].max(), 2)}",
            "Gini (median)": number(units["gini_stratum"].median(), 3) if "gini_stratum" in units else "–",
        })  # fmt: skip
    key = unit_name(found.units)
    points = [
        {"donor": sentences.identifier(row[key]), "group": found.names[str(row["stratum"])],
         "value": row["hill_q1"], "n_cells": row["n_cells"]}
        for row in sentences.records(found.units.dropna(subset=["hill_q1"]))
    ]  # fmt: skip
    names = list(found.names.values())
    chart = page.chart(
        charts.strips(points, names=names),
        f"Effective number of every {key}",
        f"One point for each {key}; the line is the median.",
    )
    return page.text(words), chart, page.table(rows, "Concentration by tissue", name="tissues")
