"""Figure S5: effective number (eff_N) against age."""

from __future__ import annotations

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures._age import against_age


@figure("S5")
def effective_number_age(concentration: pd.DataFrame) -> Drawing:
    """Effective number (eff_N) against age, per tissue"""
    return against_age(concentration, metric="hill_q1", label="effective number (eff_N)", unit="cell types")
