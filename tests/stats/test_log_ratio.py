"""Centred log-ratios and the replacement of zeros."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skbio.stats.composition import clr, multi_replace

from concentra.errors import AmountError
from concentra.stats.log_ratio import centred_log_ratio, replace_zeros

counts = arrays(np.float64, st.integers(2, 9), elements=st.integers(0, 200).map(float)).filter(
    lambda amounts: amounts.sum() > 10
)


@given(amounts=counts)
@settings(deadline=None, max_examples=50)
def test_replacement_agrees_with_scikit_bio(amounts):
    """skbio takes the small share itself, and shrinks the others by the total of the small shares."""
    delta = 0.5 / amounts.sum()
    np.testing.assert_allclose(
        replace_zeros(amounts), multi_replace(amounts / amounts.sum(), delta=delta), atol=1e-14
    )


@given(amounts=counts)
@settings(deadline=None, max_examples=50)
def test_ratios_between_present_parts_stay(amounts):
    present = amounts > 0
    replaced = replace_zeros(amounts)
    assert replaced.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(
        replaced[present] / replaced[present].sum(), amounts[present] / amounts[present].sum(), rtol=1e-12
    )


@given(amounts=counts)
@settings(deadline=None, max_examples=50)
def test_log_ratios_agree_with_scikit_bio_and_sum_to_zero(amounts):
    ratios = centred_log_ratio(amounts)
    np.testing.assert_allclose(ratios, clr(replace_zeros(amounts)), atol=1e-10)
    assert abs(ratios.sum()) < 1e-10


def test_empty_compositions_are_nan_and_a_single_part_is_zero():
    assert np.isnan(centred_log_ratio([[0, 0], [1, 1]])[0]).all()
    assert centred_log_ratio([5]).tolist() == [0.0]


@pytest.mark.parametrize("zero", [0.0, -1.0, np.nan, 3.0])
def test_a_replacement_that_leaves_nothing_is_refused(zero):
    with pytest.raises(AmountError, match="half a cell for counts"):
        replace_zeros([2, 0, 0, 1], zero=zero)


def test_no_replacement_is_needed_without_zeros():
    np.testing.assert_allclose(replace_zeros([1, 3], zero=0.0), [0.25, 0.75])
