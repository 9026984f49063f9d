"""Permutation tests: against every arrangement spelt out, against scipy, and under the null."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

import definitions_stats as definitions
from concentra.errors import ArgumentError
from concentra.stats import _arrangements
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.permutation import permutation_test, sign_flip_test

AVERAGES = {"mean": statistics.mean, "median": statistics.median}
value_or_missing = st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.0, float("nan")])
tables = arrays(float, (6, 2), elements=value_or_missing)


@given(tables, st.sampled_from(["mean", "median"]), st.booleans())
@settings(max_examples=60)
def test_is_the_share_of_all_arrangements(values, statistic, stratified):
    assume(not np.isnan(values).all(axis=1).any())
    strata = list("ffmffm") if stratified else list("aaaaaa")
    labels = [0, 0, 0, 1, 1, 1]
    result = permutation_test(
        values[:3],
        values[3:],
        statistic=statistic,
        **({"strata_reference": strata[:3], "strata_other": strata[3:]} if stratified else {}),
    )
    expected = definitions.difference_over_tissues(values, labels, AVERAGES[statistic], strata)
    if np.isnan(expected):
        assert np.isnan([result.statistic, result.p_value]).all()
        assert "no tissue" in result.reason
        return
    p, attainable, number = definitions.permutation_p(values, labels, AVERAGES[statistic], strata)
    assert result.statistic == pytest.approx(expected, abs=1e-12)
    assert result.p_value == pytest.approx(p, rel=1e-12)
    assert result.p_attainable == pytest.approx(attainable, rel=1e-12)
    assert (result.n_arrangements, result.exact) == (number, True)


@given(arrays(float, (5, 2), elements=value_or_missing), st.sampled_from(["mean", "median"]))
@settings(max_examples=60)
def test_sign_flips_are_the_share_of_all_signs(differences, statistic):
    kept = differences[~np.isnan(differences).all(axis=1)]
    result = sign_flip_test(np.ones((5, 2)), 1 + differences, statistic=statistic)
    assert result.n_other == kept.shape[0]
    if kept.shape[0] < 2:
        assert np.isnan(result.p_value)
        return
    p, attainable = definitions.sign_flip_p(kept, AVERAGES[statistic])
    assert result.p_value == pytest.approx(p, rel=1e-12)
    assert result.p_attainable == pytest.approx(attainable, rel=1e-12)
    assert result.n_arrangements == 2 ** kept.shape[0]


def test_means_are_those_of_scipy():
    rng = np.random.default_rng(0)
    early, late = rng.normal(size=5), rng.normal(0.8, size=6)

    def difference(a, b, axis=-1):
        return b.mean(axis=axis) - a.mean(axis=axis)

    expected = stats.permutation_test((early, late), difference, vectorized=True, n_resamples=np.inf)
    result = permutation_test(early, late)
    assert result.n_arrangements == 462
    assert result.statistic == pytest.approx(expected.statistic)
    mirrored = np.mean(np.abs(expected.null_distribution) >= abs(expected.statistic) - 1e-12)
    assert result.p_value == pytest.approx(mirrored)


def test_of_ranks_is_the_mann_whitney_test():
    early, late = [1.0, 3.0, 3.0, 4.0], [3.0, 5.0, 6.0]
    ranks = stats.rankdata(early + late)
    result = permutation_test(ranks[:4], ranks[4:])
    expected = mann_whitney_exact(early, late)
    assert (result.p_value, result.p_attainable) == pytest.approx((expected.p_value, expected.p_attainable))


def test_any_vectorised_statistic():
    def larger_spread(values, late):
        return np.array([np.var(values[row]) - np.var(values[~row]) for row in late])

    result = permutation_test([1, 2, 3], [0, 50, 100], statistic=larger_spread)
    assert result.statistic == pytest.approx(np.var([0, 50, 100]) - np.var([1, 2, 3]))
    assert 0.05 <= result.p_value <= 1
    flips = sign_flip_test([0, 0, 0], [1, 2, 3], statistic=lambda d: d.sum(axis=(1, 2)))
    assert (flips.statistic, flips.p_value) == (6, 0.25)


def test_equal_values_up_to_rounding_are_as_extreme():
    # .1 + .2 + .3 in another order differs in the last digit
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    result = permutation_test(values[:3], values[3:])
    assert result.p_value == pytest.approx(2 / 20, rel=1e-12)
    assert permutation_test(values[[0, 3, 5]], values[[1, 2, 4]]).p_value == pytest.approx(1.0)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_random_arrangements_approach_all_of_them(statistic, monkeypatch):
    rng = np.random.default_rng(3)
    early, late = rng.normal(size=(5, 3)), rng.normal(0.4, size=(5, 3))
    early[0, 1] = np.nan
    strata = {"strata_reference": list("ffmmm"), "strata_other": list("fffmm")}
    exact = permutation_test(early, late, statistic=statistic, **strata)
    monkeypatch.setattr(_arrangements, "CELLS", 3000)
    sampled = permutation_test(early, late, statistic=statistic, rng=1, all_up_to=5, n_random=4000, **strata)
    assert not sampled.exact
    assert sampled.p_attainable == 1 / 4001
    assert sampled.p_value == pytest.approx(exact.p_value, abs=4 * np.sqrt(0.25 / 4000))
    assert (sampled.p_value * 4001) == pytest.approx(round(sampled.p_value * 4001))
    again = permutation_test(early, late, statistic=statistic, rng=1, all_up_to=5, n_random=4000, **strata)
    assert again == sampled


def test_random_signs_approach_all_of_them():
    rng = np.random.default_rng(3)
    late = rng.normal(0.5, size=10)
    exact = sign_flip_test(np.zeros(10), late, statistic="median")
    sampled = sign_flip_test(np.zeros(10), late, statistic="median", rng=2, all_up_to=100, n_random=5000)
    assert (exact.exact, sampled.exact, exact.n_arrangements) == (True, False, 1024)
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.03)


def test_labels_go_with_the_donor_over_all_tissues():
    # five tissues that repeat one another are no more evidence than one of them
    rng = np.random.default_rng(5)
    early, late = rng.normal(size=4), rng.normal(1, size=4)
    alone = permutation_test(early, late)
    repeated = permutation_test(np.tile(early[:, None], 5), np.tile(late[:, None], 5))
    assert repeated.p_value == alone.p_value


@pytest.mark.slow
def test_level_is_kept_under_the_null():
    rng = np.random.default_rng(8)
    p_values = np.array(
        [permutation_test(x[:4], x[4:], statistic="median").p_value for x in rng.gamma(1, size=(2000, 9))]
    )
    for alpha in (0.05, 0.1, 0.3):
        assert (p_values <= alpha).mean() <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 2000)


def test_too_few_donors_is_no_test():
    result = permutation_test([1.0], [2.0, 3.0])
    assert (result.statistic, result.n_reference) == (1.5, 1)
    assert np.isnan(result.p_value)
    assert "fewer than two donors" in result.reason
    assert np.isnan(permutation_test([], [2.0, 3.0]).statistic)
    assert np.isnan(sign_flip_test([np.nan], [2.0]).statistic)
    assert "fewer than two pairs" in sign_flip_test([1.0], [2.0]).reason


def test_no_tissue_in_common_is_no_test():
    early, late = [[1.0, np.nan], [2.0, np.nan]], [[np.nan, 1.0], [np.nan, 2.0]]
    result = permutation_test(early, late)
    assert np.isnan([result.statistic, result.p_value]).all()
    assert result.reason == "no tissue with donors of both groups: no test"


def test_upper_tail_counts_large_values_only():
    def spread_between(values, late):
        return np.array([abs(values[row].mean() - values[~row].mean()) for row in late])

    both = permutation_test([1, 2, 3], [4, 5, 6.5])
    upper = permutation_test([1, 2, 3], [4, 5, 6.5], statistic=spread_between, tail="upper")
    assert upper.p_value == both.p_value == 0.1
    near = permutation_test([1, 5, 3], [4, 2, 3.1], statistic=spread_between, tail="upper")
    assert near.p_value > 0.8
    with pytest.raises(ArgumentError, match="tail="):
        permutation_test([1, 2], [3, 4], tail="lower")


def test_wrong_input_says_what_to_do():
    with pytest.raises(ArgumentError, match="pass rng=0"):
        permutation_test(np.arange(20), np.arange(20))
    with pytest.raises(ArgumentError, match="one of 'mean', 'median'"):
        permutation_test([1, 2], [3, 4], statistic="mode")
    with pytest.raises(ArgumentError, match="one of 'mean', 'median'"):
        sign_flip_test([1, 2], [3, 4], statistic="mode")
    with pytest.raises(ArgumentError, match="same tissues"):
        permutation_test(np.ones((3, 2)), np.ones((3, 3)))
    with pytest.raises(ArgumentError, match="infinite"):
        permutation_test([1, np.inf], [1, 2])
    with pytest.raises(ArgumentError, match="3 labels in strata_reference"):
        permutation_test([1, 2, 3], [4, 5], strata_reference=["f"], strata_other=["f", "m"])
    with pytest.raises(ArgumentError, match="same donors in the same order"):
        sign_flip_test([1, 2, 3], [4, 5])
