from __future__ import annotations

import math
import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from concentra.errors import AmountError, ArgumentError
from concentra.metrics import gini, hill_number, rarefaction, rarefied_gini, rarefied_hill
from definitions_metrics import (
    expected_difference,
    gini_of_pairs,
    hill_by_definition,
    hill_of_expected_frequencies,
    mean_over_subsamples,
)

SMALL = st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(any)
COUNTS = st.lists(st.integers(0, 120), min_size=1, max_size=8).filter(any)


@settings(max_examples=40)
@given(counts=SMALL, data=st.data())
def test_hill_of_the_expected_frequencies(counts: list[int], data: st.DataObject) -> None:
    m = data.draw(st.integers(1, sum(counts)))
    for q in (0, 0.5, 1, 2, 3):
        slow = hill_of_expected_frequencies(counts, m, q)
        assert rarefied_hill(counts, m, q) == pytest.approx(slow, rel=1e-11)


@settings(max_examples=60)
@given(counts=SMALL, data=st.data())
def test_gini_over_the_stratum_is_the_mean_over_all_subsamples(
    counts: list[int], data: st.DataObject
) -> None:
    m = data.draw(st.integers(1, sum(counts)))
    slow = mean_over_subsamples(counts, m, lambda drawn: gini_of_pairs(drawn, "stratum"))
    assert rarefied_gini(counts, m, support="stratum") == pytest.approx(slow, abs=1e-11)


@settings(max_examples=60)
@given(counts=SMALL, data=st.data())
def test_gini_over_the_present_is_the_ratio_of_two_means(counts: list[int], data: st.DataObject) -> None:
    m = data.draw(st.integers(1, sum(counts)))
    stratum = mean_over_subsamples(counts, m, lambda drawn: gini_of_pairs(drawn, "stratum"))
    present = mean_over_subsamples(counts, m, lambda drawn: hill_by_definition(drawn, 0))
    slow = 1 - len(counts) * (1 - stratum) / present
    assert rarefied_gini(counts, m) == pytest.approx(slow, abs=1e-11)
    mean = mean_over_subsamples(counts, m, gini_of_pairs)
    assert rarefied_gini(counts, m) == pytest.approx(mean, abs=0.09)


@pytest.mark.parametrize(("n_parts", "n_cells", "m"), [(12, 500, 50), (30, 2000, 100), (60, 5000, 400)])
def test_against_counting_many_subsamples(n_parts: int, n_cells: int, m: int) -> None:
    rng = np.random.default_rng(n_parts)
    counts = rng.multinomial(n_cells, rng.dirichlet(np.full(n_parts, 0.6)))
    drawn = rng.multivariate_hypergeometric(counts, m, size=20_000, method="marginals")
    stratum = gini(drawn, support="stratum")
    assert abs(rarefied_gini(counts, m, support="stratum") - stratum.mean()) < 5 * stratum.std() / math.sqrt(
        20_000
    )
    assert rarefied_gini(counts, m) == pytest.approx(gini(drawn).mean(), abs=0.002 + 5e-4)
    assert rarefied_hill(counts, m, 0) == pytest.approx(hill_number(drawn, 0).mean(), rel=2e-3)
    assert 0 < hill_number(drawn, 1).mean() / rarefied_hill(counts, m, 1) - 1 < 0.01
    assert 0 < hill_number(drawn, 2).mean() / rarefied_hill(counts, m, 2) - 1 < 0.025


@settings(max_examples=30)
@given(counts=COUNTS)
def test_all_cells_give_the_plain_value(counts: list[int]) -> None:
    n_cells = sum(counts)
    for q in (0, 1, 2, 2.5):
        assert rarefied_hill(counts, n_cells, q) == pytest.approx(hill_number(counts, q), rel=1e-9)
    for support in ("present", "stratum"):
        assert rarefied_gini(counts, n_cells, support=support) == pytest.approx(
            gini(counts, support=support), abs=1e-9
        )


@settings(max_examples=30)
@given(counts=COUNTS)
def test_one_cell(counts: list[int]) -> None:
    for q in (0, 1, 2, 2.5):
        assert rarefied_hill(counts, 1, q) == pytest.approx(1.0, rel=1e-9)
    assert rarefied_gini(counts, 1) == pytest.approx(0.0, abs=1e-9)
    assert rarefied_gini(counts, 1, support="stratum") == pytest.approx(1 - 1 / len(counts), abs=1e-9)


@settings(max_examples=30)
@given(counts=COUNTS)
def test_more_cells_show_more_parts_and_less_inequality(counts: list[int]) -> None:
    sizes = np.unique(np.linspace(1, sum(counts), 7).astype(int))
    for q in (0, 1, 2):
        assert (np.diff([rarefied_hill(counts, int(m), q) for m in sizes]) >= -1e-9).all()
    assert (np.diff([rarefied_gini(counts, int(m), support="stratum") for m in sizes]) <= 1e-9).all()


@given(counts=st.lists(st.lists(st.integers(0, 40), min_size=4, max_size=4), min_size=1, max_size=5))
def test_many_at_once_equal_one_by_one_and_too_few_cells_are_nan(counts: list[list[int]]) -> None:
    for function in (rarefied_gini, rarefied_hill):
        values = function(counts, 30)
        assert np.allclose(values, [function(row, 30) for row in counts], rtol=1e-12, equal_nan=True)
        assert np.isnan(values).tolist() == [sum(row) < 30 for row in counts]
        assert function([counts], 30).shape == (1, len(counts))


