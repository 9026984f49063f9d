"""Slow second definitions of the linear models: explicit matrices, loops and one-dimensional searches."""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special, stats


def least_squares(design, contrast, response):
    """Estimate, residual variance, degrees of freedom, error and two-sided p of ordinary least squares."""
    x, y, wanted = (np.asarray(one, dtype=float) for one in (design, response, contrast))
    inverse = np.linalg.inv(x.T @ x)
    coefficients = inverse @ x.T @ y
    df = len(y) - x.shape[1]
    variance = sum((y[i] - x[i] @ coefficients) ** 2 for i in range(len(y))) / df
    error = math.sqrt(variance * float(wanted @ inverse @ wanted))
    estimate = float(wanted @ coefficients)
    return estimate, variance, df, error, 2 * stats.t.sf(abs(estimate / error), df)


def covariance_within(donors, correlation):
    """The correlation matrix of rows, entry by entry."""
    n = len(donors)
    return np.array(
        [[1.0 if i == j else correlation * (donors[i] == donors[j]) for j in range(n)] for i in range(n)]
    )


def generalised(design, contrast, response, donors, correlation):
    """The generalised least-squares estimate of a contrast."""
    x, y = np.asarray(design, dtype=float), np.asarray(response, dtype=float)
    weight = np.linalg.inv(covariance_within(donors, correlation))
    return float(np.asarray(contrast) @ np.linalg.solve(x.T @ weight @ x, x.T @ weight @ y))


def restricted_likelihood(design, response, donors, correlation):
    """Minus twice the restricted log-likelihood with the variance profiled out, but for a constant."""
    x, y = np.asarray(design, dtype=float), np.asarray(response, dtype=float)
    v = covariance_within(donors, correlation)
    weight = np.linalg.inv(v)
    rest = y - x @ np.linalg.solve(x.T @ weight @ x, x.T @ weight @ y)
    df = len(y) - x.shape[1]
    return (
        df * math.log(rest @ weight @ rest) + np.linalg.slogdet(v)[1] + np.linalg.slogdet(x.T @ weight @ x)[1]
    )


def smyth(variances, df):
    """Smyth 2004, section 6.2: prior variance and degrees of freedom, by a search for the trigamma equation."""
    e = [math.log(s) - special.digamma(d / 2) + math.log(d / 2) for s, d in zip(variances, df, strict=True)]
    n, mean = len(e), sum(e) / len(e)
    spread = (
        sum(
            (one - mean) ** 2 * n / (n - 1) - special.polygamma(1, d / 2)
            for one, d in zip(e, df, strict=True)
        )
        / n
    )
    if spread <= 0:
        return math.exp(mean), math.inf
    prior_df = 2 * optimize.brentq(lambda half: special.polygamma(1, half) - spread, 1e-6, 1e8)
    return math.exp(mean + special.digamma(prior_df / 2) - math.log(prior_df / 2)), prior_df


def welch_anova(groups):
    """Welch 1951: F, both degrees of freedom and p."""
    k = len(groups)
    weights = [len(g) / np.var(g, ddof=1) for g in groups]
    total = sum(weights)
    grand = sum(w * np.mean(g) for w, g in zip(weights, groups, strict=True)) / total
    between = sum(w * (np.mean(g) - grand) ** 2 for w, g in zip(weights, groups, strict=True)) / (k - 1)
    lost = sum((1 - w / total) ** 2 / (len(g) - 1) for w, g in zip(weights, groups, strict=True))
    f = between / (1 + 2 * (k - 2) / (k * k - 1) * lost)
    df = (k * k - 1) / (3 * lost)
    return f, k - 1, df, stats.f.sf(f, k - 1, df)
