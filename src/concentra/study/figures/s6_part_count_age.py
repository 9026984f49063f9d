"""Figure S6: number of cell types present against age."""

from __future__ import annotations

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures._age import against_age


@figure("S6")
def part_count_age(concentration: pd.DataFrame, age_trend: pd.DataFrame) -> Drawing:
    """Number of cell types present against age, per tissue"""
    return against_age(
        concentration,
        age_trend,
        metric="hill_q0",
        corrected=None,
        label="cell types present (number)",
        words="",
    )
