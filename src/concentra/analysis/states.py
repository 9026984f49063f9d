"""From a file of cells and features to cells of each donor in each state, and what shifts among the states.

`count_types`
    Cells of each donor in each annotated type.
`cluster_strata`, `cluster_types`
    The clusters of each stratum, and within each type: cells of each donor in them, labels, stability (`States`).
`contrast_parts`, `contrast_scales`
    Late against early donors over the states of each type, or over the clusters of each stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from concentra.analysis.contrast import seeded
from concentra.analysis.granularity import shift_null, state_composition, state_concentration, state_contrast
from concentra.errors import DesignError
from concentra.progress import track

COUNTS = ["level", "stratum", "part", "resolution", "donor", "age_group", "state", "n_cells"]
LABELS = ["level", "stratum", "part", "resolution", "row", "donor", "state"]
STABILITY = ["level", "stratum", "part", "resolution", "n_cells", "n_seeds", "n_clusters_low", "n_clusters_high",
             "rand_index_mean", "rand_index_low"]  # fmt: skip
PLACE = ["stratum", "part"]
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
        `donor`, `stratum`, `part`, `age_group`; cells without a type are left out.

    Returns
    -------
    One row a (stratum, donor, state): `level` "types", `part` missing, `resolution` `ANNOTATED`, `state` the type.

    Examples
    --------
    >>> cells = pd.DataFrame({"stratum": "lung", "donor": list("aab"), "part": ["T", "T", None], "age_group": "early"})
    >>> count_types(cells)[["donor", "state", "n_cells"]].values.tolist()
    [['a', 'T', 2]]
    """
    known = cells[cells["part"].notna()]
    by = ["stratum", "donor", "age_group", "part"]
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
    >>> found = cluster_strata(path, cells.assign(age_group="early"), [0.5], how, ["kidney"])
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
    >>> names = ["stratum", "donor", "part", "age_group"]
    >>> cells = read_labels(path, ["tissue", "animal", "cell_type", "age"]).set_axis(names, axis=1).astype(object)
    >>> cells["age_group"] = cells["age_group"].map({"young": "early", "old": "late"})
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
        drawn = _at_most(here, most_cells, seeded(how.seed, str(stratum), str(part)))
        frames.append(_clustered(path, drawn, resolutions, how, "states", part))
    return _stacked(frames)


def types_compared(cells: pd.DataFrame, *, min_cells: int, min_donors: int) -> list[tuple[str, str]]:
    """The (stratum, type) in which each group has `min_donors` donors with `min_cells` cells.

    >>> cells = pd.DataFrame({"stratum": "lung", "part": "B", "donor": list("aabb"),
    ...                       "age_group": ["early"] * 2 + ["late"] * 2})
    >>> types_compared(cells, min_cells=2, min_donors=1), types_compared(cells, min_cells=3, min_donors=1)
    ([('lung', 'B')], [])
    """
    sizes = cells.groupby([*PLACE, "age_group", "donor"], observed=True).size()
    donors = (sizes >= min_cells).groupby([*PLACE, "age_group"]).sum().unstack("age_group", fill_value=0)
    both = donors.reindex(columns=["early", "late"], fill_value=0)
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


