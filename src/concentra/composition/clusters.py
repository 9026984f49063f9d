"""From a file of cells and features to cells of each donor in each state.

`count_types`
    Cells of each donor in each annotated type.
`cluster_strata`, `cluster_types`
    The clusters of each stratum, and within each type: cells of each donor in them, labels, stability (`States`).
`cluster_cells`
    The clusters of a composition's own cells, and its composition over them at every resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from concentra.composition.composition import KEY, Composition
from concentra.errors import ColumnError, LabelError, nearest
from concentra.progress import track
from concentra.stats.streams import stream

COUNTS = ["level", "stratum", "part", "resolution", "donor", "group", "state", "n_cells"]
LABELS = ["level", "stratum", "part", "resolution", "row", "donor", "state"]
STABILITY = ["level", "stratum", "part", "resolution", "n_cells", "n_seeds", "n_clusters_low", "n_clusters_high",
             "rand_index_mean", "rand_index_low"]  # fmt: skip
PLACE = ["stratum", "part"]
UNIT = ["stratum", "donor", "group"]
ANNOTATED = 0.0
"""The resolution of annotated types, which were not clustered here."""


@dataclass(frozen=True)
class States:
    """Cells in clusters.

    Attributes
    ----------
    counts
        One row a (stratum, part, resolution, donor, state): columns `COUNTS`.
    labels
        One row a cell and resolution: columns `LABELS`; `row` is that of the file.
    stability
        One row a (stratum, part, resolution): columns `STABILITY`, as `concentra.clustering.seed_stability` returns
        them; empty where clusters were found from one seed.
    """

    counts: pd.DataFrame
    labels: pd.DataFrame
    stability: pd.DataFrame


@dataclass(frozen=True)
class Clustering:
    """How cells are clustered: genes kept, components, neighbours, seed; see `concentra.clustering`.

    `n_seeds` of 2 or more clusters again from the seeds that follow, which says how stable the clusters are.
    """

    n_variable: int
    n_components: int
    n_neighbors: int
    seed: int
    features: Literal["genes", "given"] = "genes"
    n_seeds: int = 1

    def labels(
        self, path: Path, rows: Sequence[int], resolutions: Sequence[float]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The cluster of each of these rows of the file at each resolution, and how stable over seeds that is."""
        from concentra.clustering import leiden_labels, neighbour_graph, principal_components, seed_stability
        from concentra.io.expression import read_expression

        found = read_expression(path, rows, n_variable=self.n_variable, features=self.features)
        components = principal_components(found.matrix, self.n_components, seed=self.seed)
        graph = neighbour_graph(components, self.n_neighbors, seed=self.seed)
        labels = leiden_labels(graph, resolutions, seed=self.seed, cells=found.rows)
        if self.n_seeds < 2:
            return labels, pd.DataFrame()
        seeds = range(self.seed, self.seed + self.n_seeds)
        return labels, seed_stability(graph, resolutions, seeds).assign(n_cells=graph.shape[0])


