"""One shift from several cohorts: random-effects synthesis, and what a further cohort would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import chdtrc, stdtrit

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats, between, one_of


@dataclass(frozen=True, slots=True)
class SynthesisResult:
    """The mean shift over cohorts.

    Attributes
    ----------
    estimate, low, high
        The mean of the distribution of cohorts and its interval; the interval is NaN with one cohort.
    prediction_low, prediction_high
        Where the shift of a further cohort lies; NaN with fewer than three cohorts.
    tau
        Standard deviation between cohorts beyond their errors.
    i_squared
        Share of the variance that is between cohorts, from 0 to 1.
    q, q_p_value
        Cochran's test of homogeneity.
    weights
        Of the cohorts, summing to 1; 0 where one was left out (NaN).
    n_cohorts
        Cohorts with an estimate.
    level
        Nominal coverage.
    """

    estimate: float
    low: float
    high: float
    prediction_low: float
    prediction_high: float
    tau: float
    i_squared: float
    q: float
    q_p_value: float
    weights: Floats
    n_cohorts: int
    level: float


def random_effects(
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    *,
    level: float = 0.95,
    tau_method: str = "paule-mandel",
) -> SynthesisResult:
    r"""Random-effects mean with the Hartung-Knapp-Sidik-Jonkman interval.

    .. math:: \hat\mu = \frac{\sum w_i y_i}{\sum w_i}, \quad w_i = \frac{1}{s_i^2 + \tau^2}, \quad
              \hat\mu \pm t_{k-1} \sqrt{\frac{\max(1, q)}{\sum w_i}}, \quad
              q = \frac{\sum w_i (y_i - \hat\mu)^2}{k - 1} .

    Parameters
    ----------
    estimates
        The shift of each cohort, shape (k,); NaN cohorts are left out.
    standard_errors
        Their standard errors, above 0.
    level
        Nominal coverage.
    tau_method
        "paule-mandel": the variance between cohorts at which q is 1. "dersimonian-laird": by moments.

    Notes
    -----
    q is not allowed below 1 (Roever and others 2015): without it two cohorts that agree by luck would give an
    interval shorter than either alone. The prediction interval uses k - 2 degrees of freedom.

    References
    ----------
    Paule & Mandel 1982, Journal of Research of the National Bureau of Standards 87:377. IntHout, Ioannidis &
    Borm 2014, BMC Medical Research Methodology 14:25. Higgins, Thompson & Spiegelhalter 2009, Journal of the
    Royal Statistical Society A 172:137 (prediction). Roever, Knapp & Friede 2015, BMC Medical Research
    Methodology 15:99.

    Examples
    --------
    >>> result = random_effects([0.10, 0.12, 0.08], [0.02, 0.03, 0.02])
    >>> round(result.estimate, 3), result.tau, result.n_cohorts
    (0.095, 0.0, 3)
    """
    between(level, 0, 1, "level")
    one_of(tau_method, ("paule-mandel", "dersimonian-laird"), "tau_method")
    y, s = np.asarray(estimates, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    used = _used(y, s)
    y, s = y[used], s[used]
    k = y.size
    tau_squared = (_paule_mandel if tau_method == "paule-mandel" else _dersimonian_laird)(y, s)
    w = 1 / (s**2 + tau_squared)
    mean = float((w * y).sum() / w.sum()) if k else np.nan
    q = float((((y - (y / s**2).sum() / (1 / s**2).sum()) / s) ** 2).sum()) if k else np.nan
    weights = np.zeros(used.size)
    weights[used] = w / w.sum()
    half = ahead = np.nan
    if k >= 2:
        variance = max(1.0, float((w * (y - mean) ** 2).sum()) / (k - 1)) / float(w.sum())
        half = float(stdtrit(k - 1, (1 + level) / 2)) * np.sqrt(variance)
    if k >= 3:
        ahead = float(stdtrit(k - 2, (1 + level) / 2)) * np.sqrt(tau_squared + variance)
    return SynthesisResult(
        estimate=mean,
        low=mean - half,
        high=mean + half,
        prediction_low=mean - ahead,
        prediction_high=mean + ahead,
        tau=float(np.sqrt(tau_squared)),
        i_squared=max(0.0, 1 - (k - 1) / q) if k >= 2 and q > 0 else 0.0 if k >= 2 else np.nan,
        q=q if k >= 2 else np.nan,
        q_p_value=float(chdtrc(k - 1, q)) if k >= 2 else np.nan,
        weights=weights,
        n_cohorts=k,
        level=level,
    )


def _used(y: Floats, s: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if y.ndim != 1 or y.shape != s.shape:
        raise ArgumentError(
            found=f"estimates of shape {y.shape} and standard errors of shape {s.shape}",
            expected="one of each for every cohort, shape (k,)",
            fix="pass both from the same table, in the same order",
        )
    used = ~(np.isnan(y) | np.isnan(s))
    wrong = used & ~((s > 0) & np.isfinite(s) & np.isfinite(np.where(used, y, 0.0)))
    if wrong.any():
        raise ArgumentError(
            found=f"standard error {s[wrong][0]:g} of cohort {int(np.flatnonzero(wrong)[0])}",
            expected="finite estimates with standard errors above 0",
            fix="leave out the cohort (NaN): without an error it cannot be weighted",
        )
    return np.asarray(used)


def _heterogeneity(tau_squared: float, y: Floats, s: Floats) -> float:
    w = 1 / (s**2 + tau_squared)
    return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum()) - (y.size - 1)


def _paule_mandel(y: Floats, s: Floats) -> float:
    """The root of the generalised Q statistic at its expectation; 0 where there is none above 0."""
    if y.size < 2 or _heterogeneity(0.0, y, s) <= 0:
        return 0.0
    upper = float(np.var(y, ddof=1))  # there all weights are at most 1 / upper: Q is below its expectation
    return float(brentq(_heterogeneity, 0.0, upper, args=(y, s), xtol=1e-14, rtol=1e-12))


def _dersimonian_laird(y: Floats, s: Floats) -> float:
    if y.size < 2:
        return 0.0
    w = 1 / s**2
    return max(0.0, _heterogeneity(0.0, y, s) / float(w.sum() - (w**2).sum() / w.sum()))
