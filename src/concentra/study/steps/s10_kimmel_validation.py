"""Step 10: the direction per tissue in an independent cohort, clusters at the published resolution."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.contrast import DIRECTIONS
from concentra.analysis.states import contrast_scales
from concentra.study.claims import hypotheses
from concentra.study.declare import column, step
from concentra.study.steps._states import ShiftTable, UnitTable


class ValidationConcentration(UnitTable):
    """Concentration of each donor over the clusters of a tissue, at the published resolution."""

    class Config(UnitTable.Config):
        unique = ["cohort", "stratum", "donor"]


class ValidationContrast(ShiftTable):
    """Young against old per tissue at the published resolution, and the direction stated before the data was read."""

    hypothesis: str = column("direction claimed, where one was", nullable=True, among=DIRECTIONS)
    agrees: str = column("the direction is the one claimed", nullable=True, among=["yes", "no"])

    class Config(ShiftTable.Config):
        unique = ["cohort", "stratum", "metric"]


@step(ValidationConcentration, ValidationContrast)
def kimmel_validation(
    state_counts: pd.DataFrame,
    *,
    cohorts: list[str],
    resolution: float,
    min_cells: int,
    alpha: float,
    level: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The direction per tissue in an independent cohort"""
    at = (state_counts["level"] == "clusters") & (state_counts["resolution"] == resolution)
    claimed = hypotheses("kimmel-directions")
    units, contrasts = [pd.DataFrame()], [pd.DataFrame()]
    for cohort in cohorts:
        counts = state_counts[at & (state_counts["cohort"] == cohort)]
        if counts.empty:
            continue
        first, found = contrast_scales(counts, min_cells=min_cells, alpha=alpha, level=level, seed=seed)
        found["hypothesis"] = found["stratum"].str.casefold().map(claimed)
        same = (found["direction"] == found["hypothesis"]).map({True: "yes", False: "no"})
        found["agrees"] = same.where(found["hypothesis"].notna(), None)
        units.append(first.assign(cohort=cohort))
        contrasts.append(found.assign(cohort=cohort))
    return pd.concat(units, ignore_index=True), pd.concat(contrasts, ignore_index=True)
