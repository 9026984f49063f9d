"""Two metrics at once: the ellipse against Hotelling's formula, the test against T squared."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from scipy import stats

from concentra.errors import ArgumentError
from concentra.metrics import gini, hill_number
from concentra.stats.bootstrap import ShiftDraws, ShiftInterval, bootstrap_shift
from concentra.stats.joint import joint_region, mahalanobis_test

METRICS = {"gini": partial(gini, support="stratum"), "hill_q1": hill_number}


@pytest.fixture(scope="module")
def donors():
    rng = np.random.default_rng(11)
    early = rng.multinomial(500, rng.dirichlet(np.full(8, 4.0), 6))
    late = rng.multinomial(500, rng.dirichlet(np.linspace(1, 8, 8), 6))
    return early, late


def test_polygon_lies_on_hotellings_ellipse(donors):
    draws = bootstrap_shift(*donors, METRICS, rng=1, statistic="mean")
    region = joint_region(draws, "gini", "hill_q1", n_points=64)
    errors = [draws[name].standard_error for name in METRICS]
    np.testing.assert_allclose(np.sqrt(np.diag(region.covariance)), errors)
    correlation = np.corrcoef(draws.draws.T)[0, 1]
    assert region.covariance[0, 1] / np.prod(errors) == pytest.approx(correlation)
    df = min(draws[name].df for name in METRICS)
    bound = 2 * df / (df - 1) * stats.f.ppf(0.95, 2, df - 1)
    away = region.polygon - region.centre
    distance = np.einsum("mi,ij,mj->m", away, np.linalg.inv(region.covariance), away)
    np.testing.assert_allclose(distance, bound, rtol=1e-8)
    assert region.radius**2 == pytest.approx(bound)
    inside = region.centre @ np.linalg.inv(region.covariance) @ region.centre <= bound
    assert region.contains_zero == inside
    assert not region.contains_zero


def test_no_effect_lies_within(donors):
    early, _ = donors
    region = joint_region(bootstrap_shift(early[:3], early[3:], METRICS, rng=1), "hill_q1", "gini")
    assert region.contains_zero
    assert region.centre[0] == bootstrap_shift(early[:3], early[3:], METRICS, rng=1)["hill_q1"].corrected


def test_two_donors_have_no_region(donors):
    draws = bootstrap_shift(donors[0][:2], donors[1], METRICS, rng=1, n_draws=500)
    region = joint_region(draws, "gini", "hill_q1")
    assert region.polygon.shape == (0, 2)
    assert np.isnan(region.radius)
    assert "two donors" in region.reason
    with pytest.raises(ArgumentError, match="did you mean 'gini'"):
        joint_region(draws, "ginni", "hill_q1")


def test_a_flat_ellipse_is_a_line():
    """Two metrics that are one: the region has no area, and a point off the line is not in it."""
    rng = np.random.default_rng(0)
    deviations = rng.normal(size=1000)
    deviations = (deviations - deviations.mean()) / deviations.std()

    def region(first, second):
        shifts = {
            name: ShiftInterval(value, value, -1, 1, 0.95, "interval", 1.0, 6.0, 5, 5, 1000)
            for name, value in (("a", first), ("b", second))
        }
        draws = np.stack([first + deviations, second + deviations], axis=1)
        return joint_region(ShiftDraws(shifts, draws), "a", "b")

    assert region(0.5, 0.5).contains_zero
    assert not region(0.5, -0.5).contains_zero
    away = region(0.5, 0.5).polygon - 0.5
    np.testing.assert_allclose(away[:, 0], away[:, 1], atol=1e-6)


def test_permutation_p_is_that_of_hotellings_t_squared():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(8, 2)) @ np.array([[1.0, 0.9], [0.0, 0.3]])
    values[4:] += [0.8, 0.0]

    def t_squared(late):
        early, other = values[~late], values[late]
        within = (np.cov(early.T) * 3 + np.cov(other.T) * 3) / 6
        d = other.mean(0) - early.mean(0)
        return 2 * d @ np.linalg.solve(within, d)

    null = [t_squared(np.isin(np.arange(8), chosen)) for chosen in itertools.combinations(range(8), 4)]
    observed = t_squared(np.arange(8) >= 4)
    expected = np.mean(np.array(null) >= observed * (1 - 1e-9))
    result = mahalanobis_test(values[:4], values[4:])
    assert result.p_value == pytest.approx(expected)
    total = np.cov(values.T)
    d = values[4:].mean(0) - values[:4].mean(0)
    assert result.statistic == pytest.approx(2 * d @ np.linalg.solve(total, d))
    # units do not matter
    scaled = mahalanobis_test(values[:4] * [1, 1e6], values[4:] * [1, 1e6])
    assert scaled.p_value == result.p_value


def test_collinear_metrics_missing_donors_and_no_spread():
    line = np.arange(8.0)[:, None] * [1.0, -2.0]
    assert mahalanobis_test(line[:4], line[4:]).p_value == pytest.approx(2 / 70)
    missing = line.copy()
    missing[0, 1] = np.nan
    assert mahalanobis_test(missing[:4], missing[4:]).n_reference == 3
    assert mahalanobis_test(np.ones((3, 2)), np.ones((3, 2))).p_value == 1.0
    with pytest.raises(ArgumentError, match="stack the metrics"):
        mahalanobis_test([1, 2, 3], [1, 2, 3])
