from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skbio.diversity.alpha import berger_parker_d, hill, shannon

from concentra.errors import ArgumentError
from concentra.metrics import berger_parker, entropy, herfindahl, hill_number
from concentra.metrics.hill import _NEAR_ONE
from definitions_metrics import hill_by_definition

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any)
ORDERS = [0, 0.25, 0.5, 0.99, 1, 1.01, 1.5, 2, 3, 7.5, math.inf]

# Spiders of two treatments in the Harvard forest (Sackett et al. 2011), as used by Chao et al. 2014, Ecological
# Monographs 84:45-67. Observed Shannon and Simpson diversities as printed by the iNEXT package (Hsieh, Ma and Chao
# 2016, Methods in Ecology and Evolution 7:1451-1456, and its introduction).
GIRDLED = [46, 22, 17, 15, 15, 9, 8, 6, 6, 4, 2, 2, 2, 2] + [1] * 12
LOGGED = [88, 22, 16, 15, 13, 10, 8, 8, 7, 7, 7, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2] + [1] * 14


@pytest.mark.parametrize(
    ("counts", "printed"), [(GIRDLED, (26, 12.060, 7.840)), (LOGGED, (37, 14.421, 6.761))]
)
def test_published_values(counts: list[int], printed: tuple[float, ...]) -> None:
    assert tuple(round(hill_number(counts, q), 3) for q in (0, 1, 2)) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("q", ORDERS)
@given(counts=COUNTS)
def test_slow_definition_and_scikit_bio(q: float, counts: list[int]) -> None:
    value = hill_number(counts, q)
    assert value == pytest.approx(hill_by_definition(counts, q), rel=1e-9)
    assert value == pytest.approx(hill(np.array(counts), order=q), rel=1e-9)


@given(counts=COUNTS)
def test_identities(counts: list[int]) -> None:
    assert hill_number(counts) == pytest.approx(math.exp(entropy(counts)), rel=1e-12)
    assert hill_number(counts, 2) == pytest.approx(1 / herfindahl(counts), rel=1e-12)
    assert hill_number(counts, math.inf) == pytest.approx(1 / berger_parker(counts), rel=1e-12)
    assert entropy(counts) == pytest.approx(shannon(np.array(counts), base=math.e), abs=1e-12)
    assert berger_parker(counts) == pytest.approx(berger_parker_d(np.array(counts)), rel=1e-12)


@given(counts=COUNTS)
def test_falls_with_the_order(counts: list[int]) -> None:
    profile = np.array([hill_number(counts, q) for q in [*ORDERS, 40, 1000]])
    order = np.argsort([*ORDERS, 40, 1000])
    assert (np.diff(profile[order]) <= 1e-9 * profile.max()).all()


@given(counts=COUNTS, side=st.sampled_from([-1, 1]))
def test_continuous_around_order_one(counts: list[int], side: int) -> None:
    plain = hill_number(counts)
    for distance in (1e-15, 1e-12, 1e-8, 1e-5):
        assert hill_number(counts, 1 + side * distance) == pytest.approx(plain, rel=30 * distance + 1e-9)
    edge = 1 + side * _NEAR_ONE
    assert hill_number(counts, edge - 1e-12) == pytest.approx(hill_number(counts, edge + 1e-12), rel=1e-9)


def test_high_orders_do_not_underflow() -> None:
    counts = [3, 1, 1] + [1] * 200
    assert hill_number(counts, 5000) == pytest.approx(205 / 3, rel=2e-3)


@given(share=st.floats(1e-300, 1e-12))
def test_a_vanishing_part_vanishes(share: float) -> None:
    assert hill_number([1.0, share]) == pytest.approx(1.0, abs=1e-10)
    assert entropy([1.0, share]) >= 0


def test_entropy_laws() -> None:
    assert entropy(np.full(8, 0.3)) == pytest.approx(math.log(8), rel=1e-14)
    assert entropy([0, 4]) == 0.0
    assert np.isnan(entropy([0, 0]))
    # the chain rule: grouping parts loses the entropy within the groups
    parts = np.array([5.0, 3.0, 2.0, 7.0])
    groups = np.array([8.0, 9.0])
    within = (groups / 17 * np.array([entropy(parts[:2]), entropy(parts[2:])])).sum()
    assert entropy(parts) == pytest.approx(entropy(groups) + within, rel=1e-13)


@pytest.mark.parametrize("q", [0, 0.5, 1, 1.001, 2, math.inf])
def test_no_parts_at_all(q: float) -> None:
    assert np.isnan(hill_number(np.zeros((3, 0)), q)).all()
    assert math.isnan(hill_number([0.0, 0.0], q))


@pytest.mark.parametrize("q", [-0.5, math.nan])
def test_order_out_of_range(q: float) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)order q=.*from 0 to infinity.*effective number"):
        hill_number([1, 2], q)
