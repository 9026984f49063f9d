from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from concentra.errors import AmountError
from concentra.metrics import (
    coverage,
    entropy_chao_wang_jost,
    entropy_miller_madow,
    gini,
    hill_number,
    hill_q1_corrected,
    hill_q1_miller_madow,
)
from definitions_metrics import chao_wang_jost_as_printed, coverage_by_definition, miller_madow_by_definition

COUNTS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 80)), min_size=1, max_size=20)

# Spiders, see test_hill.py: coverage and the estimated Shannon diversity as printed by iNEXT.
GIRDLED = [46, 22, 17, 15, 15, 9, 8, 6, 6, 4, 2, 2, 2, 2] + [1] * 12
LOGGED = [88, 22, 16, 15, 13, 10, 8, 8, 7, 7, 7, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2] + [1] * 14


@pytest.mark.parametrize(
    ("counts", "covered", "number"), [(GIRDLED, 0.9289, 13.826), (LOGGED, 0.9446, 16.337)]
)
def test_published_values(counts: list[int], covered: float, number: float) -> None:
    assert round(coverage(counts), 4) == covered
    assert round(hill_q1_corrected(counts), 3) == number


@given(counts=COUNTS)
@example(counts=[1])
@example(counts=[1, 1])
@example(counts=[1] * 20)
@example(counts=[1, 2, 2, 2, 2, 2, 2, 2])
@example(counts=[2] * 9 + [1])
def test_slow_definitions(counts: list[int]) -> None:
    pairs = [
        (coverage, coverage_by_definition),
        (entropy_chao_wang_jost, chao_wang_jost_as_printed),
        (entropy_miller_madow, miller_madow_by_definition),
    ]
    for fast, slow in pairs:
        assert fast(counts) == pytest.approx(slow(counts), rel=1e-9, abs=1e-12, nan_ok=True)
        many = fast([counts, counts[::-1]] * 50)  # so many that functions of counts are looked up
        assert np.allclose(many, slow(counts), rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize(
    "counts", [[900, 300, 1, 1, 1, 2], [1500, 1], [700, 500, 2, 2, 2, 2, 2, 1], [1] * 400]
)
def test_many_cells_and_the_bracket_that_cancels(counts: list[int]) -> None:
    assert entropy_chao_wang_jost(counts) == pytest.approx(chao_wang_jost_as_printed(counts), rel=1e-10)


@given(counts=COUNTS.filter(any))
def test_identities(counts: list[int]) -> None:
    assert hill_q1_corrected(counts) == pytest.approx(math.exp(entropy_chao_wang_jost(counts)), rel=1e-12)
    assert hill_q1_miller_madow(counts) == pytest.approx(math.exp(entropy_miller_madow(counts)), rel=1e-12)
    assert 0 <= coverage(counts) <= 1
    assert hill_q1_corrected(counts) >= hill_number(counts) - 1e-9


def test_one_cell() -> None:
    assert coverage([1, 0]) == 0.0
    assert hill_q1_corrected([1, 0]) == 1.0
    assert hill_q1_miller_madow([0, 1]) == 1.0


def test_bias_at_fifty_cells() -> None:
    """Of a dozen parts: the plug-in is low by a tenth, Chao-Wang-Jost by less than a fiftieth."""
    rng = np.random.default_rng(7)
    shares = rng.dirichlet(np.ones(12))
    truth = hill_number(shares)
    counts = rng.multinomial(50, shares, size=20_000)
    assert hill_number(counts).mean() / truth - 1 < -0.06
    assert abs(hill_q1_corrected(counts).mean() / truth - 1) < 0.02
    assert abs(hill_q1_miller_madow(counts).mean() / truth - 1) < 0.05


def test_coverage_estimates_the_share_seen() -> None:
    rng = np.random.default_rng(8)
    shares = rng.dirichlet(np.full(200, 0.3))
    counts = rng.multinomial(150, shares, size=4_000)
    seen = np.where(counts > 0, shares, 0).sum(axis=-1)
    assert coverage(counts).mean() == pytest.approx(seen.mean(), abs=0.01)


def test_depth_alone_moves_both_raw_measures() -> None:
    """2000 against 200 cells of one composition: the corrected number does not move, the raw ones do."""
    rng = np.random.default_rng(9)
    shares = rng.dirichlet(np.ones(20))
    deep, shallow = (rng.multinomial(n, shares, size=8_000) for n in (2000, 200))
    assert hill_number(shallow).mean() - hill_number(deep).mean() < -0.3
    assert gini(shallow, support="stratum").mean() - gini(deep, support="stratum").mean() > 0.005
    assert abs(hill_q1_corrected(shallow).mean() - hill_q1_corrected(deep).mean()) < 0.06


@pytest.mark.parametrize(
    "function",
    [coverage, entropy_chao_wang_jost, hill_q1_corrected, entropy_miller_madow, hill_q1_miller_madow],
)
def test_shares_are_refused(function) -> None:
    with pytest.raises(AmountError, match=r"(?s)0.4 at position \(0,\).*whole numbers of cells.*not shares"):
        function([0.4, 0.6])
    assert np.isnan(function([[0, 0], [2, 2]])).tolist() == [True, False]
    assert function(np.zeros((2, 0))).shape == (2,)
    assert type(function([3, 1])) is float
