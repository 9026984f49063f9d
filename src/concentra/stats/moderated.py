"""Tests of one contrast in many tissues at once, with variances shrunk across tissues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, stdtr

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats
from concentra.stats.linear_model import LinearModel
from concentra.stats.part_variance import predicted_variances
from concentra.stats.shrinkage import squeeze_variances

NOT_FINITE = "a donor's value is not finite (a Gini coefficient of 0 or 1 has no logit)"


@dataclass(frozen=True, slots=True)
class ContrastTests:
    """One contrast, tested in T tissues for M responses.

    Attributes
    ----------
    estimate, error, df
        (T, M): the contrast, its standard error and the degrees of freedom of estimate / error; NaN where there
        is none. An estimate may stand without an error.
    p_value
        (T, M): two-sided, of no contrast.
    centre
        (T, M): the fitted value midway between the compared groups.
    prior_df
        (T, M): degrees of freedom that the other tissues and the parts contributed, averaged over variance
        components by their part in the error.
    reasons
        (T,) of M: why there is no test; empty where there is one.
    """

    estimate: Floats
    error: Floats
    df: Floats
    p_value: Floats
    centre: Floats
    prior_df: Floats
    reasons: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OmnibusTests:
    """A contrast of q rows, tested jointly in T tissues for M responses.

    Attributes
    ----------
    statistic, df_numerator, df_denominator, p_value
        (T, M): of the F test; NaN where there is none.
    reasons
        As in `ContrastTests`.
    """

    statistic: Floats
    df_numerator: Floats
    df_denominator: Floats
    p_value: Floats
    reasons: tuple[tuple[str, ...], ...]


def contrast_tests(
    models: Sequence[LinearModel],
    responses: Sequence[ArrayLike],
    shares: Sequence[ArrayLike] | None = None,
    *,
    covariates: ArrayLike | None = None,
    moderate: bool = True,
) -> ContrastTests:
    r"""Moderated t-tests of one contrast in many tissues.

    .. math:: t = \hat\theta / \sqrt{\textstyle\sum_c U_c \tilde s_c^2}, \qquad
              \nu = \frac{(\sum_c U_c \tilde s_c^2)^2}{\sum_c (U_c \tilde s_c^2)^2 / \tilde\nu_c},

    with the variance components and multipliers of `linear_model`, their variances and degrees of freedom from
    `squeeze_variances`, one response at a time over all tissues and components.

    Parameters
    ----------
    models
        One for each tissue, with a contrast of one row. Tissues of one design should share the object.
    responses
        (n_t, M) for each tissue.
    shares
        (n_t, K_t) for each tissue: the shares of the parts in the same samples. With them, and with the
        two responses ln effective number and logit Gini in this order, each tissue has a prediction of its
        own for its variances.
    covariates
        (T,) or (T, P): a trend of the prior variance.
    moderate
        False leaves every tissue alone.

    Raises
    ------
    ArgumentError
        A model has more than one row in its contrast, or the lists differ in length.

    Examples
    --------
    One tissue alone is the t-test:

    >>> from concentra.stats.linear_model import linear_model
    >>> model = linear_model([[1, 0], [1, 0], [1, 1], [1, 1]], [0, 1])
    >>> tests = contrast_tests([model], [np.array([[1.0], [2.0], [4.0], [5.0]])])
    >>> tests.estimate.round(6).tolist(), tests.df.round(6).tolist(), tests.p_value.round(4).tolist()
    ([[3.0]], [[2.0]], [[0.0513]])
    """
    if any(model.weights.shape[0] != 1 for model in models):
        raise ArgumentError(
            found="a contrast of several rows",
            expected="one row: a single number is estimated",
            fix="use omnibus_tests for a joint test",
        )
    parts = _moderated(models, responses, shares, covariates, moderate)
    multipliers = parts.multipliers[..., 0, 0]  # (T, C)
    terms = np.where(multipliers[..., None] > 0, multipliers[..., None] * parts.variance, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = terms.sum(axis=1)
        df = squared**2 / np.where(terms > 0, terms**2 / parts.df, 0.0).sum(axis=1)
        prior_df = (terms * parts.prior_df).sum(axis=1) / squared
        error = np.where(parts.testable & (squared > 0), np.sqrt(squared), np.nan)
        t = parts.estimate[..., 0] / error
    p_value = 2.0 * stdtr(df, -np.abs(t))
    missing = np.isnan(error)
    return ContrastTests(
        estimate=parts.estimate[..., 0],
        error=error,
        df=np.where(missing, np.nan, df),
        p_value=np.where(missing, np.nan, p_value),
        centre=parts.centre,
        prior_df=np.where(missing, np.nan, prior_df),
        reasons=parts.reasons,
    )


def omnibus_tests(
    models: Sequence[LinearModel],
    responses: Sequence[ArrayLike],
    shares: Sequence[ArrayLike] | None = None,
    *,
    covariates: ArrayLike | None = None,
    moderate: bool = True,
) -> OmnibusTests:
    r"""Moderated F tests that all q rows of a contrast are 0, in many tissues.

    .. math:: F = \hat\theta' V^{-1} \hat\theta / k, \qquad V = \sum_c U_c \tilde s_c^2, \qquad
              k = q + 2 A - \frac{6 A}{q + 2}, \qquad
              A = \tfrac12 \sum_c \frac{\mathrm{tr}(Q_c^2) + (\mathrm{tr}\, Q_c)^2}{\tilde\nu_c},

    with :math:`Q_c = \tilde s_c^2 U_c V^{-1}`, on q and q (q + 2) / (3 A) degrees of freedom. For groups with a
    variance each this is the test of Welch and James in Johansen's form; with one variance for all, k = q and the
    denominator has the degrees of freedom of that variance, which is the ordinary (moderated) F test.

    Parameters
    ----------
    models, responses, shares, covariates, moderate
        As in `contrast_tests`.

    References
    ----------
    Johansen 1980, Biometrika 67:85. Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3:3.

    Examples
    --------
    >>> from concentra.stats.linear_model import linear_model
    >>> design = [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1]]
    >>> model = linear_model(design, [[0, 1, 0], [0, 0, 1]])
    >>> tests = omnibus_tests([model], [np.array([[1.0], [2.0], [4.0], [5.0], [1.0], [2.0]])])
    >>> tests.statistic.round(6).tolist(), tests.df_denominator.round(6).tolist(), tests.p_value.round(4).tolist()
    ([[12.0]], [[3.0]], [[0.037]])
    """
    parts = _moderated(models, responses, shares, covariates, moderate)
    n_tissues, n_responses, _ = parts.estimate.shape
    shape = (n_tissues, n_responses)
    statistic, numerator, denominator = (np.full(shape, np.nan) for _ in range(3))
    for t, m in np.argwhere(parts.testable):
        found = _johansen(
            parts.estimate[t, m], parts.multipliers[t], parts.variance[t, :, m], parts.df[t, :, m]
        )
        statistic[t, m], numerator[t, m], denominator[t, m] = found
    p_value = fdtrc(numerator, denominator, statistic)
    return OmnibusTests(statistic, numerator, denominator, p_value, parts.reasons)


def _johansen(
    estimate: Floats, multipliers: Floats, variance: Floats, df: Floats
) -> tuple[float, float, float]:
    used = np.abs(multipliers).max(axis=(1, 2)) > 0
    covariances = multipliers[used] * variance[used, None, None]
    inverse = np.linalg.pinv(covariances.sum(axis=0), hermitian=True)
    q = int(np.linalg.matrix_rank(covariances.sum(axis=0), hermitian=True))
    squared = float(estimate @ inverse @ estimate)
    if used.sum() == 1:
        return squared / q, float(q), float(df[used][0])
    shares = covariances @ inverse
    traces = np.trace(shares, axis1=1, axis2=2)
    squares = np.einsum("cij,cji->c", shares, shares)
    a = float(((squares + traces**2) / df[used]).sum()) / 2.0
    scale = q + 2.0 * a - 6.0 * a / (q + 2.0)
    return squared / scale, float(q), q * (q + 2.0) / (3.0 * a)


@dataclass(frozen=True, slots=True)
class _Moderated:
    estimate: Floats  # (T, M, q)
    centre: Floats  # (T, M)
    multipliers: Floats  # (T, C, q, q)
    variance: Floats  # (T, C, M)
    df: Floats  # (T, C, M)
    prior_df: Floats  # (T, C, M)
    testable: np.ndarray  # (T, M)
    reasons: tuple[tuple[str, ...], ...]


def _moderated(
    models: Sequence[LinearModel],
    responses: Sequence[ArrayLike],
    shares: Sequence[ArrayLike] | None,
    covariates: ArrayLike | None,
    moderate: bool,
) -> _Moderated:
    values = _values(models, responses)
    n_tissues, n_responses = len(models), values[0].shape[1] if values else 0
    n_rows = max((model.weights.shape[0] for model in models), default=1)
    n_components = max((model.traces.size for model in models), default=1)
    estimate = np.full((n_tissues, n_responses, n_rows), np.nan)
    centre = np.full((n_tissues, n_responses), np.nan)
    variance = np.full((n_tissues, n_components, n_responses), np.nan)
    df = np.zeros((n_tissues, n_components))
    multipliers = np.zeros((n_tissues, n_components, n_rows, n_rows))
    for model, members in _alike(models):
        stacked = np.concatenate([values[t] for t in members], axis=1)
        size = model.traces.size
        estimates = model.estimates(stacked).reshape(-1, len(members), n_responses)
        estimate[members] = np.moveaxis(estimates, 0, -1)
        centre[members] = (model.centre @ stacked).reshape(len(members), n_responses)
        found = model.variances(stacked).reshape(size, len(members), n_responses)
        variance[members, :size] = np.moveaxis(found, 0, 1)
        df[members, :size], multipliers[members, :size] = model.df, model.unscaled
    finite = np.array([np.isfinite(v).all(axis=0) for v in values], dtype=bool).reshape(
        n_tissues, n_responses
    )
    sound = np.array([model.reason == "" for model in models], dtype=bool)
    df = np.where(np.isfinite(variance), df[..., None], 0.0)
    prior_df = np.zeros(df.shape)
    if moderate:
        predicted, predicted_df = _predicted(models, shares, variance.shape)
        for m in range(n_responses):
            shrunk = squeeze_variances(
                np.where(sound[:, None], variance[..., m], np.nan),
                df[..., m],
                predicted=None if predicted is None else predicted[..., m],
                predicted_df=None if predicted is None else predicted_df[..., m],
                covariates=covariates,
            )
            variance[..., m], df[..., m], prior_df[..., m] = shrunk.variance, shrunk.df, shrunk.prior_df
    reasons = tuple(
        tuple(model.reason or ("" if ok else NOT_FINITE) for ok in row)
        for model, row in zip(models, finite, strict=True)
    )
    return _Moderated(estimate, centre, multipliers, variance, df, prior_df, finite & sound[:, None], reasons)


def _predicted(
    models: Sequence[LinearModel], shares: Sequence[ArrayLike] | None, shape: tuple[int, ...]
) -> tuple[Floats | None, Floats]:
    if shares is None:
        return None, np.zeros(0)
    predicted, predicted_df = np.full(shape, np.nan), np.full(shape, np.nan)
    for t, (model, table) in enumerate(zip(models, shares, strict=True)):
        if model.reason == "":
            size = model.traces.size
            found = predicted_variances(model, np.asarray(table, dtype=np.float64))
            predicted[t, :size], predicted_df[t, :size] = found
    return predicted, predicted_df


def _alike(models: Sequence[LinearModel]) -> list[tuple[LinearModel, list[int]]]:
    """Tissues that share a model object."""
    members: dict[int, list[int]] = {}
    for t, model in enumerate(models):
        members.setdefault(id(model), []).append(t)
    return [(models[found[0]], found) for found in members.values()]


def _values(models: Sequence[LinearModel], responses: Sequence[ArrayLike]) -> list[Floats]:
    values = [np.asarray(response, dtype=np.float64) for response in responses]
    wrong = [
        t
        for t, (model, v) in enumerate(zip(models, values, strict=False))
        if v.ndim != 2 or v.shape[0] != model.weights.shape[1]
    ]
    if len(models) != len(values) or wrong:
        raise ArgumentError(
            found=f"{len(models)} models and {len(values)} tables of responses (first misfit: {wrong[:1]})",
            expected="for each tissue a model of n samples and responses (n, M)",
            fix="pass one of each for every tissue, in the same order",
        )
    return values
