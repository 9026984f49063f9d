"""Moderated tests of a family: F tests, moderation by hand, laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from concentra.errors import ArgumentError
from concentra.stats.linear_model import linear_model
from concentra.stats.moderated import NOT_FINITE, contrast_tests, omnibus_tests
from definitions_models import smyth, welch_anova

DESIGN = np.column_stack([np.ones(8), np.repeat([0, 1], 4)])


def family(n_tissues=12, seed=0, n_parts=6):
    rng = np.random.default_rng(seed)
    shares = [rng.dirichlet(rng.uniform(2, 9, n_parts), 8) for _ in range(n_tissues)]
    responses = [np.stack([-(p * np.log(p)).sum(axis=1), rng.normal(size=8)], axis=1) for p in shares]
    return [linear_model(DESIGN, [0, 1])] * n_tissues, responses, shares


def groups_design(sizes):
    label = np.repeat(np.arange(len(sizes)), sizes)
    columns = [np.ones(label.size), *((label == g).astype(float) for g in range(1, len(sizes)))]
    return np.column_stack(columns), np.eye(len(sizes))[1:], label.tolist()


@pytest.mark.parametrize("sizes", [(3, 3, 3), (5, 5, 5, 5)])
def test_groups_of_equal_size_are_the_analysis_of_variance(sizes):
    y = np.random.default_rng(1).normal(size=sum(sizes))
    design, contrast, label = groups_design(sizes)
    found = omnibus_tests([linear_model(design, contrast, groups=label)], [y[:, None]], moderate=False)
    peer = stats.f_oneway(*np.split(y, np.cumsum(sizes)[:-1]))
    assert found.statistic[0, 0] == pytest.approx(peer.statistic, rel=1e-9)
    assert found.p_value[0, 0] == pytest.approx(peer.pvalue, rel=1e-9)


@pytest.mark.parametrize("sizes", [(3, 4, 6), (4, 9), (3, 3, 5, 8)])
def test_groups_of_unequal_size_are_welchs_analysis_of_variance(sizes):
    rng = np.random.default_rng(2)
    y = rng.normal(size=sum(sizes)) * np.repeat(rng.uniform(0.5, 3, len(sizes)), sizes)
    design, contrast, label = groups_design(sizes)
    found = omnibus_tests([linear_model(design, contrast, groups=label)], [y[:, None]], moderate=False)
    slow = welch_anova(np.split(y, np.cumsum(sizes)[:-1]))
    ours = found.statistic, found.df_numerator, found.df_denominator, found.p_value
    assert [one[0, 0] for one in ours] == pytest.approx(slow, rel=1e-8)


def test_an_omnibus_test_of_one_row_is_the_square_of_the_t_test():
    models, responses, shares = family()
    t = contrast_tests(models, responses, shares)
    f = omnibus_tests(models, responses, shares)
    assert f.statistic == pytest.approx((t.estimate / t.error) ** 2, rel=1e-8)
    assert f.p_value == pytest.approx(t.p_value, rel=1e-7)


def test_without_predictions_and_odd_tissues_moderation_is_smyths():
    rng = np.random.default_rng(6)
    scale = np.sqrt(6 / rng.chisquare(6, 60))  # variances of tissues as the model supposes: none is odd
    responses = [s * rng.normal(size=(8, 1)) for s in scale]
    found = contrast_tests([linear_model(DESIGN, [0, 1])] * 60, responses)
    variances = [np.mean([y[:4].var(ddof=1), y[4:].var(ddof=1)]) for y in responses]
    prior, prior_df = smyth(variances, [6] * 60)
    moderated = (prior_df * prior + 6 * np.array(variances)) / (prior_df + 6)
    quiet = np.array(variances) < np.median(variances)  # those that the robust rule leaves alone
    assert found.error[quiet, 0] == pytest.approx(np.sqrt(moderated[quiet] / 2), rel=1e-6)
    assert found.df[quiet, 0] == pytest.approx(np.full(quiet.sum(), prior_df + 6), rel=1e-6)
    assert (found.error[~quiet, 0] >= np.sqrt(moderated[~quiet] / 2) * (1 - 1e-9)).all()


def test_a_component_without_residuals_that_is_not_needed_does_no_harm():
    """Two pairs, and a covariate that takes up all that varies between donors: still the paired t-test."""
    design = [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]]
    y = np.array([1.0, 2.0, 5.0, 7.5])
    model = linear_model(design, [0, 1, 0], donors="aabb", correlation=0.5)
    found = contrast_tests([model], [y[:, None]], moderate=False)
    paired = stats.ttest_rel([2.0, 7.5], [1.0, 5.0])
    assert found.p_value[0, 0] == pytest.approx(paired.pvalue, rel=1e-9)
    assert found.df[0, 0] == pytest.approx(1)


def test_a_joint_test_of_values_that_are_not_finite_is_none():
    design, contrast, label = groups_design((3, 3, 3))
    model = linear_model(design, contrast, groups=label)
    y = np.random.default_rng(2).normal(size=(9, 2))
    y[4, 1] = np.nan
    found = omnibus_tests([model, model], [y, y[:, ::-1]], moderate=False)
    assert np.isnan(found.p_value).tolist() == [[False, True], [True, False]]
    assert found.p_value[0, 0] == found.p_value[1, 1]
    assert found.reasons == (("", NOT_FINITE), (NOT_FINITE, ""))


def test_what_cannot_be_estimated_has_neither_error_nor_degrees_of_freedom():
    values = [np.array([[1.0], [2.0], [4.0], [7.0]])]
    found = contrast_tests([linear_model(np.ones((4, 2)), [0, 1])], values, moderate=False)
    assert np.isnan([found.error, found.df, found.p_value]).all()
    assert found.reasons[0][0]


def test_no_tissue_has_no_test():
    assert contrast_tests([], []).p_value.shape == (0, 0)
    assert omnibus_tests([], []).p_value.shape == (0, 0)


def test_order_of_tissues_and_donors_and_scale_do_not_matter():
    models, responses, shares = family()
    first = contrast_tests(models, responses, shares)
    rng = np.random.default_rng(1)
    tissues, donors = rng.permutation(12), np.concatenate([rng.permutation(4), 4 + rng.permutation(4)])
    other = contrast_tests(
        models,
        [responses[t][donors] for t in tissues],
        [shares[t][donors][:, rng.permutation(6)] for t in tissues],
    )
    assert other.p_value == pytest.approx(first.p_value[tissues], rel=1e-8)
    scaled = contrast_tests(models, [7.0 * y + 3.0 for y in responses])
    plain = contrast_tests(models, responses)
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-8)
    assert scaled.estimate == pytest.approx(7.0 * plain.estimate)


def test_a_tissue_that_cannot_be_tested_changes_no_other():
    models, responses, shares = family()
    first = contrast_tests(models, responses, shares)
    broken = responses[0].copy()
    broken[2, 1] = np.inf
    alone = linear_model(DESIGN[[0, 4]], [0, 1])
    found = contrast_tests(
        [*models, models[0], alone],
        [*responses, broken, responses[0][[0, 4]]],
        [*shares, shares[0], shares[0][[0, 4]]],
    )
    assert found.reasons[12] == ("", NOT_FINITE)
    assert np.isnan(found.p_value[12, 1])
    assert np.isnan(found.p_value[13]).all()
    assert found.p_value[:12, 1] == pytest.approx(first.p_value[:, 1], rel=1e-6)


def test_level_under_the_null_and_power_beside_single_tissues():
    """600 tissues in families of twelve without a difference, and the same with one: seeds are fixed."""
    rng = np.random.default_rng(11)
    rejected = {"null": [], "moderated": [], "alone": []}
    model = linear_model(DESIGN[[0, 1, 2, 4, 5, 6]], [0, 1])
    for _ in range(50):
        responses = [np.sqrt(8 / rng.chisquare(8)) * rng.normal(size=(6, 1)) for _ in range(12)]
        moved = [y + 2.2 * DESIGN[[0, 1, 2, 4, 5, 6], 1][:, None] for y in responses]
        rejected["null"].append(contrast_tests([model] * 12, responses).p_value <= 0.05)
        rejected["moderated"].append(contrast_tests([model] * 12, moved).p_value <= 0.05)
        rejected["alone"].append(contrast_tests([model] * 12, moved, moderate=False).p_value <= 0.05)
    rates = {name: np.mean(found) for name, found in rejected.items()}
    assert rates["null"] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert rates["moderated"] > rates["alone"] + 0.05


def test_misfits_are_refused():
    models, responses, _ = family(2)
    with pytest.raises(ArgumentError, match="2 models and 1 tables"):
        contrast_tests(models, responses[:1])
    with pytest.raises(ArgumentError, match="several rows"):
        contrast_tests([linear_model(np.eye(3), np.eye(3)[:2])], [np.ones((3, 1))])
