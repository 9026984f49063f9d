"""Step 08: within one cell type, does concentration over its states differ between young and old donors?"""

from __future__ import annotations

import pandas as pd

from concentra.analysis.states import contrast_parts
from concentra.study.declare import column, step
from concentra.study.steps._states import ShiftTable, UnitTable


class SubstateConcentration(UnitTable):
    """Concentration of each donor over the states within a cell type."""

    part: str = column("cell type")

    class Config(UnitTable.Config):
        unique = ["cohort", "stratum", "part", "resolution", "donor"]


class SubstateContrast(ShiftTable):
    """Young against old over the states within each cell type; the family is all types of the cohort."""

    part: str = column("cell type")

    class Config(ShiftTable.Config):
        unique = ["cohort", "stratum", "part", "resolution", "metric"]


@step(SubstateConcentration, SubstateContrast)
def substate_analysis(
    state_counts: pd.DataFrame, *, min_cells: int, alpha: float, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Within cell types: concentration over their states, young against old"""
    states = state_counts[state_counts["level"] == "states"]
    units, found = [pd.DataFrame()], [pd.DataFrame()]
    for cohort, counts in states.groupby("cohort", sort=False):
        first, second = contrast_parts(counts, min_cells=min_cells, alpha=alpha, level=level, seed=seed)
        units.append(first.assign(cohort=cohort))
        found.append(second.assign(cohort=cohort))
    return pd.concat(units, ignore_index=True), pd.concat(found, ignore_index=True)
