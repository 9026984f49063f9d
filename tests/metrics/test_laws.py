"""The laws that every declared metric obeys, and is tested by merely because it is declared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concentra.errors import AmountError
from concentra.metrics import METRICS, Metric, compute
from definitions_metrics import SLOW

pytestmark = pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
LAW = settings(max_examples=25)
SCALED = 10**7  # counts so many times larger are as good as shares


def amounts_of(metric: Metric, *, least: int = 0, n_parts: st.SearchStrategy[int] | None = None):
    """Whole counts where the metric needs them, else amounts over six orders of magnitude and zeros."""
    counts = st.integers(least, 60).map(float)
    amounts = st.floats(1e-3, 1e3) if least else st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
    sizes = st.integers(1, 12) if n_parts is None else n_parts
    return sizes.flatmap(lambda n: arrays(np.float64, n, elements=counts if metric.needs_counts else amounts))


def close(first, second, tolerance: float = 1e-9) -> bool:
    return bool(np.allclose(first, second, rtol=tolerance, atol=tolerance, equal_nan=True))


@LAW
@given(data=st.data())
def test_equals_its_slow_definition(metric: Metric, data: st.DataObject) -> None:
    amounts = data.draw(amounts_of(metric))
    assert close(metric.function(amounts), SLOW[metric.name](amounts.tolist()), 1e-8)


@LAW
@given(data=st.data())
def test_symmetry_the_order_of_parts_does_not_matter(metric: Metric, data: st.DataObject) -> None:
    amounts = data.draw(amounts_of(metric))
    shuffled = np.array(data.draw(st.permutations(amounts.tolist())))
    assert close(metric.function(amounts), metric.function(shuffled))


@LAW
@given(data=st.data(), exponent=st.integers(-250, 250))
def test_scale_does_not_matter_except_as_depth(metric: Metric, data: st.DataObject, exponent: int) -> None:
    amounts = data.draw(amounts_of(metric))
    if metric.corrects:  # with very many cells nothing is left to correct
        plain = METRICS[metric.corrects].function(amounts)
        assert close(metric.function(amounts * SCALED), plain, 1e-5)
    else:
        assert close(metric.function(amounts * 10.0**exponent), metric.function(amounts))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 144])
def test_equality(metric: Metric, n: int) -> None:
    amount = float(SCALED) if metric.needs_counts else 0.1
    expected = metric.one_part if n == 1 else metric.equality(n)
    assert close(metric.function(np.full(n, amount)), expected, 1e-5 if metric.needs_counts else 1e-12)


@pytest.mark.parametrize("n", [2, 3, 7, 144])
def test_monopoly_is_approached(metric: Metric, n: int) -> None:
    amounts = np.array([1e12] + [3.0 if metric.needs_counts else 1e-3] * (n - 1))
    assert close(metric.function(amounts), metric.monopoly(n), 1e-6)


def test_one_part(metric: Metric) -> None:
    assert close(metric.function([5.0]), metric.one_part)
    if metric.empty_parts == "ignored":
        assert close(metric.function([0.0, 5.0, 0.0]), metric.one_part)


@LAW
@given(data=st.data())
def test_bounds_are_equality_and_monopoly(metric: Metric, data: st.DataObject) -> None:
    amounts = data.draw(amounts_of(metric, least=1, n_parts=st.integers(2, 12)))
    ends = metric.equality(amounts.size), metric.monopoly(amounts.size)
    upper = np.inf if metric.needs_counts else max(ends)  # a correction may count on parts not seen
    assert min(ends) - 1e-12 <= metric.function(amounts) <= upper + 1e-9


@LAW
@given(data=st.data(), part=st.floats(0.0, 1.0))
def test_pigou_dalton_a_transfer_to_a_smaller_part_never_concentrates(
    metric: Metric, data: st.DataObject, part: float
) -> None:
    amounts = data.draw(amounts_of(metric, least=1, n_parts=st.integers(2, 12)))
    if metric.needs_counts:
        amounts *= SCALED
    giver, taker = int(amounts.argmax()), int(amounts.argmin())
    moved = np.floor(part * (amounts[giver] - amounts[taker]) / 2) if metric.needs_counts else None
    gift = part * (amounts[giver] - amounts[taker]) / 2 if moved is None else moved
    levelled = amounts.copy()
    levelled[giver] -= gift
    levelled[taker] += gift
    assert metric.direction * (metric.function(levelled) - metric.function(amounts)) <= 1e-9


def test_pigou_dalton_is_strict_where_parts_are_not_only_counted(metric: Metric) -> None:
    before, after = metric.function([60.0, 30.0, 10.0]), metric.function([50.0, 30.0, 20.0])
    if metric.name == "hill_q0":
        assert before == after == 3
    else:
        assert metric.direction * (after - before) < -0.001


@LAW
@given(data=st.data(), copies=st.integers(2, 4))
def test_replication(metric: Metric, data: st.DataObject, copies: int) -> None:
    amounts = data.draw(amounts_of(metric, least=1, n_parts=st.integers(2, 8)))
    if metric.needs_counts:
        amounts *= SCALED
    one, many = metric.function(amounts), metric.function(np.tile(amounts, copies))
    if metric.replication == "towards":
        assert metric.direction * (many - one) <= 1e-9
    else:
        factor = {"unchanged": 1, "multiplied": copies, "divided": 1 / copies}[metric.replication]
        assert close(many, one * factor, 1e-5 if metric.needs_counts else 1e-9)


@LAW
@given(data=st.data())
def test_empty_part(metric: Metric, data: st.DataObject) -> None:
    amounts = data.draw(amounts_of(metric, least=1))
    before, after = metric.function(amounts), metric.function(np.append(amounts, 0.0))
    if metric.empty_parts == "ignored":
        assert close(before, after)
    else:
        assert metric.direction * (after - before) > 1e-3


@LAW
@given(data=st.data(), shape=st.sampled_from([(3,), (2, 2), (1, 3, 2), (0,)]))
def test_many_at_once_equal_one_by_one(metric: Metric, data: st.DataObject, shape: tuple[int, ...]) -> None:
    elements = st.integers(0, 9).map(float)
    amounts = data.draw(arrays(np.float64, (*shape, 5), elements=elements))
    values = metric.function(amounts)
    assert values.shape == shape
    assert values.dtype == np.float64
    one_by_one = np.array([metric.function(row) for row in amounts.reshape(-1, 5)]).reshape(shape)
    assert close(values, one_by_one, 1e-12)


def test_one_composition_gives_a_float(metric: Metric) -> None:
    assert type(metric.function([3, 2, 1])) is float


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 0), (2, 3), (0, 4)])
def test_empty_compositions_are_nan(metric: Metric, shape: tuple[int, ...]) -> None:
    values = np.asarray(metric.function(np.zeros(shape)))
    assert values.shape == shape[:-1]
    assert np.isnan(values).all()


def test_an_empty_one_among_others(metric: Metric) -> None:
    values = metric.function([[4, 3], [0, 0], [2, 2]])
    assert np.isnan(values).tolist() == [False, True, False]


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf, -math.inf])
def test_what_cannot_be_measured_is_refused_with_its_place(metric: Metric, wrong: float) -> None:
    with pytest.raises(
        AmountError, match=r"(?s)at position \(1, 2\) of the amounts.*finite amounts.*fix: correct"
    ):
        metric.function([[1, 2, 3], [1, 2, wrong]])


def test_check_can_be_skipped(metric: Metric) -> None:
    amounts = np.array([[4.0, 3.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 2.0]])
    assert np.array_equal(metric.function(amounts, check=False), metric.function(amounts), equal_nan=True)


def test_the_amounts_are_not_changed(metric: Metric) -> None:
    amounts = np.array([3.0, 1.0, 2.0])
    metric.function(amounts)
    assert amounts.tolist() == [3.0, 1.0, 2.0]


def test_compute_gives_the_same(metric: Metric) -> None:
    amounts = [[4, 3, 0], [0, 0, 0], [1, 1, 2]]
    assert np.array_equal(
        compute(amounts, [metric.name])[metric.name], metric.function(amounts), equal_nan=True
    )


def test_the_declaration_is_complete(metric: Metric) -> None:
    assert METRICS[metric.name] is metric
    assert metric.name.isidentifier()
    assert metric.label
    assert any(character.isdigit() for character in metric.reference), "a reference has a year"
    assert not metric.corrects or (metric.needs_counts and metric.corrects in METRICS)
