"""One neighbour graph of cells, which serves all resolutions."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from concentra.clustering._needed import needed
from concentra.errors import ArgumentError

EXACT_UP_TO = 100_000
"""Cells up to which `method="auto"` searches exactly; beyond, time grows with the square of their number."""

N_STEPS = 64
SMALLEST_SCALE = 1e-3

Floats = NDArray[np.float64]


def neighbour_graph(
    components: NDArray[np.float32],
    n_neighbors: int = 15,
    *,
    method: Literal["auto", "exact", "approximate"] = "auto",
    seed: int = 0,
) -> csr_matrix:
    r"""The weighted graph of nearest neighbours, symmetric, weights in (0, 1].

    Cell i joins its k - 1 nearest others j with the weight

    .. math:: w_{ij} = \exp(-\max(0, d_{ij} - \rho_i) / \sigma_i), \qquad \sum_j w_{ij} = \log_2 k

    where :math:`\rho_i` is the distance to the nearest other cell that is not at the same place, and
    :math:`\sigma_i` solves the second equation. The graph is the probabilistic union
    :math:`w_{ij} + w_{ji} - w_{ij} w_{ji}`.

    Parameters
    ----------
    components
        Cells by components.
    n_neighbors
        k, the cell itself counted, as scanpy and umap count; at least 2. Cells fewer than k join all others.
    method
        "exact": brute force, the same on every run. "approximate": nearest neighbour descent (pynndescent).
        "auto": exact up to `EXACT_UP_TO` cells.
    seed
        Of the approximate search.

    Returns
    -------
    csr_matrix, shape (n_cells, n_cells), float64, no diagonal.

    Notes
    -----
    The same weights as those of scanpy's `pp.neighbors`, without compiling anything.

    References
    ----------
    McInnes, Healy & Melville 2018, arXiv:1802.03426, sections 3.1 and 4.1 (algorithms 2 and 3).

    Examples
    --------
    >>> cells = np.array([[0.0], [1.0], [10.0], [11.0]], dtype=np.float32)
    >>> neighbour_graph(cells, 2).toarray().tolist()  # two pairs, each other's nearest
    [[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]]
    """
    n_cells = components.shape[0]
    if n_neighbors < 2 or n_cells < 2:
        raise ArgumentError(
            found=f"n_neighbors={n_neighbors}, {n_cells} cells",
            expected="at least 2 neighbours (the cell itself counted) and 2 cells",
            fix="leave n_neighbors out for 15",
        )
    k = min(n_neighbors, n_cells)
    exact = method == "exact" or (method == "auto" and n_cells <= EXACT_UP_TO)
    distances, indices = _exact(components, k - 1) if exact else _approximate(components, k, seed)
    weights = membership(distances, float(np.log2(k)))
    pointers = np.arange(0, weights.size + 1, weights.shape[1])
    directed = csr_matrix((weights.ravel(), indices.ravel(), pointers), shape=(n_cells, n_cells))
    directed.eliminate_zeros()
    both = directed + directed.T - directed.multiply(directed.T)
    return csr_matrix(both)


def membership(distances: Floats, target: float) -> Floats:
    r"""Weights of each cell's neighbours whose sum is `target`, found by bisection for all cells at once.

    Parameters
    ----------
    distances
        To the nearest others, ascending, shape (n_cells, k - 1).
    target
        The sum wanted, :math:`\log_2 k`.

    Returns
    -------
    Weights of the same shape. The scale is not let fall below a thousandth of the mean distance, so that the
    sum is larger where many neighbours are nearly as close as the nearest.
    """
    nearest = np.min(np.where(distances > 0, distances, np.inf), axis=1, initial=np.inf)
    nearest = np.where(np.isfinite(nearest), nearest, 0.0)
    beyond = np.maximum(0.0, distances - nearest[:, None])
    low, high, scale = np.zeros(len(beyond)), np.full(len(beyond), np.inf), np.ones(len(beyond))
    for _ in range(N_STEPS):
        above = np.exp(-beyond / scale[:, None]).sum(axis=1) > target
        high, low = np.where(above, scale, high), np.where(above, low, scale)
        scale = np.where(np.isfinite(high), (low + high) / 2, scale * 2)
        scale = np.clip(scale, 1e-300, 1e300)
    mean = np.where(nearest > 0, _mean_with_self(distances), _mean_with_self(distances).mean())
    floor = np.maximum(SMALLEST_SCALE * mean, np.finfo(float).tiny)
    return np.asarray(np.exp(-beyond / np.maximum(scale, floor)[:, None]))


def _mean_with_self(distances: Floats) -> Floats:
    return np.asarray(distances.sum(axis=1) / (distances.shape[1] + 1))


def _exact(components: NDArray[np.float32], n_others: int) -> tuple[Floats, NDArray[np.int64]]:
    neighbors = needed("sklearn.neighbors")
    search = neighbors.NearestNeighbors(n_neighbors=n_others, algorithm="brute").fit(components)
    distances, indices = search.kneighbors()
    return distances.astype(np.float64), indices


def _approximate(components: NDArray[np.float32], k: int, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    descent = needed("pynndescent")
    indices, distances = descent.NNDescent(components, n_neighbors=k, random_state=seed).neighbor_graph
    # The cell itself comes first unless another lies at the same place: move it there, then drop it.
    itself = indices == np.arange(len(indices))[:, None]
    itself[~itself.any(axis=1), -1] = True
    order = np.argsort(~itself, axis=1, kind="stable")[:, 1:]
    taken = (np.take_along_axis(values, order, axis=1) for values in (distances, indices))
    nearest, others = taken
    return nearest.astype(np.float64), others.astype(np.int64)
