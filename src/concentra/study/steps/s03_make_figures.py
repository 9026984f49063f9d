"""Step 03: tissue-level metrics against age, over all ages."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.trend import TRENDS, age_trend
from concentra.study.declare import Table, column, step

METRICS = (
    "gini_present",
    "hill_q1",
    "hill_q0",
    "gini_stratum",
    "hill_q2",
    "hill_q1_corrected",
    "gini_rarefied",
    "hill_q1_rarefied",
)


class AgeTrend(Table):
    """The trend of each metric over all ages of a tissue, donors as units."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    n_donors: int = column("donors with a value", unit="donors", low=0)
    n_males: int = column("males among them", unit="donors", low=0)
    n_ages: int = column("different ages among them", unit="ages", low=0)
    ages: str = column("these ages", unit="months", nullable=True)
    slope: float = column("Theil-Sen slope", unit="metric per month", nullable=True)
    intercept: float = column("median of value - slope * age: the line drawn", unit="metric", nullable=True)
    slope_low: float = column("Sen's exact interval", unit="metric per month", nullable=True)
    slope_high: float = column("Sen's exact interval", unit="metric per month", nullable=True)
    interval: str = column(
        "what they are: a range where the level cannot be attained", among=["interval", "range", "none"]
    )
    attained_level: float = column("coverage that the interval guarantees", low=0, high=1, nullable=True)
    correlation: float = column(
        "Spearman's rank correlation with age", low=-1 - 1e-9, high=1 + 1e-9, nullable=True
    )
    p_value: float = column("two-sided permutation test of the correlation", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these donors and ties allow", low=0, high=1, nullable=True)
    n_arrangements: int = column("arrangements of ages over donors compared", low=0)
    exact: bool = column("all distinct arrangements were listed")
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    p_adjusted_attainable: float = column("smallest adjusted p of the family", low=0, high=1, nullable=True)
    n_family: int = column("tests in the family: the tissues of one cohort, one metric", low=0)
    n_untestable: int = column("tissues of the family without a test", low=0)
    slope_males: float = column("slope among males alone", unit="metric per month", nullable=True)
    slope_males_low: float = column("its exact interval", unit="metric per month", nullable=True)
    slope_males_high: float = column("its exact interval", unit="metric per month", nullable=True)
    p_males: float = column("the test among males alone", low=0, high=1, nullable=True)
    trend: str = column("verdict on the trend", among=TRENDS)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric"]


@step(AgeTrend)
def make_figures(
    concentration: pd.DataFrame, *, alpha: float, level: float, n_random: int, seed: int
) -> pd.DataFrame:
    """Tissue-level metrics against age"""
    units = concentration[concentration["included"]]
    found = [
        age_trend(
            rows, metrics=METRICS, alpha=alpha, level=level, n_random=n_random, seed=seed, place=str(cohort)
        ).assign(cohort=cohort)
        for cohort, rows in units.groupby("cohort", sort=False)
    ]
    return pd.concat(found, ignore_index=True)
