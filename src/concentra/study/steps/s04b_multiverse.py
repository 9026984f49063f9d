"""Multiverse: every defensible choice of the comparison of young with old, crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from concentra.analysis import multiverse as crossing
from concentra.analysis.choices import CORRECTED, MEAN, MEDIAN, OBSERVED, RAREFIED, Choices
from concentra.study.declare import Table, column, step

DIRECTIONS = ("crystallizes", "disperses", "mixed")


class Multiverse(Table):
    """The shift of a tissue under every distinct specification; the first of each choice is the published one."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    specification: int = column("place in the crossing of all choices; 0 is the published one", low=0)
    early_ages: str = column("ages that make the young group")
    late_ages: str = column("ages that make the old group")
    sex: str = column("donors compared: `all`, or those of one sex")
    min_cells: int = column("units with fewer cells are left out", unit="cells", low=1)
    support: str = column("parts that the Gini coefficient counts", among=["present", "stratum"])
    depth: str = column(
        "as counted, corrected for unseen parts, or expected at the common number of cells",
        among=[OBSERVED, CORRECTED, RAREFIED],
    )
    common_cells: float = column("cells at which values are rarefied", unit="cells", low=1, nullable=True)
    average: str = column("over donors", among=[MEDIAN, MEAN])
    n_early: int = column("young donors", unit="donors", low=1)
    n_late: int = column("old donors", unit="donors", low=1)
    gini: float = column("shift in Gini, late - early", low=-1, high=1)
    hill_q1: float = column("shift in effective number, late - early", unit="parts")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    published: bool = column("the published choice")
    counts_gini: bool = column("the first specification with this comparison of Gini")
    counts_hill_q1: bool = column("the first specification with this comparison of the effective number")

    class Config(Table.Config):
        unique = ["cohort", "stratum", "specification"]


class MultiverseSummary(Table):
    """How far the specifications of a tissue agree, and how often they would by chance."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    metric: str = column("metric, or both together", among=[*crossing.METRICS, crossing.BOTH])
    n_combinations: int = column("combinations of choices crossed", low=1)
    n_specifications: int = column("distinct specifications: those that can differ in the metric", low=1)
    published: float = column("shift under the published choice; missing for both", nullable=True)
    share_same_sign: float = column(
        "share of distinct specifications with the sign of the published one; for both, with both signs",
        low=0,
        high=1,
    )
    median: float = column("median shift over distinct specifications; missing for both", nullable=True)
    low: float = column("least shift; missing for both", nullable=True)
    high: float = column("greatest shift; missing for both", nullable=True)
    p_value: float = column(
        "joint permutation p of the median shift, ages exchanged among all donors",
        low=0,
        high=1,
        nullable=True,
    )
    p_attainable: float = column("smallest such p", low=0, high=1, nullable=True)
    p_share: float = column(
        "joint permutation p of the share of specifications in the more frequent direction",
        low=0,
        high=1,
        nullable=True,
    )
    p_share_attainable: float = column("smallest such p", low=0, high=1, nullable=True)
    n_arrangements: int = column("arrangements of ages: all, or those drawn", low=0)
    exact: bool = column("all arrangements were enumerated")
    p_value_within_sex: float = column(
        "p of the median shift, ages exchanged among donors of one sex", low=0, high=1, nullable=True
    )
    p_attainable_within_sex: float = column("smallest such p", low=0, high=1, nullable=True)
    p_share_within_sex: float = column(
        "p of the share in the more frequent direction, within sex", low=0, high=1, nullable=True
    )
    p_share_attainable_within_sex: float = column("smallest such p", low=0, high=1, nullable=True)
    n_arrangements_within_sex: int = column("arrangements within sex: all, or those drawn", low=0)
    exact_within_sex: bool = column("all arrangements within sex were enumerated")
    reason: str = column("why there is no p", nullable=True)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric"]


@step(Multiverse, MultiverseSummary)
def multiverse(
    composition: pd.DataFrame,
    *,
    strata: Sequence[str],
    early_ages: Mapping[str, Sequence[Sequence[str]]],
    late_ages: Mapping[str, Sequence[Sequence[str]]],
    sexes: Sequence[str],
    min_cells: Sequence[int],
    supports: Sequence[str],
    depths: Sequence[str],
    averages: Sequence[str],
    n_random: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Young against old under every defensible choice"""
    chosen = composition[composition["stratum"].isin(strata) & composition["cohort"].isin(early_ages)]
    found, summaries = [], []
    for cohort, rows in chosen.groupby("cohort", sort=False):
        choices = Choices(
            early_ages[str(cohort)], late_ages[str(cohort)], sexes, min_cells, supports, depths, averages
        )
        frame, summary = crossing.multiverse(rows, choices, rng=seed, n_random=n_random)
        found.append(frame.assign(cohort=cohort))
        summaries.append(summary.assign(cohort=cohort))
    return _stacked(found), _stacked(summaries)


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