def count_types(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of every donor in every annotated type.

    Parameters
    ----------
    cells
        `donor`, `stratum`, `part`, `group`; cells without a type are left out.

    Returns
    -------
    One row a (stratum, donor, state): `level` "types", `part` missing, `resolution` `ANNOTATED`, `state` the type.

    Examples
    --------
    >>> cells = pd.DataFrame({"stratum": "lung", "donor": list("aab"), "part": ["T", "T", None], "group": "young"})
    >>> count_types(cells)[["donor", "state", "n_cells"]].values.tolist()
    [['a', 'T', 2]]
    """
    known = cells[cells["part"].notna()]
    by = ["stratum", "donor", "group", "part"]
    counts = known.groupby(by, observed=True).size().rename("n_cells").reset_index()
    counts = counts.rename(columns={"part": "state"})
    return counts.assign(level="types", part=None, resolution=ANNOTATED)[COUNTS]


def cluster_strata(
    path: Path, cells: pd.DataFrame, resolutions: Sequence[float], how: Clustering, strata: Sequence[str] = ()
) -> States:
    """The clusters of each stratum, all its donors clustered together.

    Parameters
    ----------
    path
        An `.h5ad`.
    cells
        As for `count_types`; index: the row of the file.
    resolutions
        Of Leiden.
    how
        How to cluster.
    strata
        Which strata; all where empty.

    Returns
    -------
    `States` with `level` "clusters" and `part` missing.

    Examples
    --------
    >>> import tempfile
    >>> from concentra.io.cells import read_labels
    >>> from concentra.simulate import simulate_atlas
    >>> path = Path(tempfile.mkdtemp()) / "atlas.h5ad"
    >>> truth = simulate_atlas(path, "kimmel2019", n_cells=300, n_genes=50)
    >>> cells = read_labels(path, ["tissue", "animal"]).set_axis(["stratum", "donor"], axis=1).astype(object)
    >>> how = Clustering(n_variable=50, n_components=10, n_neighbors=15, seed=0)
    >>> found = cluster_strata(path, cells.assign(group="young"), [0.5], how, ["kidney"])
    >>> int(found.counts["n_cells"].sum()) == len(found.labels) == int((cells["stratum"] == "kidney").sum())
    True
    """
    chosen = [(name, rows) for name, rows in cells.groupby("stratum") if not strata or name in strata]
    frames = [
        _clustered(path, rows, resolutions, how, "clusters", None)
        for _, rows in track(chosen, "clustering tissues", total=len(chosen))
    ]
    return _stacked(frames)


def cluster_types(
    path: Path,
    cells: pd.DataFrame,
    resolutions: Sequence[float],
    how: Clustering,
    *,
    min_cells: int,
    min_donors: int,
    most_cells: int,
) -> States:
    """The clusters within each type, all donors of a (stratum, type) clustered together.

    Parameters
    ----------
    path, cells, resolutions, how
        As for `cluster_strata`.
    min_cells, min_donors
        A type is clustered where each group has so many donors with so many cells of it; other donors are left out.
    most_cells
        Of a donor with more cells of the type so many are drawn: donors then say about equally much of where the
        clusters lie, and differ less in depth.

    Returns
    -------
    `States` with `level` "states".

    Examples
    --------
    >>> import tempfile
    >>> from concentra.io.cells import read_labels
    >>> from concentra.simulate import simulate_atlas
    >>> path = Path(tempfile.mkdtemp()) / "atlas.h5ad"
    >>> truth = simulate_atlas(path, "kimmel2019", n_cells=600, n_genes=50)
    >>> names = ["stratum", "donor", "part", "group"]
    >>> cells = read_labels(path, ["tissue", "animal", "cell_type", "age"]).set_axis(names, axis=1).astype(object)
    >>> how = Clustering(n_variable=50, n_components=5, n_neighbors=10, seed=0)
    >>> found = cluster_types(path, cells, [0.5], how, min_cells=8, min_donors=3, most_cells=12)
    >>> int(found.counts.groupby(["stratum", "part", "donor"])["n_cells"].sum().max())  # at most most_cells
    12
    """
    chosen = types_compared(cells, min_cells=min_cells, min_donors=min_donors)
    frames = []
    for stratum, part in track(chosen, "clustering within types", total=len(chosen)):
        here = cells[(cells["stratum"] == stratum) & (cells["part"] == part)]
        here = here[here.groupby("donor")["part"].transform("size") >= min_cells]
        drawn = _at_most(here, most_cells, stream(how.seed, str(stratum), str(part)))
        frames.append(_clustered(path, drawn, resolutions, how, "states", part))
    return _stacked(frames)


def types_compared(cells: pd.DataFrame, *, min_cells: int, min_donors: int) -> list[tuple[str, str]]:
    """The (stratum, type) in which each group has `min_donors` donors with `min_cells` cells.

    >>> cells = pd.DataFrame({"stratum": "lung", "part": "B", "donor": list("aabb"),
    ...                       "group": ["young"] * 2 + ["old"] * 2})
    >>> types_compared(cells, min_cells=2, min_donors=1), types_compared(cells, min_cells=3, min_donors=1)
    ([('lung', 'B')], [])
    """
    sizes = cells.groupby([*PLACE, "group", "donor"], observed=True).size()
    donors = (sizes >= min_cells).groupby([*PLACE, "group"]).sum().unstack("group", fill_value=0)
    both = donors.reindex(columns=["young", "old"], fill_value=0)
    return [(str(stratum), str(part)) for stratum, part in both.index[(both >= min_donors).all(axis=1)]]


def _at_most(cells: pd.DataFrame, n_cells: int, rng: np.random.Generator) -> pd.DataFrame:
    """At most so many cells of each donor, drawn without replacement, in the order of the file."""
    mixed = cells.iloc[rng.permutation(len(cells))]
    return mixed[mixed.groupby("donor").cumcount() < n_cells].sort_index()


def _clustered(
    path: Path,
    cells: pd.DataFrame,
    resolutions: Sequence[float],
    how: Clustering,
    level: str,
    part: str | None,
) -> States:
    labels, stability = how.labels(path, cells.index.to_list(), resolutions)
    counts = state_composition(labels, cells).rename(columns={"part": "state"})
    place = {"level": level, "part": part}
    labels = labels.join(cells[["stratum", "donor"]].astype(object), on="cell")
    labels = labels.rename(columns={"cell": "row", "cluster": "state"}).assign(**place)
    stability = stability.assign(stratum=cells["stratum"].iloc[0], **place)
    return States(
        counts.assign(state=counts["state"].astype(str), **place)[COUNTS],
        labels.assign(state=labels["state"].astype(str))[LABELS],
        stability.reindex(columns=STABILITY),
    )


def _stacked(found: Sequence[States]) -> States:
    def stack(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
        kept = [frame for frame in frames if len(frame)]
        return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=columns)

    return States(
        stack([one.counts for one in found], COUNTS),
        stack([one.labels for one in found], LABELS),
        stack([one.stability for one in found], STABILITY),
    )


def state_composition(labels: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of every donor in every cluster, at every resolution.

    Parameters
    ----------
    labels
        `cell`, `resolution`, `cluster`: one row a cell and resolution.
    cells
        Index: the cell. Columns `donor`, `stratum`, `group` ("young", "old" or missing). Labels of cells
        that are not here are left out; a cell here without labels is an error.

    Returns
    -------
    One row a (resolution, stratum, donor, part): `group`, `part` (the cluster), `n_cells` > 0.

    Examples
    --------
    >>> labels = pd.DataFrame({"cell": [0, 1, 2], "resolution": 0.8, "cluster": [0, 0, 1]})
    >>> cells = pd.DataFrame({"donor": ["a", "a", "b"], "stratum": "lung", "group": ["young", "young", "old"]})
    >>> state_composition(labels, cells)[["donor", "part", "n_cells"]].values.tolist()
    [['a', 0, 2], ['b', 1, 1]]
    """
    for frame, names in ((labels, ["cell", "resolution", "cluster"]), (cells, UNIT)):
        for name in names:
            if name not in frame:
                raise ColumnError(
                    found=f"no column {name!r}",
                    expected=f"the columns {', '.join(names)}",
                    fix=nearest(name, frame.columns),
                )
    joined = labels.merge(cells[UNIT].astype(object), left_on="cell", right_index=True)
    per_resolution = joined.groupby("resolution")["cell"].nunique().reindex(labels["resolution"].unique())
    short = per_resolution.index[per_resolution != len(cells)]
    if len(short) or len(joined) != len(cells) * len(per_resolution):
        raise LabelError(
            found=f"{len(joined)} labels for {len(cells)} cells at {len(per_resolution)} resolutions",
            expected="one cluster for each cell at each resolution",
            fix="cluster the cells that are compared, or pass those that were clustered",
        )
    joined = joined.rename(columns={"cluster": "part"})
    return (
        joined.groupby(["resolution", *UNIT, "part"], observed=True, dropna=False)
        .size()
        .rename("n_cells")
        .reset_index()
    )


def column_of(resolution: float) -> str:
    """The column of a resolution in the table of clusters.

    >>> column_of(0.8), column_of(1.0)
    ('leiden_0.8', 'leiden_1')
    """
    return f"leiden_{resolution:g}"


def cluster_cells(
    path: Path, composition: Composition, resolutions: Sequence[float], how: Clustering, strata: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Composition]]:
    """The cluster of every counted cell at every resolution, all donors of a stratum clustered together.

    Parameters
    ----------
    path
        The file that the composition was read from.
    composition
        With `cells`: which unit and part each row of the file belongs to.
    resolutions, how
        Of Leiden, and how to cluster.
    strata
        Which ones.

    Returns
    -------
    clusters
        One row a cell: `stratum`, `row` (of the file, the first is 0), `donor`, `part`, and for each resolution a
        column (`column_of`) with the number of its cluster within the stratum, the largest 0.
    stability
        One row a (stratum, resolution): as `concentra.clustering.seed_stability` returns it.
    compositions
        For each resolution, as text, the same cells counted over clusters.

    Examples
    --------
    >>> import tempfile
    >>> from concentra.composition import read
    >>> from concentra.simulate import simulate_atlas
    >>> path = Path(tempfile.mkdtemp()) / "atlas.h5ad"
    >>> truth = simulate_atlas(path, "kimmel2019", n_cells=300, n_genes=50)
    >>> made = read(path, donor="animal")
    >>> how = Clustering(n_variable=50, n_components=10, n_neighbors=15, seed=0, n_seeds=2)
    >>> clusters, stability, fine = cluster_cells(path, made, [0.5], how, ["kidney"])
    >>> clusters.columns.tolist(), int(fine["0.5"].counts.sum()) == len(clusters)
    (['stratum', 'row', 'donor', 'part', 'leiden_0.5'], True)
    """
    assert composition.cells is not None
    unit, part = composition.cells
    rows = np.flatnonzero(unit >= 0)
    known = composition.units.iloc[unit[rows]][list(KEY)].set_index(rows)
    known["part"] = composition.parts.index.to_numpy(dtype=object)[part[rows]]
    known = known.assign(group=None)
    found = cluster_strata(path, known, resolutions, how, strata)
    wide = found.labels.pivot(index=["stratum", "row"], columns="resolution", values="state")
    wide = wide[list(resolutions)].rename(columns=column_of).rename_axis(columns=None).reset_index()
    wide = wide.merge(known[["donor", "part"]], left_on="row", right_index=True)
    names = ["stratum", "row", "donor", "part", *map(column_of, resolutions)]
    clusters = wide.sort_values(["stratum", "row"])[names].reset_index(drop=True)
    compositions = {
        f"{resolution:g}": _over(composition, unit[clusters["row"]], clusters[column_of(resolution)])
        for resolution in resolutions
    }
    return clusters, found.stability.drop(columns=["level", "part"]), compositions


def _over(composition: Composition, unit: NDArray[np.int32], cluster: pd.Series) -> Composition:
    names, place = np.unique(cluster.to_numpy(dtype=object).astype(str), return_inverse=True)
    ones = np.ones(len(unit), dtype=np.int64)
    counts = csr_array((ones, (unit, place)), shape=(len(composition.units), len(names)), dtype=np.int64)
    counts.sum_duplicates()
    parts = pd.DataFrame(index=pd.Index(names.astype(object), name="part"))
    made = replace(composition, counts=counts, parts=parts, cells=None)
    return made.kept(made.n_cells > 0)
