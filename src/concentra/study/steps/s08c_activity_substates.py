"""Beside step 08: the same question in a feature space that is here, marrow cells by activity of ontology terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from concentra.composition.clusters import Clustering, cluster_types
from concentra.design import Settings
from concentra.study.declare import step
from concentra.study.questions import stacked
from concentra.study.raw import Source
from concentra.study.steps._states import ShiftTable, UnitTable, compared


class ActivityConcentration(UnitTable):
    """Concentration of each donor over the states within a "tissue, type", found among activities."""


class ActivityContrast(ShiftTable):
    """Young against old over the states within each "tissue, type", found among activities; a family is one level."""


@step(ActivityConcentration, ActivityContrast)
def activity_substates(
    activity: Mapping[str, Source],
    *,
    resolutions: list[float],
    n_components: int,
    n_neighbors: int,
    min_donors: int,
    most_cells: int,
    **settings: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Within cell types of marrow, by activity of ontology terms"""
    chosen = Settings(**settings)
    how = Clustering(1, n_components, n_neighbors, chosen.seed, features="given")
    found = {}
    for name, source in activity.items():
        states = cluster_types(
            source.path, source.cells(), resolutions, how,
            min_cells=chosen.min_cells, min_donors=min_donors, most_cells=most_cells,
        )  # fmt: skip
        found[name] = compared(states.counts, chosen)
    return stacked({name: one[0] for name, one in found.items()}), stacked(
        {name: one[1] for name, one in found.items()}
    )
