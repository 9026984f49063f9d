"""Exact rank tests: against every arrangement, against scipy, against printed values, and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import definitions_stats as definitions
from concentra.errors import ArgumentError
from concentra.stats.exact import (
    EXACT_UP_TO,
    mann_whitney_exact,
    smallest_attainable_p,
    smallest_attainable_p_paired,
    wilcoxon_signed_rank_exact,
)

few_with_ties = st.lists(st.integers(0, 5), min_size=2, max_size=5)
many_pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=7)


@given(few_with_ties, few_with_ties)
def test_mann_whitney_is_the_share_of_all_arrangements(early, late):
    result = mann_whitney_exact(early, late)
    p, attainable = definitions.mann_whitney_p(early, late)
    assert result.p_value == pytest.approx(p, rel=1e-12)
    assert result.p_attainable == pytest.approx(attainable, rel=1e-12)
    assert result.p_attainable <= result.p_value * (1 + 1e-12)


@given(few_with_ties, few_with_ties)
def test_mann_whitney_is_symmetric_and_depends_on_ranks_only(early, late):
    result = mann_whitney_exact(early, late)
    swapped = mann_whitney_exact(late, early)
    stretched = mann_whitney_exact(np.exp(early), np.exp(late))
    assert swapped.p_value == pytest.approx(result.p_value, rel=1e-12)
    assert swapped.statistic == len(early) * len(late) - result.statistic
    assert stretched == result


@pytest.mark.parametrize("n_reference,n_other", [(2, 3), (4, 5), (7, 6), (20, 25)])
def test_mann_whitney_without_ties_is_that_of_scipy(n_reference, n_other):
    rng = np.random.default_rng(n_reference)
    for _ in range(10):
        early, late = rng.normal(size=n_reference), rng.normal(size=n_other)
        expected = stats.mannwhitneyu(late, early, method="exact")
        result = mann_whitney_exact(early, late)
        assert result.statistic == expected.statistic
        assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_mann_whitney_counts_pairs():
    early, late = [1.0, 2.0, 2.0], [2.0, 3.0]
    pairs = [(b > a) + 0.5 * (a == b) for a in early for b in late]
    assert mann_whitney_exact(early, late).statistic == sum(pairs)


def test_values_equal_up_to_rounding_are_ties():
    early, late = [0.1 + 0.2, 1.0], [0.3, 2.0]
    assert mann_whitney_exact(early, late) == mann_whitney_exact([0.3, 1.0], late)


def test_missing_donors_are_left_out_and_all_equal_is_no_evidence():
    assert mann_whitney_exact([1, 2, np.nan], [3, 4]) == mann_whitney_exact([1, 2], [3, 4])
    result = mann_whitney_exact([1, 1], [1, 1, 1])
    assert (result.p_value, result.p_attainable) == (1.0, 1.0)


@pytest.mark.parametrize("early,late", [([], [1, 2]), ([1], [2, 3]), ([1, 2], [np.nan, 3])])
def test_one_donor_in_a_group_is_no_test(early, late):
    result = mann_whitney_exact(early, late)
    assert np.isnan(result.p_value)
    assert np.isnan(result.p_attainable)
    assert "fewer than two donors" in result.reason


def test_large_groups_take_the_normal_approximation_and_agree_with_the_exact_one():
    rng = np.random.default_rng(1)
    early, late = np.round(rng.normal(size=45), 1), np.round(rng.normal(0.5, size=55), 1)
    exact = mann_whitney_exact(early, late)
    expected = stats.mannwhitneyu(late, early, method="asymptotic", use_continuity=False)
    assert exact.exact
    assert exact.p_value == pytest.approx(expected.pvalue, rel=0.1)
    more = np.concatenate([late, late])
    result = mann_whitney_exact(early, more)
    expected = stats.mannwhitneyu(more, early, method="asymptotic", use_continuity=False)
    assert not result.exact
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert mann_whitney_exact(np.ones(EXACT_UP_TO), np.ones(2)).p_value == 1.0


@pytest.mark.parametrize(
    "sizes,printed",
    [((2, 2), 0.333), ((3, 3), 0.10), ((3, 4), 0.057), ((4, 4), 0.029), ((4, 5), 0.016), ((5, 5), 0.008)],
)
def test_smallest_attainable_p_is_the_printed_one_and_is_attained(sizes, printed):
    assert smallest_attainable_p(*sizes) == pytest.approx(printed, abs=5e-4)
    early, late = np.arange(sizes[0]), 100 + np.arange(sizes[1])
    assert mann_whitney_exact(early, late).p_value == pytest.approx(smallest_attainable_p(*sizes))


def test_published_smallest_p_of_five_against_six_and_of_four_against_five():
    assert smallest_attainable_p(5, 6) == 2 / 462
    assert smallest_attainable_p(4, 5) == 2 / 126
    assert np.isnan(smallest_attainable_p(1, 9))
    assert np.isnan(smallest_attainable_p_paired(1))
    with pytest.raises(ArgumentError, match="n_reference"):
        smallest_attainable_p(-1, 3)


@given(many_pairs)
def test_signed_rank_is_the_share_of_all_signs(pairs):
    early, late = zip(*pairs, strict=True)
    result = wilcoxon_signed_rank_exact(early, late)
    if all(a == b for a, b in pairs):
        assert (result.p_value, result.n_used, result.reason) == (1.0, 0, "no pair differs")
        return
    p, attainable = definitions.signed_rank_p(early, late)
    assert result.p_value == pytest.approx(p, rel=1e-12)
    assert result.p_attainable == pytest.approx(attainable, rel=1e-12)
    assert result.p_attainable == smallest_attainable_p_paired(result.n_used) or result.n_used < 2


@pytest.mark.parametrize("n", [4, 9, 30])
def test_signed_rank_without_ties_is_that_of_scipy(n):
    rng = np.random.default_rng(n)
    early, late = rng.normal(size=n), rng.normal(0.3, size=n)
    expected = stats.wilcoxon(late - early, method="exact").pvalue
    assert wilcoxon_signed_rank_exact(early, late).p_value == pytest.approx(expected, rel=1e-9)


def test_signed_rank_of_very_many_pairs_is_approximate_and_of_one_is_none():
    rng = np.random.default_rng(3)
    late = rng.normal(0.1, size=EXACT_UP_TO + 50)
    result = wilcoxon_signed_rank_exact(np.zeros(late.size), late)
    expected = stats.wilcoxon(late, method="asymptotic").pvalue
    assert not result.exact
    assert result.p_value == pytest.approx(expected, rel=1e-6)
    assert np.isnan(wilcoxon_signed_rank_exact([1], [2]).p_value)
    assert wilcoxon_signed_rank_exact([1, np.nan, 2, 3], [2, 5, 4, 6]).n_pairs == 3


def test_wrong_input_says_what_to_do():
    with pytest.raises(ArgumentError, match="one value per donor"):
        mann_whitney_exact([[1, 2]], [3, 4])
    with pytest.raises(ArgumentError, match="infinite value in other at position 1"):
        mann_whitney_exact([1, 2], [3, np.inf])
    with pytest.raises(ArgumentError, match="align the two by donor"):
        wilcoxon_signed_rank_exact([1, 2], [3])
