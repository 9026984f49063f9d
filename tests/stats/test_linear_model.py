"""Linear models of one tissue against explicit matrices, scipy, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from concentra.errors import ArgumentError
from concentra.stats.linear_model import EMPTY, INESTIMABLE, NO_RESIDUALS, donor_correlation, linear_model
from concentra.stats.moderated import contrast_tests
from definitions_models import generalised, least_squares, restricted_likelihood


def result_of(model, response):
    return contrast_tests([model], [np.asarray(response, dtype=float)[:, None]], moderate=False)


def two_groups(n_first, n_second):
    group = np.repeat([0, 1], [n_first, n_second])
    return np.column_stack([np.ones(len(group)), group]), group.tolist()


@pytest.mark.parametrize("sizes", [(3, 3), (4, 4), (6, 6)])
def test_equal_groups_are_the_pooled_t_test(sizes):
    y = np.random.default_rng(sizes).normal(size=sum(sizes))
    design, groups = two_groups(*sizes)
    found = result_of(linear_model(design, [0, 1], groups=groups), y)
    peer = stats.ttest_ind(y[sizes[0] :], y[: sizes[0]])
    assert found.p_value[0, 0] == pytest.approx(peer.pvalue, rel=1e-10)
    assert found.df[0, 0] == pytest.approx(sum(sizes) - 2)


@pytest.mark.parametrize("sizes", [(3, 7), (7, 3), (2, 5), (4, 3)])
def test_unequal_groups_are_welch(sizes):
    y = np.random.default_rng(sizes).normal(size=sum(sizes)) * np.repeat([1, 4], sizes)
    design, groups = two_groups(*sizes)
    found = result_of(linear_model(design, [0, 1], groups=groups), y)
    peer = stats.ttest_ind(y[sizes[0] :], y[: sizes[0]], equal_var=False)
    assert found.p_value[0, 0] == pytest.approx(peer.pvalue, rel=1e-10)
    assert found.df[0, 0] == pytest.approx(peer.df, rel=1e-10)


@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.9])
def test_complete_pairs_are_the_paired_t_test_whatever_the_correlation(correlation):
    rng = np.random.default_rng(5)
    pair = np.repeat(np.arange(5), 2)
    y = rng.normal(size=10) + 3 * rng.normal(size=5)[pair]
    design = np.column_stack([np.ones(10), np.tile([0, 1], 5)])
    found = result_of(linear_model(design, [0, 1], donors=pair.tolist(), correlation=correlation), y)
    peer = stats.ttest_rel(y[1::2], y[::2])
    assert found.p_value[0, 0] == pytest.approx(peer.pvalue, rel=1e-9)
    assert found.df[0, 0] == pytest.approx(4)


def test_covariates_are_ordinary_least_squares():
    rng = np.random.default_rng(8)
    design = np.column_stack(
        [np.ones(12), rng.integers(0, 2, 12), rng.normal(50, 9, 12), rng.integers(0, 2, 12)]
    )
    y = rng.normal(size=12) + 0.02 * design[:, 2]
    for contrast in ([0, 1, 0, 0], [0, 0, 1, 0], [0, 0.5, 0, -1]):
        found = result_of(linear_model(design, contrast), y)
        estimate, _, df, error, p = least_squares(design, contrast, y)
        assert found.estimate[0, 0] == pytest.approx(estimate, rel=1e-9)
        assert found.error[0, 0] == pytest.approx(error, rel=1e-9)
        assert (found.df[0, 0], found.p_value[0, 0]) == (pytest.approx(df), pytest.approx(p, rel=1e-8))


def incomplete():
    donors = list("aabbccdefg")
    group = np.array([0, 1, 0, 1, 0, 1, 0, 0, 1, 1.0])
    rng = np.random.default_rng(2)
    level = dict(zip("abcdefg", 2 * rng.normal(size=7), strict=True))
    y = np.array([level[d] for d in donors]) + 0.5 * rng.normal(size=10) + group
    return np.column_stack([np.ones(10), group]), donors, y


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_incomplete_pairs_are_generalised_least_squares(correlation):
    design, donors, y = incomplete()
    model = linear_model(design, [0, 1], donors=donors, correlation=correlation)
    assert model.estimates(y[:, None])[0, 0] == pytest.approx(
        generalised(design, [0, 1], y, donors, correlation), rel=1e-10
    )


def test_the_correlation_within_donors_maximises_the_restricted_likelihood():
    design, donors, y = incomplete()
    found = donor_correlation([y], [design], [donors])
    slow = optimize.minimize_scalar(
        lambda r: restricted_likelihood(design, y, donors, r),
        bounds=(0, 0.99),
        method="bounded",
        options={"xatol": 1e-7},
    )
    assert found == pytest.approx(slow.x, abs=1e-3)
    assert donor_correlation([y[:3]], [design[:3]], [list("abc")]) == 0


def test_tissues_without_their_design_are_refused():
    design, donors, y = incomplete()
    with pytest.raises(ValueError, match="shorter"):
        donor_correlation([y, y], [design], [donors])


def test_visits_of_a_donor_do_not_become_donors():
    """Ten visits of five donors a group are the five means: the same test, however often a visit is repeated."""
    rng = np.random.default_rng(3)
    donors = np.repeat(np.arange(10), 10)
    y = rng.normal(size=100) + rng.normal(size=10)[donors]
    design = np.column_stack([np.ones(100), donors >= 5])
    found = result_of(linear_model(design, [0, 1], groups=(donors >= 5).tolist(), donors=donors.tolist()), y)
    means = y.reshape(10, 10).mean(axis=1)
    assert found.p_value[0, 0] == pytest.approx(stats.ttest_ind(means[5:], means[:5]).pvalue, rel=1e-9)
    twice = np.concatenate([np.arange(100), np.flatnonzero(donors == 0)])
    again = result_of(linear_model(design[twice], [0, 1], groups=(donors[twice] >= 5).tolist(),
                                donors=donors[twice].tolist()), y[twice])  # fmt: skip
    assert again.df[0, 0] == pytest.approx(8)
    assert again.p_value[0, 0] == pytest.approx(found.p_value[0, 0], rel=1e-9)


def test_order_of_samples_and_units_of_covariates_do_not_matter():
    rng = np.random.default_rng(4)
    design = np.column_stack([np.ones(9), rng.integers(0, 2, 9), rng.normal(size=9)])
    y = rng.normal(size=9)
    first = result_of(linear_model(design, [0, 1, 0]), y)
    order = rng.permutation(9)
    other = result_of(linear_model((design * [1, 1, 365.25])[order], [0, 1, 0]), y[order])
    assert other.p_value[0, 0] == pytest.approx(first.p_value[0, 0], rel=1e-9)


def test_what_cannot_be_estimated_is_refused_with_its_reason():
    confounded = [[1, 0, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1]]
    assert linear_model(confounded, [0, 1, 0]).reason == INESTIMABLE
    assert linear_model(confounded, [0, 1, 1]).reason == ""
    found = result_of(linear_model([[1, 0], [1, 1]], [0, 1]), [1.0, 2.0])
    assert found.reasons == ((NO_RESIDUALS,),)
    assert np.isnan(found.p_value).all()
    assert found.estimate[0, 0] == pytest.approx(1)


def test_no_sample_and_one_sample_are_reasons_and_no_errors():
    nothing = linear_model(np.zeros((0, 2)), [0, 1])
    assert (nothing.reason, nothing.n_rows, nothing.n_donors) == (EMPTY, 0, 0)
    shapes = [one.shape for one in (nothing.weights, nothing.centre, nothing.unscaled, nothing.residuals)]
    assert shapes == [(1, 0), (0,), (1, 1, 1), (1, 0, 0)]
    one = linear_model([[1, 0]], [0, 1])
    assert (one.reason, one.n_donors) == (INESTIMABLE, 1)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_covariates_that_are_one_in_any_unit_are_not_separated(unit):
    """Days and months of one age: rounding does not make them two, however large the numbers."""
    months = np.array([3.1, 7.7, 11.3, 18.9, 24.2, 30.6])
    design = np.column_stack([np.ones(6), months * unit, months * unit * 30.4375])
    assert linear_model(design, [0, 1, 0]).reason == INESTIMABLE
    assert linear_model(design[:, :2], [0, 1]).reason == ""


def test_the_centre_of_a_mean_is_that_mean():
    """Groups are weighted alike where a difference between them is estimated; a constant is no group."""
    values = np.array([[1.0], [2.0], [6.0]])
    assert linear_model(np.ones((3, 1)), [1.0]).centre @ values == pytest.approx(3.0)
    two = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    assert linear_model(two, [0.0, 1.0]).centre @ values == pytest.approx((1.5 + 6.0) / 2)


def test_misfits_are_refused():
    with pytest.raises(ArgumentError, match=r"(?s)design of shape \(2, 2\).*contrast of shape \(1, 3\)"):
        linear_model([[1, 0], [1, 1]], [0, 1, 0])
    with pytest.raises(ArgumentError, match="missing or infinite"):
        linear_model([[1, np.nan]], [0, 1])
    with pytest.raises(ArgumentError, match="1 groups for 2 samples"):
        linear_model([[1, 0], [1, 1]], [0, 1], groups=["a"])
    with pytest.raises(ArgumentError, match="correlation=1"):
        linear_model([[1, 0], [1, 1]], [0, 1], correlation=1)
