r"""Does a value rise or fall along an axis, by how much, and can a handful of donors tell?

Donors share ages, and often only two or three ages were sampled. The slope is the median of the slopes between all
pairs of donors of different age (Theil and Sen). Its interval inverts the exact null distribution of the number of
rising pairs (Kendall's S with ties in age alone, which is the Jonckheere-Terpstra statistic). It was chosen over
resampled donors because it holds exactly at any number of donors, for any continuous distribution of the errors that
is the same at all ages; at two ages it is the Hodges-Lehmann interval divided by the months between them. A bootstrap
of five donors an age would first have to be stretched to hold at all.

The test is Spearman's, conditional on the values: ages are permuted over donors, all distinct arrangements where they
can be listed, random ones otherwise. With two ages it is the exact Mann-Whitney test.

Neither is given where a single donor carries the trend: without any one donor there must still be two ages.

References
----------
Sen 1968, Journal of the American Statistical Association 63:1379. Jonckheere 1954, Biometrika 41:133 (the null
distribution with groups). Spearman 1904, American Journal of Psychology 15:72. Phipson & Smyth 2010, Statistical
Applications in Genetics and Molecular Biology 9:39 (p of random permutations).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from math import comb, factorial, prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from concentra.errors import ArgumentError
from concentra.stats._arrangements import CELLS
from concentra.stats._checks import Floats, Rng, at_least, between, pairs, tied_ranks
from concentra.stats.exact import EXACT_UP_TO, _subset_sums

Kind = Literal["interval", "range", "none"]
Sizes = tuple[int, ...]

ONE_DONOR = "without one donor a single age is left: no test"


@dataclass(frozen=True, slots=True)
class SlopeResult:
    """A slope along an axis.

    Attributes
    ----------
    slope
        Units of the value per unit of the axis; NaN where all donors are at one place.
    intercept
        Median of the values less slope times place: with the slope, a line for pictures.
    low, high
        The interval; NaN where a single donor carries the slope.
    level, attained_level
        The coverage asked, and what the interval guarantees (NaN where there is none).
    kind
        "interval"; "range" where `level` cannot be attained and the range of all pairwise slopes stands in; "none".
    n_donors, n_places
        Donors with a value, and different places on the axis among them.
    """

    slope: float
    intercept: float
    low: float
    high: float
    level: float
    attained_level: float
    kind: Kind
    n_donors: int
    n_places: int


@dataclass(frozen=True, slots=True)
class TrendTest:
    """Spearman's rank correlation with a permutation test.

    Attributes
    ----------
    correlation
        From -1 to 1, ties at midranks; NaN where all values, or all places, are equal.
    p_value
        Two-sided; NaN where a single donor carries the trend.
    p_attainable
        The smallest p that these donors and these ties allow.
    n_donors
        Donors with a value.
    n_arrangements
        Arrangements compared: all distinct ones, or the random ones and the observed.
    exact
        All distinct arrangements were listed.
    reason
        Why there is no p; empty where there is one.
    """

    correlation: float
    p_value: float
    p_attainable: float
    n_donors: int
    n_arrangements: int
    exact: bool
    reason: str = ""


def theil_sen(places: ArrayLike, values: ArrayLike, *, level: float = 0.95) -> SlopeResult:
    r"""The median slope over all pairs of donors at different places, with Sen's exact interval.

    .. math:: b = \operatorname{median}_{x_i < x_j} \frac{y_j - y_i}{x_j - x_i}

    The interval lies between the k-th smallest and the k-th largest of these N slopes, with the largest k for which
    P(J <= k - 1) is at most (1 - level) / 2, where J is the number of rising pairs among exchangeable values: a sum
    of independent Mann-Whitney statistics of each place against all places before it.

    Parameters
    ----------
    places, values
        Shape (n,): where each donor is (age), and its value. Donors with a NaN in either are left out.
    level
        Coverage asked.

    Notes
    -----
    The guarantee is for errors of one continuous distribution at all places; ties among values make it wider, never
    narrower. It says nothing of a curve. Beyond 200 donors the normal approximation to J stands in.

    Examples
    --------
    >>> found = theil_sen([3, 3, 3, 24, 24, 24], [1.0, 2.0, 3.0, 6.0, 8.0, 9.0])
    >>> round(found.slope * 21, 9), round(found.low * 21, 9), found.kind, round(found.attained_level, 3)
    (6.0, 3.0, 'range', 0.9)
    """
    between(level, 0, 1, "level")
    x, y = _aligned(places, values)
    sizes = _sizes(x)
    first, second = np.nonzero(x[:, None] < x[None, :])
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    slope = float(np.median(slopes)) if slopes.size else np.nan
    intercept = float(np.median(y - slope * x)) if slopes.size else np.nan
    if not rests_on_many(sizes):
        return SlopeResult(slope, intercept, np.nan, np.nan, level, np.nan, "none", x.size, len(sizes))
    rank, attained = _order(sizes, level)
    kind: Kind = "interval" if attained >= level else "range"
    low, high = float(slopes[rank - 1]), float(slopes[-rank])
    return SlopeResult(slope, intercept, low, high, level, attained, kind, x.size, len(sizes))


def spearman_test(
    places: ArrayLike, values: ArrayLike, *, rng: Rng, n_random: int = 19_999, exact_up_to: int = 200_000
) -> TrendTest:
    r"""Spearman's correlation of places and values, with an exact or permutation p.

    .. math:: \rho = \frac{\sum (r_i - \bar r)(s_i - \bar s)}
                          {\sqrt{\sum (r_i - \bar r)^2 \sum (s_i - \bar s)^2}}, \quad
              p = P(|\rho^*| \ge |\rho|)

    over arrangements of the places among the donors, r and s being midranks. Distances are compared as whole numbers,
    so that ties count as ties.

    Parameters
    ----------
    places, values
        Shape (n,), as for `theil_sen`.
    rng
        A seed or a Generator; used only where the arrangements are too many to list.
    n_random
        Random arrangements m; p is (b + 1) / (m + 1).
    exact_up_to
        List all distinct arrangements, n! / (n_1! n_2! ...) with n_g donors at each place, up to this number.

    Examples
    --------
    >>> found = spearman_test([1, 2, 3, 4], [0.1, 0.2, 0.4, 0.8], rng=1)
    >>> found.correlation, round(found.p_value, 4), round(found.p_attainable, 4), found.n_arrangements
    (1.0, 0.0833, 0.0833, 24)
    """
    at_least(n_random, 1, "n_random")
    x, y = _aligned(places, values)
    sizes, n_donors = _sizes(x), x.size
    r, s = _centred_ranks(x), _centred_ranks(y)
    correlation, product = _correlation(r, s), abs(float((r * s).sum()))
    if not rests_on_many(sizes):
        return TrendTest(correlation, np.nan, np.nan, n_donors, 0, True, ONE_DONOR)
    listed = n_arrangements(sizes)
    if listed <= exact_up_to:
        ranks = _listed_ranks(sizes)
        found = np.abs(ranks @ s.astype(ranks.dtype))
        p_value, p_attainable = (found >= product).mean(), (found == found.max()).mean()
        return TrendTest(correlation, float(p_value), float(p_attainable), n_donors, listed, True)
    as_far, total = _as_far(r, s, product, n_random, np.random.default_rng(rng)), n_random + 1
    return TrendTest(correlation, (as_far + 1) / total, 1 / total, n_donors, total, False)


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation, ties at midranks; NaN where either does not vary.

    >>> spearman([1, 2, 3], [2, 9, 4])
    0.5
    """
    x, y = _aligned(first, second)
    return _correlation(_centred_ranks(x), _centred_ranks(y))


