"""The null of the plane, against arrangements one by one, a known line, and its level."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concentra.errors import ArgumentError
from concentra.stats.hull import central_hull
from concentra.stats.null_cloud import NullCloud, exchanged_cloud, judge_pair, null_cloud

NUMBERS = st.floats(-10, 10, allow_nan=False, width=32)
GROUPS = st.tuples(st.integers(2, 4), st.integers(2, 4)).flatmap(
    lambda sizes: st.tuples(*(arrays(float, (n, 2), elements=NUMBERS) for n in sizes))
)


def slow_cloud(early, late):
    """Every choice of late donors in turn; medians by sorting."""
    values = [tuple(row) for row in (*early, *late)]
    shifts = []
    for chosen in combinations(range(len(values)), len(late)):
        groups = [
            [values[i] for i in range(len(values)) if (i in chosen) == is_late] for is_late in (False, True)
        ]
        medians = [[float(np.median([row[axis] for row in group])) for axis in (0, 1)] for group in groups]
        shifts.append((medians[1][0] - medians[0][0], medians[1][1] - medians[0][1]))
    return np.array(sorted(shifts))


@given(GROUPS)
def test_cloud_is_every_arrangement(groups):
    cloud = null_cloud(*groups)
    assert cloud.exact
    found = np.array(sorted(map(tuple, cloud.shifts)))
    np.testing.assert_allclose(found, slow_cloud(*groups), atol=1e-6)
    observed = np.median(groups[1], axis=0) - np.median(groups[0], axis=0)
    np.testing.assert_allclose(cloud.observed, observed, atol=1e-9)


@given(GROUPS)
def test_exchanging_the_groups_mirrors_the_cloud(groups):
    there, back = null_cloud(*groups), null_cloud(*groups[::-1])
    np.testing.assert_allclose(there.observed, -back.observed, atol=1e-9)
    assert judge_pair(there).p_along == pytest.approx(judge_pair(back).p_along)


@given(GROUPS)
def test_p_counts_pairs_as_far(groups):
    cloud = null_cloud(*groups)
    found = judge_pair(cloud)
    slope, intercept = np.polyfit(*cloud.shifts.T, 1) if np.ptp(cloud.shifts[:, 0]) > 1e-3 else (None, None)
    assert found.p_along >= 1 / len(cloud.shifts)
    if slope is None:
        return
    assert found.slope == pytest.approx(slope, rel=1e-5, abs=1e-5)
    assert found.residual == pytest.approx(
        cloud.observed[1] - intercept - slope * cloud.observed[0], rel=1e-5, abs=1e-5
    )


def test_a_pair_off_its_line_stands_out():
    along = np.linspace(-1, 1, 199)
    wobble = np.sin(np.arange(199)) * 0.01
    cloud = NullCloud(np.array([0.5, 0.5]), np.stack([along, -2 * along + wobble], axis=1), exact=False)
    found = judge_pair(cloud)
    assert found.slope == pytest.approx(-2, abs=0.01)
    assert found.residual == pytest.approx(1.5, abs=0.02)
    assert found.p_residual == 1 / 200
    assert found.p_along > 0.4
    assert found.opposite_share > 0.9


def test_level_of_the_residual_test():
    """Donors of one population: p of residual and position are at most alpha as often as alpha."""
    rng = np.random.default_rng(3)
    n_runs, alpha = 400, 0.1
    rejected = np.zeros(2)
    for _ in range(n_runs):
        first = rng.normal(size=(9, 1))
        values = np.hstack([first, -first + 0.3 * rng.normal(size=(9, 1))])
        found = judge_pair(null_cloud(values[:4], values[4:]))
        rejected += [found.p_residual <= alpha, found.p_along <= alpha]
    assert (rejected / n_runs <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / n_runs)).all()


def test_many_donors_are_sampled_with_the_seed():
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(12, 2)), rng.normal(size=(12, 2))
    one, two = (null_cloud(*groups, rng=7, n_random=50) for _ in range(2))
    assert not one.exact
    assert one.shifts.shape == (50, 2)
    np.testing.assert_array_equal(one.shifts, two.shifts)


def test_exchanged_parts():
    first, last = np.array([1.0, 1.0, 2.0]), np.array([3.0, 1.0, 0.0])

    def measure(amounts):
        return np.stack([amounts.max(axis=-1), amounts.min(axis=-1)], axis=-1)

    cloud = exchanged_cloud(first, last, measure, rng=1, n_random=500)
    shares = first / first.sum(), last / last.sum()
    np.testing.assert_allclose(cloud.observed, measure(shares[1]) - measure(shares[0]))
    possible = set()
    for bits in range(8):
        swap = np.array([bits >> k & 1 for k in range(3)], dtype=bool)
        pair = np.where(swap, shares[1], shares[0]), np.where(swap, shares[0], shares[1])
        possible.add(tuple(np.round(measure(pair[1]) - measure(pair[0]), 9)))
    assert {tuple(row) for row in np.round(cloud.shifts, 9)} == possible


@pytest.mark.parametrize("shape", [(1, 2), (3, 1), (3,)])
def test_too_few_donors_are_refused(shape):
    with pytest.raises(ArgumentError, match="at least two donors"):
        null_cloud(np.zeros(shape), np.zeros((3, 2)))


def inside(polygon, point):
    """Left of every edge of a counter-clockwise polygon."""
    ahead = np.roll(polygon, -1, axis=0) - polygon
    to = point - polygon
    return bool((ahead[:, 0] * to[:, 1] - ahead[:, 1] * to[:, 0] >= -1e-9).all())


def test_hull_holds_the_share_nearest_to_the_mean():
    draws = np.random.default_rng(5).normal(size=(400, 2)) @ np.array([[2.0, -1.0], [0.0, 0.3]])
    hull = central_hull(draws, level=0.9)
    inverse = np.linalg.inv(np.cov(draws.T))
    centred = draws - draws.mean(axis=0)
    distance = np.einsum("ij,jk,ik->i", centred, inverse, centred)
    nearest = distance <= np.sort(distance)[359]
    assert all(inside(hull, point) for point in draws[nearest])
    assert sum(inside(hull, point) for point in draws[~nearest]) <= 12


def test_hull_needs_a_plane():
    line = np.stack([np.arange(9.0), -np.arange(9.0)], axis=1)
    assert central_hull(line).shape == (0, 2)
    assert central_hull([[0, 0], [1, 1]]).shape == (0, 2)
    assert central_hull([[0, 0], [1, 0], [0, 1], [np.nan, 9]], level=0.99).shape == (3, 2)
    with pytest.raises(ArgumentError, match=r"shape \(B, 2\)"):
        central_hull(np.zeros((3, 3)))


def test_the_line_of_a_cloud_is_that_of_least_squares():
    rng = np.random.default_rng(3)
    shifts = rng.normal(size=(40, 2)) @ [[1.0, -0.5], [0.0, 0.3]]
    found = judge_pair(NullCloud(shifts[0], shifts, True))
    assert [found.slope, found.intercept] == pytest.approx(np.polyfit(*shifts.T, 1))
    assert found.correlation == pytest.approx(np.corrcoef(*shifts.T)[0, 1])


def test_a_cloud_without_spread_is_level_and_a_shift_of_0_is_opposite_to_none():
    shifts = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, 2.0]])
    found = judge_pair(NullCloud(shifts[0], shifts, True))
    assert (found.slope, found.opposite_share) == (0.0, 0.0)


def test_p_does_not_depend_on_the_unit():
    rng = np.random.default_rng(4)
    shifts = rng.normal(size=(40, 2))
    small = judge_pair(NullCloud(1e-12 * shifts[0], 1e-12 * shifts, True))
    usual = judge_pair(NullCloud(shifts[0], shifts, True))
    assert (small.p_along, small.p_residual) == (usual.p_along, usual.p_residual)
