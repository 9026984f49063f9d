"""Anyone's cohort at several granularities: all cells of a stratum clustered together, each comparison at every scale.

Clusters found donor by donor cannot be compared, so one graph holds the cells of all donors of a stratum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from concentra.analysis.compare import compare
from concentra.analysis.concentration import concentration
from concentra.analysis.granularity import compare_scales
from concentra.analysis.question import Comparison
from concentra.analysis.states import ANNOTATED, Clustering, cluster_strata


@dataclass(frozen=True)
class Scales:
    """Cells that can be clustered.

    Attributes
    ----------
    path
        The file that holds their expression.
    cells
        One row a cell: `stratum`, `donor`, `part` and the columns that the plan names, as text; index: its row in
        the file.
    resolutions
        Of Leiden.
    how
        How to cluster.
    """

    path: Path
    cells: pd.DataFrame
    resolutions: tuple[float, ...]
    how: Clustering


def column_of(resolution: float) -> str:
    """The column of a resolution in the table of clusters.

    >>> column_of(0.8), column_of(1.0)
    ('leiden_0.8', 'leiden_1')
    """
    return f"leiden_{resolution:g}"


def cluster_cells(scales: Scales, strata: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cluster of every cell at every resolution, all donors of a stratum clustered together.

    Parameters
    ----------
    strata
        Which ones; a cell without stratum, donor or part is not clustered, so that every scale has the same cells.

    Returns
    -------
    clusters
        One row a cell: `stratum`, `row` (of the file, the first is 0), `donor`, `part`, and for each resolution a
        column (`column_of`) with the number of its cluster within the stratum, the largest 0.
    stability
        One row a (stratum, resolution): as `concentra.clustering.seed_stability` returns it.

    Examples
    --------
    >>> import tempfile
    >>> from concentra.io.cells import read_labels
    >>> from concentra.simulate import simulate_atlas
    >>> path = Path(tempfile.mkdtemp()) / "atlas.h5ad"
    >>> truth = simulate_atlas(path, "kimmel2019", n_cells=300, n_genes=50)
    >>> cells = read_labels(path, ["tissue", "animal", "cell_type"]).set_axis(["stratum", "donor", "part"], axis=1)
    >>> how = Clustering(n_variable=50, n_components=10, n_neighbors=15, seed=0, n_seeds=2)
    >>> clusters, stability = cluster_cells(Scales(path, cells.astype(object), (0.5,), how), ["kidney"])
    >>> clusters.columns.tolist(), len(stability)
    (['stratum', 'row', 'donor', 'part', 'leiden_0.5'], 1)
    >>> clusters["row"].tolist() == cells.index[cells["stratum"] == "kidney"].tolist()
    True
    """
    known = scales.cells[["stratum", "donor", "part"]].dropna().assign(age_group=None)
    found = cluster_strata(scales.path, known, scales.resolutions, scales.how, strata)
    wide = found.labels.pivot(index=["stratum", "row"], columns="resolution", values="state")
    wide = wide[list(scales.resolutions)].rename(columns=column_of).rename_axis(columns=None).reset_index()
    clusters = wide.merge(known[["donor", "part"]], left_on="row", right_index=True).sort_values(
        ["stratum", "row"]
    )
    names = ["stratum", "row", "donor", "part", *map(column_of, scales.resolutions)]
    return clusters[names].reset_index(drop=True), found.stability.drop(columns=["level", "part"])


