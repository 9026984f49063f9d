"""Step 02: concentration, evenness, dominance and depth per (donor, tissue)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis import concentration as measuring
from concentra.design import Settings
from concentra.study.declare import OfCohorts, column, step
from concentra.study.questions import compositions, stacked


class Concentration(OfCohorts, measuring.Concentration):
    """How concentrated each unit is, as observed and corrected for depth."""

    age: str = column("age as the atlas labels it")
    age_months: float = column("age", unit="months", low=0)
    group: str = column("group in the comparison", nullable=True, among=["young", "old"])
    sex: str = column("sex", nullable=True)
    donor_source: str = column("how the donor of these cells is known")

    class Config(measuring.Concentration.Config):
        first = ["cohort", "stratum", "donor", "sample", "age", "age_months", "group", "sex", "donor_source"]


@step(Concentration)
def compute_metrics(composition: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    """Gini coefficient, Hill numbers, evenness and depth per donor and tissue"""
    chosen = Settings(**settings)
    return stacked(
        {name: measuring.concentration(one, chosen) for name, one in compositions(composition).items()}
    )
