"""Beside step 08: the same question in a feature space that is here, marrow cells by activity of ontology terms."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from concentra.analysis.states import Clustering, cluster_types, contrast_parts
from concentra.study.declare import column, step
from concentra.study.raw import Source
from concentra.study.steps._states import ShiftTable, UnitTable


class ActivityConcentration(UnitTable):
    """Concentration of each donor over the states within a cell type, found among activities."""

    part: str = column("cell type")

    class Config(UnitTable.Config):
        unique = ["cohort", "stratum", "part", "resolution", "donor"]


class ActivityContrast(ShiftTable):
    """Young against old over the states within each cell type, found among activities; a family is one resolution."""

    part: str = column("cell type")

    class Config(ShiftTable.Config):
        unique = ["cohort", "stratum", "part", "resolution", "metric"]


@step(ActivityConcentration, ActivityContrast)
def activity_substates(
    activity: Mapping[str, Source],
    *,
    resolutions: list[float],
    n_components: int,
    n_neighbors: int,
    min_cells: int,
    min_donors: int,
    most_cells: int,
    alpha: float,
    level: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Within cell types of marrow, by activity of ontology terms"""
    how = Clustering(1, n_components, n_neighbors, seed, features="given")
    units, found = [pd.DataFrame()], [pd.DataFrame()]
    for name, source in activity.items():
        states = cluster_types(
            source.path, source.cells(), resolutions, how,
            min_cells=min_cells, min_donors=min_donors, most_cells=most_cells,
        )  # fmt: skip
        first, second = contrast_parts(
            states.counts, min_cells=min_cells, alpha=alpha, level=level, seed=seed
        )
        units.append(first.assign(cohort=name))
        found.append(second.assign(cohort=name))
    return pd.concat(units, ignore_index=True), pd.concat(found, ignore_index=True)
