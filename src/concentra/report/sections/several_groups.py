"""Whether three or more groups differ at all, tissue by tissue, before any two of them are compared."""

from __future__ import annotations

import pandas as pd

from concentra.printable import joined
from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number, p_text
from concentra.report.page import Cell, Page, Section, p_cell
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.verdict import cauchy_combination

NAMES = {"hill_q1": "effective number", "gini_stratum": "Gini coefficient"}


def several_groups(page: Page, found: Findings) -> Section | None:
    """One F test of all groups together in every tissue; None where no more than two are compared."""
    table = found.table("omnibus")
    if table.empty:
        return None
    several = table["contrast"].nunique() > 1
    rows: list[dict[str, str | Cell]] = [
        {
            **({"groups": sentences.plain(row["contrast"])} if several else {}),
            "tissue": sentences.plain(row["stratum"], 120),
            "metric": NAMES[row["metric"]],
            "F": number(row["statistic"], 2),
            "degrees of freedom": f"{number(row['df_numerator'], 0)}, {number(row['df_denominator'], 1)}",
            "p": p_cell(row["p_value"]),
            "adjusted p": p_cell(row["p_adjusted"]),
        }
        for row in sentences.records(table)
    ]
    caption = "F test of each metric in every tissue; p adjusted over tissues"
    words = [page.text(line) for line in differ_at_all(table)]
    return Section("groups", "All groups together", (*words, page.table(rows, caption, name="omnibus")))


def differ_at_all(table: pd.DataFrame, alpha: float = 0.05) -> list[str]:
    """In which tissues several groups differ, a sentence a question.

    The p-values of both metrics are combined and adjusted over tissues, as for a verdict.

    >>> table = pd.DataFrame({"contrast": "diet: a to b to c", "stratum": ["lung", "lung", "liver", "liver"],
    ...                       "metric": ["hill_q1", "gini_stratum"] * 2, "p_value": [0.01, 0.01, 0.3, 0.3]})
    >>> differ_at_all(table)
    ['diet: a to b to c: the groups differ in lung (adjusted p 0.020; F tests of all groups together).']
    """
    lines = []
    for name, rows in table.groupby("contrast", sort=False):
        wide = rows.pivot(index="stratum", columns="metric", values="p_value").reindex(
            rows["stratum"].unique()
        )
        adjusted = benjamini_hochberg(cauchy_combination(wide.to_numpy()), alpha=alpha).p_adjusted
        found = [
            f"{'composition' if sentences.is_whole([stratum]) else sentences.plain(stratum)} (adjusted p {p_text(p)}"
            for stratum, p in zip(wide.index, adjusted, strict=True)
            if p <= alpha
        ]
        whole = sentences.is_whole(map(str, wide.index))
        none = "the composition does not differ" if whole else "no tissue differs"
        text = f"{none} between any of the groups beyond chance (F tests of all groups together)."
        if found:
            words = [f"{found[0]}; F tests of all groups together)", *(f"{one})" for one in found[1:])]
            text = f"the groups differ in {joined(words)}."
        lines.append(f"{sentences.plain(name)}: {text}")
    return lines
