"""Figure S5: effective number (eff_N) against age."""

from __future__ import annotations

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures._age import against_age


@figure("S5")
def effective_number_age(concentration: pd.DataFrame, age_trend: pd.DataFrame) -> Drawing:
    """Effective number (eff_N) against age, per tissue"""
    return against_age(
        concentration,
        age_trend,
        metric="hill_q1",
        corrected="hill_q1_corrected",
        label="effective number, eff_N (cell types)",
        words="corrected for depth",
    )
