"""Corrections for depth: what few cells hide, estimated from the parts that were seen once or twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bernoulli, binom, digamma, factorial, hyperu

from concentra.metrics.checks import Amounts, Measured, as_counts, unwrapped
from concentra.metrics.hill import _entropy
from concentra.metrics.metric import Metric
from concentra.metrics.sums import n_present_of, product_of

_HEAD, _TERMS = 16, 5  # summands taken one by one, and boundary terms for the rest


def coverage(counts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Sample coverage: the share of the whole population that belongs to the parts seen.

    With n cells, of which :math:`f_1` parts were seen once and :math:`f_2` twice, the improved Good-Turing
    estimator of Chao and Jost is

    .. math:: \hat C = 1 - \frac{f_1}{n} \cdot \frac{(n - 1) f_1}{(n - 1) f_1 + 2 f_2},

    and where :math:`f_2 = 0` the second factor is
    :math:`(n - 1)(f_1 - 1) / \bigl((n - 1)(f_1 - 1) + 2\bigr)`.

    Parameters
    ----------
    counts
        Whole numbers of cells, one composition (K,) or many (..., K).
    check
        False skips the validation of the counts.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit, from 0 to 1. 1 where
    no part was seen once. A single cell gives 0, Turing's value, since it says nothing of what else there
    is. An empty composition gives NaN.

    Raises
    ------
    AmountError
        A count is negative, not finite, or not whole.

    Notes
    -----
    Turing's original estimator is ``1 - f_1 / n``, slightly too low. Not the share of the
    stratum's parts that are present.

    References
    ----------
    Chao, A. and Jost, L. (2012). Coverage-based rarefaction and extrapolation. Ecology
    93:2533-2547, equation 4a. For no part seen twice: Chao, A. et al. (2014). Rarefaction and extrapolation
    with Hill numbers. Ecological Monographs 84:45-67. Good, I. J. (1953). Biometrika 40:237-264.

    Examples
    --------
    1 - 1/5 * (4 * 1) / (4 * 1 + 2 * 2):

    >>> round(coverage([2, 2, 1]), 4)
    0.9
    """
    array = as_counts(counts, check=check)
    n_cells, once, _ = _frequencies(array)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = 1.0 - once / n_cells * (1.0 - _unseen_rate(array))
    return unwrapped(np.where(n_cells == 1, 0.0, values))


