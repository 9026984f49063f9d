"""Effect sizes: exact intervals by inverting the test itself, coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from concentra.errors import ArgumentError
from concentra.stats.effect import cliffs_delta, hodges_lehmann
from concentra.stats.exact import mann_whitney_exact, smallest_attainable_p

distinct = st.lists(st.integers(-1000, 1000), min_size=8, max_size=12, unique=True)


@given(distinct, st.integers(3, 5), st.sampled_from([0.8, 0.9, 0.95]))
@settings(max_examples=60)
@example([0, 1, -90, -91, 288, -33, 345, 346, 347], 5, 0.8)
def test_interval_holds_the_shifts_that_the_exact_test_does_not_reject(values, n_reference, level):
    early, late = np.array(values[:n_reference], float), np.array(values[n_reference:], float) + 0.37
    effect = hodges_lehmann(early, late, level=level)
    differences = np.unique(np.round(late[:, None] - early[None, :], 6))  # equal ones differ by rounding
    between = (differences[1:] + differences[:-1]) / 2
    kept = [d for d in between if mann_whitney_exact(early + d, late).p_value > 1 - level + 1e-12]
    if effect.kind == "range":
        assert smallest_attainable_p(n_reference, late.size) > 1 - level
        assert (effect.low, effect.high) == pytest.approx((differences[0], differences[-1]))
        return
    assert effect.attained_level >= level
    assert effect.low <= min(kept)
    assert effect.high >= max(kept)
    assert all(d < effect.low or d > effect.high for d in between if d not in kept)
    assert effect.low < effect.estimate < effect.high


def test_hodges_lehmann_of_hollander_and_wolfe():
    # Permeability of the human chorioamnion, Hollander & Wolfe 1973, pages 69 to 71, as in the help page of R's
    # wilcox.test, whose conf.int = TRUE gives .305 and -.15 to .76
    term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    early = [1.15, 0.88, 0.90, 0.74, 1.21]
    effect = hodges_lehmann(early, term)
    assert effect.estimate == pytest.approx(0.305)
    assert (round(effect.low, 2), round(effect.high, 2)) == (-0.15, 0.76)
    assert effect.attained_level == pytest.approx(0.96, abs=1e-3)


def test_few_donors_have_a_range_and_one_has_nothing():
    effect = hodges_lehmann([1, 2], [5, 9])
    assert (effect.kind, effect.low, effect.high) == ("range", 3, 8)
    assert effect.attained_level == pytest.approx(1 - 2 / 6)
    for function in (hodges_lehmann, cliffs_delta):
        lone = function([1], [2, 3])
        assert (lone.kind, lone.n_reference) == ("none", 1)
        assert np.isnan([lone.low, lone.high]).all()
        assert np.isfinite(lone.estimate)
        assert np.isnan(function([], [2, 3]).estimate)
        with pytest.raises(ArgumentError, match="level=1"):
            function([1, 2], [2, 3], level=1)


def test_large_groups_agree_with_the_normal_interval():
    rng = np.random.default_rng(0)
    early, late = rng.normal(size=120), rng.normal(1, size=130)
    large, part = hodges_lehmann(early, late), hodges_lehmann(early[:49], late[:49])
    welch = stats.ttest_ind(late, early).confidence_interval()
    assert (large.low, large.high) == pytest.approx((welch.low, welch.high), abs=0.06)
    assert part.low < large.estimate < part.high


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=8), st.lists(st.integers(0, 6), min_size=2, max_size=8)
)
def test_cliffs_delta_counts_pairs_and_stays_within_its_bounds(early, late):
    effect = cliffs_delta(early, late)
    pairs = [(b > a) - (b < a) for a in early for b in late]
    assert effect.estimate == pytest.approx(sum(pairs) / len(pairs))
    assert -1 <= effect.low <= effect.estimate <= effect.high <= 1
    assert effect.low < effect.high
    mirrored = cliffs_delta(late, early)
    assert (mirrored.low, mirrored.high) == pytest.approx((-effect.high, -effect.low), abs=1e-9)


def test_cliffs_delta_bounds_solve_their_equation():
    effect = cliffs_delta([1, 2, 3, 4, 9], [3, 5, 6, 7])
    theta, n_reference, n_other = (effect.estimate + 1) / 2, 5, 4
    for bound in ((effect.low + 1) / 2, (effect.high + 1) / 2):
        spread = (1 - bound) / (2 - bound) + bound / (1 + bound)
        variance = (
            bound * (1 - bound) * (1 + ((n_reference + n_other) / 2 - 1) * spread) / (n_reference * n_other)
        )
        assert abs(theta - bound) == pytest.approx(stats.norm.ppf(0.975) * np.sqrt(variance), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(3, 3), (4, 5), (6, 6)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_cliffs_delta_covers(sizes, shift):
    rng = np.random.default_rng(sizes[1])
    delta = 2 * stats.norm.cdf(shift / np.sqrt(2)) - 1
    hits = []
    for _ in range(1500):
        effect = cliffs_delta(rng.normal(size=sizes[0]), rng.normal(shift, size=sizes[1]))
        hits.append(effect.low <= delta <= effect.high)
    assert np.mean(hits) > (0.88 if sizes == (3, 3) else 0.93)
