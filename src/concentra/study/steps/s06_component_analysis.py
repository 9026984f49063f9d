"""Step 06: which cell types drive each tissue's shift, by an attribution that adds up to it."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.components import SIGNS, TOWARDS, Components, components
from concentra.analysis.contrast import seeded
from concentra.analysis.lineages import LEVELS
from concentra.study.declare import Table, column, step

METRICS = ("gini_present", "hill_q1")
INTERVALS = ["interval", "range", "none"]
UNIT = ["cohort", "stratum", "donor"]


class Drivers(Table):
    """The contribution of each cell type to the shift of means over donors: with "(number of parts)" they sum to it."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    part: str = column('cell type; "(number of parts)": the appearance and loss of types')
    lineage: str = column("lineage of the cell type")
    rank: int = column("place by size of the contribution; the number of parts is last", low=1)
    share_early: float = column("mean share, young donors", low=0, high=1, nullable=True)
    share_late: float = column("mean share, old donors", low=0, high=1, nullable=True)
    clr_change: float = column("change of the mean centred log-ratio", unit="nats", nullable=True)
    contribution: float = column("contribution to the shift", unit="metric")
    low: float = column("interval over donors", unit="metric", nullable=True)
    high: float = column("interval over donors", unit="metric", nullable=True)
    fraction_of_shift: float = column("contribution / shift; may leave 0 to 1", nullable=True)
    n_early: int = column("young donors", unit="donors", low=1)
    n_late: int = column("old donors", unit="donors", low=1)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric", "part"]


class PartShift(Table):
    """The change of each cell type's share from young to old donors."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    part: str = column("cell type")
    lineage: str = column("its lineage")
    stage: str = column("its stage within the lineage")
    compartment: str = column("immune or not")
    n_early: int = column("young donors", unit="donors", low=1)
    n_late: int = column("old donors", unit="donors", low=1)
    share_early: float = column("mean share, young donors", low=0, high=1)
    share_late: float = column("mean share, old donors", low=0, high=1)
    share_change: float = column("difference", low=-1, high=1)
    share_change_low: float = column("interval over donors", nullable=True)
    share_change_high: float = column("interval over donors", nullable=True)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)
    clr_change: float = column("change of the mean centred log-ratio", unit="nats", nullable=True)
    clr_change_low: float = column("interval over donors", unit="nats", nullable=True)
    clr_change_high: float = column("interval over donors", unit="nats", nullable=True)
    p_value: float = column("exact two-sided Mann-Whitney of the shares", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these donors and ties allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    n_family: int = column("tests in the family: the cell types of one tissue of one cohort", low=0)
    sign: str = column("sign of the change", among=SIGNS)
    towards: str = column("the same where the interval excludes 0, else unclear", among=TOWARDS)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "part"]


class LineageShift(Table):
    """Shares and contributions summed per lineage, stage and compartment."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    level: str = column("what is summed over", among=LEVELS)
    lineage: str = column('lineage, stage or compartment; "(number of parts)" as in `drivers`')
    metric: str = column("column of `concentration`; shares do not depend on it", among=METRICS)
    n_early: int = column("young donors", unit="donors", low=1)
    n_late: int = column("old donors", unit="donors", low=1)
    share_early: float = column("mean share, young donors", low=0, high=1 + 1e-9, nullable=True)
    share_late: float = column("mean share, old donors", low=0, high=1 + 1e-9, nullable=True)
    share_change: float = column("difference", low=-1, high=1, nullable=True)
    share_change_low: float = column("interval over donors", nullable=True)
    share_change_high: float = column("interval over donors", nullable=True)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)
    p_value: float = column("exact two-sided Mann-Whitney of the shares", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these donors and ties allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    n_family: float = column(
        "tests in the family: one level of one tissue of one cohort", low=0, nullable=True
    )
    sign: str = column("sign of the change of share", among=SIGNS, nullable=True)
    towards: str = column(
        "the same where the interval excludes 0, else unclear", among=TOWARDS, nullable=True
    )
    contribution: float = column("contribution to the shift", unit="metric")
    low: float = column("interval over donors", unit="metric", nullable=True)
    high: float = column("interval over donors", unit="metric", nullable=True)
    fraction_of_shift: float = column("contribution / shift; may leave 0 to 1", nullable=True)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "level", "lineage", "metric"]


class AttributedShift(Table):
    """The shift that is attributed, beside the published kind, and the compartment that carries most of it."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    n_early: int = column("young donors", unit="donors", low=1)
    n_late: int = column("old donors", unit="donors", low=1)
    shift_of_means: float = column(
        "difference of means over donors: what the contributions sum to", unit="metric"
    )
    low: float = column("interval over donors", unit="metric", nullable=True)
    high: float = column("interval over donors", unit="metric", nullable=True)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)
    shift_of_medians: float = column("difference of medians over donors: the published kind", unit="metric")
    shift_of_mean_compositions: float = column("shift between the mean compositions", unit="metric")
    leading_compartment: str = column(
        "compartment with the largest fraction of the shift of means", nullable=True
    )
    leading_fraction: float = column("this fraction", nullable=True)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric"]


@step(Drivers, PartShift, LineageShift, AttributedShift)
def attribute_drivers(
    composition: pd.DataFrame,
    concentration: pd.DataFrame,
    *,
    level: float,
    n_draws: int,
    zero: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Which cell types drive each tissue's shift"""
    units = concentration.loc[concentration["included"] & concentration["age_group"].notna(), UNIT]
    compared = composition.merge(units, on=UNIT)
    found: dict[tuple[str, str], Components] = {}
    for (cohort, stratum), rows in compared.groupby(["cohort", "stratum"], sort=False):
        if rows["age_group"].nunique() == 2:
            rng = seeded(seed, str(cohort), str(stratum))
            found[str(cohort), str(stratum)] = components(
                rows, metrics=METRICS, level=level, n_draws=n_draws, zero=zero, rng=rng
            )
    tables = [
        [one[place].assign(cohort=cohort, stratum=stratum) for (cohort, stratum), one in found.items()]
        for place in range(len(Components._fields))
    ]
    contributions, parts, lineages, shifts = (pd.concat(frames, ignore_index=True) for frames in tables)
    return contributions, parts, lineages, shifts
