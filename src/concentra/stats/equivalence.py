"""Equivalence: that a shift is small is a claim of its own, with a margin fixed beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from concentra.errors import ArgumentError
from concentra.stats._checks import TOO_FEW, between, vector

Answer = Literal["equivalent", "not shown"]


@dataclass(frozen=True, slots=True)
class EquivalenceResult:
    """Two one-sided tests against a margin.

    Attributes
    ----------
    answer
        "equivalent" where the shift is shown to lie within the margin; else "not shown", which is not
        evidence of a shift.
    p_value
        The larger of the two one-sided p; NaN where no test was made, or where only an interval was given.
    estimate
        Later minus earlier mean.
    low, high
        The interval of level 1 - 2 alpha, within the margin exactly where the answer is "equivalent".
    margin, alpha, df
        As given; degrees of freedom (Welch-Satterthwaite).
    reason
        Why no test was made; empty where one was.
    """

    answer: Answer
    p_value: float
    estimate: float
    low: float
    high: float
    margin: float
    alpha: float
    df: float
    reason: str = ""


def equivalence_test(
    reference: ArrayLike, other: ArrayLike, margin: float, *, alpha: float = 0.05
) -> EquivalenceResult:
    r"""Two one-sided Welch tests: is the shift in means between -margin and +margin?

    .. math:: p = \max\{P(T_\nu > (\hat\delta + m) / s),\; P(T_\nu < (\hat\delta - m) / s)\}

    Parameters
    ----------
    reference, other
        One value per donor, shapes (n1,) and (n2,); NaN donors are left out.
    margin
        The largest shift that does not matter, above 0, in units of the metric, fixed before the data are
        seen.
    alpha
        Of each one-sided test, below .5.

    References
    ----------
    Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657. Lakens 2017, Social Psychological
    and Personality Science 8:355.

    Examples
    --------
    >>> equivalence_test([1.0, 1.1, 0.9, 1.0], [1.0, 1.1, 1.0, 0.9], 0.5).answer
    'equivalent'
    >>> equivalence_test([1.0, 1.9, 0.1, 1.0], [1.0, 1.8, 1.0, 0.3], 0.5).answer
    'not shown'
    """
    first, second = vector(reference, "reference"), vector(other, "other")
    between(margin, 0, np.inf, "margin")
    between(alpha, 0, 0.5, "alpha")
    estimate = float(second.mean() - first.mean()) if min(first.size, second.size) else np.nan
    if min(first.size, second.size) < 2:
        nothing = np.nan
        return EquivalenceResult(
            "not shown", nothing, estimate, nothing, nothing, margin, alpha, nothing, TOO_FEW
        )
    variances = [float(np.var(group, ddof=1)) / group.size for group in (first, second)]
    error = np.sqrt(sum(variances))
    if error == 0:
        within = abs(estimate) < margin
        answer: Answer = "equivalent" if within else "not shown"
        df = float(min(first.size, second.size) - 1)
        return EquivalenceResult(
            answer, 0.0 if within else 1.0, estimate, estimate, estimate, margin, alpha, df
        )
    df = error**4 / sum(v**2 / (g.size - 1) for v, g in zip(variances, (first, second), strict=True))
    p_value = max(stdtr(df, -(estimate + margin) / error), stdtr(df, (estimate - margin) / error))
    half = float(stdtrit(df, 1 - alpha)) * error
    answer = "equivalent" if p_value < alpha else "not shown"
    return EquivalenceResult(
        answer, float(p_value), estimate, estimate - half, estimate + half, margin, alpha, df
    )


def equivalence_from_interval(
    estimate: float, low: float, high: float, margin: float, *, level: float
) -> EquivalenceResult:
    """Equivalence by an interval of level 1 - 2 alpha, such as that of `bootstrap_shift(level=0.9)`.

    Parameters
    ----------
    estimate, low, high
        The shift and its interval; NaN bounds where there is none.
    margin
        The largest shift that does not matter, above 0.
    level
        Of the interval: .9 is a test at alpha = .05.

    Examples
    --------
    >>> equivalence_from_interval(0.01, -0.02, 0.04, 0.05, level=0.9).answer
    'equivalent'
    """
    between(margin, 0, np.inf, "margin")
    alpha = (1 - between(level, 0, 1, "level")) / 2
    if low > high:
        raise ArgumentError(
            found=f"an interval from {low:g} to {high:g}",
            expected="low <= high",
            fix="pass the bounds in ascending order",
        )
    if np.isnan(low) or np.isnan(high):
        return EquivalenceResult(
            "not shown", np.nan, estimate, low, high, margin, alpha, np.nan, "no interval: no test"
        )
    answer: Answer = "equivalent" if -margin < low and high < margin else "not shown"
    return EquivalenceResult(answer, np.nan, estimate, low, high, margin, alpha, np.nan)
