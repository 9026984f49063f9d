"""Step 08: within one cell type, does concentration over its states differ between young and old donors?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.design import Settings
from concentra.study.declare import step
from concentra.study.questions import stacked
from concentra.study.steps._states import ShiftTable, UnitTable, compared


class SubstateConcentration(UnitTable):
    """Concentration of each donor over the states within a cell type; `stratum` holds "tissue, type"."""


class SubstateContrast(ShiftTable):
    """Young against old over the states within each "tissue, type"; the family is all types of the cohort."""


@step(SubstateConcentration, SubstateContrast)
def substate_analysis(state_counts: pd.DataFrame, **settings: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Within cell types: concentration over their states, young against old"""
    states = state_counts[state_counts["level"] == "states"]
    found = {
        str(cohort): compared(counts, Settings(**settings))
        for cohort, counts in states.groupby("cohort", sort=False)
    }
    return stacked({name: one[0] for name, one in found.items()}), stacked(
        {name: one[1] for name, one in found.items()}
    )
