from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from skbio.diversity.alpha import gini_index

from concentra.errors import ArgumentError
from concentra.metrics import gini, hill_number
from definitions_metrics import gini_of_area, gini_of_pairs

SUPPORTS = ["present", "stratum"]
COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any)


@pytest.mark.parametrize("support", SUPPORTS)
@given(counts=COUNTS)
def test_three_definitions_agree(counts: list[int], support: str) -> None:
    value = gini(counts, support=support)
    assert value == pytest.approx(gini_of_pairs(counts, support), abs=1e-12)
    assert value == pytest.approx(gini_of_area(counts, support), abs=1e-12)


@given(counts=COUNTS)
def test_scikit_bio_agrees_by_trapezoids(counts: list[int]) -> None:
    """Its default, by rectangles, is another coefficient: lower by 1/n, and 0 where that is negative."""
    value = gini(counts, support="stratum")
    assert gini_index(np.array(counts), method="trapezoids") == pytest.approx(value, abs=1e-12)
    assert gini_index(np.array(counts)) == pytest.approx(max(0.0, value - 1 / len(counts)), abs=1e-12)


@given(counts=COUNTS)
def test_the_two_supports_are_tied(counts: list[int]) -> None:
    n_present = sum(x > 0 for x in counts)
    tied = (1 - gini(counts, support="stratum")) * len(counts) / n_present
    assert 1 - gini(counts) == pytest.approx(tied, abs=1e-12)


def test_never_negative_by_rounding() -> None:
    amounts = np.full((500, 37), 0.1) * np.linspace(0.1, 9, 500)[:, None]
    for support in SUPPORTS:
        assert (gini(amounts, support=support) >= 0).all()
        assert gini(amounts, support=support).max() < 1e-14


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [
        (stats.uniform.ppf, 1 / 3),
        (stats.expon.ppf, 1 / 2),
        (stats.pareto(3).ppf, 1 / 5),  # 1 / (2 alpha - 1)
        (stats.lognorm(0.8).ppf, math.erf(0.8 / 2)),
        (stats.halfnorm.ppf, math.sqrt(2) - 1),
    ],
    ids=["uniform", "exponential", "Pareto", "log-normal", "half-normal"],
)
def test_distributions_whose_coefficient_is_known(quantile, expected: float) -> None:
    """Closed forms, see Kleiber and Kotz (2003), Statistical Size Distributions in Economics; Wiley."""
    amounts = quantile((np.arange(200_000) + 0.5) / 200_000)
    assert gini(amounts) == pytest.approx(expected, abs=2e-4)


def test_half_normal_noise_over_144_heads() -> None:
    """What noise alone shows: a coefficient of 0.4117, and 0.754 of the heads."""
    noise = np.abs(np.random.default_rng(1).standard_normal((20_000, 144)))
    assert gini(noise).mean() == pytest.approx(0.4117, abs=5e-4)
    assert hill_number(noise).mean() / 144 == pytest.approx(0.754, abs=1.5e-3)


def test_huge_and_tiny_amounts() -> None:
    assert gini([1e308, 1e308, 1e308]) == 0.0
    assert gini([[1e308, 3e307], [3.0, 1.0]]) == pytest.approx([7 / 26, 1 / 4])
    assert gini([1e-310, 3e-310]) == pytest.approx(1 / 4)


def test_unknown_support() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)support='all'.*'present' or 'stratum'.*drops empty parts"):
        gini([1, 2], support="all")  # type: ignore[arg-type]


@pytest.mark.data
@pytest.mark.parametrize(("step", "expected"), [(512, (0.6003, 71.02)), (143000, (0.7452, 25.48))])
def test_heads_of_pythia_410m(data: Path, step: int, expected: tuple[float, float]) -> None:
    """The published levels, from the published table of ablations."""
    path = data / "pythia" / "pythia_410m_ablations.csv"
    table = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    heads = table[(table["perturbation_type"] == "head") & (table["checkpoint"] == step)]
    importance = np.abs(heads["delta"])
    assert importance.size == 144
    assert (round(gini(importance), 4), round(hill_number(importance), 2)) == expected
