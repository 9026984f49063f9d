"""Step 10: the direction per tissue in an independent cohort, clusters at the published resolution."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.design import Settings
from concentra.stats.verdict import DIRECTIONS
from concentra.study.claims import hypotheses
from concentra.study.declare import column, step
from concentra.study.questions import stacked
from concentra.study.steps._states import ShiftTable, UnitTable, compared


class ValidationConcentration(UnitTable):
    """Concentration of each donor over the clusters of a tissue, at the published resolution."""


class ValidationContrast(ShiftTable):
    """Young against old per tissue at the published resolution, and the direction stated before the data was read."""

    hypothesis: str = column("direction claimed, where one was", nullable=True, among=DIRECTIONS)
    agrees: str = column("the direction is the one claimed", nullable=True, among=["yes", "no"])


@step(ValidationConcentration, ValidationContrast)
def kimmel_validation(
    state_counts: pd.DataFrame, *, cohorts: list[str], resolution: float, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The direction per tissue in an independent cohort"""
    at = (state_counts["level"] == "clusters") & (state_counts["resolution"] == resolution)
    claimed = hypotheses("kimmel-directions")
    units, contrasts = {}, {}
    for name in cohorts:
        units[name], found = compared(
            state_counts[at & (state_counts["cohort"] == name)], Settings(**settings)
        )
        if len(found):
            found["hypothesis"] = found["stratum"].str.casefold().map(claimed)
            same = (found["direction"] == found["hypothesis"]).map({True: "yes", False: "no"})
            found["agrees"] = same.where(found["hypothesis"].notna(), None)
        contrasts[name] = found
    return stacked(units), stacked(contrasts)
