r"""Two metrics at once: a region for both shifts, and one test for both.

Gini coefficient and ln effective number are nearly one number (their shifts correlate at -.99 under no
effect), so that two intervals say little about the pair. The region is an ellipse, the set of pairs x with

.. math:: (x - c)^\top S^{-1} (x - c) \le \frac{2 \nu}{\nu - 1} F_{2,\, \nu - 1}(\text{level})

(Hotelling), where S has the standard errors of the two shifts and the correlation of their bootstrap draws, and
:math:`\nu` is the smaller of their Welch-Satterthwaite degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtri

from concentra.errors import ArgumentError, nearest
from concentra.stats._arrangements import Arrangements
from concentra.stats._checks import Floats, Rng, at_least, between
from concentra.stats.bootstrap import ShiftDraws, ShiftInterval
from concentra.stats.permutation import PermutationResult, permutation_test


@dataclass(frozen=True, slots=True)
class JointRegion:
    """A region of two shifts.

    Attributes
    ----------
    centre
        The corrected shifts, shape (2,).
    covariance
        Of the corrected shifts, shape (2, 2).
    radius
        In units of the covariance; NaN where there is no region.
    polygon
        The ellipse, shape (M, 2), counter-clockwise, not closed; empty where there is no region.
    contains_zero
        Whether no shift at all lies within; True where there is no region.
    df, level
        Degrees of freedom; nominal coverage of the pair.
    reason
        Why there is no region; empty where there is one.
    """

    centre: Floats
    covariance: Floats
    radius: float
    polygon: Floats
    contains_zero: bool
    df: float
    level: float
    reason: str = ""


def joint_region(
    draws: ShiftDraws, first: str, second: str, *, level: float = 0.95, n_points: int = 120
) -> JointRegion:
    """The ellipse that covers the shifts of two metrics together.

    Parameters
    ----------
    draws
        Of `bootstrap_shift`, both metrics from the same draws.
    first, second
        Their names: the axes of the plane.
    level
        Nominal coverage of the pair.
    n_points
        Corners of the polygon.

    References
    ----------
    Hotelling 1931, Annals of Mathematical Statistics 2:360. Yao 1965, Biometrika 52:139 (degrees of freedom).

    Examples
    --------
    >>> from concentra.metrics import gini, hill_number
    >>> from concentra.stats.bootstrap import bootstrap_shift
    >>> reference = [[50, 50, 50], [60, 50, 40], [40, 55, 55], [45, 45, 60], [50, 45, 55]]
    >>> other = [[120, 20, 10], [110, 30, 10], [100, 30, 20], [90, 40, 20], [110, 20, 20]]
    >>> draws = bootstrap_shift(reference, other, {"gini": gini, "hill_q1": hill_number}, rng=1)
    >>> region = joint_region(draws, "gini", "hill_q1")
    >>> region.polygon.shape, region.contains_zero
    ((120, 2), False)
    """
    between(level, 0, 1, "level")
    at_least(n_points, 3, "n_points")
    names = list(draws.shifts)
    for name in (first, second):
        if name not in names:
            raise ArgumentError(
                found=f"no metric {name!r} among the draws",
                expected="two metrics that were drawn together",
                fix=nearest(name, names),
            )
    shifts = [draws[first], draws[second]]
    centre = np.array([shift.corrected for shift in shifts])
    df = min(shift.df for shift in shifts)
    if any(shift.kind != "interval" for shift in shifts) or df <= 1:
        reason = next((shift.reason for shift in shifts if shift.reason), "one degree of freedom")
        empty, missing = np.empty((0, 2)), np.full((2, 2), np.nan)
        return JointRegion(centre, missing, np.nan, empty, True, df, level, reason)
    covariance = _covariance(draws.draws[:, [names.index(first), names.index(second)]], shifts)
    radius = float(np.sqrt(2 * df / (df - 1) * fdtri(2, df - 1, level)))
    root = _root(covariance)
    angle = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
    polygon = centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) @ root.T
    contains = _within(root, centre, radius)
    return JointRegion(centre, covariance, radius, polygon, contains, df, level)


def mahalanobis_test(
    reference: ArrayLike, other: ArrayLike, *, rng: Rng = None, n_random: int = 9_999
) -> PermutationResult:
    r"""One permutation test of two groups of donors for a difference in several metrics at once.

    The statistic is :math:`\frac{n_1 n_2}{n_1 + n_2} d^\top S^{-1} d`, with d the difference of means and S the
    covariance of all donors together. S does not depend on the labels, and the statistic grows with
    Hotelling's :math:`T^2`, so that both give the same p.

    Parameters
    ----------
    reference, other
        Values (n1, D) and (n2, D), one column a metric, such as Gini and ln effective number. Donors with
        a missing value are left out.
    rng, n_random
        As in `permutation_test`.

    Examples
    --------
    >>> reference, other = [[1, 2], [2, 1], [1, 1]], [[8, 9], [9, 8], [9, 9]]
    >>> mahalanobis_test(reference, other).p_value
    0.1
    """
    groups = [np.asarray(values, dtype=np.float64) for values in (reference, other)]
    if any(group.ndim != 2 for group in groups) or groups[0].shape[1] != groups[1].shape[1]:
        raise ArgumentError(
            found=f"reference of shape {groups[0].shape} and other of shape {groups[1].shape}",
            expected="donors by metrics, the same metrics in both, shapes (n1, D) and (n2, D)",
            fix="stack the metrics as columns",
        )
    whole = [group[~np.isnan(group).any(axis=1)] for group in groups]
    return permutation_test(*whole, statistic=_squared_distance, tail="upper", rng=rng, n_random=n_random)


def _squared_distance(values: Floats, other: Arrangements) -> Floats:
    n = values.shape[0]
    centred = values - values.mean(axis=0)
    scale = np.maximum(centred.std(axis=0), np.finfo(float).tiny)
    left, size, _ = np.linalg.svd(centred / scale, full_matrices=False)
    whitened = left[:, size > 1e-9 * max(size.max(), 1e-300)] * np.sqrt(n - 1)
    n_other = other.sum(axis=1)
    # donors are centred: the sum over other donors is n1 n2 / n times the difference of means
    total = np.einsum("an,nd->ad", other.astype(float), whitened)
    return np.asarray((total**2).sum(axis=1) * n / (n_other * (n - n_other)))


def _covariance(draws: Floats, shifts: list[ShiftInterval]) -> Floats:
    errors = np.array([shift.standard_error for shift in shifts])
    deviations = draws - draws.mean(axis=0)
    spread = np.sqrt((deviations**2).mean(axis=0))
    product = float((deviations[:, 0] * deviations[:, 1]).mean())
    correlation = product / (spread[0] * spread[1]) if spread.min() > 0 else 0.0
    return np.asarray(np.outer(errors, errors) * np.array([[1.0, correlation], [correlation, 1.0]]))


def _root(covariance: Floats) -> Floats:
    """A matrix L with L L' the covariance, also where it is singular."""
    size, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(size, 0.0)))


def _within(root: Floats, centre: Floats, radius: float) -> bool:
    place, *_ = np.linalg.lstsq(root, -centre, rcond=None)
    reached = np.allclose(root @ place, -centre, rtol=1e-9, atol=1e-12)
    return bool(reached and np.sqrt((place**2).sum()) <= radius)
