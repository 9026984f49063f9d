"""The variance that parts predict: numerical gradients, and independent parts simulated."""

from __future__ import annotations

import numpy as np
import pytest

from concentra.metrics import gini, hill_number
from concentra.stats.linear_model import linear_model
from concentra.stats.part_variance import predicted_variances

DESIGN = np.column_stack([np.ones(8), np.repeat([0, 1], 4)])


def log_effective(x):
    return np.log(hill_number(x, 1))


def logit_gini(x):
    g = gini(x, support="stratum")
    return np.log(g / (1 - g))


@pytest.mark.parametrize("seed", range(5))
def test_slopes_are_those_of_the_metrics(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.arange(1, 7) * 4, 8)
    model = linear_model(DESIGN, [0, 1])
    mean, step = shares.mean(axis=0), 1e-6
    slow = []
    for metric in (log_effective, logit_gini):
        slopes = [
            (metric(mean + step * unit) - metric(mean - step * unit)) / (2 * step) for unit in np.eye(6)
        ]
        slow.append(sum(slope**2 * v for slope, v in zip(slopes, model.variances(shares)[0], strict=True)))
    assert predicted_variances(model, shares)[0][0] == pytest.approx(slow, rel=1e-4)


def test_amounts_that_vary_independently_are_predicted_without_bias():
    rng = np.random.default_rng(1)
    base = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
    draws = rng.normal(base, 0.02 * base, (2_000, 8, 6))
    true = [metric(draws).var() for metric in (log_effective, logit_gini)]
    closed = draws  # metrics do not change with the total, so amounts may stand for shares
    found = np.array([predicted_variances(linear_model(DESIGN, [0, 1]), one)[0][0] for one in closed[:300]])
    assert found.mean(axis=0) == pytest.approx(true, rel=0.05)


def test_parts_that_vary_together_count_as_one():
    rng = np.random.default_rng(2)
    model = linear_model(np.column_stack([np.ones(40), np.repeat([0, 1], 20)]), [0, 1])
    together = 0.1 + 0.01 * rng.normal(size=(40, 1)) * np.ones((1, 10))
    apart = 0.1 + 0.01 * rng.normal(size=(40, 10))
    base = np.linspace(0.5, 1.5, 10)
    assert predicted_variances(model, together * base)[1][0, 0] < 1.5 * 38
    assert predicted_variances(model, apart * base)[1][0, 0] > 2.0 * 38


def test_a_part_that_never_varies_predicts_nothing():
    variance, df = predicted_variances(linear_model(DESIGN, [0, 1]), np.full((8, 3), 1 / 3))
    assert np.isnan(variance).all()
    assert np.isnan(df).all()


def test_a_part_that_no_sample_has_changes_nothing_of_the_effective_number():
    shares = np.random.default_rng(3).dirichlet(np.arange(1, 7) * 4, 8)
    model = linear_model(DESIGN, [0, 1])
    found = predicted_variances(model, np.column_stack([shares, np.zeros(8)]))
    for some, all_ in zip(found, predicted_variances(model, shares), strict=True):
        assert some[0, 0] == pytest.approx(all_[0, 0])


@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [1.0]])
def test_parts_that_do_not_vary_predict_nothing(shares):
    found = predicted_variances(linear_model(DESIGN, [0, 1]), np.tile(shares, (8, 1)))
    assert np.isnan(found).all()


def test_independent_parts_are_counted_by_the_unbiased_trace_of_the_squared_covariance():
    """Himeno & Yamada 2014: of W = d S, tr(Sigma^2) is estimated by (tr W^2 - (tr W)^2 / d) / ((d - 1) (d + 2))."""
    rng = np.random.default_rng(5)
    design = np.column_stack([np.ones(24), np.repeat([0, 1], 12)])
    logits = rng.normal(size=(24, 1)) @ [[1.0, 0.5, -0.5, -1.0, 0.2, 0.0]] + 0.2 * rng.normal(size=(24, 6))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mean = shares.mean(axis=0)
    slopes = -(np.log(mean) - (mean * np.log(mean)).sum())
    weighted = shares * slopes
    residuals = weighted - np.repeat([weighted[:12].mean(axis=0), weighted[12:].mean(axis=0)], 12, axis=0)
    within, d = residuals.T @ residuals, 22
    squared = (np.trace(within @ within) - np.trace(within) ** 2 / d) / ((d - 1) * (d + 2))
    worth = (np.trace(within) / d) ** 2 / squared
    assert 1 < worth < 6
    assert predicted_variances(linear_model(design, [0, 1]), shares)[1][0, 0] == pytest.approx(d * worth)
