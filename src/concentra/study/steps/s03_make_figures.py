"""Step 03: tissue-level metrics against age, over all ages."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.trend import Trend, trend
from concentra.design import Question, Settings, resolve
from concentra.study.declare import OfCohorts, column, step
from concentra.study.questions import among, compositions, stacked

AGE = Question(trend="age")
MALES = {
    "n_donors": "n_males", "slope": "slope_males", "slope_low": "slope_males_low", "slope_high": "slope_males_high",
    "p_exact": "p_males",
}  # fmt: skip


class AgeTrend(OfCohorts, Trend):
    """The trend of each metric over all ages of a tissue, donors as units."""

    n_males: int = column("males among the donors", unit="donors", low=0)
    slope_males: float = column("slope among males alone", unit="metric per month", nullable=True)
    slope_males_low: float = column("its exact interval", unit="metric per month", nullable=True)
    slope_males_high: float = column("its exact interval", unit="metric per month", nullable=True)
    p_males: float = column("the test among males alone", low=0, high=1, nullable=True)


@step(AgeTrend)
def make_figures(composition: pd.DataFrame, concentration: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    """Tissue-level metrics against age"""
    chosen, found = Settings(**settings), {}
    for name, one in compositions(composition).items():
        units = concentration[concentration["cohort"] == name]
        design = resolve(one, AGE, chosen)
        males = among(design, "sex", "male")
        beside = (Trend.empty() if males is None else trend(males, units)).rename(columns=MALES)
        place = ["stratum", "metric"]
        both = trend(design, units).merge(beside[[*place, *MALES.values()]], on=place, how="left")
        found[name] = both.assign(n_males=both["n_males"].astype(float).fillna(0).astype(int))
    return stacked(found)
