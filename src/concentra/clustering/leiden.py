"""Communities of the neighbour graph at several resolutions, and how stable they are over seeds."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, triu

from concentra.clustering._needed import needed
from concentra.errors import ArgumentError

N_ITERATIONS = 2


def leiden_labels(
    graph: csr_matrix,
    resolutions: Sequence[float],
    *,
    seed: int = 0,
    cells: ArrayLike | None = None,
) -> pd.DataFrame:
    r"""The cluster of every cell at every resolution, by the Leiden algorithm on modularity.

    .. math:: Q = \frac{1}{2m} \sum_{ij} (w_{ij} - \gamma \tfrac{s_i s_j}{2m}) [c_i = c_j]

    with weights w, strengths :math:`s_i = \sum_j w_{ij}`, :math:`2m = \sum_i s_i` and resolution
    :math:`\gamma`. Two iterations, as scanpy's flavour "igraph".

    Parameters
    ----------
    graph
        Symmetric weights, shape (n_cells, n_cells), from `neighbour_graph`.
    resolutions
        Values of :math:`\gamma` > 0, each once; larger give more clusters.
    seed
        The same seed gives the same clusters on the same machine. Across processors they may differ: keep the
        table, compare by the adjusted Rand index.
    cells
        Names of the cells, shape (n_cells,); 0, 1, ... where left out.

    Returns
    -------
    DataFrame
        `cell`, `resolution`, `cluster`: one row a cell and resolution; clusters are numbered from 0 by falling
        size.

    References
    ----------
    Traag, Waltman & van Eck 2019, Scientific Reports 9:5233. Reichardt & Bornholdt 2006, Physical Review E
    74:016110 (resolution).

    Examples
    --------
    >>> pairs = csr_matrix(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=float))
    >>> leiden_labels(pairs, [1.0])["cluster"].tolist()
    [0, 0, 1, 1]
    """
    values = _checked(graph, resolutions)
    names = np.arange(graph.shape[0]) if cells is None else np.asarray(cells)
    network = _network(graph)
    clusters = [_communities(network, resolution, seed) for resolution in values]
    return pd.DataFrame(
        {
            "cell": np.tile(names, len(values)),
            "resolution": np.repeat(values, names.size),
            "cluster": np.concatenate(clusters),
        }
    )


def seed_stability(
    graph: csr_matrix, resolutions: Sequence[float], seeds: Sequence[int] = tuple(range(5))
) -> pd.DataFrame:
    """How alike the clusters of different seeds are: the adjusted Rand index over all pairs of seeds.

    Parameters
    ----------
    graph, resolutions
        As for `leiden_labels`.
    seeds
        At least two.

    Returns
    -------
    DataFrame
        `resolution`, `n_seeds`, `n_clusters_low`, `n_clusters_high`, `rand_index_mean`, `rand_index_low`;
        the index is 1 for identical clusters and about 0 for unrelated ones (Hubert & Arabie 1985, Journal of
        Classification 2:193).

    Examples
    --------
    >>> pairs = csr_matrix(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=float))
    >>> seed_stability(pairs, [1.0], seeds=[0, 1])[["n_clusters_low", "rand_index_low"]].values.tolist()
    [[2.0, 1.0]]
    """
    if len(set(seeds)) < 2:
        raise ArgumentError(found=f"seeds {list(seeds)}", expected="two seeds", fix="give several seeds")
    metrics = needed("sklearn.metrics")
    values, network = _checked(graph, resolutions), _network(graph)
    rows = []
    for resolution in values:
        runs = [_communities(network, resolution, seed) for seed in dict.fromkeys(seeds)]
        sizes = [int(run.max()) + 1 for run in runs]
        index = [metrics.adjusted_rand_score(first, second) for first, second in combinations(runs, 2)]
        rows.append(
            {
                "resolution": resolution,
                "n_seeds": len(runs),
                "n_clusters_low": min(sizes),
                "n_clusters_high": max(sizes),
                "rand_index_mean": float(np.mean(index)),
                "rand_index_low": float(np.min(index)),
            }
        )
    return pd.DataFrame(rows)


def _checked(graph: csr_matrix, resolutions: Sequence[float]) -> list[float]:
    values = [float(value) for value in resolutions]
    valid = bool(values) and all(np.isfinite(value) and value > 0 for value in values)
    if not valid or len(set(values)) < len(values) or graph.shape[0] != graph.shape[1]:
        raise ArgumentError(
            found=f"resolutions {values} on a graph of {graph.shape[0]} x {graph.shape[1]}",
            expected="at least one resolution > 0, each once, and a square graph",
            fix="write resolutions=[0.4, 0.8, 1.2] and pass the result of `neighbour_graph`",
        )
    return values


def _network(graph: csr_matrix) -> Any:
    igraph = needed("igraph")
    upper = triu(graph, k=1).tocoo()
    edges = np.column_stack([upper.row, upper.col])
    return igraph.Graph(n=graph.shape[0], edges=edges, edge_attrs={"weight": upper.data.tolist()})


def _communities(network: Any, resolution: float, seed: int) -> NDArray[np.int64]:
    with _seeded(seed):
        found = network.community_leiden(
            objective_function="modularity",
            weights="weight",
            resolution=resolution,
            n_iterations=N_ITERATIONS,
        )
    member = np.asarray(found.membership)
    rank = np.argsort(np.argsort(-np.bincount(member), kind="stable"), kind="stable")
    return np.asarray(rank[member], dtype=np.int64)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """igraph has one generator for the whole process: lend it ours, and give its own back."""
    igraph = needed("igraph")
    igraph.set_random_number_generator(random.Random(seed))
    try:
        yield
    finally:
        igraph.set_random_number_generator(random)