def contrast_parts(
    counts: pd.DataFrame, *, min_cells: int, alpha: float, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Concentration over states of every donor in every type, and late against early donors.

    Parameters
    ----------
    counts
        As `cluster_types` returns it; the family of tests is all (stratum, type) in it.
    min_cells, alpha
        As for `concentra.analysis.granularity.state_contrast`.
    level, seed
        Of the central range of the null, and of its arrangements, as for `concentra.analysis.granularity.shift_null`.

    Returns
    -------
    units
        `stratum`, `part`, and the columns of `state_concentration`.
    contrast
        One row a (stratum, part, resolution, metric): those of `contrast_scales`.

    Examples
    --------
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = pd.DataFrame([("lung", "T", 0.8, donor, "early" if donor < "c" else "late", state, n)
    ...     for donor, both in counts.items() for state, n in zip("01", both, strict=True)],
    ...     columns=["stratum", "part", "resolution", "donor", "age_group", "state", "n_cells"])
    >>> units, found = contrast_parts(rows, min_cells=50, alpha=0.05, level=0.95, seed=0)
    >>> found[["part", "metric", "shift"]].round(3).values.tolist()[0]
    ['T', 'gini_present', 0.3]
    """
    if counts.empty:
        return pd.DataFrame(), pd.DataFrame()
    places = counts[PLACE].drop_duplicates().reset_index(drop=True)
    places["place"] = [f"{number:06d}" for number in range(len(places))]
    keyed = counts.merge(places, on=PLACE).drop(columns=PLACE).rename(columns={"place": "stratum"})
    units, found = contrast_scales(keyed, min_cells=min_cells, alpha=alpha, level=level, seed=seed)
    named = places.rename(columns={"stratum": "tissue"})
    return tuple(  # type: ignore[return-value]
        frame.rename(columns={"stratum": "place"})
        .merge(named, on="place")
        .drop(columns="place")
        .rename(columns={"tissue": "stratum"})
        for frame in (units, found)
    )


def contrast_scales(
    counts: pd.DataFrame, *, min_cells: int, alpha: float, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Concentration of every donor at every resolution, and late against early donors, the null beside it.

    Parameters
    ----------
    counts
        `stratum`, `resolution`, `donor`, `age_group`, `state`, `n_cells`; annotated types are one more resolution.
    min_cells, alpha, level, seed
        As for `contrast_parts`.

    Returns
    -------
    units
        As `concentra.analysis.granularity.state_concentration` returns it.
    contrast
        One row a (stratum, resolution, metric): the columns of `concentra.analysis.granularity.state_contrast`, and
        `null_low`, `null_high`, `p_permutation` of `concentra.analysis.granularity.shift_null`.

    Examples
    --------
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = pd.DataFrame([("lung", 0.8, donor, "early" if donor < "c" else "late", state, n)
    ...     for donor, both in counts.items() for state, n in zip("01", both, strict=True)],
    ...     columns=["stratum", "resolution", "donor", "age_group", "state", "n_cells"])
    >>> units, found = contrast_scales(rows, min_cells=50, alpha=0.05, level=0.95, seed=0)
    >>> found[["metric", "shift", "verdict"]].round(3).values.tolist()[0]
    ['gini_present', 0.3, 'cannot reach']
    """
    if counts.empty:
        return pd.DataFrame(), pd.DataFrame()
    parts = counts.drop(columns="part", errors="ignore").rename(columns={"state": "part"})
    units = state_concentration(parts)
    compared = units[units["age_group"].isin(["early", "late"])]
    found = state_contrast(compared, min_cells=min_cells, alpha=alpha)
    null = shift_null(compared, min_cells=min_cells, rng=seed, level=level)
    extra = null[["stratum", "resolution", "metric", "null_low", "null_high", "p_permutation"]]
    keys = ["stratum", "resolution", "metric"]
    return units, found.merge(extra, on=keys, how="left", validate="one_to_one")


def agreement(directions: Sequence[str | None], hypothesis: str | None) -> tuple[str, int]:
    """The direction that is counted, and at how many resolutions it is found.

    The direction is the hypothesis where there is one, else the most frequent one (the first of equals).

    >>> agreement(["disperses", "mixed", "disperses"], None), agreement(["mixed", None], "disperses")
    (('disperses', 2), ('disperses', 0))
    """
    known = [one for one in directions if one]
    if not known and hypothesis is None:
        raise DesignError(
            found="no direction at any resolution",
            expected="donors of both groups",
            fix="leave the stratum out",
        )
    counted = hypothesis or max(dict.fromkeys(known), key=known.count)
    return counted, known.count(counted)
