"""The most variable genes, from moments that add up chunk by chunk."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

N_BINS = 20


class Moments:
    """Sums and sums of squares of every gene over cells, of expression on the linear scale (`exp(y) - 1`).

    Parameters
    ----------
    n_genes
        The number of genes.
    """

    def __init__(self, n_genes: int) -> None:
        self.n_cells = 0
        self._total = np.zeros(n_genes)
        self._squares = np.zeros(n_genes)

    def add(self, chunk: csr_matrix) -> None:
        """Add cells, log-normalised, shape (n_cells, n_genes)."""
        values = np.expm1(chunk.data.astype(np.float64))
        self.n_cells += chunk.shape[0]
        n_genes = self._total.size
        self._total += np.bincount(chunk.indices, weights=values, minlength=n_genes)
        self._squares += np.bincount(chunk.indices, weights=values * values, minlength=n_genes)

    def mean(self) -> NDArray[np.float64]:
        """Mean of each gene over cells, shape (n_genes,)."""
        return np.asarray(self._total / self.n_cells)

    def variance(self) -> NDArray[np.float64]:
        """Unbiased variance of each gene over cells, shape (n_genes,); 0 for a single cell."""
        centred = np.maximum(0.0, self._squares - self._total * self.mean())
        return np.asarray(centred / max(1, self.n_cells - 1))


def most_variable(moments: Moments, n_genes: int) -> NDArray[np.int64]:
    r"""The genes of largest dispersion relative to genes of like mean, as ascending indices.

    .. math:: z_g = (\ln(s_g^2 / m_g) - \mathrm{mean}_b) / \mathrm{sd}_b

    with mean :math:`m_g` and variance :math:`s_g^2` on the linear scale, and mean and standard deviation
    over the genes of bin b, one of 20 equal intervals of :math:`\ln(1 + m_g)`. The only gene of a bin has
    z = 1. Genes without variance come last.

    Parameters
    ----------
    moments
        Of the cells concerned.
    n_genes
        How many to choose; all where there are no more.

    Returns
    -------
    Indices of shape (min(n_genes, all),), ascending.

    References
    ----------
    Satija et al. 2015, Nature Biotechnology 33:495 (dispersion within bins of the mean). The same choice as
    the flavour "seurat" of scanpy's `highly_variable_genes`.
    """
    mean = np.maximum(moments.mean(), 1e-12)
    with np.errstate(divide="ignore"):
        dispersion = np.log(moments.variance() / mean)
    if n_genes >= mean.size:
        return np.arange(mean.size)
    table = pd.DataFrame({"dispersion": np.where(np.isfinite(dispersion), dispersion, np.nan)})
    bins = table["dispersion"].groupby(pd.cut(np.log1p(mean), N_BINS, labels=False))
    centre, spread = bins.transform("mean"), bins.transform("std")
    single = spread.isna()
    scores = (table["dispersion"] - centre.mask(single, 0.0)) / spread.mask(single, table["dispersion"])
    ranked = np.argsort(-scores.fillna(-np.inf).to_numpy(), kind="stable")
    return np.asarray(np.sort(ranked[:n_genes]), dtype=np.int64)