def compositions(
    clusters: pd.DataFrame, composition: pd.DataFrame, resolutions: Sequence[float]
) -> dict[float, pd.DataFrame]:
    """The composition over clusters at every resolution, with the labels that units have in `composition`.

    Parameters
    ----------
    clusters
        As `cluster_cells` returns it.
    composition
        Over annotated types: `stratum`, `donor`, `part`, `n_cells`, and columns about units.

    Examples
    --------
    >>> clusters = pd.DataFrame({"stratum": "lung", "donor": ["a", "a", "b"], "leiden_1": ["0", "1", "0"]})
    >>> types = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "age": ["3m", "24m"], "part": "T", "n_cells": 1})
    >>> compositions(clusters, types, [1.0])[1.0].values.tolist()
    [['lung', 'a', '0', 1, '3m'], ['lung', 'a', '1', 1, '3m'], ['lung', 'b', '0', 1, '24m']]
    """
    unit = ["stratum", "donor"]
    about = composition.drop(columns=["part", "n_cells", "share"], errors="ignore").drop_duplicates(unit)
    made = {}
    for resolution in resolutions:
        cells = clusters[unit].assign(part=clusters[column_of(resolution)])
        counts = cells.groupby([*unit, "part"]).size().rename("n_cells").reset_index()
        made[resolution] = counts.merge(about, on=unit, how="inner", validate="many_to_one")
    return made


def measured(fine: Mapping[float, pd.DataFrame], *, depth: int) -> pd.DataFrame:
    """Concentration over clusters of every unit at every resolution: `resolution`, then as `concentration`.

    >>> rows = pd.DataFrame({"stratum": "lung", "donor": "a", "part": ["0", "1"], "n_cells": [75, 25]})
    >>> measured({0.8: rows}, depth=20)[["resolution", "donor", "gini_present"]].values.tolist()
    [[0.8, 'a', 0.25]]
    """
    frames = [
        concentration(rows, rarefaction_cells=depth).assign(resolution=resolution)
        for resolution, rows in fine.items()
    ]
    made = pd.concat(frames, ignore_index=True)
    made.insert(0, "resolution", made.pop("resolution"))
    return made


def contrast_scales(
    fine: Mapping[float, pd.DataFrame],
    coarse: pd.DataFrame,
    comparison: Comparison,
    *,
    min_cells: int,
    depth: int,
    alpha: float,
    level: float,
    n_draws: int,
    rng: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One comparison over clusters at every resolution, beside that over annotated types.

    Parameters
    ----------
    fine
        As `compositions` returns it.
    coarse
        The comparison over annotated types, as `concentra.analysis.compare.compare` returns it.
    min_cells, depth, alpha, level, n_draws, rng
        As for `concentra.analysis.compare.compare`. The family of tests is one metric at one resolution, over
        strata: resolutions are views of the same cells, not further hypotheses.

    Returns
    -------
    granularity
        `resolution` (0: annotated types), then the columns of `compare`, for the strata that were clustered.
    scales
        As `concentra.analysis.granularity.compare_scales` returns it.

    Examples
    --------
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = pd.DataFrame([("lung", donor, "3m" if donor < "c" else "24m", part, n)
    ...     for donor, both in counts.items() for part, n in zip("01", both, strict=True)],
    ...     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> asked = Comparison("age", ("3m",), ("24m",))
    >>> how = {"min_cells": 50, "depth": 50, "alpha": 0.05, "level": 0.95, "n_draws": 100, "rng": 0}
    >>> types = compare(rows, asked, **how)
    >>> found, scales = contrast_scales({0.8: rows}, types, asked, **how)
    >>> found.loc[found["metric"] == "gini_present", ["resolution", "shift"]].round(3).values.tolist()
    [[0.0, 0.3], [0.8, 0.3]]
    """
    strata = set().union(*(set(rows["stratum"]) for rows in fine.values()))
    types = coarse[coarse["stratum"].isin(strata)]
    frames = [types.assign(resolution=ANNOTATED)]
    for resolution, rows in fine.items():
        found = compare(
            rows, comparison, min_cells=min_cells, depth=depth, alpha=alpha, level=level, n_draws=n_draws, rng=rng
        )  # fmt: skip
        frames.append(found.assign(resolution=resolution))
    made = pd.concat(frames, ignore_index=True)
    made.insert(0, "resolution", made.pop("resolution"))
    return made, compare_scales(types, made[made["resolution"] != ANNOTATED])
