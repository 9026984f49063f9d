"""The Lorenz curve of a composition."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from concentra.metrics.checks import Amounts, as_amounts
from concentra.metrics.gini import Support, as_support


def lorenz_curve(
    amounts: ArrayLike, *, support: Support = "present", check: bool = True
) -> tuple[Amounts, Amounts]:
    r"""Lorenz curve: what share of the whole the smallest parts hold together.

    With the amounts in ascending order over the support, the points are :math:`\bigl(i/n,\ \sum_{j \le i}
    x_j / \sum_j x_j\bigr)` for i = 0 ... n. The Gini coefficient is 1 minus twice the area below the line
    that joins them.

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    support
        ``"present"`` drops the parts of amount zero, ``"stratum"`` counts them.
    check
        False skips the validation of the amounts.

    Returns
    -------
    population, cumulative
        Two arrays (..., K + 1), without unit, both from 0 to 1 and never falling: the share of the parts,
        and the share of the whole that they hold. Among many compositions the curve of one with fewer than K
        present parts starts with its point (0, 0) repeated, once for each part dropped; the area is not
        changed. A single part gives the diagonal. An empty composition gives NaN throughout the cumulative
        share and, with ``support="present"``, throughout the population.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.
    ArgumentError
        The support is neither of the two.

    Notes
    -----
    Ascending, so that the curve lies below the diagonal; the concentration curve (largest first)
    is its rotation.

    References
    ----------
    Lorenz, M. O. (1905). Methods of measuring the concentration of wealth.
    Publications of the American Statistical Association 9:209-219.

    Examples
    --------
    >>> population, cumulative = lorenz_curve([3, 1, 0])
    >>> population.tolist(), cumulative.tolist()
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.25, 1.0])
    """
    array = as_amounts(amounts, check=check)
    n_parts = array.shape[-1]
    rank = np.broadcast_to(np.arange(n_parts + 1.0), (*array.shape[:-1], n_parts + 1))
    running = np.concatenate(
        [np.zeros((*array.shape[:-1], 1)), np.cumsum(np.sort(array, axis=-1), axis=-1)], axis=-1
    )
    n_counted = np.full((*array.shape[:-1], 1), float(n_parts))
    if as_support(support) == "present":
        n_counted = np.count_nonzero(array, axis=-1, keepdims=True).astype(np.float64)
    with np.errstate(invalid="ignore"):  # an empty composition: 0 / 0 is NaN
        return np.maximum(rank - (n_parts - n_counted), 0.0) / n_counted, running / running[..., -1:]
