"""Means over pairs of donors, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from concentra.errors import ArgumentError
from concentra.stats.pairs import draw_pairs
from definitions_drivers import weighted_mean_over_pairs


def test_means_are_the_weighted_means_of_each_draw(monkeypatch):
    monkeypatch.setattr("concentra.stats.pairs._BLOCK", 100)  # several blocks
    pairs = np.random.default_rng(0).normal(size=(3, 4, 5))
    draws = draw_pairs(3, 4, rng=1, n_draws=40)
    means = draws.means(pairs)
    for row in range(40):
        expected = [
            weighted_mean_over_pairs(pairs[..., k], draws.reference_weights[row], draws.other_weights[row])
            for k in range(5)
        ]
        np.testing.assert_allclose(means[row], expected, atol=1e-14)


def test_weights_are_resamples():
    draws = draw_pairs(3, 5, rng=1, n_draws=20_000)
    for weights, n in ((draws.reference_weights, 3), (draws.other_weights, 5)):
        np.testing.assert_allclose(weights.sum(axis=1), 1.0)
        np.testing.assert_allclose(weights * n, np.round(weights * n))
        np.testing.assert_allclose(weights.mean(axis=0), 1 / n, atol=0.01)
        assert weights.var(axis=0).mean() == pytest.approx((n - 1) / n**3, rel=0.05)


@pytest.mark.parametrize("n_reference, n_other", [(3, 3), (4, 7), (6, 5)])
def test_a_difference_of_means_gets_about_welchs_interval(n_reference, n_other):
    rng = np.random.default_rng(5)
    early, late = (
        stats.norm.ppf((np.arange(n_reference) + 0.5) / n_reference),
        3 + 2 * rng.normal(size=n_other),
    )
    low, high = draw_pairs(n_reference, n_other, rng=1).interval((late - early[:, None])[..., None])
    expected = stats.ttest_ind(late, early, equal_var=False).confidence_interval(0.95)
    width = expected.high - expected.low
    assert (high[0] - low[0]) == pytest.approx(width, rel=0.12)
    assert (low[0] + high[0]) / 2 == pytest.approx(late.mean() - early.mean(), abs=0.12 * width)


def test_intervals_negate_with_the_quantity_and_scale_with_it():
    pairs = np.random.default_rng(2).normal(size=(4, 5, 3))
    draws = draw_pairs(4, 5, rng=1)
    low, high = draws.interval(pairs)
    flipped_low, flipped_high = draws.interval(-2 * pairs)
    np.testing.assert_allclose(flipped_low, -2 * high)
    np.testing.assert_allclose(flipped_high, -2 * low)
    assert (low < pairs.mean(axis=(0, 1))).all()
    assert (high > pairs.mean(axis=(0, 1))).all()


def test_more_level_is_wider_and_the_same_seed_gives_the_same():
    pairs = np.random.default_rng(2).normal(size=(4, 5, 1))
    widths = [np.ptp(draw_pairs(4, 5, rng=1, level=level).interval(pairs)) for level in (0.5, 0.8, 0.95)]
    assert widths == sorted(widths)
    assert np.ptp(draw_pairs(4, 5, rng=1).interval(pairs)) == widths[-1]


def test_two_donors_give_the_range_and_one_gives_none():
    pairs = np.random.default_rng(2).normal(size=(2, 5, 3))
    draws = draw_pairs(2, 5, rng=1)
    low, high = draws.interval(pairs)
    assert draws.kind == "range"
    np.testing.assert_array_equal(low, pairs.reshape(10, 3).min(axis=0))
    np.testing.assert_array_equal(high, pairs.reshape(10, 3).max(axis=0))
    alone = draw_pairs(1, 5, rng=1)
    assert alone.kind == "none"
    assert np.isnan(alone.interval(pairs[:1])).all()


def test_a_quantity_without_variation_has_no_width_and_nan_stays():
    pairs = np.zeros((3, 3, 2))
    pairs[..., 1] = np.nan
    low, high = draw_pairs(3, 3, rng=1).interval(pairs)
    assert low[0] == high[0] == 0.0
    assert np.isnan([low[1], high[1]]).all()


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"level": 0.0}, {"n_draws": 0}, {"n_reference": 0}])
def test_impossible_requests_are_refused(wrong):
    with pytest.raises(ArgumentError):
        draw_pairs(**{"n_reference": 3, "n_other": 3, "rng": 1} | wrong)


def test_many_quantities_have_the_intervals_of_each_alone(monkeypatch):
    """Repeated quantities are summarised once, many in stretches: the same bounds."""
    rng = np.random.default_rng(3)
    pairs = np.tile(rng.normal(size=(3, 4, 12)), 3)
    draws = draw_pairs(3, 4, rng=1, n_draws=200)
    whole = draws.interval(pairs)
    monkeypatch.setattr("concentra.stats.pairs._AT_ONCE", 5)
    np.testing.assert_allclose(draws.interval(pairs), whole, rtol=0, atol=1e-13)
    assert not np.allclose(whole[0][0], whole[0][1]), "quantities that differ have bounds that differ"
