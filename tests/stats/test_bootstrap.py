"""The hierarchical bootstrap: its draws against a plain loop, its interval against the formula, its edges."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import stats

import definitions_stats as definitions
from concentra.errors import AmountError, ArgumentError
from concentra.metrics import gini, hill_number
from concentra.stats._design import counts_table, of_groups
from concentra.stats._groups import Scheme, draw_group, median_inflation
from concentra.stats.bootstrap import bootstrap_shift, correct_for_depth

METRICS = {"gini": partial(gini, support="stratum"), "hill_q1": hill_number}


@pytest.fixture(scope="module")
def donors():
    rng = np.random.default_rng(11)
    early = rng.multinomial(300, rng.dirichlet(np.full(8, 3.0), 5))
    late = rng.multinomial(300, rng.dirichlet(np.linspace(1, 8, 8), 4))
    return early, late


def corrected_values(counts, metric, rng, n=4000):
    """Donor by donor: twice the value less the mean over resampled cells."""
    return np.array(
        [2 * metric(c) - np.mean(metric(rng.multinomial(c.sum(), c / c.sum(), size=n))) for c in counts]
    )


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_shape_of_the_draws_is_that_of_a_plain_loop(donors, statistic):
    rng = np.random.default_rng(0)
    result = bootstrap_shift(*donors, METRICS, rng=1, statistic=statistic)
    function = {"mean": np.mean, "median": np.median}[statistic]
    slow = [definitions.shift_draw(*donors, definitions.hill_q1, function, rng) for _ in range(1500)]
    # the groups are scaled apart, which changes the shape a little where their spreads differ: compare each
    fast = result.draws[:, 1]
    standard = (fast - fast.mean()) / fast.std()
    assert stats.ks_2samp(standard, stats.zscore(slow)).statistic < 0.06


def test_replicates_donor_by_donor_have_the_distribution_of_the_plain_loop(donors):
    """One group, unscaled: dividing by the scale gives back the draws of donors, then cells."""
    counts = counts_table(donors[0], "early")
    design = of_groups((counts, counts), None, None, 1)
    cells, members, weights = design.parts[0]
    scheme = Scheme("mean", 10_000, None, True, members, weights)
    group = draw_group(cells, {"hill_q1": hill_number}, scheme, np.random.default_rng(2))
    rng = np.random.default_rng(3)
    empty = np.zeros_like(counts[:1])
    empty[0, 0] = 5  # the other group: a monopoly, whose effective number is 1 in every draw
    slow = np.array(
        [definitions.shift_draw(empty, counts, definitions.hill_q1, np.mean, rng) for _ in range(3000)]
    )
    standard = (slow - slow.mean()) / slow.std()
    fast = group.deviations[:, 0] / group.standard_error[0]
    assert stats.ks_2samp(fast, standard).pvalue > 0.001
    assert fast.std() == pytest.approx(1)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_centre_error_and_degrees_of_freedom_follow_their_formulas(donors, statistic):
    result = bootstrap_shift(*donors, METRICS, rng=1, statistic=statistic)
    function = {"mean": np.mean, "median": np.median}[statistic]
    rng = np.random.default_rng(5)
    for name, metric in METRICS.items():
        early, late = (corrected_values(counts, metric, rng) for counts in donors)
        shift = result[name]
        assert shift.estimate == pytest.approx(function(metric(donors[1])) - function(metric(donors[0])))
        assert shift.corrected == pytest.approx(function(late) - function(early), abs=0.03 * np.ptp(early))
        # ratio of the variances of median and mean of n normal values, by simulation
        ratio = [
            np.var(np.median(rng.normal(size=(200_000, n)), axis=1)) * n if statistic == "median" else 1
            for n in (5, 4)
        ]
        squares = [ratio[0] * early.var(ddof=1) / 5, ratio[1] * late.var(ddof=1) / 4]
        assert shift.standard_error == pytest.approx(np.sqrt(sum(squares)), rel=0.03)
        df = sum(squares) ** 2 / (squares[0] ** 2 / 4 + squares[1] ** 2 / 3)
        assert shift.df == pytest.approx(df, rel=0.05)
        half = stats.t.ppf(0.975, df) * shift.standard_error
        assert (shift.high - shift.low) / 2 == pytest.approx(half, rel=0.12)


def test_interval_is_that_of_the_draws_and_grows_with_the_level(donors):
    result = bootstrap_shift(*donors, METRICS, rng=1, level=0.9)
    for column, shift in enumerate(result.shifts.values()):
        np.testing.assert_allclose(
            np.quantile(result.draws[:, column], [0.05, 0.95]), [shift.low, shift.high], rtol=1e-12
        )
    wide = bootstrap_shift(*donors, METRICS, rng=1, level=0.99)
    assert wide["gini"].low < result["gini"].low < result["gini"].high < wide["gini"].high


def test_metrics_share_their_draws(donors):
    result = bootstrap_shift(*donors, METRICS, rng=1)
    assert np.corrcoef(result.draws.T)[0, 1] < -0.85  # Gini and effective number are almost one number
    alone = bootstrap_shift(*donors, {"gini": METRICS["gini"]}, rng=1)
    np.testing.assert_allclose(alone.draws[:, 0], result.draws[:, 0], rtol=1e-9)


def test_same_seed_same_bytes_and_groups_swap_to_the_opposite(donors):
    first = bootstrap_shift(*donors, METRICS, rng=7)
    again = bootstrap_shift(*donors, METRICS, rng=np.random.default_rng(7))
    assert first.draws.tobytes() == again.draws.tobytes()
    swapped = bootstrap_shift(donors[1], donors[0], METRICS, rng=7)
    assert swapped["hill_q1"].estimate == -first["hill_q1"].estimate
    assert swapped["hill_q1"].low == pytest.approx(-first["hill_q1"].high, abs=0.4)


def test_chunks_bound_memory_without_a_change(donors, monkeypatch):
    whole = bootstrap_shift(*donors, METRICS, rng=7, n_draws=500)
    monkeypatch.setattr("concentra.stats._groups.CHUNK", 8 * 100)
    parts = bootstrap_shift(*donors, METRICS, rng=7, n_draws=500)
    # a multinomial of n rows is n multinomials of one row: the stream of random numbers is the same
    assert whole.draws.tobytes() == parts.draws.tobytes()


def test_values_corrected_for_depth_are_those_that_the_bootstrap_centres_on(donors):
    corrected = [correct_for_depth(counts, METRICS, rng=1, n_replicates=4000) for counts in donors]
    shift = bootstrap_shift(*donors, METRICS, rng=2, statistic="mean")
    for name in METRICS:
        early, late = (values[name] for values in corrected)
        assert late.mean() - early.mean() == pytest.approx(
            shift[name].corrected, abs=0.02 * shift[name].standard_error
        )
    shallow = correct_for_depth(
        [[5, 5, 0], [90, 50, 1]], {"hill_q0": partial(hill_number, q=0)}, rng=1, depth=11
    )
    assert np.isnan(shallow["hill_q0"][0])
    # parts expected among 11 of 141 cells: 2, and the rare one with probability 11/141
    assert shallow["hill_q0"][1] == pytest.approx(2 + 11 / 141, abs=0.03)


def test_unequal_cells_are_corrected():
    rng = np.random.default_rng(1)
    share = np.random.default_rng(0).dirichlet(np.full(20, 2.0))
    many, few = rng.multinomial(20_000, share, size=10), rng.multinomial(200, share, size=10)
    shift = bootstrap_shift(many, few, METRICS, rng=1, n_draws=2000, statistic="mean")["hill_q1"]
    assert shift.estimate < -0.35
    assert abs(shift.corrected) < 0.25
    raw = bootstrap_shift(many, few, METRICS, rng=1, n_draws=2000, statistic="mean", correct_bias=False)
    assert raw["hill_q1"].corrected == raw["hill_q1"].estimate


def test_common_depth_compares_expected_values_at_that_depth():
    rng = np.random.default_rng(1)
    share = np.random.default_rng(0).dirichlet(np.full(30, 0.4))
    many, few = rng.multinomial(5_000, share, size=8), rng.multinomial(150, share, size=8)
    metrics = {"gini_present": gini, "hill_q0": partial(hill_number, q=0)}
    result = bootstrap_shift(many, few, metrics, rng=1, n_draws=2000, depth=150, statistic="mean")
    raw = bootstrap_shift(many, few, metrics, rng=1, n_draws=2000, statistic="mean")
    assert raw["hill_q0"].estimate < -4
    assert abs(result["hill_q0"].corrected) < 1.0
    assert abs(result["gini_present"].corrected) < 0.02
    # expected number of parts at 150 cells: parts not missed by a hypergeometric draw (Hurlbert 1971)
    expected = [sum(1 - stats.hypergeom.pmf(0, c.sum(), k, 150) for k in c if k) for c in many]
    late = np.count_nonzero(few, axis=1)
    assert result["hill_q0"].corrected == pytest.approx(late.mean() - np.mean(expected), abs=0.1)
    few[0] = 0
    few[0, 0] = 149  # below the depth: left out
    assert bootstrap_shift(many, few, metrics, rng=1, n_draws=200, depth=150)["hill_q0"].n_other == 7


def test_two_donors_give_a_range_and_one_gives_nothing(donors):
    early, late = donors
    two = bootstrap_shift(early[:2], late, METRICS, rng=1, n_draws=2000)
    shift = two["hill_q1"]
    assert (shift.kind, shift.n_reference, shift.n_other) == ("range", 2, 4)
    assert "two donors" in shift.reason
    rng = np.random.default_rng(0)
    first, second = (corrected_values(counts, hill_number, rng) for counts in (early[:2], late))
    assert shift.low == pytest.approx(second.min() - first.max(), abs=0.05)
    assert shift.high == pytest.approx(second.max() - first.min(), abs=0.05)
    one = bootstrap_shift(early[:1], late, METRICS, rng=1, n_draws=200)["gini"]
    assert (one.kind, one.n_reference) == ("none", 1)
    assert np.isnan([one.low, one.high]).all()
    assert np.isfinite(one.estimate)
    assert "one donor" in one.reason


def test_donors_without_cells_are_left_out(donors):
    early, late = donors
    with_empty = np.vstack([early, np.zeros((2, 8), dtype=int)])
    result = bootstrap_shift(with_empty, late, METRICS, rng=1, n_draws=300)
    assert result["gini"] == bootstrap_shift(early, late, METRICS, rng=1, n_draws=300)["gini"]
    nothing = bootstrap_shift(with_empty[5:], late, METRICS, rng=1, n_draws=300)["gini"]
    assert (nothing.kind, nothing.n_reference) == ("none", 0)
    assert np.isnan(nothing.estimate)
    assert "no donors" in nothing.reason
    paired = bootstrap_shift(with_empty[5:], late[:2], METRICS, rng=1, n_draws=300, paired=True)["gini"]
    assert (paired.kind, paired.n_other) == ("none", 0)


def test_donors_that_do_not_differ_have_no_spread():
    same = np.tile([7, 0, 0], (4, 1))
    shift = bootstrap_shift(same, same, METRICS, rng=1, n_draws=300)["hill_q1"]
    assert (shift.estimate, shift.low, shift.high, shift.standard_error) == (0, 0, 0, 0)
    assert shift.df == 3


def test_pairs_keep_together():
    rng = np.random.default_rng(4)
    own = rng.dirichlet(np.full(6, 0.7), 6)  # donors differ much; the shift within each is small and the same
    early = rng.multinomial(3000, own)
    late = rng.multinomial(3000, (own + 0.02) / 1.12)
    paired = bootstrap_shift(early, late, METRICS, rng=1, paired=True, statistic="mean")["gini"]
    apart = bootstrap_shift(early, late, METRICS, rng=1, statistic="mean")["gini"]
    assert paired.estimate == pytest.approx(apart.estimate)
    assert (paired.df, paired.n_reference, paired.n_other) == (5, 6, 6)
    assert paired.high < 0 < apart.high
    differences = METRICS["gini"](late) - METRICS["gini"](early)
    assert paired.standard_error == pytest.approx(differences.std(ddof=1) / np.sqrt(6), rel=0.1)


def test_strata_remove_what_differs_between_them():
    rng = np.random.default_rng(4)
    female, male = (
        rng.dirichlet(np.full(8, 200.0) * np.array([1, 1, 1, 1, 1, 1, 1, 9]), 5),
        rng.dirichlet(np.full(8, 200.0), 5),
    )
    early, late = np.vstack([female[:3], male[:2]]), np.vstack([female[3:], male[2:]])
    early, late = rng.multinomial(2000, early), rng.multinomial(2000, late)
    sexes = {"strata_reference": list("fffmm"), "strata_other": list("ffmmm")}
    within = bootstrap_shift(early, late, METRICS, rng=1, statistic="mean", **sexes)["gini"]
    mixed = bootstrap_shift(early, late, METRICS, rng=1, statistic="mean")["gini"]
    values = [METRICS["gini"](early), METRICS["gini"](late)]
    expected = 0.5 * (values[1][:2].mean() - values[0][:3].mean())  # weights 6/5 and 6/5
    expected += 0.5 * (values[1][2:].mean() - values[0][3:].mean())
    assert within.estimate == pytest.approx(expected)
    assert abs(within.corrected) < 0.02 < abs(mixed.estimate)
    assert within.low < 0 < within.high
    assert within.high - within.low < (mixed.high - mixed.low) / 5
    assert within.df < 6.01
    one_sex = {"strata_reference": list("fff"), "strata_other": list("ffmmm")}
    alone = bootstrap_shift(early[:3], late, METRICS, rng=1, **one_sex)
    assert "left out: m" in alone["gini"].reason
    assert (alone["gini"].n_reference, alone["gini"].n_other) == (3, 2)
    neither = bootstrap_shift(
        early[:2], late[:2], METRICS, rng=1, strata_reference=list("ff"), strata_other=list("mm")
    )["gini"]
    assert (neither.kind, neither.reason.split(";")[0]) == ("none", "no stratum in both groups")


def test_metric_that_some_draws_do_not_have_gives_no_interval():
    counts = np.array([[30, 1, 0], [20, 20, 20], [25, 10, 5]])

    def undefined(amounts):
        return np.where(np.count_nonzero(amounts, axis=-1) > 1, 1.0 + amounts[..., 0], np.nan)

    result = bootstrap_shift(counts, counts, {"undefined": undefined, "gini": gini}, rng=1, n_draws=500)
    assert (result["undefined"].kind, result["gini"].kind) == ("none", "interval")
    assert "not defined" in result["undefined"].reason


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9, 20])
def test_median_inflation_is_that_of_simulated_medians(n):
    medians = np.median(np.random.default_rng(n).normal(size=(100_000, n)), axis=1)
    assert median_inflation(n) == pytest.approx(n * medians.var(), rel=0.02)


def test_median_inflation_tends_to_half_pi():
    assert median_inflation(99) == pytest.approx(median_inflation(101), rel=0.003)
    assert median_inflation(10**6) == pytest.approx(np.pi / 2, rel=1e-5)


def test_wrong_input_says_what_to_do(donors):
    early, late = donors
    with pytest.raises(ArgumentError, match="a column in both"):
        bootstrap_shift(early[:, :3], late, METRICS, rng=1)
    with pytest.raises(ArgumentError, match="same donors where paired"):
        bootstrap_shift(early, late, METRICS, rng=1, paired=True)
    with pytest.raises(AmountError, match="donors by parts"):
        bootstrap_shift(early[0], late, METRICS, rng=1)
    with pytest.raises(AmountError, match="whole numbers"):
        bootstrap_shift(early / 7, late, METRICS, rng=1)
    with pytest.raises(ArgumentError, match="one of 'mean', 'median'"):
        bootstrap_shift(early, late, METRICS, rng=1, statistic="mode")
    with pytest.raises(ArgumentError, match="n_draws=10"):
        bootstrap_shift(early, late, METRICS, rng=1, n_draws=10)
    with pytest.raises(ArgumentError, match="one group only"):
        bootstrap_shift(early, late, METRICS, rng=1, strata_reference=list("fffmm"))
    with pytest.raises(ArgumentError, match=r"strata_other of shape \(2,\)"):
        bootstrap_shift(early, late, METRICS, rng=1, strata_reference=list("fffmm"), strata_other=list("fm"))
    with pytest.raises(ArgumentError, match="depth=0"):
        bootstrap_shift(early, late, METRICS, rng=1, depth=0)


@pytest.mark.slow
@pytest.mark.parametrize("statistic,average", [("mean", np.mean), ("median", np.median)])
def test_intervals_of_pairs_cover(statistic, average):
    rng = np.random.default_rng(3)

    def pairs(n):
        early = rng.dirichlet(np.full(15, 2.0), n)
        late = early**1.2 * rng.gamma(8, size=(n, 15))
        return early, late / late.sum(axis=1, keepdims=True)

    early, late = pairs(100_000)
    target = average(hill_number(late) - hill_number(early))
    hits = []
    for _ in range(200):
        counts = [rng.multinomial(500, shares) for shares in pairs(4)]
        options = {"paired": True, "statistic": statistic, "n_draws": 500}
        shift = bootstrap_shift(*counts, METRICS, rng=rng, **options)["hill_q1"]
        hits.append(shift.low <= target <= shift.high)
    assert 0.90 <= np.mean(hits) <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("sizes_early,sizes_late", [((3, 2), (2, 3)), ((2, 2), (1, 4))])
def test_intervals_within_strata_cover_where_sexes_differ_and_ages_do_not(sizes_early, sizes_late):
    rng = np.random.default_rng(4)
    shapes = (np.full(15, 4.0), 2 * np.linspace(0.3, 3.7, 15))
    hits = []
    for _ in range(200):
        early, late = (
            rng.multinomial(500, np.vstack([rng.dirichlet(a, n) for a, n in zip(shapes, sizes, strict=True)]))
            for sizes in (sizes_early, sizes_late)
        )
        labels = [list("f" * female + "m" * male) for female, male in (sizes_early, sizes_late)]
        options = {"strata_reference": labels[0], "strata_other": labels[1], "n_draws": 500}
        shift = bootstrap_shift(early, late, METRICS, rng=rng, statistic="mean", **options)["gini"]
        hits.append(shift.low <= 0 <= shift.high)
    assert 0.90 <= np.mean(hits) <= 0.995
