"""What the summaries share: cohorts by their titles, rows of the plane."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from concentra.report.markdown import HARD, decimals_for, number, p_text, together
from concentra.study.cohorts import cohorts

NAMES = {"cmv": "CMV"}
"""Columns of cohorts whose names are not words, as people read them."""


def readable(text: str) -> str:
    """A text in which columns of cohorts have the names that people read.

    >>> readable("donors with cmv negative")
    'donors with CMV negative'
    """
    return re.sub(rf"\b({'|'.join(NAMES)})\b", lambda found: NAMES[found[0]], text)


def title_of(cohort: str) -> str:
    """The cohort's name as people read it."""
    return cohorts()[cohort].title if cohort in cohorts() else cohort


EFFECT = ("effect", "low", "high")


def effect_text(row: Mapping[Any, Any], decimals: int, *, sign: bool = False, fixed: bool = False) -> str:
    """The effect of the model with its interval; with `fixed`, its column has decided how many decimals it has.

    >>> effect_text({"effect": 0.77, "low": 0.58, "high": 1.02}, 2)
    '0.77\\xa0[0.58,\\xa01.02]'
    """
    if pd.isna(row["effect"]):
        return "–"
    value, low, high = together((row[name] for name in EFFECT), decimals, sign=sign, fixed=fixed)
    return f"{value}{HARD}[{low},{HARD}{high}]"


def effect_column(rows: Iterable[Mapping[Any, Any]], decimals: int, *, sign: bool = False) -> list[str]:
    """The effects of several rows with their intervals, all with the same number of decimals.

    >>> effect_column([{"effect": 0.5, "low": 0.4, "high": 0.6}, {"effect": 0.2, "low": 0.0001, "high": 0.4}], 3)
    ['0.5000\\xa0[0.4000,\\xa00.6000]', '0.2000\\xa0[0.0001,\\xa00.4000]']
    """
    found = list(rows)
    common = decimals_for((row[name] for row in found for name in EFFECT), decimals)
    return [effect_text(row, common, sign=sign, fixed=True) for row in found]


def contrast_rows(contrast: pd.DataFrame) -> list[dict[str, object]]:
    """One row a tissue of one cohort: the published shifts with exact tests, the model's effects, and the verdict."""
    gini, effective, decided = (
        contrast[contrast["metric"] == metric].set_index("stratum").to_dict("index")
        for metric in ("gini_present", "hill_q1", "gini_stratum")
    )
    return [
        {
            "tissue": str(tissue).replace("_", " "),
            "donors": f"{row['n_reference']} / {row['n_other']}",
            "Gini": number(gini[tissue]["shift"], sign=True),
            "p": p_text(gini[tissue]["p_exact"]),
            "eff_N": number(row["shift"], 2, sign=True),
            "p ": p_text(row["p_exact"]),
            "least p": p_text(row["p_exact_attainable"]),
            "ratio of eff_N": effect_text(row, 2),
            "q": p_text(row["p_adjusted"]),
            "difference in Gini": effect_text(decided[tissue], 3, sign=True) if tissue in decided else "–",
            "q ": p_text(decided[tissue]["p_adjusted"]) if tissue in decided else "–",
            "direction": row["direction"] if isinstance(row["direction"], str) else "–",
            "verdict": row["verdict"],
        }
        for tissue, row in effective.items()
    ]
