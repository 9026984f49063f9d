"""Attribution: it adds up, agrees with integration, and knows the symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad

from concentra.errors import AmountError, ArgumentError
from concentra.metrics import entropy, gini, hill_number
from concentra.stats.attribution import (
    ATTRIBUTIONS,
    entropy_attribution,
    gini_attribution,
    hill_attribution,
    number_of_parts_term,
)
from definitions_drivers import attribution_by_integration, effective_number_of, entropy_of, gini_of

MEASURES = {
    "gini_present": gini,
    "gini_stratum": lambda amounts: gini(amounts, support="stratum"),
    "hill_q1": hill_number,
    "entropy": entropy,
}


@st.composite
def two_compositions(draw):
    """Amounts early and late over the same parts, many of them zero, some equal, none empty."""
    n_parts = draw(st.integers(1, 12))
    amount = st.one_of(st.just(0.0), st.integers(1, 5).map(float), st.floats(1e-3, 1e3))
    ends = [draw(arrays(np.float64, n_parts, elements=amount)) for _ in range(2)]
    for end in ends:
        if end.sum() == 0:
            end[draw(st.integers(0, n_parts - 1))] = 1.0
    return ends[0], ends[1]


def test_every_attribution_has_a_measure():
    assert set(ATTRIBUTIONS) == set(MEASURES)


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@given(ends=two_compositions())
@settings(deadline=None, max_examples=50)
def test_contributions_sum_to_the_shift(name, ends):
    early, late = ends
    shift = MEASURES[name](late) - MEASURES[name](early)
    assert abs(ATTRIBUTIONS[name](early, late).sum() - shift) < 1e-12


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@given(ends=two_compositions())
@settings(deadline=None, max_examples=50)
def test_swapping_the_ends_negates(name, ends):
    early, late = ends
    np.testing.assert_allclose(
        ATTRIBUTIONS[name](late, early), -ATTRIBUTIONS[name](early, late), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@given(ends=two_compositions(), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=50)
def test_permuting_parts_permutes_contributions(name, ends, seed):
    early, late = ends
    order = np.random.default_rng(seed).permutation(early.size)
    plain, permuted = ATTRIBUTIONS[name](early, late), ATTRIBUTIONS[name](early[order], late[order])
    np.testing.assert_allclose(permuted[: early.size], plain[: early.size][order], atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@given(ends=two_compositions(), factor=st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=50)
def test_amounts_matter_only_as_shares(name, ends, factor):
    early, late = ends
    np.testing.assert_allclose(
        ATTRIBUTIONS[name](early * factor, late), ATTRIBUTIONS[name](early, late), atol=1e-11, rtol=0
    )


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_an_unchanged_share_contributes_nothing(name):
    contribution = ATTRIBUTIONS[name]([4, 3, 2, 1, 0], [1, 3, 2, 4, 0])
    np.testing.assert_array_equal(contribution[[1, 2, 4]], 0.0)
    assert contribution[0] != 0


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@given(ends=two_compositions())
@settings(deadline=None, max_examples=50)
def test_identical_compositions_contribute_nothing(name, ends):
    np.testing.assert_array_equal(ATTRIBUTIONS[name](ends[0], ends[0]), 0.0)


@given(ends=two_compositions(), n_absent=st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_parts_absent_from_both_scale_the_gini_and_leave_the_rest(ends, n_absent):
    early, late = ends
    n = early.size
    longer = [np.append(end, np.zeros(n_absent)) for end in (early, late)]
    for name in ("gini_present", "hill_q1", "entropy"):
        plain, padded = ATTRIBUTIONS[name](early, late), ATTRIBUTIONS[name](*longer)
        np.testing.assert_allclose(padded[:n], plain[:n], atol=1e-12, rtol=0)
        np.testing.assert_array_equal(padded[n : n + n_absent], 0.0)
    np.testing.assert_allclose(
        ATTRIBUTIONS["gini_stratum"](*longer)[:n] * (n + n_absent) / n,
        ATTRIBUTIONS["gini_stratum"](early, late),
        atol=1e-12,
        rtol=0,
    )


@pytest.mark.parametrize("seed", range(12))
def test_gini_agrees_with_integration(seed):
    early, late = _drawn(seed)
    expected = attribution_by_integration(gini_of, early, late)
    np.testing.assert_allclose(gini_attribution(early, late, support="stratum"), expected, atol=1e-7, rtol=0)
    either = (early > 0) | (late > 0)
    expected = attribution_by_integration(gini_of, early[either], late[either])
    np.testing.assert_allclose(
        gini_attribution(early, late, support="present")[either], expected, atol=1e-7, rtol=0
    )


@pytest.mark.parametrize("seed", range(12))
def test_entropy_agrees_with_integration(seed):
    early, late = _drawn(seed)
    expected = attribution_by_integration(entropy_of, early, late)
    np.testing.assert_allclose(entropy_attribution(early, late), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(12))
def test_effective_number_agrees_with_integration(seed):
    early, late = _drawn(seed)
    expected = attribution_by_integration(effective_number_of, early, late)
    np.testing.assert_allclose(hill_attribution(early, late), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("tiny", [0.0, 1e-12, 1e-6, 1e-3])
def test_the_path_integral_of_the_effective_number_is_exact_beside_singularities(tiny):
    """Adaptive quadrature of each part's slope, with parts that appear and vanish."""
    early, late = np.array([0.6, 0.4 - tiny, tiny, 0.0]), np.array([0.1, 0.0, 0.3, 0.6])

    def slope(t, k):
        middle = (1 - t) * early + t * late
        h = -sum(x * math.log(x) for x in middle if x > 0)
        return -(late[k] - early[k]) * math.exp(h) * (math.log(middle[k]) + h)

    expected = [
        sum(quad(slope, *ends, args=(k,), epsabs=1e-13, epsrel=1e-12, limit=400)[0]
            for ends in ((0, 1e-9), (1e-9, 1e-3), (1e-3, 0.5), (0.5, 1 - 1e-3), (1 - 1e-3, 1)))
        for k in range(4)
    ]  # fmt: skip
    np.testing.assert_allclose(hill_attribution(early, late), expected, atol=1e-9, rtol=0)


