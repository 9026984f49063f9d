"""Exact rank tests for a handful of donors, and the smallest p that their number allows.

Both tests are conditional on the values seen: ties are part of the null distribution, not an approximation
to it. Two-sided means by distance from the null mean, ``P(|U - mean| >= |observed - mean|)``; without ties this
is twice the smaller tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from concentra.stats._checks import TOO_FEW, Floats, at_least, pairs, tied_ranks, vector

EXACT_UP_TO = 100
"""Donors in both groups together up to which the null distribution is computed exactly."""

TOO_FEW_PAIRS = "fewer than two pairs: no test"


@dataclass(frozen=True, slots=True)
class MannWhitneyResult:
    """A two-sided Mann-Whitney test of two groups of donors.

    Attributes
    ----------
    statistic
        U of the other group: the number of (reference, other) pairs in which other is larger, ties counting half;
        from 0 to n_reference * n_other.
    p_value
        From p_attainable to 1; NaN where a group has fewer than two donors.
    p_attainable
        The smallest p that these group sizes and these ties allow.
    n_reference, n_other
        Donors with a value.
    exact
        False where the tie-corrected normal approximation stands in (more than `EXACT_UP_TO` donors).
    reason
        Why there is no p; empty where there is one.
    """

    statistic: float
    p_value: float
    p_attainable: float
    n_reference: int
    n_other: int
    exact: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SignedRankResult:
    """A two-sided Wilcoxon signed-rank test of paired donors.

    Attributes
    ----------
    statistic
        Sum of the ranks of the positive differences, other minus reference; from 0 to n (n + 1) / 2.
    p_value, p_attainable
        As in `MannWhitneyResult`; p_attainable is 2 / 2**n.
    n_pairs
        Pairs with both values.
    n_used
        Pairs that differ: pairs without a difference say nothing about its sign and are left out.
    exact, reason
        As in `MannWhitneyResult`.
    """

    statistic: float
    p_value: float
    p_attainable: float
    n_pairs: int
    n_used: int
    exact: bool = True
    reason: str = ""


def mann_whitney_exact(reference: ArrayLike, other: ArrayLike) -> MannWhitneyResult:
    r"""The exact two-sided Mann-Whitney test of a later against an earlier group.

    All :math:`\binom{n_1 + n_2}{n_2}` arrangements of the observed midranks are equally likely under no
    effect. The distribution of their sum is counted by dynamic programming over doubled midranks, which are
    whole numbers, so that ties are exact.

    Parameters
    ----------
    reference, other
        One value per donor, shapes (n1,) and (n2,); NaN donors are left out.

    Returns
    -------
    MannWhitneyResult
        With fewer than two donors in a group p is NaN and `reason` says why.

    Notes
    -----
    Two-sided by distance from the mean. `scipy.stats.mannwhitneyu(method="exact")` ignores ties, and doubles
    the smaller tail. Values that differ by less than 1e-10 of the largest are ties.

    References
    ----------
    Mann & Whitney 1947, Annals of Mathematical Statistics 18:50. Streitberg & Roehmel 1986, Statistical
    Software Newsletter 12:10 (the shift algorithm).

    Examples
    --------
    The most extreme of the 70 arrangements of 4 against 4, on either side: 2 / 70.

    >>> result = mann_whitney_exact([1, 2, 3, 4], [5, 6, 7, 8])
    >>> result.statistic, round(result.p_value, 4), round(result.p_attainable, 4)
    (16.0, 0.0286, 0.0286)
    """
    first, second = vector(reference, "reference"), vector(other, "other")
    n_reference, n_other = first.size, second.size
    ranks = tied_ranks(np.concatenate([first, second]))
    doubled = int(ranks[n_reference:].sum())
    statistic = doubled / 2 - n_other * (n_other + 1) / 2
    if min(n_reference, n_other) < 2:
        return MannWhitneyResult(statistic, np.nan, np.nan, n_reference, n_other, reason=TOO_FEW)
    if n_reference + n_other > EXACT_UP_TO:
        p_value, p_attainable = _normal_p(ranks, n_other, doubled)
        return MannWhitneyResult(statistic, p_value, p_attainable, n_reference, n_other, exact=False)
    p_value, p_attainable = _of_ranks(tuple(np.sort(ranks).tolist()), n_other, doubled)
    return MannWhitneyResult(statistic, p_value, p_attainable, n_reference, n_other)


def wilcoxon_signed_rank_exact(reference: ArrayLike, other: ArrayLike) -> SignedRankResult:
    r"""The exact two-sided Wilcoxon signed-rank test of paired donors.

    Under no effect each of the :math:`2^n` assignments of signs to the ranked absolute differences is equally
    likely; ties among them are exact, as in `mann_whitney_exact`. Pairs without a difference are left out.

    Parameters
    ----------
    reference, other
        Values of the same donors in the same order, shape (n,); pairs with a NaN are left out.

    References
    ----------
    Wilcoxon 1945, Biometrics Bulletin 1:80.

    Examples
    --------
    >>> result = wilcoxon_signed_rank_exact([0, 0, 0, 0, 0], [1, 2, 3, 4, 5])
    >>> result.statistic, result.p_value, result.p_attainable
    (15.0, 0.0625, 0.0625)
    """
    first, second = pairs(reference, other)
    n_pairs = first.size
    scale = np.maximum(np.abs(first), np.abs(second)).max(initial=0.0)
    difference = second - first
    difference = difference[np.abs(difference) > 1e-10 * scale]
    ranks = tied_ranks(np.abs(difference))
    doubled = int(ranks[difference > 0].sum())
    if n_pairs < 2:
        return SignedRankResult(doubled / 2, np.nan, np.nan, n_pairs, difference.size, reason=TOO_FEW_PAIRS)
    if difference.size == 0:
        return SignedRankResult(0.0, 1.0, 1.0, n_pairs, 0, reason="no pair differs")
    if difference.size > EXACT_UP_TO:
        deviation = abs(doubled - ranks.sum() / 2) / (sqrt(float((ranks.astype(float) ** 2).sum())) / 2)
        p_value = float(2 * ndtr(-deviation))
        p_attainable = 2.0 ** (1 - difference.size)
        return SignedRankResult(doubled / 2, p_value, p_attainable, n_pairs, difference.size, exact=False)
    p_value, p_attainable = _two_sided(
        _signed_sums(tuple(np.sort(ranks).tolist())), doubled, 2, int(ranks.sum())
    )
    return SignedRankResult(doubled / 2, p_value, p_attainable, n_pairs, difference.size)


def smallest_attainable_p(n_reference: int, n_other: int) -> float:
    """The smallest two-sided p that an exact test of two groups can reach without ties, 2 / C(n, k).

    Parameters
    ----------
    n_reference, n_other
        Donors in each group.

    Returns
    -------
    float
        From 0 to 1; NaN where a group has fewer than two donors, since no test is made there. With ties it
        can be larger: see `MannWhitneyResult.p_attainable`.

    Examples
    --------
    >>> [round(smallest_attainable_p(*n), 4) for n in [(2, 2), (3, 3), (3, 4), (4, 4), (4, 5), (5, 6)]]
    [0.3333, 0.1, 0.0571, 0.0286, 0.0159, 0.0043]
    """
    n_reference, n_other = at_least(n_reference, 0, "n_reference"), at_least(n_other, 0, "n_other")
    if min(n_reference, n_other) < 2:
        return np.nan
    return 2 / comb(n_reference + n_other, n_other)


def smallest_attainable_p_paired(n_pairs: int) -> float:
    """The smallest two-sided p that an exact test of pairs can reach, 2 / 2**n; NaN below two pairs.

    >>> [smallest_attainable_p_paired(n) for n in (2, 5, 6)]
    [0.5, 0.0625, 0.03125]
    """
    n_pairs = at_least(n_pairs, 0, "n_pairs")
    return 2.0 ** (1 - n_pairs) if n_pairs >= 2 else np.nan


@lru_cache(maxsize=4096)
def _of_ranks(ranks: tuple[int, ...], size: int, doubled: int) -> tuple[float, float]:
    """The two-sided p of a sum of `size` of the ranks, and the smallest possible."""
    return _two_sided(_subset_sums(ranks, size), doubled, len(ranks), size * sum(ranks))


@lru_cache(maxsize=256)
def _subset_sums(ranks: tuple[int, ...], size: int) -> Floats:
    """The probability of each sum, 0 .. sum(ranks), of `size` ranks drawn without replacement."""
    counts = np.zeros((size + 1, sum(ranks) + 1))
    counts[0, 0] = 1.0
    for taken, rank in enumerate(ranks):
        # one rank at a time: it is left out, or added to a subset smaller by one
        upper = min(taken + 1, size)
        counts[1 : upper + 1, rank:] += counts[:upper, : counts.shape[1] - rank].copy()
    return counts[size] / counts[size].sum()


@lru_cache(maxsize=256)
def _signed_sums(ranks: tuple[int, ...]) -> Floats:
    """The probability of each sum, 0 .. sum(ranks), of the ranks that a fair coin makes positive."""
    counts = np.zeros(sum(ranks) + 1)
    counts[0] = 1.0
    for rank in ranks:
        counts[rank:] += counts[: counts.size - rank].copy()
        counts /= 2
    return counts


def _two_sided(distribution: Floats, observed: int, scale: int, centre: int) -> tuple[float, float]:
    """``P(|S - mean| >= |observed - mean|)`` and its smallest value, for S = 0, 1, ... and mean = centre / scale.

    Distances are compared as whole numbers, ``|scale * S - centre|``: with ties the mean need not be one.
    """
    support = np.flatnonzero(distribution)
    probability = distribution[support]
    distance = np.abs(scale * support - centre)
    p_value = probability[distance >= abs(scale * observed - centre)].sum()
    p_attainable = probability[distance == distance.max()].sum()
    return min(1.0, float(p_value)), min(1.0, float(p_attainable))


def _normal_p(ranks: NDArray[np.int64], n_other: int, doubled: int) -> tuple[float, float]:
    """The normal approximation with the variance of the tied ranks, without continuity correction."""
    n = ranks.size
    sd = sqrt(n_other * (n - n_other) / (n - 1) * float(np.var(ranks)))
    if sd == 0:
        return 1.0, 1.0
    p_value = float(2 * ndtr(-abs(doubled - n_other * float(np.mean(ranks))) / sd))
    return p_value, smallest_attainable_p(n - n_other, n_other)
