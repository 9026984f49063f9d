"""The words of the verdict, what they rest on, and that interval, test and word never contradict each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from concentra.errors import ArgumentError
from concentra.stats.moderated import ContrastTests
from concentra.stats.verdict import (
    LESS,
    MIXED,
    MORE,
    VERDICTS,
    cauchy_combination,
    detectable_contrast,
    direction,
    intervals,
    judge,
    readable,
)


def made(estimates, errors, df=20.0, centre=(1.0, 0.5), reasons=None):
    estimate = np.asarray(estimates, dtype=float)
    error = np.broadcast_to(np.asarray(errors, dtype=float), estimate.shape).copy()
    nu = np.full(estimate.shape, float(df))
    p = 2 * stats.t.sf(np.abs(estimate / error), nu)
    return ContrastTests(
        estimate, error, np.where(np.isnan(error), np.nan, nu), p, np.broadcast_to(centre, estimate.shape),
        np.zeros(estimate.shape), reasons or (("", ""),) * len(estimate),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("estimate", "error", "word"),
    [
        ((-0.5, 0.6), 0.1, MORE),
        ((0.5, -0.6), 0.1, LESS),
        ((0.5, 0.6), 0.1, MIXED),
        ((-0.5, 0.05), 0.1, "one metric only"),
        ((0.01, 0.01), 0.01, "no change beyond the margin"),
        ((0.1, -0.1), 0.2, "undecided"),
        ((0.1, -0.1), (0.2, np.nan), "not testable"),
    ],
)
def test_every_word(estimate, error, word):
    found = judge(made([estimate], [error]))
    assert found.verdict == (word,)
    assert found.deciding == (("hill_q1",) if word == "one metric only" else ("",))
    assert word in VERDICTS


def test_a_difference_takes_precedence_over_the_margin_and_is_noted():
    found = judge(made([(-0.03, 0.04)], 0.005))
    assert found.verdict == (MORE,)
    assert found.within_margin.tolist() == [True]


def test_the_reason_stands_where_there_is_no_test():
    tests = made([(0.1, 0.1)], [(np.nan, 0.2)], reasons=(("no replicates", ""),))
    assert judge(tests).reasons == ("no replicates",)


FAMILIES = st.lists(
    st.tuples(*(st.floats(-1, 1) for _ in range(2)), *(st.floats(0.01, 1) for _ in range(2))),
    min_size=1,
    max_size=9,
)


@settings(max_examples=80)
@given(FAMILIES)
def test_word_test_and_interval_agree(rows):
    table = np.array(rows)
    tests = made(table[:, :2], table[:, 2:], df=7)
    found = judge(tests)
    excludes = (found.low > [1, 0]) | (found.high < [1, 0])
    assert (excludes == (tests.p_value < 0.05)).all()
    for t, word in enumerate(found.verdict):
        if word in (MORE, LESS, MIXED):
            assert excludes[t].all()
            assert found.p_adjusted[t] <= 0.05
        assert (found.low[t] <= found.effect[t]).all()
        assert (found.effect[t] <= found.high[t]).all()
        assert (found.low_family[t] <= found.low[t] + 1e-12).all()
        assert (found.high_family[t] >= found.high[t] - 1e-12).all()
        if word == "no change beyond the margin":
            low, high = intervals(tests, 0.9)
            assert low[t, 0] >= 0.9
            assert high[t, 0] <= 1 / 0.9
            assert max(-low[t, 1], high[t, 1]) <= 0.04


@given(st.lists(st.floats(1e-12, 1 - 1e-9), min_size=1, max_size=6))
def test_cauchy_combination_is_its_formula(p):
    mean = sum(math.tan((0.5 - one) * math.pi) for one in p) / len(p)
    assert cauchy_combination(p) == pytest.approx(0.5 - math.atan(mean) / math.pi, abs=1e-8)


def test_cauchy_combination_of_the_smallest_of_ones_and_of_missing():
    assert cauchy_combination([1e-200, 0.9]) == pytest.approx(2e-200)
    assert cauchy_combination([1.0, 1.0]) == pytest.approx(1.0)
    assert np.isnan(cauchy_combination([0.1, np.nan]))


def test_effects_are_odd_increasing_and_the_difference_of_back_transformed_means():
    contrasts = np.stack([np.linspace(-2, 2, 41), np.linspace(-3, 3, 41)], axis=1)
    centre = np.full((41, 2), 0.7)
    found = readable(contrasts, centre)
    assert (np.diff(found, axis=0) > 0).all()
    assert found[:, 1] == pytest.approx(-found[::-1, 1])
    assert found[0] == pytest.approx([math.exp(-2), expit(0.7 - 1.5) - expit(0.7 + 1.5)])


@pytest.mark.parametrize(("n", "power"), [(4, 0.8), (10, 0.6)])
def test_the_detectable_change_is_found_as_often_as_it_promises(n, power):
    rng = np.random.default_rng(n)
    change = float(detectable_contrast(math.sqrt(2 / n), 2 * n - 2, power=power))
    first, second = rng.normal(size=(4_000, n)), rng.normal(change, 1, (4_000, n))
    rejected = stats.ttest_ind(second, first, axis=1).pvalue <= 0.05
    assert rejected.mean() == pytest.approx(power, abs=4 * math.sqrt(power * (1 - power) / 4_000))
    found = judge(made([(0.0, 0.0)], math.sqrt(2 / n), df=2 * n - 2), power=power)
    assert found.detectable[0, 0] == pytest.approx(math.exp(-change))


def test_family_intervals_widen_with_the_family():
    few = judge(made([(-0.5, 0.6)], 0.1))
    many = judge(made([(-0.5, 0.6)] + [(0.0, 0.0)] * 9, 0.1))
    assert few.low_family[0] == pytest.approx(few.low[0])
    assert (many.low_family[0] < many.low[0]).all()
    assert many.low_family[0] == pytest.approx(intervals(made([(-0.5, 0.6)], 0.1), 1 - 0.05 / 10)[0][0])


def test_directions():
    assert [direction(*pair) for pair in ((0.1, -1), (-0.1, 1), (0.1, 1), (0.0, -1), (np.nan, 1))] == [
        MORE, LESS, MIXED, MIXED, "",
    ]  # fmt: skip


def test_misfits_are_refused():
    tests = made([(0.0, 0.0)], 0.1)
    with pytest.raises(ArgumentError, match="alpha"):
        judge(tests, alpha=0.7)
    with pytest.raises(ArgumentError, match="ratio_margin"):
        judge(tests, ratio_margin=1.2)
    one = ContrastTests(*(np.zeros((1, 1)) for _ in range(6)), reasons=(("",),))
    with pytest.raises(ArgumentError, match="two responses"):
        judge(one)