def n_arrangements(sizes: Sizes) -> int:
    """How many distinct arrangements groups of these sizes have.

    >>> n_arrangements((5, 4))
    126
    """
    return factorial(sum(sizes)) // prod(factorial(size) for size in sizes)


def rests_on_many(sizes: Sizes) -> bool:
    """Whether two places are left whichever one donor is taken away, for donors a place.

    >>> rests_on_many((1, 4)), rests_on_many((2, 4)), rests_on_many((1, 1, 1)), rests_on_many((5,))
    (False, True, True, False)
    """
    return len(sizes) > 2 or (len(sizes) == 2 and min(sizes) >= 2)


def _aligned(places: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ArgumentError(
            found=f"places of shape {x.shape} and values of shape {y.shape}",
            expected="one of each for every donor, shape (n,)",
            fix="pass both from the same table, in the same order",
        )
    return pairs(x, y)


def _centred_ranks(values: Floats) -> Floats:
    """Doubled midranks less their mean: whole numbers."""
    return tied_ranks(values).astype(np.float64) - (values.size + 1)


def _correlation(r: Floats, s: Floats) -> float:
    norm = float((r**2).sum() * (s**2).sum())
    return float((r * s).sum() / np.sqrt(norm)) if norm > 0 else np.nan


def _sizes(x: Floats) -> Sizes:
    """Donors at each place, places ascending."""
    return tuple(int(size) for size in np.unique(x, return_counts=True)[1])


@lru_cache(maxsize=256)
def _order(sizes: Sizes, level: float) -> tuple[int, float]:
    """(k, coverage) such that the k-th smallest and largest slopes cover with at least `level`."""
    n_donors = sum(sizes)
    n_slopes = (n_donors**2 - sum(size**2 for size in sizes)) // 2
    if n_donors > EXACT_UP_TO:
        tied = sum(size * (size - 1) * (2 * size + 5) for size in sizes)
        sd = np.sqrt((n_donors * (n_donors - 1) * (2 * n_donors + 5) - tied) / 72)  # of J = (S + N) / 2
        return max(1, int(np.floor(n_slopes / 2 - ndtri((1 + level) / 2) * sd))), level
    at_most = np.cumsum(_rising_pairs(sizes))
    rank = max(1, int(np.searchsorted(at_most, (1 - level) / 2 * (1 + 1e-12), side="right")))
    return rank, float(1 - 2 * at_most[rank - 1])


def _rising_pairs(sizes: Sizes) -> Floats:
    """The probability of 0 .. N rising pairs among exchangeable values without ties."""
    probability, before = np.ones(1), sizes[0]
    for size in sizes[1:]:
        # U of this place against all before it, from the sums of its doubled ranks
        sums = _subset_sums(tuple(range(2, 2 * (before + size) + 1, 2)), size)
        statistic = sums[size * (size + 1) :: 2][: before * size + 1]
        probability = np.convolve(probability, statistic)
        before += size
    return np.asarray(probability)


@lru_cache(maxsize=4)
def _listed_ranks(sizes: Sizes) -> NDArray[np.floating[Any]]:
    """Centred doubled midranks of the places (A, n) in every distinct arrangement: the same for all values.

    Of single precision, in half the time, while products with other ranks sum up to whole numbers that it holds.
    """
    ranks = _centred_ranks(np.repeat(np.arange(float(len(sizes))), sizes))
    held = ranks.size**3 < 2**24
    return np.asarray(ranks[_listed(sizes)], dtype=np.float32 if held else np.float64)


def _listed(sizes: Sizes) -> NDArray[np.int64]:
    """Every distinct arrangement (A, n) of the donors' places, as positions in the sorted places."""
    table = np.arange(sizes[0])[None, :]
    for size in sizes[1:]:
        n_before = table.shape[1]
        n_all = n_before + size
        each = itertools.chain.from_iterable(itertools.combinations(range(n_all), size))
        chosen = np.fromiter(each, dtype=np.int64).reshape(comb(n_all, size), size)
        here = np.zeros((len(chosen), n_all), dtype=bool)
        np.put_along_axis(here, chosen, True, axis=1)
        others = np.maximum(
            np.cumsum(~here, axis=1) - 1, 0
        )  # which donor before stands here, where none of these does
        table = np.where(here, n_before, table[:, others]).reshape(-1, n_all)
    return table


def _as_far(r: Floats, centred: Floats, observed: float, n_random: int, rng: np.random.Generator) -> int:
    """How many random arrangements are at least as far from no correlation."""
    rows, as_far = max(1, CELLS // r.size), 0
    for start in range(0, n_random, rows):
        block = np.broadcast_to(r, (min(rows, n_random - start), r.size))
        as_far += int((np.abs(rng.permuted(block, axis=1) @ centred) >= observed).sum())
    return as_far
