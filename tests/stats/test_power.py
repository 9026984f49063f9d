"""Power: Cohen's table, simulation, numerical gradients, and inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from concentra.errors import ArgumentError
from concentra.metrics import gini, hill_number
from concentra.stats.power import (
    assumed_composition,
    cell_variance,
    contrast_of_gini,
    detectable_of_groups,
    donor_error,
    power_of_groups,
)
from concentra.stats.verdict import readable


def both(amounts):
    g = np.asarray(gini(amounts, support="stratum"))
    return np.stack([np.log(np.asarray(hill_number(amounts, 1))), np.log(g / (1 - g))], axis=-1)


@pytest.mark.parametrize(
    ("d", "n", "power"), [(0.2, 100, 0.29), (0.5, 30, 0.47), (0.8, 26, 0.81), (1.0, 10, 0.56)]
)
def test_cohens_table(d, n, power):
    """Cohen 1988, table 2.3.5."""
    assert float(power_of_groups(d, 1.0, n)) == pytest.approx(power, abs=0.01)


def test_moderation_and_no_difference():
    assert float(power_of_groups(0.0, 1.0, 5)) == pytest.approx(0.05, abs=1e-6)
    assert power_of_groups(1.0, 0.5, 3, prior_df=20) > power_of_groups(1.0, 0.5, 3)
    assert np.isnan(power_of_groups(1.0, 1.0, 1))
    assert float(power_of_groups(1e6, 1.0, 3)) == 1


@pytest.mark.parametrize("n", [3, 6])
def test_power_is_how_often_a_t_test_rejects(n):
    rng = np.random.default_rng(n)
    first, second = rng.normal(size=(6_000, n)), rng.normal(1.5, 1, (6_000, n))
    rate = (stats.ttest_ind(second, first, axis=1).pvalue <= 0.05).mean()
    assert float(power_of_groups(1.5, 1.0, n)) == pytest.approx(
        rate, abs=4 * np.sqrt(rate * (1 - rate) / 6_000)
    )


@given(st.integers(2, 60), st.floats(0.05, 2), st.floats(0.3, 0.95))
def test_the_detectable_change_has_the_power_that_is_asked(n, sd, power):
    needed = float(detectable_of_groups(sd, n, power=power))
    assert float(power_of_groups(needed, sd, n)) == pytest.approx(power, abs=2e-3)


def test_the_variance_of_counting_is_that_of_counted_cells():
    shares = np.array([0.35, 0.25, 0.15, 0.12, 0.08, 0.05])
    counted = np.random.default_rng(1).multinomial(20_000, shares, size=8_000)
    assert both(counted).var(axis=0) * 20_000 == pytest.approx(cell_variance(shares), rel=0.06)


@pytest.mark.parametrize("seed", range(4))
def test_slopes_by_finite_differences(seed):
    shares = np.random.default_rng(seed).dirichlet(np.full(7, 3.0))
    slopes = np.array([(both(shares + 1e-6 * e) - both(shares - 1e-6 * e)) / 2e-6 for e in np.eye(7)])
    slow = (shares[:, None] * slopes**2).sum(axis=0) - (shares[:, None] * slopes).sum(axis=0) ** 2
    assert cell_variance(shares) == pytest.approx(slow, rel=1e-4)
    assert cell_variance(shares * 300) == pytest.approx(cell_variance(shares))


def test_extremes():
    assert cell_variance([1, 1, 1, 1])[0] == pytest.approx(0, abs=1e-12)
    assert np.isnan(cell_variance([1, 1, 1, 1])[1])
    assert np.isnan(cell_variance([0, 0])).all()
    assert float(donor_error(0.0, 9.0, 900)) == pytest.approx(0.1)


@given(st.floats(-0.6, 0.6), st.floats(-3, 3))
def test_a_difference_of_gini_and_back(difference, centre):
    contrast = contrast_of_gini(difference, centre)
    found = readable(np.array([[0.0, float(contrast)]]), np.array([[0.0, centre]]))
    assert found[0, 1] == pytest.approx(difference, abs=1e-9)


@given(st.integers(2, 60), st.floats(0.02, 0.98))
def test_assumed_shares_have_their_effective_number(n_parts, place):
    effective = 1 + place * (n_parts - 1)
    shares = assumed_composition(effective, n_parts)
    assert hill_number(shares, 1) == pytest.approx(effective, rel=1e-6)
    assert (np.diff(shares) < 0).all()


@pytest.mark.parametrize("effective", [1.0, 5.0, 7.0])
def test_an_effective_number_beyond_its_parts_is_refused(effective):
    with pytest.raises(ArgumentError, match="an effective number between 1 and the number of parts"):
        assumed_composition(effective, 5)


def test_variances_below_1_are_those_of_the_multinomial():
    p, step = np.array([0.97, 0.02, 0.01]), 1e-6
    slopes = [
        (both(p + step * unit) - both(p - step * unit)) / (2 * step) for unit in np.eye(len(p))
    ]  # (parts, metrics)
    covariance = np.diag(p) - np.outer(p, p)
    slow = np.diag(np.transpose(slopes) @ covariance @ slopes)
    assert (slow < 1).all()
    assert cell_variance(p) == pytest.approx(slow, rel=1e-4)
