"""Figure S4: Gini coefficient over parts present against age."""

from __future__ import annotations

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures._age import against_age


@figure("S4")
def gini_age(concentration: pd.DataFrame, age_trend: pd.DataFrame) -> Drawing:
    """Gini coefficient over parts present against age, per tissue"""
    return against_age(
        concentration,
        age_trend,
        metric="gini_present",
        corrected="gini_rarefied",
        label="Gini coefficient over cell types present",
        words="expected at 100 cells",
    )
