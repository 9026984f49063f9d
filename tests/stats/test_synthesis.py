"""Synthesis over cohorts: published values of the BCG trials, defining equations, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from concentra.errors import ArgumentError
from concentra.stats.synthesis import random_effects

# Log risk ratios of 13 trials of BCG vaccine and their variances: Viechtbauer 2010, Journal of Statistical
# Software 36(3), section 3.1 (data of Colditz and others 1994)
BCG = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209]
BCG += [0.0120, -0.4694, -1.3713, -0.3394, 0.4459, -0.0173]
VARIANCES = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230]
VARIANCES += [0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714]

cohorts = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 2)), min_size=2, max_size=8)


def test_published_values_of_the_bcg_trials():
    result = random_effects(BCG, np.sqrt(VARIANCES), tau_method="dersimonian-laird")
    assert result.tau**2 == pytest.approx(0.3088, abs=1e-3)
    assert result.estimate == pytest.approx(-0.7141, abs=1e-3)
    assert result.q == pytest.approx(152.23, abs=0.5)  # the data above are rounded
    assert result.i_squared == pytest.approx(0.9212, abs=1e-3)
    assert result.q_p_value < 1e-4


@given(cohorts)
def test_mean_error_and_tau_solve_their_equations(table):
    y, s = np.array(table).T
    result = random_effects(y, s)
    k = y.size
    w = 1 / (s**2 + result.tau**2)
    mean = (w * y).sum() / w.sum()
    generalised = (w * (y - mean) ** 2).sum()
    assert result.estimate == pytest.approx(mean)
    np.testing.assert_allclose(result.weights, w / w.sum())
    if result.tau > 0:
        assert generalised == pytest.approx(k - 1, rel=1e-6)
    else:
        assert generalised <= k - 1 + 1e-9
    half = stats.t.ppf(0.975, k - 1) * np.sqrt(max(1.0, generalised / (k - 1)) / w.sum())
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=1e-6)
    if k >= 3:
        ahead = stats.t.ppf(0.975, k - 2) * np.sqrt(result.tau**2 + max(1.0, generalised / (k - 1)) / w.sum())
        assert result.prediction_high - mean == pytest.approx(ahead, rel=1e-6)
    else:
        assert np.isnan(result.prediction_low)
    fixed = ((y - np.average(y, weights=1 / s**2)) ** 2 / s**2).sum()
    assert result.q == pytest.approx(fixed, rel=1e-6, abs=1e-9)


def test_one_cohort_none_and_missing_ones():
    lone = random_effects([0.3, np.nan], [0.1, 0.2])
    assert (lone.estimate, lone.n_cohorts, lone.weights.tolist()) == (0.3, 1, [1.0, 0.0])
    assert np.isnan([lone.low, lone.high, lone.q, lone.i_squared]).all()
    assert random_effects([0.3], [0.1], tau_method="dersimonian-laird").tau == 0
    nothing = random_effects([np.nan], [np.nan])
    assert np.isnan(nothing.estimate)
    assert nothing.n_cohorts == 0
    same = random_effects([0.2, 0.2], [0.1, 0.1])
    assert (same.tau, same.i_squared) == (0.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("k", [3, 6])
@pytest.mark.parametrize("tau", [0.0, 0.5])
def test_interval_covers(k, tau):
    rng = np.random.default_rng(k)
    hits = []
    for _ in range(2000):
        s = rng.uniform(0.1, 0.6, k)
        result = random_effects(rng.normal(1.0, np.sqrt(tau**2 + s**2)), s)
        hits.append(result.low <= 1.0 <= result.high)
    assert np.mean(hits) > 0.935


def test_wrong_input_says_what_to_do():
    with pytest.raises(ArgumentError, match="standard error 0 of cohort 1"):
        random_effects([1, 2], [0.1, 0.0])
    with pytest.raises(ArgumentError, match="for every cohort"):
        random_effects([1, 2], [0.1])
    with pytest.raises(ArgumentError, match="tau_method="):
        random_effects([1, 2], [0.1, 0.1], tau_method="reml")


def test_heterogeneity_by_its_definition():
    """Higgins & Thompson 2002."""
    y, s = np.array([0.1, 0.9, 0.4, 1.4]), np.array([0.2, 0.3, 0.25, 0.3])
    found = random_effects(y, s)
    q = (((y - np.average(y, weights=s**-2)) / s) ** 2).sum()
    assert (found.q, found.q_p_value) == pytest.approx((q, stats.chi2.sf(q, 3)))
    assert found.i_squared == pytest.approx((q - 3) / q)
