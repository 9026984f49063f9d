"""Equivalence: the two tests are scipy's one-sided ones, the interval says the same, silence is not evidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from concentra.errors import ArgumentError
from concentra.stats.equivalence import equivalence_from_interval, equivalence_test

group = st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=2, max_size=7)


@given(group, group, st.floats(0.05, 4))
def test_is_two_one_sided_welch_tests_and_an_interval(early, late, margin):
    if np.ptp(early) < 1e-6 or np.ptp(late) < 1e-6:
        return
    result = equivalence_test(early, late, margin)
    above = stats.ttest_ind(np.array(late) + margin, early, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(np.array(late) - margin, early, equal_var=False, alternative="less").pvalue
    assert result.p_value == pytest.approx(max(above, below), rel=1e-6, abs=1e-12)
    if abs(result.p_value - 0.05) > 1e-9:
        again = equivalence_from_interval(result.estimate, result.low, result.high, margin, level=0.9)
        assert again.answer == result.answer
        assert again.alpha == pytest.approx(0.05)


def test_nothing_is_shown_by_too_few_or_too_wide():
    lone = equivalence_test([1.0], [1.0, 1.0], 0.5)
    assert (lone.answer, lone.estimate) == ("not shown", 0.0)
    assert "fewer than two" in lone.reason
    assert np.isnan(equivalence_test([], [1.0, 1.0], 0.5).estimate)
    wide = equivalence_test([0, 4, 8], [0, 4, 8], 1.0)
    assert (wide.answer, wide.estimate) == ("not shown", 0)
    absent = equivalence_from_interval(0.0, np.nan, np.nan, 1.0, level=0.9)
    assert (absent.answer, absent.reason) == ("not shown", "no interval: no test")
    outside = equivalence_from_interval(0.0, -0.1, 1.1, 1.0, level=0.9)
    assert outside.answer == "not shown"


def test_donors_without_spread():
    assert equivalence_test([1, 1], [1.2, 1.2], 0.5).answer == "equivalent"
    assert equivalence_test([1, 1], [2, 2], 0.5).p_value == 1.0
    assert equivalence_test([1, 1, 1], [2, 2], 0.5).df == 1.0  # of the smaller group


@pytest.mark.slow
def test_level_at_the_margin():
    rng = np.random.default_rng(0)
    for n in (3, 5):
        answers = [
            equivalence_test(rng.normal(size=n), rng.normal(3.0, size=n), 3.0).answer for _ in range(4000)
        ]
        share = np.mean(np.array(answers) == "equivalent")
        assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
        assert share > 0.02


def test_wrong_input_says_what_to_do():
    with pytest.raises(ArgumentError, match="margin=0"):
        equivalence_test([1, 2], [1, 2], 0)
    with pytest.raises(ArgumentError, match=r"alpha=0\.5"):
        equivalence_test([1, 2], [1, 2], 1, alpha=0.5)
    with pytest.raises(ArgumentError, match="ascending order"):
        equivalence_from_interval(0, 1, -1, 2, level=0.9)
