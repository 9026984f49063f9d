"""Before step 08: the cells of each cohort with features in clusters, all donors together, counted per donor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from concentra.composition.clusters import Clustering, States, cluster_strata, cluster_types, count_types
from concentra.study.declare import Table, column, step
from concentra.study.raw import Source
from concentra.study.steps._states import GROUPS, RESOLUTION
from concentra.study.steps.s08a_plan_states import LEVELS


class StateCounts(Table):
    """Cells of each donor in each type, in each cluster of a tissue, and in each cluster within a type."""

    cohort: str = column("cohort")
    level: str = column("annotated types, clusters of the tissue, or states within a type", among=LEVELS)
    stratum: str = column("tissue")
    part: str = column("cell type whose states these are", nullable=True)
    resolution: float = column(RESOLUTION, low=0)
    donor: str = column("donor")
    group: str = column("group in the comparison", among=GROUPS)
    state: str = column("type, or number of the cluster, the largest 0")
    n_cells: int = column("cells", unit="cells", low=1)

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part", "resolution", "donor", "state"]


class StateStability(Table):
    """How alike the clusters of different seeds are: adjusted Rand index over all pairs of seeds."""

    cohort: str = column("cohort")
    level: str = column("clusters of the tissue, or states within a type", among=LEVELS[1:])
    stratum: str = column("tissue")
    part: str = column("cell type whose states these are", nullable=True)
    resolution: float = column(RESOLUTION, low=0)
    n_cells: int = column("cells clustered", unit="cells", low=1)
    n_seeds: int = column("seeds", low=2)
    n_clusters_low: int = column("fewest clusters of a seed", unit="parts", low=1)
    n_clusters_high: int = column("most clusters of a seed", unit="parts", low=1)
    rand_index_mean: float = column("mean over pairs of seeds; 1: the same clusters", low=-1, high=1)
    rand_index_low: float = column("least alike pair of seeds", low=-1, high=1)

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part", "resolution"]


class CellStates(Table):
    """The cluster of every cell."""

    cohort: str = column("cohort")
    level: str = column("clusters of the tissue, or states within a type", among=LEVELS[1:])
    stratum: str = column("tissue")
    part: str = column("cell type whose states these are", nullable=True)
    resolution: float = column(RESOLUTION, low=0)
    row: int = column("row of the cohort's file", low=0)
    donor: str = column("donor")
    state: str = column("number of the cluster, the largest 0")

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part", "resolution", "row"]


@step(StateCounts, StateStability, pieces="state_tasks", kept=(CellStates,))
def cluster_cells(
    expression: Mapping[str, Source],
    state_tasks: pd.DataFrame,
    *,
    resolutions: list[float],
    resolution_within: float,
    n_variable: int,
    n_components: int,
    n_components_within: int,
    n_neighbors: int,
    n_seeds: int,
    min_cells: int,
    most_cells: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Cells in clusters of their tissue and within their type, counted per donor"""
    whole = Clustering(n_variable, n_components, n_neighbors, seed, n_seeds=n_seeds)
    within = replace(whole, n_components=n_components_within)
    frames: tuple[list[pd.DataFrame], ...] = ([], [], [])
    for name in state_tasks["cohort"].unique():
        path, cells = expression[name].path, expression[name].cells()
        for task in state_tasks[state_tasks["cohort"] == name].to_dict("records"):
            if task["level"] == "types":
                found = States(count_types(cells), pd.DataFrame(), pd.DataFrame())
            elif task["level"] == "clusters":
                found = cluster_strata(path, cells, resolutions, whole, [task["stratum"]])
            else:
                here = cells[(cells["stratum"] == task["stratum"]) & (cells["part"] == task["part"])]
                found = cluster_types(
                    path, here, [resolution_within], within,
                    min_cells=min_cells, min_donors=1, most_cells=most_cells,
                )  # fmt: skip
            for stack, frame in zip(frames, (found.counts, found.stability, found.labels), strict=True):
                stack.append(frame.assign(cohort=name))
    counts, stability, labels = map(_stacked, frames)
    return counts, stability, labels


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    kept = [frame for frame in frames if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