def entropy_chao_wang_jost(counts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Shannon entropy of the population, estimated from counts by the slopes of the accumulation curve.

    With :math:`X_i` the counts, n their sum, and :math:`f_1, f_2` the numbers of parts seen once and twice,

    .. math:: \hat H = \sum_{1 \le X_i \le n - 1} \frac{X_i}{n} \sum_{k = X_i}^{n - 1} \frac{1}{k}
              + \frac{f_1}{n} (1 - A)^{-n + 1} \Bigl\{ -\ln A - \sum_{r=1}^{n-1} \frac{(1 - A)^r}{r} \Bigr\},

    where :math:`A = 2 f_2 / ((n - 1) f_1 + 2 f_2)`, or :math:`2 / ((n - 1)(f_1 - 1) + 2)` where :math:`f_2 =
    0`, or 1 where both are 0.

    Parameters
    ----------
    counts
        Whole numbers of cells, one composition (K,) or many (..., K).
    check
        False skips the validation of the counts.

    Returns
    -------
    A float for one composition, an array (...) for many; the unit is the nat. From 0 (a
    single part, or a single cell); it may exceed the logarithm of the number of parts present, and of K: it
    counts on parts not seen. An empty composition gives NaN.

    Raises
    ------
    AmountError
        A count is negative, not finite, or not whole.

    Notes
    -----
    Nearly without bias from about 50 cells on, where the plug-in
    :func:`concentra.metrics.entropy` is low by about (n_parts - 1) / (2 cells). The first sum is a
    difference of digamma functions; the second term is the sum :math:`\sum_{r \ge n} (1-A)^{r-n+1}/r`, which
    is evaluated as such because the bracket as printed cancels.

    References
    ----------
    Chao, A., Wang, Y. T. and Jost, L. (2013). Entropy and the species accumulation
    curve: a novel entropy estimator via discovery rates of new species. Methods in Ecology and Evolution
    4:1091-1100.

    Examples
    --------
    No part seen once: only the first sum, 2 * 1/2 * (1/2 + 1/3):

    >>> round(entropy_chao_wang_jost([2, 2]), 4)
    0.8333
    >>> entropy_chao_wang_jost([[9, 0], [0, 0]])
    array([ 0., nan])
    """
    return unwrapped(_chao_wang_jost(as_counts(counts, check=check)))


def hill_q1_corrected(counts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Effective number of parts of the population: the exponential of the Chao-Wang-Jost entropy.

    Parameters
    ----------
    counts
        Whole numbers of cells, one composition (K,) or many (..., K).
    check
        False skips the validation of the counts.

    Returns
    -------
    A float for one composition, an array (...) for many; the unit is parts. From 1 (a single
    part, or a single cell); it may exceed K. An empty composition gives NaN.

    Raises
    ------
    AmountError
        A count is negative, not finite, or not whole.

    References
    ----------
    Chao, A., Wang, Y. T. and Jost, L. (2013). Methods in Ecology and Evolution 4:1091-1100.

    Examples
    --------
    >>> round(hill_q1_corrected([2, 2]), 4)  # exp(5/6)
    2.301
    """
    return unwrapped(np.exp(_chao_wang_jost(as_counts(counts, check=check))))


def entropy_miller_madow(counts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Shannon entropy of the population by the first-order correction of Miller and Madow.

    .. math:: \hat H = -\sum_i \frac{X_i}{n} \ln \frac{X_i}{n} + \frac{S - 1}{2 n}

    with S the number of parts present and n the number of cells.

    Parameters
    ----------
    counts
        Whole numbers of cells, one composition (K,) or many (..., K).
    check
        False skips the validation of the counts.

    Returns
    -------
    A float for one composition, an array (...) for many; the unit is the nat. From 0 (a
    single part); it may exceed ln S by the correction. An empty composition gives NaN.

    Raises
    ------
    AmountError
        A count is negative, not finite, or not whole.

    Notes
    -----
    Corrects for the parts seen, not for those unseen: good from about 200 cells on at a dozen parts.

    References
    ----------
    Miller, G. A. (1955). Note on the bias of information estimates. In Quastler, H.
    (ed.), Information Theory in Psychology, 95-100. Free Press, Glencoe.

    Examples
    --------
    >>> round(entropy_miller_madow([2, 2]), 4)  # ln 2 + 1/8
    0.8181
    """
    return unwrapped(_miller_madow(as_counts(counts, check=check)))


def hill_q1_miller_madow(counts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Effective number of parts of the population: the exponential of the Miller-Madow entropy.

    Parameters
    ----------
    counts
        Whole numbers of cells, one composition (K,) or many (..., K).
    check
        False skips the validation of the counts.

    Returns
    -------
    A float for one composition, an array (...) for many; the unit is parts. From 1 (a single
    part); it may exceed the number of parts present. An empty composition gives NaN.

    Raises
    ------
    AmountError
        A count is negative, not finite, or not whole.

    References
    ----------
    Miller, G. A. (1955), see :func:`entropy_miller_madow`.

    Examples
    --------
    >>> round(hill_q1_miller_madow([2, 2]), 4)  # 2 exp(1/8)
    2.2663
    """
    return unwrapped(np.exp(_miller_madow(as_counts(counts, check=check))))


def _frequencies(counts: Amounts) -> tuple[Amounts, Amounts, Amounts]:
    """The number of cells, and of the parts seen once and twice."""
    once = np.count_nonzero(counts == 1, axis=-1).astype(np.float64)
    twice = np.count_nonzero(counts == 2, axis=-1).astype(np.float64)
    return counts.sum(axis=-1), once, twice


def _unseen_rate(counts: Amounts) -> Any:
    """A: the mean share of the parts seen once; 1 where none was."""
    n_cells, once, twice = _frequencies(counts)
    pairs = np.where(twice > 0, 2.0 * twice, 2.0)
    singles = (n_cells - 1.0) * np.where(twice > 0, once, np.maximum(once - 1.0, 0.0))
    return pairs / (np.maximum(singles, 0.0) + pairs)


def _chao_wang_jost(counts: Amounts) -> Amounts:
    n_cells, once, _ = _frequencies(counts)
    with np.errstate(invalid="ignore"):  # an empty composition: 0 / 0 is NaN
        shares = counts / n_cells[..., None]
    harmonics = digamma(np.maximum(n_cells, 1.0))[..., None] - _digamma(np.maximum(counts, 1.0))
    seen = product_of(shares, harmonics)
    rate = _unseen_rate(counts)
    unseen = np.zeros(np.shape(n_cells))
    some = (once > 0) & (rate < 1.0)
    unseen[some] = once[some] / n_cells[some] * _logarithmic_tail(n_cells[some], rate[some])
    return np.maximum(seen, 0.0) + unseen


def _digamma(whole: Amounts) -> Any:
    """The digamma function of whole numbers of at least 1, looked up where that is less work."""
    largest = int(whole.max(initial=1.0))
    if largest >= whole.size:
        return digamma(whole)
    return digamma(np.maximum(np.arange(largest + 1.0), 1.0))[whole.astype(np.intp)]


def _miller_madow(counts: Amounts) -> Amounts:
    n_cells = counts.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _entropy(counts) + (n_present_of(counts) - 1) / (2.0 * n_cells)


def _logarithmic_tail(n_cells: Amounts, rate: Amounts) -> Amounts:
    """The sum of y^(r - n + 1) / r over r >= n with y = 1 - rate, for 1-D arrays.

    The first summands one by one; the rest is the integral of exp(-a (t - start)) / t, which is exp(x) E1(x)
    at x = a start, plus the boundary terms of the Euler-Maclaurin formula.
    """
    ratio, decay = 1.0 - rate, -np.log1p(-rate)
    steps = np.arange(_HEAD)
    head = (ratio[:, None] ** steps / (n_cells[:, None] + steps)).sum(axis=-1)
    start = n_cells + _HEAD
    rest = hyperu(1.0, 1.0, decay * start) + 0.5 / start
    numbers = bernoulli(2 * _TERMS)
    for order in range(1, 2 * _TERMS, 2):
        inner = np.arange(order + 1)
        powers = decay[:, None] ** (order - inner) / start[:, None] ** (inner + 1)
        derivative = -(binom(order, inner) * factorial(inner) * powers).sum(axis=-1)
        rest -= numbers[order + 1] / factorial(order + 1) * derivative
    return ratio * (head + ratio**_HEAD * rest)


def _itself(n: int) -> float:
    return float(n)


def _one(n: int) -> float:
    return 1.0


DECLARED = (
    Metric(
        name="hill_q1_corrected",
        label="effective number, corrected for depth (Chao-Wang-Jost)",
        function=hill_q1_corrected,
        equality=_itself,
        monopoly=_one,
        one_part=1.0,
        direction=-1,
        empty_parts="ignored",
        replication="multiplied",
        reference="Chao, Wang and Jost 2013",
        needs_counts=True,
        corrects="hill_q1",
    ),
    Metric(
        name="hill_q1_miller_madow",
        label="effective number, corrected for depth (Miller-Madow)",
        function=hill_q1_miller_madow,
        equality=_itself,
        monopoly=_one,
        one_part=1.0,
        direction=-1,
        empty_parts="ignored",
        replication="multiplied",
        reference="Miller 1955",
        needs_counts=True,
        corrects="hill_q1",
    ),
)
