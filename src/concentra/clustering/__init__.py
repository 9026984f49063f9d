"""From expression to labels: clusters of cells, over all donors together, at several resolutions.

`cluster_cells`
    The whole way: components, one graph, clusters at every resolution.
`principal_components`, `equal_cells`
    Components of cells; equally many cells of each donor (`concentra.clustering.features`).
`neighbour_graph`
    One graph for all resolutions (`concentra.clustering.graph`).
`leiden_labels`, `seed_stability`
    Clusters, and how stable they are over seeds (`concentra.clustering.leiden`).

Clusters found donor by donor cannot be compared: cluster all donors of a tissue together, then count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from concentra.clustering.features import equal_cells, principal_components
from concentra.clustering.graph import neighbour_graph
from concentra.clustering.leiden import leiden_labels, seed_stability

__all__ = [
    "RESOLUTIONS",
    "cluster_cells",
    "equal_cells",
    "leiden_labels",
    "neighbour_graph",
    "principal_components",
    "seed_stability",
]

RESOLUTIONS = (0.4, 0.6, 0.8, 1.0, 1.2)
"""The resolutions at which cells are clustered unless others are asked for: 0.4, 0.6, 0.8, 1.0, 1.2."""


def cluster_cells(
    matrix: Any,
    resolutions: Sequence[float] = RESOLUTIONS,
    *,
    n_components: int = 50,
    n_neighbors: int = 15,
    seed: int = 0,
    cells: ArrayLike | None = None,
) -> pd.DataFrame:
    """The cluster of every cell at every resolution: principal components, one neighbour graph, Leiden.

    Parameters
    ----------
    matrix
        Cells by features, sparse or dense, such as `Expression.matrix`.
    resolutions
        Of `leiden_labels`.
    n_components, n_neighbors
        Of `principal_components` and `neighbour_graph`.
    seed
        Of components, search and clusters.
    cells
        Names of the cells, such as `Expression.rows`; 0, 1, ... where left out.

    Returns
    -------
    DataFrame
        `cell`, `resolution`, `cluster`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> cells = np.concatenate([rng.normal(0, 1, (60, 5)), rng.normal(9, 1, (40, 5))])  # two clouds
    >>> labels = cluster_cells(cells, [0.1])
    >>> labels["cluster"].value_counts().tolist()
    [60, 40]
    """
    components = principal_components(matrix, n_components, seed=seed)
    graph = neighbour_graph(components, n_neighbors, seed=seed)
    return leiden_labels(graph, resolutions, seed=seed, cells=cells)
