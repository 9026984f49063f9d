"""Step 13: kidney in the atlas and in the validation cohort, clustered in the same way: does its direction flip?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.granularity import compare_levels
from concentra.design import Settings
from concentra.stats.verdict import DIRECTIONS, LESS, MORE
from concentra.study.declare import Table, column, step
from concentra.study.questions import TYPES, stacked
from concentra.study.steps._states import ShiftTable, compared


class KidneyScale(ShiftTable):
    """Kidney, young against old, over annotated types and over clusters at every resolution."""


class KidneyGranularity(Table):
    """Whether kidney is more concentrated with age over annotated types and less over clusters."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    direction_annotated: str = column("quadrant over annotated types", nullable=True, among=DIRECTIONS)
    n_more: int = column("resolutions at which it is more concentrated", low=0)
    n_less: int = column("resolutions at which it is less concentrated", low=0)
    n_resolutions: int = column("resolutions", low=1)
    flips: str = column("more concentrated over types, less at every resolution", among=["yes", "no"])
    p_opposite: float = column(
        "largest over resolutions of the p that all four shifts are real, where all are opposite",
        low=0, high=1, nullable=True,
    )  # fmt: skip

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


@step(KidneyScale, KidneyGranularity)
def tms_kidney_leiden(
    state_counts: pd.DataFrame, *, stratum: str, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Kidney of the atlas clustered as the validation cohort was"""
    kidney = state_counts["stratum"].str.casefold() == stratum.casefold()
    shown = state_counts[kidney & (state_counts["level"] != "states")]
    found = {
        str(cohort): compared(counts, Settings(**settings))[1]
        for cohort, counts in shown.groupby("cohort", sort=False)
        if "clusters" in set(counts["level"])
    }
    return stacked(found), pd.DataFrame(
        [{"cohort": name} | row for name, one in found.items() for row in _flips(one)]
    )


def _flips(found: pd.DataFrame) -> list[dict[str, object]]:
    annotated = found["level"] == TYPES
    rows: list[dict[str, object]] = []
    for stratum, here in compare_levels(found[annotated], found[~annotated]).groupby("stratum"):
        types, n_less = here["direction_annotated"].iloc[0], int((here["direction"] == LESS).sum())
        rows.append(
            {
                "stratum": stratum,
                "direction_annotated": types,
                "n_more": int((here["direction"] == MORE).sum()),
                "n_less": n_less,
                "n_resolutions": len(here),
                "flips": "yes" if types == MORE and n_less == len(here) else "no",
                "p_opposite": here["p_opposite"].max() if here["opposite"].all() else None,
            }
        )
    return rows
