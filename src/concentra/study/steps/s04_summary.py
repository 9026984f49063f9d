"""Step 04: young against old per tissue."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.contrast import VERDICTS, contrast
from concentra.study.declare import Table, column, step

METRICS = (
    "gini_present",
    "hill_q1",
    "gini_stratum",
    "hill_q0",
    "hill_q2",
    "hill_q1_corrected",
    "gini_rarefied",
    "hill_q1_rarefied",
)


class AgeContrast(Table):
    """The shift of each metric from the young to the old donors of a tissue, and what can be said of it."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    n_early: int = column("young donors", unit="donors", low=0)
    n_late: int = column("old donors", unit="donors", low=0)
    early: float = column("median over young donors", nullable=True)
    late: float = column("median over old donors", nullable=True)
    shift: float = column("late - early", nullable=True)
    p_value: float = column("exact two-sided Mann-Whitney", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these numbers of donors allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    p_adjusted_attainable: float = column("smallest adjusted p of the family", low=0, high=1, nullable=True)
    n_family: int = column("tests in the family: the tissues of one cohort, one metric", low=0)
    n_untestable: int = column("tissues of the family without a test", low=0)
    direction: str = column("quadrant of the two shifts", nullable=True)
    verdict: str = column("verdict on the tissue", among=VERDICTS)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric"]


@step(AgeContrast)
def summary(concentration: pd.DataFrame, *, alpha: float) -> pd.DataFrame:
    """Young against old per tissue"""
    units = concentration[concentration["included"]]
    return pd.concat(
        [
            contrast(rows, metrics=METRICS, alpha=alpha).assign(cohort=cohort)
            for cohort, rows in units.groupby("cohort", sort=False)
        ],
        ignore_index=True,
    )
