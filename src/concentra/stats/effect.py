"""How large a difference is: the Hodges-Lehmann shift and Cliff's delta, each with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtri

from concentra.stats._checks import Floats, between, median_of_sorted, vector
from concentra.stats.exact import EXACT_UP_TO, _subset_sums

Kind = Literal["interval", "range", "none"]


@dataclass(frozen=True, slots=True)
class EffectResult:
    """An effect size, later against earlier group.

    Attributes
    ----------
    estimate
        NaN where a group has no donor.
    low, high
        NaN where a group has fewer than two donors.
    level
        The coverage asked.
    attained_level
        What the interval guarantees (exact intervals), or `level` (approximate ones); NaN where there is none.
    kind
        "interval"; "range" where `level` cannot be attained by any interval of so few donors, and the widest
        there is stands in; "none".
    n_reference, n_other
        Donors with a value.
    """

    estimate: float
    low: float
    high: float
    level: float
    attained_level: float
    kind: Kind
    n_reference: int
    n_other: int


def hodges_lehmann(reference: ArrayLike, other: ArrayLike, *, level: float = 0.95) -> EffectResult:
    """The shift between two groups: the median of all differences, one later minus one earlier donor.

    The interval inverts the exact Mann-Whitney test: between the k-th smallest and the k-th largest of the
    n1 n2 differences, with the largest k that keeps the coverage at `level` or above for any continuous
    distribution. Where even k = 1 does not (2 against 2, 3 against 3 at 95%), it is the range of all
    differences, and `attained_level` is what that covers (1 - 2 / C(n, k)).

    Parameters
    ----------
    reference, other
        One value per donor, shapes (n1,) and (n2,); NaN donors are left out.
    level
        Coverage asked.

    References
    ----------
    Hodges & Lehmann 1963, Annals of Mathematical Statistics 34:598. Hollander, Wolfe & Chicken 2014,
    Nonparametric Statistical Methods, section 4.3.

    Examples
    --------
    >>> effect = hodges_lehmann([1, 2, 3], [6, 8, 9])
    >>> effect.estimate, effect.low, effect.high, effect.kind, effect.attained_level
    (6.0, 3.0, 8.0, 'range', 0.9)
    """
    first, second = vector(reference, "reference"), vector(other, "other")
    between(level, 0, 1, "level")
    n_reference, n_other = first.size, second.size
    differences = np.sort((second[:, None] - first[None, :]).ravel())
    estimate = median_of_sorted(differences)
    if min(n_reference, n_other) < 2:
        return EffectResult(estimate, np.nan, np.nan, level, np.nan, "none", n_reference, n_other)
    rank, attained = _order(n_reference, n_other, level)
    kind: Kind = "interval" if attained >= level else "range"
    low, high = float(differences[rank - 1]), float(differences[-rank])
    return EffectResult(estimate, low, high, level, attained, kind, n_reference, n_other)


def cliffs_delta(reference: ArrayLike, other: ArrayLike, *, level: float = 0.95) -> EffectResult:
    r"""Cliff's delta: how much more often a later donor exceeds an earlier one than the reverse.

    .. math:: \delta = P(Y > X) - P(Y < X) = \frac{2 U}{n_1 n_2} - 1

    From -1 (every later donor below every earlier one) through 0 to 1. The interval solves
    :math:`|\theta - \hat\theta| = z \sqrt{V(\theta)}` for :math:`\theta = (\delta + 1) / 2` with the variance
    of two exponential distributions at :math:`\theta` and both group sizes set to their mean. Unlike Cliff's
    own it does not collapse to a point at :math:`\delta = \pm 1`, which is common at three donors.

    Notes
    -----
    Coverage of nominal 95% intervals for normal values: .94 to .97 from four donors a group. At three against
    three it is .90 where nothing differs: all donors on one side, an arrangement of probability .1, gives an
    interval that begins just above 0, though no exact test can reject.

    References
    ----------
    Cliff 1993, Psychological Bulletin 114:494. Newcombe 2006, Statistics in Medicine 25:559, method 5.

    Examples
    --------
    >>> effect = cliffs_delta([1, 2, 3, 4], [3, 5, 6, 7])
    >>> round(effect.estimate, 3), round(effect.low, 2), round(effect.high, 2)
    (0.812, -0.04, 0.98)
    """
    first, second = vector(reference, "reference"), vector(other, "other")
    between(level, 0, 1, "level")
    n_reference, n_other = first.size, second.size
    signs = np.sign(second[:, None] - first[None, :])
    estimate = float(signs.mean()) if signs.size else np.nan
    if min(n_reference, n_other) < 2:
        return EffectResult(estimate, np.nan, np.nan, level, np.nan, "none", n_reference, n_other)
    low, high = _newcombe((estimate + 1) / 2, n_reference, n_other, float(ndtri((1 + level) / 2)))
    return EffectResult(estimate, 2 * low - 1, 2 * high - 1, level, level, "interval", n_reference, n_other)


@lru_cache(maxsize=256)
def _order(n_reference: int, n_other: int, level: float) -> tuple[int, float]:
    """(k, coverage) such that the k-th smallest and largest differences cover with at least `level`."""
    pairs = n_reference * n_other
    if n_reference + n_other > EXACT_UP_TO:
        sd = np.sqrt(pairs * (n_reference + n_other + 1) / 12)
        return max(1, int(np.floor(pairs / 2 - ndtri((1 + level) / 2) * sd))), level
    # doubled ranks 2, 4, ...; U = 0 is the sum of the smallest n_other of them
    sums = _subset_sums(tuple(range(2, 2 * (n_reference + n_other) + 1, 2)), n_other)
    at_most: Floats = np.cumsum(sums[n_other * (n_other + 1) :: 2])
    # the k-th differences cover unless U <= k - 1 on either side
    rank = max(1, int(np.searchsorted(at_most, (1 - level) / 2 * (1 + 1e-12), side="right")))
    return rank, float(1 - 2 * at_most[rank - 1])


@lru_cache(maxsize=4096)
def _newcombe(theta: float, n_reference: int, n_other: int, z: float) -> tuple[float, float]:
    size = (n_reference + n_other) / 2

    def beyond(candidate: float) -> float:
        spread = (1 - candidate) / (2 - candidate) + candidate / (1 + candidate)
        variance = candidate * (1 - candidate) * (1 + (size - 1) * spread) / (n_reference * n_other)
        return (candidate - theta) ** 2 - z**2 * variance

    inside = min(max(theta, 1e-12), 1 - 1e-12)  # at 0 and 1 the estimate itself is a root, not the bound
    low = 0.0 if theta == 0 else brentq(beyond, 0.0, inside)
    high = 1.0 if theta == 1 else brentq(beyond, inside, 1.0)
    return float(low), float(high)
