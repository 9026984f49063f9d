from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concentra.errors import AmountError, ArgumentError
from concentra.metrics import gini, lorenz_curve

MANY = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(0, 50).map(float)
)


@pytest.mark.parametrize("support", ["present", "stratum"])
@given(amounts=MANY)
def test_area_is_the_gini_coefficient(amounts: np.ndarray, support: str) -> None:
    population, cumulative = lorenz_curve(amounts, support=support)
    area = np.trapezoid(cumulative, population, axis=-1)
    assert np.allclose(1 - 2 * area, gini(amounts, support=support), atol=1e-12, equal_nan=True)


@given(amounts=MANY.filter(lambda amounts: amounts.sum(axis=-1).all()))
def test_shape_of_the_curve(amounts: np.ndarray) -> None:
    population, cumulative = lorenz_curve(amounts)
    assert population.shape == cumulative.shape == (amounts.shape[0], amounts.shape[1] + 1)
    for axis in (population, cumulative):
        assert (axis[:, 0] == 0).all()
        assert np.allclose(axis[:, -1], 1)
        assert (np.diff(axis) >= 0).all()
    assert (cumulative <= population + 1e-12).all()


def test_by_hand() -> None:
    population, cumulative = lorenz_curve([1, 0, 3], support="stratum")
    assert population == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert cumulative == pytest.approx([0, 0, 1 / 4, 1])


def test_empty_composition_is_nan() -> None:
    population, cumulative = lorenz_curve([[0, 0], [1, 1]])
    assert np.isnan(population[0]).all()
    assert np.isnan(cumulative[0]).all()
    assert cumulative[1].tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(lorenz_curve([0, 0], support="stratum")[1]).all()


def test_refuses() -> None:
    with pytest.raises(AmountError, match=r"-1.0 at position \(0,\)"):
        lorenz_curve([-1, 2])
    with pytest.raises(ArgumentError, match="support='some'"):
        lorenz_curve([1, 2], support="some")  # type: ignore[arg-type]
    assert lorenz_curve(np.array([1.0, 1.0]), check=False)[1].tolist() == [0.0, 0.5, 1.0]
