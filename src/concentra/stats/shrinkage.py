"""Variances shrunk across tissues: empirical Bayes, with a prediction for each tissue, robust to odd ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, polygamma

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats

HETEROGENEITY = 0.1
"""Variance of ln(variance / prediction) between tissues that is expected beforehand: .34 squared over the groups of
seven published cohorts."""
WEIGHT = 8.0
"""The degrees of freedom that this expectation counts for, against what the tissues at hand show."""
FEWEST_TISSUES = 2
_LARGEST_DF = 1e6


@dataclass(frozen=True, slots=True)
class ShrunkVariances:
    """Moderated variances of T tissues with C components each.

    Attributes
    ----------
    variance, df
        (T, C): moderated, and the degrees of freedom of a t statistic that uses them.
    prior_variance, prior_df
        (T, C): what each was shrunk towards, and with which weight; NaN and 0 where there was no prior.
    heterogeneity
        Estimated variance of ln(variance / prior variance) between tissues; NaN where there was no prior.
    """

    variance: Floats
    df: Floats
    prior_variance: Floats
    prior_df: Floats
    heterogeneity: float


def squeeze_variances(
    variance: ArrayLike,
    df: ArrayLike,
    *,
    predicted: ArrayLike | None = None,
    predicted_df: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
    robust: bool = True,
) -> ShrunkVariances:
    r"""Residual variances of many tissues, each shrunk towards what its parts and the other tissues suggest.

    .. math:: \tilde s_t^2 = \frac{d_t\, s_{0t}^2 + \nu_t\, s_t^2}{d_t + \nu_t}, \qquad
              \ln s_{0t}^2 = c + \ln v_t + \psi(d_t/2) - \ln(d_t/2),

    with :math:`d_t + \nu_t` degrees of freedom, though never more than those of the prediction, which rests on the same
    donors. The prior degrees of freedom :math:`d_t` solve
    :math:`\psi'(d_t / 2) = \tau^2 + \psi'(\nu_{v,t}/2) + \mathrm{var}\,\hat c + x_t`, where

    - :math:`v_t` is the prediction with its :math:`\nu_{v,t}` degrees of freedom, c a common factor;
    - :math:`\tau^2`, how much tissues differ from it, is the moment estimate from
      :math:`e_t = \ln s_t^2 - \psi(\nu_t/2) + \ln(\nu_t/2) - \ln v_t`, combined with `HETEROGENEITY` by precision;
    - :math:`x_t = \max\{0, \max(e_t - c, 0)^2 - \psi'(\nu_t/2) - \dots\}` (``robust``) takes a tissue that is louder
      than the others explain largely out of the shrinking.

    Without a prediction :math:`v_t = 1` and :math:`\tau^2` is the moment estimate alone: with ``robust=False`` this is
    Smyth's estimator, with `covariates` the one with a trend.

    Parameters
    ----------
    variance, df
        (T,) or (T, C): residual variances and their degrees of freedom; NaN, or df 0, where there is none.
    predicted, predicted_df
        The same shape: `predicted_variances` of each tissue. A missing prediction takes no part.
    covariates
        (T,) or (T, P): a linear trend of the logarithm of the prior variance, for example ln cells.
    robust
        Whether a tissue louder than the others explain is shrunk less.

    References
    ----------
    Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3:3, section 6.2. Phipson, Lee, Majewski,
    Alexander & Smyth 2016, Annals of Applied Statistics 10:946, for the treatment of odd variances.

    Examples
    --------
    Of four tissues that differ no more than chance, the variances become one:

    >>> shrunk = squeeze_variances([1.0, 1.5, 0.7, 0.9], [4, 4, 4, 4], robust=False)
    >>> shrunk.variance.round(3).tolist(), shrunk.df.tolist()
    ([1.292, 1.292, 1.292, 1.292], [16.0, 16.0, 16.0, 16.0])
    >>> squeeze_variances([1.0], [4]).variance.tolist()  # one tissue: nothing to learn from
    [1.0]
    """
    own, own_df, log_predicted, known_df = _arrays(variance, df, predicted, predicted_df)
    shape = np.shape(variance)
    usable = (own_df > 0) & (own > 0) & np.isfinite(own) & np.isfinite(log_predicted)
    n_tissues = int(usable.any(axis=1).sum())
    trend = _trend(covariates, own.shape[0])
    if n_tissues < max(FEWEST_TISSUES, trend.shape[1] + 2 if trend.shape[1] > 1 else 0):
        nothing = np.full(own.shape, np.nan)
        found = ShrunkVariances(own, own_df, nothing, np.zeros(own.shape), np.nan)
    else:
        found = _squeezed(own, own_df, log_predicted, known_df, usable, trend, predicted is not None, robust)
    return ShrunkVariances(
        found.variance.reshape(shape),
        found.df.reshape(shape),
        found.prior_variance.reshape(shape),
        found.prior_df.reshape(shape),
        found.heterogeneity,
    )


def _squeezed(
    own: Floats,
    own_df: Floats,
    log_predicted: Floats,
    known_df: Floats,
    usable: np.ndarray,
    trend: Floats,
    informed: bool,
    robust: bool,
) -> ShrunkVariances:
    half = np.where(own_df > 0, own_df, 1.0) / 2
    noise = polygamma(1, half)
    safe = np.where(usable, own, 1.0)
    gap = np.where(usable, np.log(safe) - digamma(half) + np.log(half) - log_predicted, 0.0)
    columns = np.broadcast_to(trend[:, None, :], (*own.shape, trend.shape[1]))
    weight = usable / (noise + (HETEROGENEITY if informed else 0.0)) if informed else usable * 1.0
    fit, leverage = _weighted_fit(columns, gap, weight)
    heterogeneity = _heterogeneity(gap - fit, noise, weight, usable, trend.shape[1], informed)
    spread = np.full(own.shape, heterogeneity)
    if informed:
        spread = spread + polygamma(1, known_df / 2) + leverage(noise + heterogeneity)
    if robust:
        excess = np.maximum(gap - fit, 0.0) ** 2 - (spread + noise)
        spread = spread + np.where(usable, np.maximum(excess, 0.0), 0.0)
    prior_df = 2.0 * inverse_trigamma(spread)
    bounded = np.minimum(prior_df, 1e10) / 2
    prior = np.exp(
        fit + np.where(np.isfinite(log_predicted), log_predicted, 0.0) + digamma(bounded) - np.log(bounded)
    )
    known = (own_df > 0) & np.isfinite(log_predicted)
    prior_df = np.where(known, prior_df, 0.0)
    share = np.where(
        np.isinf(prior_df), 1.0, prior_df / np.where(known & np.isfinite(prior_df), prior_df + own_df, 1.0)
    )
    shrunk = np.where(known, share * prior + (1.0 - share) * np.nan_to_num(own), own)
    total = np.minimum(own_df + prior_df, np.minimum(known_df, max(float(own_df[usable].sum()), 1.0)))
    total = np.where(known, np.maximum(total, own_df), own_df)
    return ShrunkVariances(shrunk, total, np.where(known, prior, np.nan), prior_df, heterogeneity)


def _weighted_fit(columns: Floats, gap: Floats, weight: Floats):  # type: ignore[no-untyped-def]
    """Fitted values (T, C), and a function from the variances of the gaps to those of the fit."""
    flat, w = columns.reshape(-1, columns.shape[-1]), weight.ravel()
    solve = np.linalg.pinv(flat.T @ (flat * w[:, None])) @ (flat * w[:, None]).T
    fit = (flat @ (solve @ gap.ravel())).reshape(gap.shape)

    def leverage(variances: Floats) -> Floats:
        covariance = (solve * variances.ravel()) @ solve.T
        return np.asarray(np.einsum("ip,pq,iq->i", flat, covariance, flat).reshape(gap.shape))

    return fit, leverage


def _heterogeneity(
    rest: Floats, noise: Floats, weight: Floats, usable: np.ndarray, n_columns: int, informed: bool
) -> float:
    n = int(usable.sum())
    if n <= n_columns:
        return HETEROGENEITY if informed else 0.0
    w = weight / weight.sum()
    moment = float((w * (rest**2 * n / (n - n_columns) - noise)).sum())
    if not informed:
        return max(moment, 0.0)
    own_error = float((2.0 * (w * (noise + HETEROGENEITY)) ** 2).sum())
    prior_error = 2.0 * HETEROGENEITY**2 / WEIGHT
    combined = (HETEROGENEITY / prior_error + moment / own_error) / (1.0 / prior_error + 1.0 / own_error)
    return max(combined, 0.0)


def inverse_trigamma(values: ArrayLike) -> Floats:
    r"""The y with :math:`\psi'(y) = x`, for x > 0; infinite at 0.

    Examples
    --------
    >>> inverse_trigamma([np.pi**2 / 6]).round(6).tolist()
    [1.0]
    """
    x = np.asarray(values, dtype=np.float64)
    y = np.full(x.shape, np.inf)
    inside = x > 1e-7
    target = x[inside]
    found = 0.5 + 1.0 / target
    for _ in range(50):
        value = polygamma(1, found)
        step = value * (1.0 - value / target) / polygamma(2, found)
        found = found + step
        if (np.abs(step) < 1e-10 * found).all():
            break
    y[inside] = found
    return y


def _trend(covariates: ArrayLike | None, n_tissues: int) -> Floats:
    ones = np.ones((n_tissues, 1))
    if covariates is None:
        return ones
    columns = np.asarray(covariates, dtype=np.float64).reshape(n_tissues, -1)
    return np.concatenate([ones, columns - columns.mean(axis=0)], axis=1)


def _arrays(
    variance: ArrayLike, df: ArrayLike, predicted: ArrayLike | None, predicted_df: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Floats]:
    shape = np.shape(variance)
    given = [variance, df] + [x for x in (predicted, predicted_df) if x is not None]
    if any(np.shape(x) != shape for x in given) or (predicted is None) != (predicted_df is None):
        raise ArgumentError(
            found=f"shapes {[np.shape(x) for x in given]}",
            expected="variances, degrees of freedom, predictions and their degrees of freedom of one shape",
            fix="pass predicted and predicted_df together, as predicted_variances returns them",
        )
    own = np.asarray(variance, dtype=np.float64).reshape(shape[0], -1)
    own_df = np.nan_to_num(np.asarray(df, dtype=np.float64).reshape(shape[0], -1))
    if predicted is None:
        return own, own_df, np.zeros(own.shape), np.full(own.shape, np.inf)
    guess = np.asarray(predicted, dtype=np.float64).reshape(own.shape)
    guess_df = np.asarray(predicted_df, dtype=np.float64).reshape(own.shape)
    known = (guess > 0) & np.isfinite(guess) & (guess_df > 0)
    logs = np.where(known, np.log(np.where(known, guess, 1.0)), np.nan)
    return own, own_df, logs, np.where(known, guess_df, np.inf)
