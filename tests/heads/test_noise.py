"""Noise of deltas: against resampling definitions and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import definitions_heads as definitions
from concentra.errors import AmountError
from concentra.heads import noise
from concentra.metrics.gini import gini
from concentra.metrics.hill import hill_number

pytestmark = pytest.mark.heads

errors = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=40)


def test_the_standard_error_is_that_of_leaving_one_out() -> None:
    rng = np.random.default_rng(0)
    baseline = rng.gamma(50, 1, 200)
    ablated = baseline * 1.02 + rng.normal(0, 0.5, 200)
    delta, error = noise.paired_delta(ablated, baseline, np.ones(200))
    expected, jackknife = definitions.jackknife_delta(ablated, baseline)
    assert delta == pytest.approx(expected, rel=1e-12)
    assert error == pytest.approx(jackknife, rel=0.02)


def test_the_standard_error_is_that_of_repeated_evaluation() -> None:
    rng = np.random.default_rng(1)
    before = rng.gamma(50, 1, (4000, 40))
    after = before * 1.02 + rng.normal(0, 0.5, before.shape)
    pairs = [noise.paired_delta(a, b, np.ones(40)) for a, b in zip(after, before, strict=True)]
    deltas, stated = np.array(pairs).T
    assert stated.mean() == pytest.approx(deltas.std(), rel=0.04)


def test_sequences_without_tokens_do_not_count() -> None:
    one = noise.paired_delta([3.0, 4.0, 0.0], [2.0, 3.0, 0.0], [5, 5, 0])
    other = noise.paired_delta([3.0, 4.0], [2.0, 3.0], [5, 5])
    assert one[0] == other[0]
    assert one[1] == other[1]


def test_a_negative_loss_keeps_the_sign_of_harm() -> None:
    delta, _ = noise.paired_delta([-1.0, -1.0], [-2.0, -2.0], [1, 1])
    assert delta == -0.5


@pytest.mark.parametrize("baseline", [[0.0, 0.0], [math.nan, 1.0], []])
def test_a_baseline_without_meaning_is_refused(baseline: list[float]) -> None:
    with pytest.raises(AmountError, match="a baseline loss of"):
        noise.paired_delta(baseline, baseline, np.ones(len(baseline)))


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_noise_gini_and_effective_number_are_those_of_draws(spread: float) -> None:
    rng = np.random.default_rng(2)
    scale = np.exp(spread * rng.normal(size=144))
    draws = np.abs(rng.normal(size=(4000, 144)) * scale)
    assert noise.expected_noise_gini(scale) == pytest.approx(gini(draws).mean(), abs=0.004)
    assert noise.expected_noise_effective_number(scale) == pytest.approx(
        hill_number(draws, 1.0).mean(), rel=0.02
    )


def test_noise_of_144_heads_is_what_simulation_gave() -> None:
    assert noise.expected_noise_gini(np.ones(144)) == pytest.approx(0.4115, abs=5e-4)
    assert noise.expected_noise_effective_number(np.ones(144)) / 144 == pytest.approx(0.754, abs=2e-3)


@given(errors, st.floats(1e-3, 1e3))
@settings(max_examples=50, deadline=None)
def test_noise_knows_no_scale_and_no_order(scale: list[float], factor: float) -> None:
    for statistic in (noise.expected_noise_gini, noise.expected_noise_effective_number):
        value = statistic(scale)
        assert statistic([x * factor for x in scale]) == pytest.approx(value, rel=1e-9)
        assert statistic(scale[::-1]) == pytest.approx(value, rel=1e-9)
    assert 0 < noise.expected_noise_gini(scale) <= 1 - 1 / len(scale) + 1e-12
    equal = (math.sqrt(2) - 1) * (1 - 1 / len(scale))
    assert noise.expected_noise_gini(scale) >= equal - 1e-9
    assert noise.expected_noise_gini([1.0] * len(scale)) == pytest.approx(equal)


def test_shares_and_edges() -> None:
    assert noise.share_above_noise([0.5, -0.5, 0.1], [0.1, 0.1, math.nan]) == pytest.approx(2 / 3)
    assert math.isnan(noise.share_above_noise([], []))
    assert noise.mostly_noise([0.1, 0.1], [0.1, 0.1])
    assert not noise.mostly_noise([0.3, 0.1], [0.1, 0.1])
    assert noise.mostly_noise([], [])
    assert noise.expected_noise_gini([2.0]) == 0
    assert math.isnan(noise.expected_noise_gini([0.0, 0.0]))
    assert math.isnan(noise.expected_noise_gini([1.0, math.nan]))
    assert math.isnan(noise.expected_noise_effective_number([0.0]))
    with pytest.raises(AmountError, match=r"standard errors from -1.0 to 1.0"):
        noise.noise_floor([-1.0, 1.0])


def test_a_model_without_effects_shows_the_noise_expected() -> None:
    rng = np.random.default_rng(3)
    baseline = rng.gamma(50, 1, 64)
    ablated = baseline + rng.normal(0, 0.2, (2000, 64))
    delta, error = noise.paired_delta(ablated, baseline, np.ones(64))
    assert noise.share_above_noise(delta, error) == pytest.approx(0.05, abs=0.02)
    assert noise.expected_noise_gini(error) == pytest.approx(gini(np.abs(delta)), abs=0.02)
    assert noise.mostly_noise(delta, error)
