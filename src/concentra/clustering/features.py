"""From expression to components: which cells, and where they lie."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from concentra.clustering._needed import needed
from concentra.errors import ArgumentError, DesignError


def principal_components(matrix: Any, n_components: int = 30, *, seed: int = 0) -> NDArray[np.float32]:
    """Principal components of cells, the first of largest variance; features centred, not scaled.

    A sparse matrix stays sparse: it is centred implicitly (scikit-learn's `PCA` with ARPACK, exact to
    machine precision). A dense one with few features is solved through their covariance.

    Parameters
    ----------
    matrix
        Cells by features, sparse or dense.
    n_components
        How many, at least 1; fewer where the matrix has less than so many cells or features plus one.
    seed
        Start vector of the iteration; it moves the result by rounding only.

    Returns
    -------
    Shape (n_cells, n_components), float32. The sign of each is fixed by its largest loading.
    """
    decomposition = needed("sklearn.decomposition")
    if n_components < 1 or min(matrix.shape) < 2:
        raise ArgumentError(
            found=f"n_components={n_components} of a matrix of {matrix.shape[0]} x {matrix.shape[1]}",
            expected="at least 1 component, of at least 2 cells and 2 features",
            mend="choose more cells, or leave n_components out",
        )
    solver = "arpack" if issparse(matrix) or matrix.shape[1] > 1000 else "covariance_eigh"
    n_kept = min(n_components, min(matrix.shape) - 1)
    model = decomposition.PCA(n_kept, svd_solver=solver, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # ratio of a zero variance
        return np.asarray(model.fit_transform(matrix), dtype=np.float32)


def equal_cells(
    donors: ArrayLike, n_cells: int | None = None, *, rng: int | np.random.Generator
) -> NDArray[np.int64]:
    """Positions of equally many cells of each donor, drawn without replacement, ascending.

    A donor with many cells otherwise has more to say about where clusters lie.

    Parameters
    ----------
    donors
        The donor of each cell, shape (n_cells,).
    n_cells
        Cells of each donor; those of the donor with fewest where left out. A donor with fewer is an error.
    rng
        A seed or a generator.

    Examples
    --------
    >>> equal_cells(["a", "a", "a", "b"], rng=0).size
    2
    """
    names, codes, counts = np.unique(np.asarray(donors), return_inverse=True, return_counts=True)
    wanted = int(counts.min()) if n_cells is None else n_cells
    if wanted < 1 or wanted > counts.min():
        few = names[int(counts.argmin())]
        raise DesignError(
            found=f"donor {str(few)!r} has {counts.min()} cells, {wanted} wanted of each",
            expected="at least 1 cell of each donor, and no more than each has",
            mend="leave n_cells out, or leave the donor out",
        )
    order = np.lexsort((np.random.default_rng(rng).random(codes.size), codes))
    place = np.arange(codes.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(np.sort(order[place < wanted]), dtype=np.int64)
