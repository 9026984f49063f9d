"""Many tests at once: the false discovery rate over a declared family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats, between


@dataclass(frozen=True, slots=True)
class AdjustedResult:
    """Adjusted p-values of one family of tests.

    Attributes
    ----------
    p_adjusted
        Benjamini-Hochberg adjusted p in the shape and order given; NaN where there was no test.
    p_adjusted_attainable
        The smallest adjusted p that each test could have reached, had every test of the family reached its
        smallest p; NaN where there was no test, and everywhere where `p_attainable` was not given.
    rejected
        True where p_adjusted <= alpha.
    reachable
        False where p_adjusted_attainable > alpha: "cannot reach". True where p_attainable was not given.
    n_tested, n_untestable
        Tests in the family with a p, and without one. Only the former count as tests.
    n_unreachable
        Tests with a p that cannot reach alpha.
    alpha
        The false discovery rate allowed.
    """

    p_adjusted: Floats
    p_adjusted_attainable: Floats
    rejected: NDArray[np.bool_]
    reachable: NDArray[np.bool_]
    n_tested: int
    n_untestable: int
    n_unreachable: int
    alpha: float


def benjamini_hochberg(
    p_values: ArrayLike, p_attainable: ArrayLike | None = None, alpha: float = 0.05
) -> AdjustedResult:
    r"""Benjamini-Hochberg adjusted p-values over one declared family of tests.

    .. math:: \tilde p_{(i)} = \min_{j \ge i} \min(1, \tfrac{m}{j} p_{(j)})

    with :math:`p_{(1)} \le ... \le p_{(m)}` the m tests that have a p. An adjusted p never falls when a p
    rises, so adjusting the smallest attainable p-values bounds what the family could ever show.

    Parameters
    ----------
    p_values
        p of every test of the family, any shape; NaN where no test could be made. These are counted apart.
    p_attainable
        The smallest p each test could have reached, same shape.
    alpha
        The false discovery rate allowed, between 0 and 1.

    References
    ----------
    Benjamini & Hochberg 1995, Journal of the Royal Statistical Society B 57:289.

    Examples
    --------
    >>> result = benjamini_hochberg([0.01, 0.04, 0.03, float("nan")], [0.01, 0.01, 0.03, float("nan")])
    >>> result.p_adjusted.round(3).tolist(), result.n_tested, result.n_untestable
    ([0.03, 0.04, 0.04, nan], 3, 1)
    """
    alpha = between(alpha, 0, 1, "alpha")
    p = _probabilities(p_values, "p_values")
    tested = ~np.isnan(p)
    adjusted, bound = np.full(p.shape, np.nan), np.full(p.shape, np.nan)
    adjusted[tested] = _adjust(p[tested])
    reachable = tested.copy()
    if p_attainable is not None:
        floor = _floors(p_attainable, p)
        bound[tested] = _adjust(floor[tested])
        reachable &= bound <= alpha
    return AdjustedResult(
        p_adjusted=adjusted,
        p_adjusted_attainable=bound,
        rejected=adjusted <= alpha,
        reachable=reachable,
        n_tested=int(tested.sum()),
        n_untestable=int((~tested).sum()),
        n_unreachable=int((tested & ~reachable).sum()),
        alpha=alpha,
    )


def _adjust(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted


def _probabilities(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    wrong = (array < 0) | (array > 1)
    if wrong.any():
        raise ArgumentError(
            found=f"{name} holds {array[wrong].flat[0]:g}",
            expected="probabilities from 0 to 1, or NaN where no test was made",
            fix="pass p-values as the tests returned them",
        )
    return array


def _floors(p_attainable: ArrayLike, p: Floats) -> Floats:
    floor = _probabilities(p_attainable, "p_attainable")
    if floor.shape != p.shape:
        raise ArgumentError(
            found=f"p_attainable of shape {floor.shape} for p_values of shape {p.shape}",
            expected="one smallest attainable p for each p",
            fix="pass both from the same results, in the same order",
        )
    missing = np.isnan(floor) & ~np.isnan(p)
    if missing.any() or (floor > p * (1 + 1e-9)).any():
        raise ArgumentError(
            found="a p below its smallest attainable value, or one without such a value",
            expected="p_attainable <= p wherever there is a p",
            fix="pass both from the same results, in the same order",
        )
    return floor
