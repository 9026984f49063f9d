"""What a design can show: the power of a test of two groups of donors, and the change that it detects."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import nctdtr, stdtrit, xlogy

from concentra.errors import ArgumentError
from concentra.metrics.checks import as_amounts
from concentra.stats._checks import Floats, between
from concentra.stats.verdict import detectable_contrast


def cell_variance(amounts: ArrayLike) -> Floats:
    r"""The variances of ln effective number and logit Gini coefficient that counting m cells adds, times m.

    Cells are drawn from shares p. To first order a metric f varies by
    :math:`\bigl(\sum_i p_i g_i^2 - (\sum_i p_i g_i)^2\bigr) / m` with :math:`g_i = \partial f / \partial p_i`:

    .. math:: g_i = -\ln p_i \quad\text{and}\quad g_i = \frac{2 r_i - K - 1}{K\, G (1 - G)}

    for ln effective number and for logit Gini over K parts, part i of rank :math:`r_i`.

    Parameters
    ----------
    amounts
        Amounts of the parts of a stratum, shape (..., K), absent ones as zeros.

    Returns
    -------
    Shape (..., 2); NaN for an empty composition, and for the Gini coefficient where it is 0 or 1. 0 for the effective
    number of equal parts, whose error is of second order.

    References
    ----------
    Basharin 1959, Theory of Probability and its Applications 4:333, for the entropy; the delta method.

    Examples
    --------
    Shares 3/4 and 1/4: entropy varies by p q (ln 3)^2; G = 1/4, and the logit of it by p q (2 / 2 / (G (1 - G)))^2:

    >>> cell_variance([3, 1]).round(4).tolist()
    [0.2263, 5.3333]
    """
    array = as_amounts(amounts)
    n_parts = array.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = array / array.sum(axis=-1, keepdims=True)
        logs = -np.log(np.where(shares > 0, shares, 1.0))
        entropy = -xlogy(shares, shares).sum(axis=-1)
        effective = (shares * logs**2).sum(axis=-1) - entropy**2
        ranks = (2.0 * np.argsort(np.argsort(shares, axis=-1), axis=-1) + 1.0 - n_parts) / n_parts
        gini = (ranks * shares).sum(axis=-1)
        scale = np.where((gini > 1e-9) & (gini < 1 - 1e-9), gini * (1.0 - gini), np.nan)
        logit = ((shares * ranks**2).sum(axis=-1) - gini**2) / scale**2
    return np.stack([np.maximum(effective, 0.0), np.maximum(logit, 0.0)], axis=-1)


def donor_error(sd: ArrayLike, per_cell: ArrayLike, n_cells: ArrayLike) -> Floats:
    r"""The standard deviation of a donor's value, :math:`\sqrt{\sigma^2 + v / m}`.

    Parameters
    ----------
    sd
        Between donors, of infinitely many cells each.
    per_cell
        The variance v of counting, times cells: `cell_variance`.
    n_cells
        Cells m of each donor.

    Examples
    --------
    >>> donor_error(0.3, 16.0, 100).item()
    0.5
    """
    sigma, v, m = (np.asarray(one, dtype=np.float64) for one in (sd, per_cell, n_cells))
    return np.asarray(np.sqrt(sigma**2 + v / m))


def power_of_groups(
    contrast: ArrayLike, sd: ArrayLike, n_donors: ArrayLike, *, alpha: float = 0.05, prior_df: ArrayLike = 0.0
) -> Floats:
    r"""The probability that a t-test of two groups of n donors finds a difference.

    .. math:: \pi = P\bigl(|T_\nu(\delta / s)| > t_{\nu, 1 - \alpha / 2}\bigr), \qquad s = \sigma \sqrt{2 / n}, \qquad
              \nu = 2 n - 2 + d_0

    with T noncentral t. For :math:`d_0 = 0` the ordinary t-test, otherwise the moderated one with that many prior
    degrees of freedom.

    Parameters
    ----------
    contrast
        The difference of the responses, such as the logarithm of the ratio of effective numbers.
    sd
        Of a donor's response: `donor_error`.
    n_donors
        Of each group, at least 2.
    alpha
        Level of the two-sided test.
    prior_df
        Degrees of freedom that moderation adds.

    Returns
    -------
    From `alpha` (no difference) to 1; NaN with fewer than two donors.

    Examples
    --------
    Cohen's table: 64 donors a group find half a standard deviation with probability .80.

    >>> power_of_groups(0.5, 1.0, [5, 17, 64]).round(2).tolist()
    [0.11, 0.29, 0.8]
    """
    between(alpha, 0, 1, "alpha")
    delta, sigma, n, prior = np.broadcast_arrays(
        *(np.asarray(one, dtype=np.float64) for one in (contrast, sd, n_donors, prior_df))
    )
    enough = n >= 2
    df = np.where(enough, 2.0 * n - 2.0 + prior, 1.0)
    noncentral = np.abs(delta) / (sigma * np.sqrt(2.0 / np.maximum(n, 1.0)))
    bound = stdtrit(df, 1.0 - alpha / 2.0)
    right = 1.0 - nctdtr(df, np.minimum(noncentral, 30.0), bound)
    left = nctdtr(df, np.minimum(noncentral, 30.0), -bound)
    return np.where(enough, np.clip(right + np.nan_to_num(left), 0.0, 1.0), np.nan)


def detectable_of_groups(
    sd: ArrayLike, n_donors: ArrayLike, *, alpha: float = 0.05, power: float = 0.8, prior_df: ArrayLike = 0.0
) -> Floats:
    """The difference of the responses that two groups of n donors show with a given probability.

    The inverse of `power_of_groups` but for rejections on the wrong side: see
    `concentra.stats.verdict.detectable_contrast`. NaN with fewer than two donors.

    Parameters
    ----------
    sd, n_donors, alpha, prior_df
        As in `power_of_groups`.
    power
        The probability.

    Examples
    --------
    >>> detectable_of_groups(1.0, 64).round(2).item()
    0.5
    """
    sigma, n, prior = np.broadcast_arrays(
        *(np.asarray(one, dtype=np.float64) for one in (sd, n_donors, prior_df))
    )
    enough = n >= 2
    error = sigma * np.sqrt(2.0 / np.maximum(n, 1.0))
    df = np.where(enough, 2.0 * n - 2.0 + prior, 1.0)
    return np.where(enough, detectable_contrast(error, df, alpha=alpha, power=power), np.nan)


def contrast_of_gini(difference: ArrayLike, centre: ArrayLike) -> Floats:
    r"""The difference of logit Gini coefficients that is a given difference of Gini coefficients about a centre.

    Solves :math:`\mathrm{expit}(c + \delta / 2) - \mathrm{expit}(c - \delta / 2) = d` for :math:`\delta`: with
    :math:`C = \cosh c` it is :math:`2 \ln\bigl((d C + \sqrt{d^2 C^2 + 1 - d^2}) / (1 - d)\bigr)`.

    Parameters
    ----------
    difference
        d, between -1 and 1.
    centre
        The logit c midway between the groups.

    Examples
    --------
    From .4 to .6, about a Gini coefficient of one half: 2 ln 1.5.

    >>> contrast_of_gini(0.2, 0.0).round(4).item()
    0.8109
    """
    d, c = np.asarray(difference, dtype=np.float64), np.cosh(np.asarray(centre, dtype=np.float64))
    return np.asarray(2.0 * np.log((d * c + np.sqrt(d**2 * c**2 + 1.0 - d**2)) / (1.0 - d)))


def assumed_composition(effective: float, n_parts: int) -> Floats:
    r"""Shares (K,) in geometric series with a given effective number: :math:`p_i \propto r^i`, largest first.

    Parameters
    ----------
    effective
        Hill number of order 1, from 1 to `n_parts`, both excluded.
    n_parts
        Parts K, at least 2.

    Raises
    ------
    ArgumentError
        The effective number is not between 1 and the number of parts.

    References
    ----------
    Motomura 1932, Zoological Magazine 44:379: the geometric series of abundances.

    Examples
    --------
    >>> assumed_composition(2.0, 3).round(3).tolist()
    [0.749, 0.199, 0.053]
    """
    if not 1 < effective < n_parts:
        raise ArgumentError(
            found=f"an effective number of {effective:g} of {n_parts} parts",
            expected="an effective number between 1 and the number of parts",
            fix="raise the number of parts, or lower the effective number",
        )

    def shares(log_ratio: float) -> Floats:
        weights = np.exp(-log_ratio * np.arange(n_parts))
        return np.asarray(weights / weights.sum())

    def beyond(log_ratio: float) -> float:
        p = shares(log_ratio)
        return float(np.exp(-xlogy(p, p).sum()) - effective)

    return shares(float(brentq(beyond, 1e-9, 700.0, xtol=1e-14)))
