from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skbio.diversity.alpha import simpson

from concentra.errors import ArgumentError
from concentra.metrics import berger_parker, herfindahl, top_share
from definitions_metrics import top_share_by_definition

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any)


@given(counts=COUNTS, n_top=st.integers(1, 40))
def test_top_share_by_its_slow_definition(counts: list[int], n_top: int) -> None:
    value = top_share(counts, n_top=n_top)
    assert value == pytest.approx(top_share_by_definition(counts, n_top), abs=1e-12)
    assert value <= 1.0


@given(counts=COUNTS)
def test_berger_parker_is_the_top_one(counts: list[int]) -> None:
    assert berger_parker(counts) == top_share(counts, n_top=1) == max(counts) / sum(counts)


@given(counts=COUNTS)
def test_herfindahl_is_one_minus_gini_simpson(counts: list[int]) -> None:
    assert herfindahl(counts) == pytest.approx(1 - simpson(np.array(counts)), abs=1e-12)


def test_top_share_of_many() -> None:
    shares = top_share([[4, 3, 2, 1], [0, 0, 0, 0], [0, 5, 0, 0]], n_top=2)
    assert np.allclose(shares, [0.7, np.nan, 1.0], equal_nan=True)
    assert np.isnan(top_share(np.zeros((2, 0)), n_top=3)).all()


@pytest.mark.parametrize("n_top", [0, -1, 1.5, math.nan, math.inf, "2", [1]])
def test_top_share_of_how_many(n_top: object) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)n_top=.*one whole number of at least 1.*n_top=1"):
        top_share([1, 2], n_top=n_top)  # type: ignore[arg-type]
