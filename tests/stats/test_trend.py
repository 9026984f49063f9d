"""Trends: against loops over pairs and permutations, against the two-group tests, and their coverage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from concentra.errors import ArgumentError
from concentra.stats import trend
from concentra.stats.effect import hodges_lehmann
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.trend import (
    _listed,
    _order,
    _rising_pairs,
    n_arrangements,
    spearman,
    spearman_test,
    theil_sen,
)
from definitions_trend import median_slope, rising_pairs, spearman_p
from definitions_trend import spearman as slow_spearman

DESIGNS = [[3, 3, 24, 24], [1, 3, 18, 24], [3, 3, 3, 18, 24, 24], [1, 1, 3, 18, 24, 24], [1, 2, 3, 4, 5, 6]]


def sizes_of(places):
    return tuple(np.unique(places, return_counts=True)[1].tolist())


@pytest.mark.parametrize("places", DESIGNS)
def test_slope_test_and_null_agree_with_their_slow_definitions(places):
    rng = np.random.default_rng(3)
    for values in (rng.normal(size=len(places)), rng.integers(0, 3, len(places)).astype(float)):
        line = theil_sen(places, values)
        assert line.slope == pytest.approx(median_slope(places, values))
        assert line.intercept == pytest.approx(np.median(values - line.slope * np.array(places)))
        found = spearman_test(places, values, rng=1)
        if np.ptp(values) == 0:
            continue
        assert found.correlation == pytest.approx(slow_spearman(places, values))
        assert (found.p_value, found.p_attainable) == pytest.approx(spearman_p(places, values))
        assert found.exact
        assert found.n_arrangements == n_arrangements(sizes_of(places))
    np.testing.assert_allclose(_rising_pairs(sizes_of(places)), rising_pairs(places), atol=1e-15)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("places", DESIGNS)
def test_the_interval_covers_exactly_as_often_as_it_says(places, level):
    """Over all permutations of any distinct errors: no simulation, the guarantee itself."""
    errors = np.random.default_rng(1).normal(size=len(places)) ** 3
    true = 0.7
    inside = [
        (found := theil_sen(places, true * np.array(places) + list(order), level=level)).low
        < true
        < found.high
        for order in itertools.permutations(errors)
    ]
    _, attained = _order(sizes_of(places), level)
    assert np.mean(inside) == pytest.approx(attained)
    assert attained >= level or found.kind == "range"


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(5, 4), (7, 4, 3), (2, 2, 4, 2, 4, 3)])
@pytest.mark.parametrize("draw", ["normal", "exponential", "standard_cauchy"])
def test_coverage_in_the_designs_of_the_study(sizes, draw):
    ages = np.repeat([1.0, 3.0, 18.0, 21.0, 24.0, 30.0][: len(sizes)], sizes)
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        found = theil_sen(ages, 0.01 * ages + getattr(rng, draw)(size=ages.size))
        inside += found.low <= 0.01 <= found.high
    assert abs(inside / 2000 - found.attained_level) < 0.016
    assert found.attained_level >= 0.95


def test_two_ages_are_two_groups():
    rng = np.random.default_rng(2)
    early, late = rng.normal(size=5), rng.normal(1, 1, size=4)
    ages, values = np.repeat([3, 24], [5, 4]), np.concatenate([early, late])
    slope, shift = theil_sen(ages, values), hodges_lehmann(early, late)
    assert (slope.slope * 21, slope.low * 21, slope.high * 21) == pytest.approx(
        (shift.estimate, shift.low, shift.high)
    )
    assert slope.attained_level == pytest.approx(shift.attained_level)
    test, ranks = spearman_test(ages, values, rng=1), mann_whitney_exact(early, late)
    assert (test.p_value, test.p_attainable) == pytest.approx((ranks.p_value, ranks.p_attainable))


def test_against_scipy_where_it_is_exact_too():
    rng = np.random.default_rng(8)
    x, y = np.arange(8.0), rng.normal(size=8)
    assert theil_sen(x, y).slope == pytest.approx(scipy.stats.theilslopes(y, x).slope)
    assert (
        spearman_test(x, y, rng=1).correlation
        == spearman(x, y)
        == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    )


def test_large_samples_meet_sens_normal_approximation():
    """scipy's interval is Sen's by the normal approximation; ours is exact to 200 donors, that after."""
    rng = np.random.default_rng(9)
    for n, same in ((150, 2e-3), (260, 1e-3)):
        x = rng.integers(1, 30, n).astype(float)
        y = 0.1 * x + rng.normal(size=n)
        ours, theirs = theil_sen(x, y), scipy.stats.theilslopes(y, x)
        assert (ours.low, ours.high) == pytest.approx((theirs.low_slope, theirs.high_slope), abs=same)


def test_random_arrangements_agree_with_all_and_repeat():
    rng = np.random.default_rng(4)
    ages = np.repeat([3, 18, 24], [4, 3, 3])
    values = 0.05 * ages + rng.normal(size=10)
    exact = spearman_test(ages, values, rng=1)
    drawn = [spearman_test(ages, values, rng=7, exact_up_to=0, n_random=20_000) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert not drawn[0].exact
    assert drawn[0].p_attainable == 1 / 20_001
    assert abs(drawn[0].p_value - exact.p_value) < 4 * np.sqrt(exact.p_value / 20_000) + 1e-4


def test_every_arrangement_is_listed_once():
    sizes = (3, 2, 2)
    listed = np.repeat([0, 1, 2], sizes)[_listed(sizes)]
    assert len({tuple(row) for row in listed.tolist()}) == len(listed) == n_arrangements(sizes) == 210
    assert (np.sort(listed, axis=1) == np.repeat([0, 1, 2], sizes)).all()


values_and_ages = st.lists(
    st.tuples(st.sampled_from([1.0, 3.0, 18.0, 24.0]), st.integers(-20, 20)), min_size=2, max_size=7
)


@given(values_and_ages)
def test_laws(donors):
    ages, values = (np.array(column, dtype=float) for column in zip(*donors, strict=True))
    slope, test = theil_sen(ages, values), spearman_test(ages, values, rng=1)
    turned, mirrored = theil_sen(ages, -values), spearman_test(ages, -values, rng=1)
    np.testing.assert_allclose(
        [turned.slope, turned.low, turned.high], [-slope.slope, -slope.high, -slope.low]
    )
    np.testing.assert_allclose(mirrored.p_value, test.p_value)
    np.testing.assert_allclose(theil_sen(ages, values + 2 * ages).slope, slope.slope + 2, atol=1e-9)
    np.testing.assert_allclose(theil_sen(ages + 5, 3 * values).slope, 3 * slope.slope, atol=1e-9)
    if slope.kind != "none":
        assert slope.low <= slope.slope <= slope.high
        assert test.p_attainable - 1e-12 <= test.p_value <= 1


def test_missing_values_are_left_out():
    ages, values = [3, 3, np.nan, 24, 24, 24], [1.0, 2.0, 9.0, np.nan, 3.0, 4.0]
    assert theil_sen(ages, values) == theil_sen([3, 3, 24, 24], [1, 2, 3, 4])


@pytest.mark.parametrize("ages", [[], [3], [3, 3, 3], [1, 24, 24, 24]])
def test_no_test_where_one_donor_carries_the_trend(ages):
    values = np.arange(len(ages), dtype=float)
    slope, test = theil_sen(ages, values), spearman_test(ages, values, rng=1)
    assert slope.kind == "none"
    assert np.isnan([slope.low, slope.high, slope.attained_level, test.p_value, test.p_attainable]).all()
    assert test.reason == "without one donor a single age is left: no test"
    assert np.isnan(slope.slope) == (len(set(ages)) < 2)


def test_constant_values_show_nothing():
    test = spearman_test([3, 3, 24, 24], [5, 5, 5, 5], rng=1)
    assert np.isnan(test.correlation)
    assert (test.p_value, test.p_attainable) == (1.0, 1.0)
    assert theil_sen([3, 3, 24, 24], [5, 5, 5, 5]).slope == 0.0


def test_unequal_lengths_are_refused():
    with pytest.raises(ArgumentError, match=r"places of shape \(2,\) and values of shape \(3,\)"):
        theil_sen([1, 2], [1, 2, 3])


def test_the_outermost_slopes_where_none_further_in_cover_as_often():
    places = np.array([0.0] * 128 + [1.0] * 2)
    values = np.arange(130.0)
    found = theil_sen(places, values, level=0.99999)
    assert (found.low, found.high) == (1.0, 129.0)


def test_random_arrangements_do_not_depend_on_blocks(monkeypatch):
    rng = np.random.default_rng(7)
    r, s = rng.normal(size=30), rng.normal(size=30)
    counts = []
    for cells in (30 * 7, 10**6):
        monkeypatch.setattr(trend, "CELLS", cells)
        counts += [trend._as_far(r, s, least, 100, np.random.default_rng(1)) for least in (8.0, 0.0)]
    assert counts[:2] == counts[2:]
    assert counts[0] < counts[1] == 100
