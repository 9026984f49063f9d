"""Sums over the parts, which are the last axis and short: einsum takes a third of the time of numpy's reductions."""

from __future__ import annotations

import numpy as np

from concentra.metrics.checks import Amounts


def total_of(amounts: Amounts) -> Amounts:
    """The sum over the parts, (..., K) to (...)."""
    return np.asarray(np.einsum("...k->...", amounts))


def n_present_of(amounts: Amounts) -> Amounts:
    """The number of parts that are not zero, (..., K) to (...), as floats."""
    return np.asarray(np.einsum("...k->...", (amounts > 0).astype(np.float64)))


def product_of(amounts: Amounts, weights: Amounts) -> Amounts:
    """The sum over the parts of the product of two arrays (..., K), or of (..., K) and (K,)."""
    return np.asarray(np.einsum("...k,...k->...", amounts, weights))