def test_the_mean_logarithm_is_smooth_where_series_and_closed_form_meet():
    """Contributions to entropy for ratios just below and above the switch at (q - p) / (q + p) = 0.05."""
    middle, ratios = 0.25, np.array([0.05 * (1 - 1e-12), 0.05 * (1 + 1e-12)])
    early = np.stack([np.full(2, middle) * (1 - ratios), np.full(2, 1 - middle) + middle * ratios], axis=-1)
    late = np.stack([np.full(2, middle) * (1 + ratios), np.full(2, 1 - middle) - middle * ratios], axis=-1)
    below, above = entropy_attribution(early, late)
    np.testing.assert_allclose(below, above, atol=1e-13, rtol=0)
    expected = attribution_by_integration(entropy_of, early[1].tolist(), late[1].tolist())
    np.testing.assert_allclose(above, expected, atol=1e-8, rtol=0)


def test_a_growing_part_disperses_up_to_one_over_the_effective_number():
    """Among ten equal parts one that grows concentrates, although its share stays below 1/e."""
    late = np.ones(10)
    late[0] = 3.0
    contribution = entropy_attribution(np.ones(10), late)
    assert contribution[0] < 0
    assert entropy_attribution([1, 100, 100, 100], [30, 100, 100, 100])[0] > 0


def test_known_values_by_hand():
    np.testing.assert_allclose(gini_attribution([1, 1], [3, 1]), [3 / 32, 5 / 32], atol=1e-15)
    # three parts, one vanishes: over three parts (0,0,0) -> 1/3; over present parts no shift
    total = ATTRIBUTIONS["gini_present"]([1, 1, 1], [1, 1, 0])
    assert total[-1] == pytest.approx(-1 / 3)
    assert total.sum() == pytest.approx(0, abs=1e-15)
    assert number_of_parts_term([1, 1], [1, 1]) == 0


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_broadcasting_equals_one_pair_at_a_time(name, monkeypatch):
    monkeypatch.setattr("concentra.stats.attribution._BLOCK", 200)  # several blocks
    rng = np.random.default_rng(3)
    early, late = rng.poisson(2.0, (4, 7)) + np.eye(4, 7), rng.poisson(2.0, (5, 7)) + np.eye(5, 7)
    together = ATTRIBUTIONS[name](early[:, None], late[None])
    for i in range(4):
        for j in range(5):
            np.testing.assert_allclose(together[i, j], ATTRIBUTIONS[name](early[i], late[j]), atol=1e-15)


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_empty_compositions_are_nan_and_single_parts_zero(name):
    assert np.isnan(ATTRIBUTIONS[name]([0, 0], [1, 1])).all()
    assert np.isnan(ATTRIBUTIONS[name]([1, 1], [0, 0])).all()
    np.testing.assert_array_equal(ATTRIBUTIONS[name]([3], [5]), 0.0)
    mixed = ATTRIBUTIONS[name]([[0, 0], [1, 2]], [2, 1])
    assert np.isnan(mixed[0]).all()
    assert np.isfinite(mixed[1]).all()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_amounts_that_cannot_be_measured_are_refused(name, bad):
    with pytest.raises(AmountError, match=r"position \(1,\)"):
        ATTRIBUTIONS[name]([1.0, 1.0], [1.0, bad])


def test_unequal_parts_and_unknown_supports_are_refused():
    with pytest.raises(ArgumentError, match="2 parts in the reference and 3 in the other"):
        entropy_attribution([1, 1], [1, 1, 1])
    with pytest.raises(ArgumentError, match="'present' or 'stratum'"):
        gini_attribution([1, 1], [1, 2], support="all")


def _drawn(seed):
    """Two compositions of seven parts; some vanish, some appear, two are tied."""
    rng = np.random.default_rng(seed)
    early, late = rng.dirichlet(np.full(7, 0.7)), rng.dirichlet(np.full(7, 0.7))
    early[rng.integers(7)] = 0.0
    late[rng.integers(7)] = 0.0
    early[:2] = early[:2].mean() + 0.01
    return early / early.sum(), late / late.sum()


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@pytest.mark.parametrize("n_alike", [1, 5])
def test_thousands_of_parts_are_attributed_as_few_are(name, n_alike, monkeypatch):
    """Parts alike are computed once, and large matrices of differences in stretches: the same numbers."""
    rng = np.random.default_rng(2)
    early, late = (np.repeat(rng.poisson(2.0, (2, 60)), n_alike, axis=1).astype(float) for _ in range(2))
    early[:, 0] = late[:, 0] = 1.0  # never empty
    whole = ATTRIBUTIONS[name](early[:, None], late[None])
    monkeypatch.setattr("concentra.stats.attribution._FEW", 10)
    monkeypatch.setattr("concentra.stats.attribution._BLOCK", 100)
    np.testing.assert_allclose(ATTRIBUTIONS[name](early[:, None], late[None]), whole, rtol=0, atol=1e-13)


def test_an_empty_composition_is_nan_among_thousands_of_parts(monkeypatch):
    monkeypatch.setattr("concentra.stats.attribution._FEW", 2)
    found = ATTRIBUTIONS["gini_stratum"](np.array([[0.0, 0, 0], [1, 2, 3]]), np.array([3.0, 2, 1]))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()
