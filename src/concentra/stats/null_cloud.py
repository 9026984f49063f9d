r"""Where pairs of shifts fall when nothing has happened: the null of the plane.

Gini coefficient and ln effective number are nearly one number, so that pairs of shifts of no effect lie along a curve
through the origin, nearly all of them in the two quadrants of opposite signs. That two arrows share such a quadrant is
therefore expected; what the second metric adds is the distance from that curve. The cloud is made of the same donors
with permuted labels (or, for parts measured twice, with the two checkpoints exchanged part by part), the curve is the
least-squares line through it,

.. math:: \Delta_2 = a + b \Delta_1 + r,

and an observed pair is judged by its residual r against those of the cloud.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from concentra.errors import ArgumentError
from concentra.stats._arrangements import _median, all_arrangements, random_arrangements
from concentra.stats._checks import Floats, Rng, at_least

ALL_UP_TO = 20_000
"""Arrangements up to which all of them are enumerated."""


@dataclass(frozen=True, slots=True)
class NullCloud:
    """Pairs of shifts under no effect.

    Attributes
    ----------
    observed
        The pair of shifts observed, shape (2,).
    shifts
        The pairs under permuted labels, shape (A, 2); where `exact`, all arrangements, the observed one among them.
    exact
        Whether all arrangements were enumerated.
    """

    observed: Floats
    shifts: Floats
    exact: bool


@dataclass(frozen=True, slots=True)
class PlaneTest:
    """An observed pair of shifts against its null cloud.

    Attributes
    ----------
    correlation
        Of the two shifts in the cloud: near -1 where the second metric says little that the first does not.
    opposite_share
        The share of the cloud in the two quadrants of opposite signs.
    intercept, slope
        Of the null curve.
    residual
        Of the observed pair, in units of the second metric.
    p_residual
        Share of the cloud with a residual at least as large in size (exact), or (b + 1) / (m + 1).
    p_along
        The same for the position along the curve: the size of the first shift.
    """

    correlation: float
    opposite_share: float
    intercept: float
    slope: float
    residual: float
    p_residual: float
    p_along: float


def null_cloud(
    reference: ArrayLike, other: ArrayLike, *, rng: Rng = None, n_random: int = 2_000
) -> NullCloud:
    """The shifts of medians of two metrics under all arrangements of donors' labels, or a sample of them.

    Parameters
    ----------
    reference, other
        Two metrics of each donor, shapes (n1, 2) and (n2, 2), at least two donors in each; none missing.
    rng
        A seed or a Generator; used where there are more than 20,000 arrangements.
    n_random
        Arrangements drawn then.

    Examples
    --------
    >>> cloud = null_cloud([[1, 4], [2, 3]], [[3, 2], [4, 1]])
    >>> cloud.observed.tolist(), cloud.shifts.shape, cloud.exact
    ([2.0, -2.0], (6, 2), True)
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if any(group.ndim != 2 or group.shape[1] != 2 or len(group) < 2 for group in (first, second)):
        raise ArgumentError(
            found=f"reference of shape {first.shape} and other of shape {second.shape}",
            expected="two metrics a donor, at least two donors in each group: shapes (n1, 2) and (n2, 2)",
            fix="a group of one donor has no null cloud",
        )
    values = np.concatenate([first, second])
    is_other = np.arange(len(values)) >= len(first)
    members = [np.arange(len(values))]
    exact = comb(len(values), len(second)) <= ALL_UP_TO
    if exact:
        arrangements = [all_arrangements(members, [(len(values), len(second))], len(values))]
    else:
        generator = np.random.default_rng(rng)
        drawn = at_least(n_random, 1, "n_random")
        arrangements = list(random_arrangements(members, is_other, drawn, generator, values))
    shifts = np.concatenate([_median(values, other) - _median(values, ~other) for other in arrangements])
    observed = (_median(values, is_other[None]) - _median(values, ~is_other[None]))[0]
    return NullCloud(observed, shifts, exact)


def exchanged_cloud(
    first: ArrayLike,
    last: ArrayLike,
    measure: Callable[[Floats], Floats],
    *,
    rng: Rng,
    n_random: int = 2_000,
) -> NullCloud:
    """The shifts of one composition measured twice, when each part's two shares are exchanged at random.

    Parameters
    ----------
    first, last
        Amounts of the same parts, shape (H,); compared as shares.
    measure
        Amounts (..., H) to two metrics (..., 2).
    rng
        A seed or a Generator.
    n_random
        Exchanges drawn, each part with probability 1/2.

    Notes
    -----
    The null says that a part's share is the same before and after but for noise, so that either may be the earlier.
    It is a null of the parts measured, not of models that were not trained.

    Examples
    --------
    >>> cloud = exchanged_cloud([1, 1], [1, 1], lambda x: x[..., :2], rng=1, n_random=5)
    >>> cloud.observed.tolist(), cloud.shifts.shape
    ([0.0, 0.0], (5, 2))
    """
    pair = np.stack([np.asarray(one, dtype=np.float64) for one in (first, last)])
    pair = pair / pair.sum(axis=1, keepdims=True)
    exchange = np.random.default_rng(rng).random((at_least(n_random, 1, "n_random"), pair.shape[1])) < 0.5
    before, after = np.where(exchange, pair[1], pair[0]), np.where(exchange, pair[0], pair[1])
    return NullCloud(measure(pair[1]) - measure(pair[0]), measure(after) - measure(before), exact=False)


def judge_pair(cloud: NullCloud) -> PlaneTest:
    """Judge the observed pair of shifts against its cloud.

    Examples
    --------
    A pair on the curve of its own arrangements has no residual:

    >>> plane = judge_pair(null_cloud([[1, 4], [2, 3], [0, 5]], [[3, 2], [4, 1], [6, -1]]))
    >>> round(plane.slope, 6), abs(plane.residual) < 1e-12, plane.p_along
    (-1.0, True, 0.2)
    """
    x, y = cloud.shifts[:, 0], cloud.shifts[:, 1]
    spread = float(x.var())
    slope = float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0
    intercept = float(y.mean() - slope * x.mean())
    residuals = y - intercept - slope * x
    residual = float(cloud.observed[1] - intercept - slope * cloud.observed[0])
    deviations = float(x.std() * y.std())
    return PlaneTest(
        correlation=float(((x - x.mean()) * (y - y.mean())).mean() / deviations)
        if deviations > 0
        else np.nan,
        opposite_share=float((x * y < 0).mean()),
        intercept=intercept,
        slope=slope,
        residual=residual,
        p_residual=_share_as_far(residuals, residual, cloud.exact),
        p_along=_share_as_far(x, float(cloud.observed[0]), cloud.exact),
    )


def _share_as_far(null: Floats, observed: float, exact: bool) -> float:
    tolerance = 1e-9 * max(float(np.abs(null).max(initial=0.0)), abs(observed), 1e-300)
    as_far = np.abs(null) >= abs(observed) - tolerance
    return float(as_far.mean()) if exact else float((as_far.sum() + 1) / (as_far.size + 1))
