"""Step 12: does caloric restriction undo the shift of marrow with age, and is that evidence?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.concentration import concentration
from concentra.analysis.rescue import DEFAULT_METRICS, rescue
from concentra.design import Settings, resolve
from concentra.study.declare import Table, column, step
from concentra.study.questions import RESTRICTED, TYPES, levels_of, stacked
from concentra.study.steps._states import UnitTable

KINDS = ["interval", "range", "none"]


class RescueUnits(UnitTable):
    """Concentration of each library of marrow over its cell types."""


class Rescue(Table):
    """The share of the shift with age that restriction undoes, and what it takes to judge it."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    metric: str = column("metric", among=DEFAULT_METRICS)
    n_young: int = column("young libraries", unit="donors", low=1)
    n_old: int = column("old libraries, fed at will", unit="donors", low=1)
    n_treated: int = column("old libraries, restricted", unit="donors", low=1)
    young: float = column("median over young libraries")
    old: float = column("median over old libraries, fed at will")
    treated: float = column("median over old libraries, restricted")
    ageing_shift: float = column("old - young")
    ageing_low: float = column("over libraries; see contrast_kind", nullable=True)
    ageing_high: float = column("over libraries; see contrast_kind", nullable=True)
    treatment_shift: float = column("treated - old")
    treatment_low: float = column("over libraries; see contrast_kind", nullable=True)
    treatment_high: float = column("over libraries; see contrast_kind", nullable=True)
    contrast_kind: str = column("what low and high of both shifts are, jointly", among=KINDS)
    rescued_percent: float = column("(old - treated) / (old - young)", unit="per cent", nullable=True)
    rescue_donor_low: float = column("lowest share over choices of one library a group", nullable=True)
    rescue_donor_high: float = column("highest share over choices of one library a group", nullable=True)
    rescue_cell_low: float = column("interval of the share when only cells are resampled", nullable=True)
    rescue_cell_high: float = column("interval of the share when only cells are resampled", nullable=True)
    p_rescue_cells: float = column(
        "P(rescue > 0) when only cells are resampled; says nothing of other animals",
        low=0, high=1, nullable=True,
    )  # fmt: skip
    null_rescue_median: float = column("median share over all exchanges of the labels", nullable=True)
    null_positive: float = column("share of exchanges with a positive share", low=0, high=1)
    p_permutation: float = column("old stands apart from both others as far", low=0, high=1)
    p_attainable: float = column("smallest that these libraries allow", low=0, high=1)
    n_arrangements: int = column("exchanges of the labels", low=1)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "metric"]


@step(RescueUnits, Rescue)
def calico_cr_marrow(
    state_counts: pd.DataFrame, *, stratum: str, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Does caloric restriction undo the shift of rat marrow with age"""
    chosen, units, found = Settings(**settings), {}, {}
    here = state_counts[(state_counts["level"] == TYPES) & (state_counts["stratum"] == stratum)]
    for cohort in state_counts.loc[state_counts["group"] == "treated", "cohort"].unique():
        types = levels_of(here[here["cohort"] == cohort])[TYPES]
        units[cohort] = concentration(types, chosen).assign(level=TYPES)
        rescued = rescue(resolve(types, RESTRICTED, chosen))
        found[cohort] = rescued.assign(rescued_percent=100 * rescued["rescue"])
    return stacked(units), stacked(found).rename(columns={"probability_cells": "p_rescue_cells"})
