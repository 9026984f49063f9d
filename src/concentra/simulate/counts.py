"""Expression: profiles of states with marker genes, and counts drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from concentra.simulate.tissues import PlantedTissue

TYPE_FOLD, STATE_FOLD = 8.0, 6.0
TARGET = 1e4


def profiles(tissues: Sequence[PlantedTissue], n_genes: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Cumulative expression of every state of every tissue, state after state; shape (n_states, n_genes).

    A base profile, log-normal over genes, is the same for all. Each type raises its own marker genes
    `TYPE_FOLD` times and each state its own `STATE_FOLD` times; markers are drawn from the more expressed
    half of the genes. Row s ends at 1: `searchsorted` turns a uniform number into a gene.
    """
    base = np.exp(rng.normal(0.0, 1.2, n_genes))
    expressed = np.flatnonzero(base >= np.median(base))
    rows = []
    for tissue in tissues:
        for shift in tissue.states:
            of_type = base.copy()
            of_type[rng.choice(expressed, _n_markers(n_genes, 50), replace=False)] *= TYPE_FOLD
            for _ in range(shift.early.size):
                row = of_type.copy()
                row[rng.choice(expressed, _n_markers(n_genes, 60), replace=False)] *= STATE_FOLD
                rows.append(row)
    cumulative = np.cumsum(rows, axis=1)
    cumulative /= cumulative[:, -1:]
    cumulative[:, -1] = 1.0
    return cumulative


def _n_markers(n_genes: int, one_in: int) -> int:
    """How many genes mark a type or state: one in so many, 8 to 200, at most a quarter."""
    return max(1, min(max(8, n_genes // one_in), 200, n_genes // 4))


def draw_counts(
    cumulative: NDArray[np.float64],
    states: NDArray[np.int64],
    depths: NDArray[np.int64],
    rng: np.random.Generator,
) -> csr_matrix:
    """Counts of cells: cell i is `Multinomial(depths[i], profile of states[i])`.

    All draws of all cells are one sort and one search: cell i's uniforms are i + u, sorted; state s's
    cumulative profile is lifted by s, which leaves all profiles one ascending array.

    Parameters
    ----------
    cumulative
        Shape (n_states, n_genes), from `profiles`.
    states, depths
        The state of each cell and its total count, shape (n_cells,).

    Returns
    -------
    csr_matrix of float32, shape (n_cells, n_genes), indices sorted.
    """
    n_states, n_genes = cumulative.shape
    lifted = (cumulative + np.arange(n_states)[:, None]).ravel()
    cells = np.repeat(np.arange(states.size), depths)
    uniform = np.sort(cells + rng.random(cells.size)) - cells
    np.clip(uniform, 0.0, np.nextafter(1.0, 0.0) - 1e-12, out=uniform)
    places = np.searchsorted(lifted, states[cells] + uniform, side="right") - states[cells] * n_genes
    first = np.empty(cells.size, dtype=bool)
    first[:1] = True
    first[1:] = (places[1:] != places[:-1]) | (cells[1:] != cells[:-1])
    starts = np.flatnonzero(first)
    data = np.diff(starts, append=cells.size).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(cells[starts], minlength=states.size))])
    return csr_matrix((data, places[starts].astype(np.int32), indptr), shape=(states.size, n_genes))


def log_normalised(counts: csr_matrix) -> csr_matrix:
    """`ln(1 + 10,000 count / total of the cell)`, float32; a cell without counts stays zero."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    scale = np.divide(TARGET, totals, out=np.zeros_like(totals, dtype=np.float64), where=totals > 0)
    data = np.log1p(counts.data * np.repeat(scale, np.diff(counts.indptr))).astype(np.float32)
    return csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)
