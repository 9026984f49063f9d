"""False discovery rate: against its definition, scipy, and the example of the paper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import definitions_stats as definitions
from concentra.errors import ArgumentError
from concentra.stats.multiplicity import benjamini_hochberg

family = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan")), st.just(0.05)), min_size=1, max_size=12)


@given(family)
def test_is_its_definition_and_that_of_scipy(p_values):
    result = benjamini_hochberg(p_values)
    np.testing.assert_allclose(result.p_adjusted, definitions.benjamini_hochberg(p_values), rtol=1e-12)
    tested = np.array([p for p in p_values if not np.isnan(p)])
    assert (result.n_tested, result.n_untestable) == (tested.size, len(p_values) - tested.size)
    if tested.size:
        expected = stats.false_discovery_control(tested)
        np.testing.assert_allclose(result.p_adjusted[~np.isnan(p_values)], expected, rtol=1e-12)


def test_example_of_the_paper():
    # Benjamini & Hochberg 1995, section 4.1: 15 hypotheses, 4 rejected at .05
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert benjamini_hochberg(p_values).rejected.tolist() == [True] * 4 + [False] * 11


def test_the_level_itself_is_rejected_and_reached():
    found = benjamini_hochberg([0.05, 0.5], [0.025, 0.05], alpha=0.1)
    assert found.p_adjusted.tolist() == [0.1, 0.5]
    assert found.rejected.tolist() == [True, False]
    assert benjamini_hochberg([0.05], [0.05], alpha=0.05).reachable.tolist() == [True]


def test_tests_that_cannot_reach_alpha_are_named():
    result = benjamini_hochberg([0.2, 0.03, 0.5, np.nan], [0.1, 0.029, 0.008, np.nan])
    # at best .008, .029, .100 of three tests: .024, .0435, .1
    np.testing.assert_allclose(result.p_adjusted_attainable, [0.1, 0.0435, 0.024, np.nan])
    assert result.reachable.tolist() == [False, True, True, False]
    assert result.n_unreachable == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=10))
def test_the_bound_is_a_bound(pairs):
    floor, p = np.array([min(a, b) for a, b in pairs]), np.array([max(a, b) for a, b in pairs])
    result = benjamini_hochberg(p, floor)
    assert (result.p_adjusted_attainable <= result.p_adjusted).all()
    assert (result.reachable | ~result.rejected).all()


def test_shape_is_kept_and_an_empty_family_is_one():
    assert benjamini_hochberg(np.full((2, 3), 0.2)).p_adjusted.shape == (2, 3)
    result = benjamini_hochberg([np.nan, np.nan], [np.nan, np.nan])
    assert (result.n_tested, result.n_untestable) == (0, 2)
    assert not result.rejected.any()


def test_wrong_input_says_what_to_do():
    with pytest.raises(ArgumentError, match=r"p_values holds 1\.5"):
        benjamini_hochberg([0.1, 1.5])
    with pytest.raises(ArgumentError, match="one smallest attainable p for each p"):
        benjamini_hochberg([0.1, 0.5], [0.1])
    with pytest.raises(ArgumentError, match="below its smallest attainable"):
        benjamini_hochberg([0.1], [0.2])
    with pytest.raises(ArgumentError, match="alpha=0"):
        benjamini_hochberg([0.1], alpha=0)
