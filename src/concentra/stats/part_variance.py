"""The variance of a metric that the variances of its parts predict."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from concentra.stats._checks import Floats
from concentra.stats.linear_model import LinearModel

_ROUNDING = 1e-20
"""A predicted variance up to this is what rounding leaves where no part varies."""


def predicted_variances(model: LinearModel, shares: Floats) -> tuple[Floats, Floats]:
    r"""The variances of ln effective number and logit Gini that independent parts would give, with their df.

    To first order a metric f of the shares p varies between donors by :math:`g' \Sigma g` with
    :math:`g = \partial f / \partial p`. Of the covariance of the shares only the diagonal is used,

    .. math:: v = \sum_i g_i^2\, s_{ii}, \qquad
              \nu = \nu_0\, \frac{(\sum_i g_i^2 s_{ii})^2}{\sum_{i,j} g_i^2 g_j^2\, \widehat{\sigma_{ij}^2}},

    with :math:`s_{ii}` the residual variance of share i under the model, :math:`\nu_0` its degrees of freedom, and an
    unbiased estimate of the squared covariances (parts that vary together count as one).
    v rests on as many variances as there are parts that matter, so it is known much better at few donors than
    the residual variance of the metric itself, and it tells loud tissues from quiet ones. Correlation between
    parts makes it too small or too large, by a factor that tissues mostly share: `squeeze_variances`
    estimates that factor and how much tissues differ in it.

    With the mean shares m: for ln effective number :math:`g_i = -(\ln m_i + H)`; for Gini over K parts
    :math:`g_i = (2 r_i - K - 1)/K - G` with :math:`r_i` the rank of part i, divided by :math:`G (1 - G)` for its
    logit.

    Parameters
    ----------
    model
        Of the tissue.
    shares
        (n, K): the shares of the parts in each sample, over the parts of the stratum.

    Returns
    -------
    Two arrays (C, 2), variances and degrees of freedom, for each variance component of the model; NaN where
    the component has no residuals, or no part varies.

    Examples
    --------
    >>> from concentra.stats.linear_model import linear_model
    >>> shares = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.6, 0.2, 0.2]])
    >>> model = linear_model([[1, 0], [1, 0], [1, 1], [1, 1]], [0, 1])
    >>> variance, df = predicted_variances(model, shares)
    >>> variance.round(4).tolist(), df.round(2).tolist()
    ([[0.0019, 0.0254]], [[3.99, 3.85]])
    """
    mean = shares.mean(axis=0)
    n_parts = mean.size
    entropy = -xlogy(mean, mean).sum()
    present = mean > 0
    slopes = np.zeros((2, n_parts))
    slopes[0, present] = -(np.log(mean[present]) + entropy)
    ranks = (
        2.0 * (np.argsort(np.argsort(mean, kind="stable"), kind="stable") + 1.0) - n_parts - 1.0
    ) / n_parts
    gini = float(ranks @ mean)
    scale = gini * (1.0 - gini)
    slopes[1] = (ranks - gini) / scale if scale > 0 else np.nan
    variances = model.variances(shares)[:, None, :] * slopes[None] ** 2  # (C, 2, K)
    total = variances.sum(axis=-1)
    n_free = np.array([_independent_parts(model, shares * slope) for slope in slopes])
    varies = total > _ROUNDING
    return np.where(varies, total, np.nan), np.where(varies, model.df[:, None] * n_free, np.nan)


def _independent_parts(model: LinearModel, weighted: Floats) -> float:
    """How many independent variances the sum of the variances of the parts (n, K) is worth."""
    residuals = model.residuals.sum(axis=0) @ weighted
    df = float(model.traces.sum())
    inner = residuals @ residuals.T  # its squares sum to those of the covariances of the parts
    total, squares = float(np.trace(inner)), float(np.square(inner).sum())
    if total <= 0:
        return np.nan
    own = np.square(residuals).sum(axis=0)
    most = total**2 / float(np.square(own).sum())
    if df <= 1:
        return most
    unbiased = df**2 / ((df - 1) * (df + 2)) * (squares - total**2 / df)
    return float(np.clip(total**2 / unbiased, 1.0, most)) if unbiased > 0 else most
