"""The decomposition over a hierarchy of parts: it adds up, and each term is the one defined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.errors import AmountError, ArgumentError
from concentra.metrics import entropy, entropy_levels, gini, gini_levels, hill_number
from definitions_metrics import entropy_terms_by_definition, gini_terms_by_definition


@st.composite
def hierarchies(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Counts of fine parts, and the coarse part of each."""
    groups = draw(st.lists(st.integers(0, 5), min_size=1, max_size=25))
    codes = np.unique(groups, return_inverse=True)[1].tolist()
    counts = draw(st.lists(st.integers(0, 5000), min_size=len(groups), max_size=len(groups)).filter(any))
    return counts, codes


@given(hierarchy=hierarchies())
def test_entropy_is_that_between_plus_those_within(hierarchy: tuple[list[int], list[int]]) -> None:
    counts, groups = hierarchy
    found = entropy_levels(counts, groups)
    between, within = entropy_terms_by_definition(counts, groups)
    assert found.between == pytest.approx(between, abs=1e-12)
    assert found.within == pytest.approx(within, abs=1e-12)
    assert found.total == pytest.approx(entropy(counts), abs=1e-12)
    assert found.between + math.fsum(found.within) == pytest.approx(found.total, abs=1e-12)
    assert np.exp(found.total) == pytest.approx(hill_number(counts), abs=1e-10)


@given(hierarchy=hierarchies())
def test_gini_has_three_terms(hierarchy: tuple[list[int], list[int]]) -> None:
    """The overlap is computed as a remainder; its definition by pairs agrees."""
    counts, groups = hierarchy
    found = gini_levels(counts, groups)
    between, within, overlap = gini_terms_by_definition(counts, groups)
    assert found.between == pytest.approx(between, abs=1e-12)
    assert found.within == pytest.approx(within, abs=1e-12)
    assert found.overlap == pytest.approx(overlap, abs=1e-12)
    assert found.total == pytest.approx(gini(counts, support="stratum"), abs=1e-12)
    assert found.between + math.fsum(found.within) + found.overlap == pytest.approx(found.total, abs=1e-12)


@given(hierarchy=hierarchies(), scale=st.floats(1e-6, 1e6))
def test_scale_and_the_order_of_parts_do_not_matter(
    hierarchy: tuple[list[int], list[int]], scale: float
) -> None:
    counts, groups = (np.array(one) for one in hierarchy)
    order = np.random.default_rng(0).permutation(len(counts))
    for function in (entropy_levels, gini_levels):
        plain, moved = function(counts, groups), function(scale * counts[order], groups[order])
        for one, other in zip(plain, moved, strict=True):
            assert other == pytest.approx(one, abs=1e-12)


def test_extremes() -> None:
    """All parts in one coarse part: nothing between. Each in its own: nothing within."""
    counts = [5, 3, 0, 2]
    one, own = gini_levels(counts, [0, 0, 0, 0]), gini_levels(counts, [0, 1, 2, 3])
    assert (one.between, one.overlap) == (0, 0)
    assert one.within.sum() == pytest.approx(one.total)
    assert (own.within.sum(), own.overlap) == (0, pytest.approx(0, abs=1e-15))
    assert own.between == pytest.approx(own.total)
    assert entropy_levels(counts, [0, 0, 0, 0]).between == 0
    assert entropy_levels(counts, [0, 1, 2, 3]).within.sum() == 0


def test_many_at_once_and_an_empty_one() -> None:
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 50, (4, 5, 7))
    counts[0, 0] = 0
    groups = [0, 1, 1, 2, 0, 2, 2]
    for function in (entropy_levels, gini_levels):
        many = function(counts, groups)
        assert all(np.isnan(term[0, 0]).all() for term in many)
        for term, alone in zip(many, function(counts[2, 3], groups), strict=True):
            assert term[2, 3] == pytest.approx(alone, abs=1e-15)


def test_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="number the coarse parts"):
        gini_levels([1, 2, 3], [0, 1])
    with pytest.raises(ArgumentError, match="every number up to the largest"):
        entropy_levels([1, 2, 3], [0, 2, 2])
    with pytest.raises(AmountError, match="position"):
        entropy_levels([1, -2, 3], [0, 1, 1])