def test_the_same_in_small_chunks_and_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(3).multinomial(300, np.full(9, 1 / 9), size=6)
    whole = rarefied_gini(counts, 120), rarefied_hill(counts, 120)
    monkeypatch.setattr(rarefaction, "_TERMS_AT_ONCE", 64)
    monkeypatch.setattr(rarefaction, "_LARGEST_TABLE", 10)
    assert np.allclose(rarefied_gini(counts, 120), whole[0], rtol=1e-10)
    assert np.allclose(rarefied_hill(counts, 120), whole[1], rtol=1e-10)


def test_pairs_that_cannot_cross_are_summed_like_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [900, 500, 120, 40, 3]
    short = rarefied_gini(counts, 700, support="stratum")
    monkeypatch.setattr(
        rarefaction, "_may_cross", lambda excess, both, n_cells, m: np.ones(excess.shape, bool)
    )
    assert rarefied_gini(counts, 700, support="stratum") == pytest.approx(short, abs=1e-12)


def test_no_units_and_no_parts() -> None:
    for function in (rarefied_gini, rarefied_hill):
        assert function(np.zeros((0, 4)), 5).shape == (0,)
        assert np.isnan(function(np.zeros((2, 0)), 5)).all()
        assert math.isnan(function([0, 0], 1))


@pytest.mark.parametrize("m", [0, 2.5, math.nan])
def test_refuses_the_number_of_cells(m: float) -> None:
    for function in (rarefied_gini, rarefied_hill):
        with pytest.raises(ArgumentError, match=r"(?s)m=.*one whole number of at least 1"):
            function([1, 2], m)  # type: ignore[arg-type]


def test_refuses_the_rest() -> None:
    with pytest.raises(AmountError, match="whole numbers of cells"):
        rarefied_gini([0.5, 0.5], 1)
    with pytest.raises(ArgumentError, match=r"(?s)q=inf.*finite order.*top_share"):
        rarefied_hill([1, 2], 1, math.inf)
    with pytest.raises(ArgumentError, match="support='all'"):
        rarefied_gini([1, 2], 1, support="all")  # type: ignore[arg-type]


@settings(max_examples=30)
@given(
    counts=st.lists(st.integers(0, 9), min_size=2, max_size=40).filter(any),
    support=st.sampled_from(["present", "stratum"]),
    data=st.data(),
)
def test_distinct_counts_are_summed_as_parts_would_be(
    counts: list[int], support: str, data: st.DataObject
) -> None:
    """The slow definition: every pair of parts by itself."""
    m = data.draw(st.integers(1, sum(counts)))
    differences = sum(expected_difference(a, b, sum(counts), m) for a, b in combinations(counts, 2))
    n_cells = sum(counts)
    present = sum(1 - math.comb(n_cells - x, m) / math.comb(n_cells, m) for x in counts)
    evenness = len(counts) - differences / m
    n_counted = len(counts) if support == "stratum" else present
    assert rarefied_gini(counts, m, support=support) == pytest.approx(1 - evenness / n_counted, abs=1e-11)


def test_thousands_of_clones_in_time_that_grows_with_distinct_counts() -> None:
    rng = np.random.default_rng(7)
    shares = rng.pareto(1.1, 5_000) + 0.05
    counts = rng.multinomial(20_000, shares / shares.sum(), size=41)
    start = time.process_time()
    found = np.asarray(rarefied_gini(counts, 8_000, support="stratum"))
    assert (
        time.process_time() - start < 20
    )  # a twentieth of it on an idle machine; pair by pair it takes an hour
    drawn = rng.multivariate_hypergeometric(counts[0], 8_000, size=400, method="marginals")
    simulated = gini(drawn, support="stratum")
    assert abs(found[0] - simulated.mean()) < 5 * simulated.std() / 20


def test_no_chance_that_matters_is_left_out() -> None:
    """Beyond `_most_drawn` the tail of the hypergeometric distribution is below any rounding."""
    for amount, n_cells, m in [(40, 1_000, 300), (3_000, 20_000, 5_000), (9, 10_000, 9_000), (500, 600, 599)]:
        most = rarefaction._most_drawn(np.array([amount]), np.array([n_cells]), m)[0]
        assert hypergeom.sf(most, n_cells, amount, m) < 1e-17


@pytest.mark.parametrize("counts, m", [((500, 500), 400), ((520, 480), 700), ((60, 940), 300)])
def test_two_large_parts_are_a_sum_over_the_hypergeometric_distribution(
    counts: tuple[int, int], m: int
) -> None:
    """E|Y_1 - Y_2| = E|2 Y_1 - m|: what parts of equal size share out by chance is inequality."""
    drawn = np.arange(m + 1)
    gap = (hypergeom.pmf(drawn, sum(counts), counts[0], m) * np.abs(2 * drawn - m)).sum()
    assert rarefied_gini(counts, m, support="stratum") == pytest.approx(gap / (2 * m), rel=1e-9)
