"""Variances shrunk across tissues: Smyth's estimator by hand, limits, what predictions and loud tissues do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, polygamma

from concentra.errors import ArgumentError
from concentra.stats.shrinkage import HETEROGENEITY, WEIGHT, inverse_trigamma, squeeze_variances
from definitions_models import smyth


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(3, 40), st.sampled_from([2, 4, 10]))
def test_without_a_prediction_it_is_smyths_estimator(seed, n_tissues, df):
    rng = np.random.default_rng(seed)
    variances = rng.chisquare(df, n_tissues) / df * 5 / rng.chisquare(5, n_tissues)
    found = squeeze_variances(variances, np.full(n_tissues, df), robust=False)
    prior, prior_df = smyth(variances, [df] * n_tissues)
    weight = 1.0 if np.isinf(prior_df) else prior_df / (prior_df + df)
    assert found.variance == pytest.approx(weight * prior + (1 - weight) * variances, rel=1e-6)
    assert found.prior_variance == pytest.approx(np.full(n_tissues, prior), rel=1e-6)


@given(st.floats(1e-5, 1e5))
def test_the_inverse_of_the_trigamma_function(y):
    assert inverse_trigamma([polygamma(1, y)])[0] == pytest.approx(y, rel=1e-6)


def test_scale_order_and_bounds():
    rng = np.random.default_rng(1)
    variances, df = rng.chisquare(4, 15) * rng.lognormal(size=15), np.full(15, 4)
    found = squeeze_variances(variances, df)
    order = rng.permutation(15)
    assert squeeze_variances(9 * variances[order], df).variance == pytest.approx(9 * found.variance[order])
    between = np.sort(np.stack([variances, found.prior_variance]), axis=0)
    assert (between[0] * (1 - 1e-12) <= found.variance).all()
    assert (found.variance <= between[1] * (1 + 1e-12)).all()


def test_a_loud_tissue_is_left_nearly_alone():
    variances = np.array([1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 1.0, 60.0])
    found = squeeze_variances(variances, np.full(8, 6))
    assert found.variance[-1] > 0.8 * 60
    assert found.prior_df[-1] < 0.5 * found.prior_df[:-1].min()
    plain = squeeze_variances(variances, np.full(8, 6), robust=False)
    assert found.variance[-1] > plain.variance[-1]


def test_a_prediction_that_holds_decides_and_one_that_is_missing_changes_nothing():
    rng = np.random.default_rng(2)
    truth = rng.lognormal(0, 1.5, 200)
    variances = truth * rng.chisquare(4, 200) / 4
    df, known = np.full(200, 4.0), np.full(200, 40.0)
    informed = squeeze_variances(variances, df, predicted=3 * truth, predicted_df=known)
    uninformed = squeeze_variances(variances, df)
    assert (
        np.abs(np.log(informed.variance / truth)).mean()
        < 0.5 * np.abs(np.log(uninformed.variance / truth)).mean()
    )
    assert (informed.df <= 40).all()
    lacking = np.where(np.arange(200) == 7, np.nan, 3 * truth)
    found = squeeze_variances(variances, df, predicted=lacking, predicted_df=known)
    assert (found.variance[7], found.prior_df[7]) == (variances[7], 0)


def test_a_trend_follows_the_covariate():
    rng = np.random.default_rng(3)
    cells = rng.uniform(4, 10, 300)
    truth = np.exp(2 - 0.7 * cells)
    found = squeeze_variances(truth * rng.chisquare(6, 300) / 6, np.full(300, 6), covariates=cells)
    assert np.log(found.prior_variance / truth).std() < 0.1


def test_one_tissue_missing_variances_and_misfits():
    assert squeeze_variances([2.0], [5]).variance.tolist() == [2.0]
    found = squeeze_variances([1.0, np.nan, 2.0, 1.5], [4, 0, 4, 4])
    assert np.isnan(found.variance[1])
    assert np.isfinite(found.variance[[0, 2, 3]]).all()
    with pytest.raises(ArgumentError, match="of one shape"):
        squeeze_variances([1.0, 2.0], [4, 4], predicted=[1.0, 1.0])


def test_heterogeneity_is_the_moment_and_the_expectation_by_their_precision():
    """Tissues of equal degrees of freedom, by hand: each estimate counts by the inverse of its variance."""
    rng = np.random.default_rng(5)
    n_tissues, df = 9, 4.0
    variance = rng.chisquare(df, n_tissues) / df * np.exp(rng.normal(0, 0.9, n_tissues))
    predicted = np.exp(rng.normal(0, 0.1, n_tissues))
    found = squeeze_variances(
        variance,
        np.full(n_tissues, df),
        predicted=predicted,
        predicted_df=np.full(n_tissues, 30.0),
        robust=False,
    )
    noise = float(polygamma(1, df / 2))
    gap = np.log(variance) - digamma(df / 2) + np.log(df / 2) - np.log(predicted)
    moment = gap.var(ddof=1) - noise
    own_error = 2 * (noise + HETEROGENEITY) ** 2 / n_tissues
    expected_error = 2 * HETEROGENEITY**2 / WEIGHT
    weights = np.array([1 / own_error, 1 / expected_error])
    assert found.heterogeneity == pytest.approx(weights @ [moment, HETEROGENEITY] / weights.sum(), rel=1e-9)


def test_a_trend_may_have_two_covariates():
    rng = np.random.default_rng(6)
    covariates = rng.normal(size=(40, 2))
    variance = np.exp(covariates @ [0.8, -0.5]) * rng.chisquare(8, 40) / 8
    found = squeeze_variances(variance, np.full(40, 8.0), covariates=covariates, robust=False)
    slopes = np.linalg.lstsq(
        np.column_stack([np.ones(40), covariates]), np.log(found.prior_variance), rcond=None
    )[0]
    assert slopes[1:] == pytest.approx([0.8, -0.5], abs=0.2)


def test_prior_degrees_of_freedom_of_ordinary_and_of_loud_tissues_by_hand():
    """Each from the sum of its spreads; a loud tissue adds the square of its excess, less what chance explains."""
    rng = np.random.default_rng(8)
    n_tissues, df, known = 10, 6.0, 25.0
    variance = rng.chisquare(df, n_tissues) / df
    variance[3] *= 40
    found = squeeze_variances(
        variance, np.full(n_tissues, df), predicted=np.ones(n_tissues), predicted_df=np.full(n_tissues, known)
    )
    noise = float(polygamma(1, df / 2))
    gap = np.log(variance) - digamma(df / 2) + np.log(df / 2)
    rest = gap - gap.mean()
    spread = found.heterogeneity + polygamma(1, known / 2) + (noise + found.heterogeneity) / n_tissues
    excess = np.maximum(np.maximum(rest, 0) ** 2 - spread - noise, 0)
    assert np.flatnonzero(excess).tolist() == [3]
    assert polygamma(1, found.prior_df / 2) == pytest.approx(spread + excess, rel=1e-6)


def test_variances_of_one_degree_of_freedom_teach_too():
    own = np.random.default_rng(6).chisquare(1, 40)
    assert (squeeze_variances(own, np.ones(40), robust=False).df > 1).all()


def test_a_trend_needs_two_tissues_more_than_it_has_columns():
    own, cells = [1.0, 2.0, 1.5], [[3.0], [5.0], [4.0]]
    assert squeeze_variances(own, [4, 4, 4], covariates=cells).variance.tolist() == own
    assert squeeze_variances([*own, 1.2], [4] * 4, covariates=[*cells, [6.0]]).variance.tolist() != [
        *own,
        1.2,
    ]
