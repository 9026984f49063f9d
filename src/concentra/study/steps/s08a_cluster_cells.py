"""Before step 08: the cells of each cohort with features in clusters, all donors together, counted per donor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from concentra.analysis.states import Clustering, cluster_strata, cluster_types, count_types
from concentra.simulate import truth_path
from concentra.study.cohorts import Matrix
from concentra.study.declare import Table, column, step
from concentra.study.raw import Source
from concentra.study.steps._states import RESOLUTION

LEVELS = ["types", "clusters", "states"]


class StateCounts(Table):
    """Cells of each donor in each type, in each cluster of a tissue, and in each cluster within a type."""

    cohort: str = column("cohort")
    level: str = column("annotated types, clusters of the tissue, or states within a type", among=LEVELS)
    stratum: str = column("tissue")
    part: str = column("cell type whose states these are", nullable=True)
    resolution: float = column(RESOLUTION, low=0)
    donor: str = column("donor")
    age_group: str = column("group in the comparison", among=["early", "late", "treated"])
    state: str = column("type, or number of the cluster, the largest 0")
    n_cells: int = column("cells", unit="cells", low=1)

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part", "resolution", "donor", "state"]


class PlantedStates(Table):
    """What was planted in the simulated cohorts with features, exactly."""

    cohort: str = column("cohort")
    level: str = column("annotated types, all states of the tissue, or states within a type", among=[
        "types", "states", "within"])  # fmt: skip
    stratum: str = column("tissue")
    part: str = column("cell type whose states these are", nullable=True)
    direction: str = column("quadrant planted", among=["crystallize", "disperse", "mixed", "none"])
    gini_shift: float = column("Gini coefficient, old less young")
    hill_q1_shift: float = column("effective number, old less young", unit="parts")
    gini_rescue: float = column("share of it that treatment undoes", nullable=True)
    hill_q1_rescue: float = column("share of it that treatment undoes", nullable=True)

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part"]


@step(StateCounts, PlantedStates)
def cluster_cells(
    expression: Mapping[str, Source],
    *,
    resolutions: list[float],
    resolution_within: float,
    n_variable: int,
    n_components: int,
    n_components_within: int,
    n_neighbors: int,
    min_cells: int,
    min_donors: int,
    most_cells: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells in clusters of their tissue and within their type, counted per donor"""
    whole = Clustering(n_variable, n_components, n_neighbors, seed)
    within = Clustering(n_variable, n_components_within, n_neighbors, seed)
    counts, planted = [], []
    for name, source in expression.items():
        with source.cohort.opened(source.files) as path:
            cells = source.cohort.cells(path)
            frames = _counted(source.cohort, path, cells, resolutions, whole)
            if "states" in source.cohort.levels:
                frames.append(
                    cluster_types(
                        path, cells, [resolution_within], within,
                        min_cells=min_cells, min_donors=min_donors, most_cells=most_cells,
                    )
                )  # fmt: skip
            counts += [frame.assign(cohort=name) for frame in frames]
            if source.cohort.simulated:
                planted.append(_planted(path).assign(cohort=name))
    return _stacked(counts), _stacked(planted)


def _counted(
    cohort: Matrix, path: Path, cells: pd.DataFrame, resolutions: list[float], how: Clustering
) -> list[pd.DataFrame]:
    frames = [count_types(cells)]
    if "clusters" in cohort.levels:
        frames.append(cluster_strata(path, cells, resolutions, how, cohort.clustered))
    return frames


def _planted(path: Path) -> pd.DataFrame:
    truth = pd.read_csv(truth_path(path))
    return truth.rename(columns={"tissue": "stratum", "cell_type": "part"})


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    kept = [frame for frame in frames if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
