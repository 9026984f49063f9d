"""Clusters: the graph is that of its definition and of umap, planted groups come back, seeds agree."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from concentra.clustering import (
    cluster_cells,
    equal_cells,
    leiden_labels,
    neighbour_graph,
    principal_components,
    seed_stability,
)
from concentra.clustering.graph import membership
from concentra.errors import ArgumentError, DesignError, MissingDependencyError

pytestmark = pytest.mark.clustering
sklearn_metrics = pytest.importorskip("sklearn.metrics")
igraph = pytest.importorskip("igraph")


@pytest.fixture(scope="module")
def groups():
    return np.repeat(np.arange(5), [150, 120, 90, 60, 30])


@pytest.fixture(scope="module")
def matrix(groups):
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 3, (5, 20))
    return (centres[groups] + rng.normal(size=(groups.size, 20))).astype(np.float32)


@pytest.fixture(scope="module")
def graph(matrix):
    return neighbour_graph(principal_components(matrix, 10))


def slow_graph(points, k):
    """One cell, one bisection, one pair at a time."""
    n = len(points)
    weights = np.zeros((n, n))
    for i in range(n):
        nearest = sorted((math.dist(points[i], points[j]), j) for j in range(n) if j != i)[: k - 1]
        rho = next((distance for distance, _ in nearest if distance > 0), 0.0)
        low, high = 0.0, 1e6
        for _ in range(200):
            sigma = (low + high) / 2
            total = sum(math.exp(-max(0.0, distance - rho) / sigma) for distance, _ in nearest)
            low, high = (low, sigma) if total > math.log2(k) else (sigma, high)
        for distance, j in nearest:
            weights[i, j] = math.exp(-max(0.0, distance - rho) / sigma)
    return weights + weights.T - weights * weights.T


def test_the_graph_is_that_of_its_definition(matrix):
    points = matrix[::9].astype(np.float64)
    assert np.allclose(neighbour_graph(points, 8).toarray(), slow_graph(points, 8), atol=1e-5)


@pytest.mark.slow  # umap compiles for half a minute
def test_the_graph_is_that_of_umap(matrix):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        umap = pytest.importorskip("umap.umap_")
        neighbors = pytest.importorskip("sklearn.neighbors")
        search = neighbors.NearestNeighbors(n_neighbors=15, algorithm="brute").fit(matrix)
        distances, indices = search.kneighbors(matrix)
        distances[:, 0] = 0.0  # of each cell to itself: brute force rounds
        reference = umap.fuzzy_simplicial_set(
            matrix, 15, np.random.RandomState(0), "euclidean", knn_indices=indices, knn_dists=distances
        )[0]
    found = neighbour_graph(matrix, 15)
    assert found.nnz == reference.nnz
    assert abs(found - reference).max() < 2e-3  # umap stops its bisection at 1e-5 of the sum


def test_weights_of_each_cell_sum_to_the_target():
    distances = np.sort(np.random.default_rng(1).gamma(2, 1, (50, 14)), axis=1)
    assert np.allclose(membership(distances, math.log2(15)).sum(axis=1), math.log2(15), atol=1e-9)


def test_cells_at_the_same_place_are_joined_fully():
    points = np.zeros((6, 2))
    assert np.allclose(neighbour_graph(points, 4).data, 1.0)


def test_fewer_cells_than_neighbours_join_all():
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert neighbour_graph(points, 15).nnz == 20


@pytest.mark.parametrize("covariance_up_to", [4000, 1])
def test_components_are_those_of_the_singular_values(matrix, covariance_up_to, monkeypatch):
    monkeypatch.setattr("concentra.clustering.features.COVARIANCE_UP_TO", covariance_up_to)
    monkeypatch.setattr("concentra.clustering.features.BLOCK_CELLS", 70)
    centred = matrix.astype(float) - matrix.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = np.abs(left[:, :6] * values[:6])
    for given in (matrix, csr_matrix(matrix)):
        assert np.allclose(np.abs(principal_components(given, 6)), expected, atol=1e-3)


def test_planted_groups_come_back_numbered_by_size(matrix, groups):
    labels = cluster_cells(matrix, [0.2, 0.5], n_components=10, seed=1)
    assert labels.columns.tolist() == ["cell", "resolution", "cluster"]
    for _, rows in labels.groupby("resolution"):
        assert sklearn_metrics.adjusted_rand_score(groups, rows["cluster"]) == 1.0
        assert (rows["cluster"].to_numpy() == groups).all()
        assert (rows["cell"].to_numpy() == np.arange(groups.size)).all()


def test_higher_resolutions_give_more_clusters(graph):
    numbers = leiden_labels(graph, [0.1, 1.0, 5.0]).groupby("resolution")["cluster"].nunique()
    assert numbers.is_monotonic_increasing
    assert numbers.iloc[-1] > numbers.iloc[0]


def test_modularity_is_at_least_that_of_the_planted_groups(graph, groups):
    def modularity(member, resolution):
        strength = np.asarray(graph.sum(axis=1)).ravel()
        total = strength.sum()
        same = member[:, None] == member[None, :]
        return ((graph.toarray() - resolution * np.outer(strength, strength) / total) * same).sum() / total

    for resolution in (0.5, 2.0):
        found = leiden_labels(graph, [resolution])["cluster"].to_numpy()
        assert modularity(found, resolution) >= modularity(groups, resolution) - 1e-9


def test_clusters_are_those_of_scanpy(graph):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scanpy = pytest.importorskip("scanpy")
        anndata = pytest.importorskip("anndata")
        reference = anndata.AnnData(np.zeros((graph.shape[0], 1), dtype=np.float32))
        scanpy.tl.leiden(
            reference,
            resolution=1.0,
            adjacency=graph,
            flavor="igraph",
            n_iterations=2,
            directed=False,
            random_state=0,
        )
    ours = leiden_labels(graph, [1.0])["cluster"]
    assert sklearn_metrics.adjusted_rand_score(ours, reference.obs["leiden"]) > 0.9


def test_the_same_seed_gives_the_same_clusters_and_leaves_igraph_as_it_was(graph):
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    first, second = (leiden_labels(graph, [1.0, 3.0], seed=2) for _ in range(2))
    assert first.equals(second)
    assert random.random() == expected


def test_stability_is_one_for_clear_groups(graph):
    table = seed_stability(graph, [0.2, 20.0], seeds=[0, 1, 2]).set_index("resolution")
    assert table.loc[0.2, "rand_index_low"] == 1.0
    assert table.loc[0.2, "n_clusters_low"] == table.loc[0.2, "n_clusters_high"] == 5
    assert table.loc[20.0, "rand_index_mean"] < 1.0
    assert (table["rand_index_low"] <= table["rand_index_mean"]).all()


def test_equal_cells_draws_as_many_of_each_donor():
    donors = np.repeat(["a", "b", "c"], [50, 20, 80])
    chosen = equal_cells(donors, rng=1)
    assert np.unique(donors[chosen], return_counts=True)[1].tolist() == [20, 20, 20]
    assert (np.diff(chosen) > 0).all()
    assert equal_cells(donors, 5, rng=1).size == 15
    assert (equal_cells(donors, rng=1) == chosen).all()
    with pytest.raises(DesignError, match="donor 'b' has 20 cells, 21 wanted"):
        equal_cells(donors, 21, rng=1)


def test_every_cell_of_a_donor_is_as_likely():
    drawn = np.bincount(np.concatenate([equal_cells(["a"] * 6 + ["b"] * 2, rng=i) for i in range(3000)]))
    assert np.allclose(drawn[:6] / 3000, 1 / 3, atol=0.035)


def test_wrong_arguments_are_named(graph, matrix):
    for resolutions in ([], [0.0], [1.0, 1.0], [math.nan]):
        with pytest.raises(ArgumentError, match="at least one resolution > 0"):
            leiden_labels(graph, resolutions)
    with pytest.raises(ArgumentError, match="n_neighbors=1"):
        neighbour_graph(matrix, 1)
    with pytest.raises(ArgumentError, match="n_components=0"):
        principal_components(matrix, 0)
    with pytest.raises(ArgumentError, match="two seeds"):
        seed_stability(graph, [1.0], seeds=[1, 1])


def test_a_missing_package_is_named(matrix, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("concentra.clustering._needed.import_module", absent)
    with pytest.raises(MissingDependencyError, match=r"scikit-learn is not installed"):
        neighbour_graph(matrix)


@pytest.mark.slow
def test_approximate_neighbours_agree_with_exact_ones(matrix):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("pynndescent")
        found = neighbour_graph(matrix, 15, method="approximate")
    exact = neighbour_graph(matrix, 15)
    shared = (found > 0).multiply(exact > 0).sum()
    assert shared > 0.97 * exact.nnz
    assert found.diagonal().sum() == 0
