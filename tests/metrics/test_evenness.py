from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skbio.diversity.alpha import pielou_e

from concentra.metrics import hill_number, hill_ratio_evenness, pielou_evenness

COUNTS = st.lists(st.integers(1, 1000), min_size=2, max_size=30)


@given(counts=COUNTS)
def test_from_the_hill_numbers(counts: list[int]) -> None:
    first, none = hill_number(counts, 1), hill_number(counts, 0)
    assert pielou_evenness(counts) == pytest.approx(math.log(first) / math.log(none), rel=1e-12)
    assert hill_ratio_evenness(counts) == pytest.approx(first / none, rel=1e-12)


@given(counts=COUNTS)
def test_scikit_bio_agrees(counts: list[int]) -> None:
    assert pielou_evenness(counts) == pytest.approx(pielou_e(np.array(counts)), rel=1e-9)


def test_one_part_is_neither_even_nor_uneven() -> None:
    assert math.isnan(pielou_evenness([3, 0]))
    assert hill_ratio_evenness([3, 0]) == 1.0


def test_never_above_one_by_rounding() -> None:
    amounts = np.full((300, 49), 0.1) * np.linspace(0.1, 9, 300)[:, None]
    assert pielou_evenness(amounts).max() <= 1.0
    assert hill_ratio_evenness(amounts).max() <= 1.0
