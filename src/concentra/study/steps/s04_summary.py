"""Step 04: young against old per tissue."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.contrast import DIRECTIONS, VERDICTS, across_strata, contrast, shift_intervals
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
    corrected: float = column("the shift corrected for depth, centre of the interval", nullable=True)
    low: float = column("interval by donors, then cells", nullable=True)
    high: float = column("interval by donors, then cells", nullable=True)
    interval: str = column(
        "what low and high are: a range at two donors", among=["interval", "range", "none"]
    )
    p_value: float = column("exact two-sided Mann-Whitney", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these numbers of donors allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    p_adjusted_attainable: float = column("smallest adjusted p of the family", low=0, high=1, nullable=True)
    n_family: int = column("tests in the family: the tissues of one cohort, one metric", low=0)
    n_untestable: int = column("tissues of the family without a test", low=0)
    hodges_lehmann: float = column("median of all differences old - young", nullable=True)
    hodges_lehmann_low: float = column("its exact interval", nullable=True)
    hodges_lehmann_high: float = column("its exact interval", nullable=True)
    cliffs_delta: float = column("P(old > young) - P(old < young)", low=-1, high=1, nullable=True)
    cliffs_delta_low: float = column("its interval", low=-1, high=1, nullable=True)
    cliffs_delta_high: float = column("its interval", low=-1, high=1, nullable=True)
    n_early_males: int = column("young males", unit="donors", low=0)
    n_late_males: int = column("old males", unit="donors", low=0)
    shift_males: float = column("shift among males alone", nullable=True)
    p_males: float = column("exact two-sided Mann-Whitney among males", low=0, high=1, nullable=True)
    direction: str = column("quadrant of the two shifts", nullable=True, among=DIRECTIONS)
    verdict: str = column("verdict on the tissue", among=VERDICTS)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric"]


class AcrossTissues(Table):
    """All tissues of a cohort in one test: labels permuted per mouse, over all its tissues together."""

    cohort: str = column("cohort")
    metric: str = column("column of `concentration`", among=METRICS)
    n_strata: int = column("tissues with at least two donors of both groups", low=0)
    n_early: int = column("young donors", unit="donors", low=0)
    n_late: int = column("old donors", unit="donors", low=0)
    mean_shift: float = column("mean over tissues of the shift of medians", nullable=True)
    share_up: float = column("share of tissues with a shift above 0", low=0, high=1, nullable=True)
    p_value: float = column("permutation of donors' labels, two-sided", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p the donors allow", low=0, high=1, nullable=True)
    n_arrangements: int = column("arrangements of labels", low=0)
    exact: bool = column("all arrangements were enumerated")

    class Config(Table.Config):
        unique = ["cohort", "metric"]


@step(AgeContrast, AcrossTissues)
def summary(
    concentration: pd.DataFrame,
    composition: pd.DataFrame,
    *,
    alpha: float,
    level: float,
    n_draws: int,
    depth: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Young against old per tissue, and over all tissues of a mouse together"""
    units = concentration[concentration["included"]]
    contrasts, across = [], []
    for cohort, rows in units.groupby("cohort", sort=False):
        counts = composition[composition["cohort"] == cohort]
        intervals = shift_intervals(
            rows, counts, level=level, n_draws=n_draws, depth=depth, seed=seed, place=str(cohort)
        )
        tests = contrast(rows, metrics=METRICS, alpha=alpha, level=level)
        found = tests.merge(intervals, on=["stratum", "metric"], how="left", validate="one_to_one")
        contrasts.append(found.assign(cohort=cohort, interval=found["interval"].fillna("none")))
        across.append(across_strata(rows, metrics=METRICS, seed=seed).assign(cohort=cohort))
    return pd.concat(contrasts, ignore_index=True), pd.concat(across, ignore_index=True)
