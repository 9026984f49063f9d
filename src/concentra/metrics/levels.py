"""Concentration over fine parts, decomposed exactly into that between coarse parts and that within them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from concentra.errors import ArgumentError
from concentra.metrics.checks import Amounts, as_amounts
from concentra.metrics.gini import _gini
from concentra.metrics.sums import product_of, total_of


class EntropyLevels(NamedTuple):
    """Shannon entropy over fine parts and its terms, in nats.

    Attributes
    ----------
    total
        Over the fine parts, (...).
    between
        Over the coarse parts, (...).
    within
        Share of each coarse part times the entropy within it, (..., G).
    """

    total: Amounts
    between: Amounts
    within: Amounts


class GiniLevels(NamedTuple):
    """Gini coefficient over fine parts and its terms.

    Attributes
    ----------
    total
        Over the fine parts, (...).
    between
        Of the mean amounts of the coarse parts, each counted once for every fine part, (...).
    within
        Of each coarse part, weighted by its fraction of the parts and its share of the amount, (..., G).
    overlap
        From fine parts that outrank a part of a coarse part with a larger mean, (...).
    """

    total: Amounts
    between: Amounts
    within: Amounts
    overlap: Amounts


def entropy_levels(amounts: ArrayLike, groups: ArrayLike, *, check: bool = True) -> EntropyLevels:
    r"""Shannon entropy over fine parts as that between coarse parts plus that within each of them.

    With :math:`q_g` the share of coarse part g and :math:`H_g` the entropy of the shares within it,

    .. math:: H_\mathrm{fine} = H(q) + \sum_g q_g H_g ,

    Shannon's chain rule. The logarithm of an effective number is an entropy: the effective number over fine parts is
    that over coarse parts times :math:`\exp \sum_g q_g H_g`.

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K).
    groups
        The coarse part of every fine part, (K,): whole numbers from 0 to G - 1, each of them used.
    check
        False skips the validation of the amounts.

    Returns
    -------
    EntropyLevels
        In nats; every term is 0 or more, and their sum is the total to rounding. A coarse part that is absent
        contributes 0. An empty composition gives NaN.

    Raises
    ------
    AmountError, ArgumentError
        An amount is negative or not finite; the groups do not fit.

    Notes
    -----
    Exact for shares as they are (the plug-in estimate). Estimates that are corrected for unseen parts, such as that of
    Chao, Wang & Jost, do not add.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27:379-423, section 6.

    Examples
    --------
    Half of the cells in coarse part 0, which has two equal fine parts: ln 2 between, half of ln 2 within.

    >>> found = entropy_levels([1, 1, 2], [0, 0, 1])
    >>> (found.between / np.log(2)).round(6), (found.within / np.log(2)).round(6).tolist()
    (np.float64(1.0), [0.5, 0.0])
    """
    array = as_amounts(amounts, check=check)
    member = _membership(groups, array.shape[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = array / total_of(array)[..., None]
    coarse = shares @ member
    # within g: the sum of -p_i ln(p_i / q_g)
    within = np.maximum(xlogy(coarse, coarse) - xlogy(shares, shares) @ member, 0.0)
    total, between = (np.maximum(-total_of(xlogy(one, one)), 0.0) for one in (shares, coarse))
    return EntropyLevels(total, between, within)


def gini_levels(amounts: ArrayLike, groups: ArrayLike, *, check: bool = True) -> GiniLevels:
    r"""Gini coefficient over all fine parts as a term between coarse parts, one within each, and one of overlap.

    With K fine parts of mean amount :math:`\mu`, :math:`K_g` of them in coarse part g with mean amount :math:`\mu_g`,
    share :math:`q_g` and Gini coefficient :math:`G_g`, absent parts counted as zeros, :math:`G = G_W + G_B + G_O`:

    .. math::
        G_W &= \sum_g \frac{K_g}{K}\, q_g\, G_g , \\
        G_B &= \sum_{g<h} \frac{K_g K_h\, |\mu_g - \mu_h|}{K^2 \mu} , \\
        G_O &= \frac{2}{K^2 \mu} \sum_{\mu_g \le \mu_h} \sum_{i \in g,\, j \in h} \max(x_i - x_j, 0) .

    Parameters
    ----------
    amounts, groups, check
        As for `entropy_levels`; parts that are absent count as zeros, as in ``gini(support="stratum")``.

    Returns
    -------
    GiniLevels
        Every term is between 0 and 1, and their sum is the total to rounding. An empty composition gives NaN.

    Raises
    ------
    AmountError, ArgumentError
        An amount is negative or not finite; the groups do not fit.

    Notes
    -----
    The term between is not the Gini coefficient over the coarse parts: that counts each coarse part once, this counts
    it once for each of its fine parts. No version with two terms exists, unless the coarse parts do not overlap.
    The overlap is computed as the remainder, in a time linear in the parts but for sorting.

    References
    ----------
    Bhattacharya, N. & Mahalanobis, B. (1967). Regional disparities in household consumption in India. Journal of the
    American Statistical Association 62:143-161. Lambert, P. J. & Aronson, J. R. (1993). Inequality decomposition
    analysis and the Gini coefficient revisited. Economic Journal 103:1221-1227.

    Examples
    --------
    Amounts 1 and 3 in coarse part 0, 2 in coarse part 1: means 2 and 2, so that nothing lies between.

    >>> found = gini_levels([1, 3, 2], [0, 0, 1])
    >>> found.between.round(6), found.within.round(4).tolist(), found.overlap.round(4), found.total.round(4)
    (np.float64(0.0), [0.1111, 0.0], np.float64(0.1111), np.float64(0.2222))
    """
    array = as_amounts(amounts, check=check)
    member = _membership(groups, array.shape[-1])
    n_parts, sizes = array.shape[-1], member.sum(axis=0)
    whole = total_of(array)
    coarse = array @ member
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = n_parts * whole
        within = (
            np.stack([_ranked(array[..., inside]) for inside in member.T.astype(bool)], axis=-1)
            / scale[..., None]
        )
        between = _spread(coarse / sizes, sizes) / scale
        total = _gini(array, "stratum")
    overlap = np.maximum(total - between - within.sum(axis=-1), 0.0)
    return GiniLevels(total, between, within, overlap)


def _membership(groups: ArrayLike, n_parts: int) -> Amounts:
    """The groups as zeros and ones, (K, G)."""
    codes = np.asarray(groups)
    whole = codes.shape == (n_parts,) and codes.dtype.kind in "iu"
    if not whole or set(codes.tolist()) != set(range(int(codes.max()) + 1)):
        raise ArgumentError(
            found=f"groups of type {codes.dtype} and shape {codes.shape} for {n_parts} parts",
            expected="for every part a whole number from 0, and every number up to the largest",
            fix="number the coarse parts: numpy.unique(names, return_inverse=True)[1]",
        )
    return np.asarray(codes[:, None] == np.arange(codes.max() + 1), dtype=np.float64)


def _ranked(amounts: Amounts) -> Amounts:
    """Sum over pairs of the absolute difference, (..., k) to (...)."""
    n_parts = amounts.shape[-1]
    return product_of(np.sort(amounts, axis=-1), np.arange(1.0 - n_parts, n_parts, 2.0))


def _spread(means: Amounts, sizes: NDArray[np.float64]) -> Amounts:
    """Sum over pairs of groups of the absolute difference of means times both sizes, (..., G) to (...)."""
    order = np.argsort(means, axis=-1)
    ascending, weights = np.take_along_axis(means, order, axis=-1), sizes[order]
    before = np.cumsum(weights, axis=-1) - weights
    after = sizes.sum() - before - weights
    return product_of(ascending * weights, before - after)
