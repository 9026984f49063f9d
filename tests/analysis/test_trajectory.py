"""Following a model: its ends by hand, leaving heads out, and when a shift is called."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from concentra.analysis.across_models import model_shifts, over_models
from concentra.analysis.trajectory import follow, head_name
from concentra.errors import ArgumentError


def table(deltas: dict[int, list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"checkpoint": step, "layer": place // 2, "head": place % 2, "delta": delta}
            for step, found in deltas.items()
            for place, delta in enumerate(found)
        ]
    )


def gini(amounts: list[float]) -> float:
    """Half the mean absolute difference, relative to the mean: pair by pair."""
    n = len(amounts)
    return sum(abs(one - two) for one in amounts for two in amounts) / (2 * n * sum(amounts))


def effective(amounts: list[float]) -> float:
    shares = [amount / sum(amounts) for amount in amounts if amount > 0]
    return float(np.prod([share**-share for share in shares]))


DELTAS = {10: [-0.3, 0.1, 0.0, 0.0], 1: [-0.1, -0.1, 0.1, -0.1], 100: [-0.2, 0.1, 0.4, -0.3]}


def test_every_checkpoint_by_the_slow_definition() -> None:
    path = follow(table(DELTAS), rng=1, n_draws=200).path
    assert path["checkpoint"].tolist() == [1, 10, 100]
    for row, step in zip(path.to_dict("records"), (1, 10, 100), strict=True):
        amounts = [abs(delta) for delta in DELTAS[step]]
        assert row["n_heads"] == 4
        assert row["gini"] == pytest.approx(gini(amounts), abs=1e-12)
        assert row["hill_q1"] == pytest.approx(effective(amounts))
        assert row["top_share"] == pytest.approx(max(amounts) / sum(amounts))
        assert row["harm_fraction"] == np.mean([delta < 0 for delta in DELTAS[step]])
    assert path["top_head"].tolist()[1:] == ["L0H0", "L1H0"]


def test_shifts_and_heads_left_out_by_the_slow_definition() -> None:
    found = follow(table(DELTAS), rng=1, n_draws=200)
    ends = {step: [abs(delta) for delta in deltas] for step, deltas in DELTAS.items()}
    assert found.firsts[["first", "last"]].to_numpy().tolist() == [[1, 100], [10, 100]]
    for row in found.firsts.to_dict("records"):
        assert row["gini"] == pytest.approx(gini(ends[100]) - gini(ends[row["first"]]))
        assert row["hill_q1"] == pytest.approx(effective(ends[100]) - effective(ends[row["first"]]))
    assert len(found.influence) == 4
    for row in found.influence.to_dict("records"):
        left = [place for place in range(4) if place != 2 * row["layer"] + row["head"]]
        first, last = ([ends[step][place] for place in left] for step in (1, 100))
        assert row["gini"] == pytest.approx(gini(last) - gini(first))
        assert row["hill_q1"] == pytest.approx(effective(last) - effective(first))
    assert found.influence["influence"].is_monotonic_decreasing


def test_the_seed_decides_the_bytes() -> None:
    one, two, other = (follow(table(DELTAS), rng=seed, n_draws=200) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.path, two.path)
    pd.testing.assert_frame_equal(one.firsts, two.firsts)
    assert not one.firsts.equals(other.firsts)


def test_a_shift_that_rests_on_one_head_is_undecided() -> None:
    rng = np.random.default_rng(3)
    even = list(-np.abs(rng.normal(1, 0.1, 40)))
    found = follow(table({1: even, 2: [-30.0, *even[1:]]}), rng=1, n_draws=1000)
    shift = found.firsts.iloc[0]
    assert shift["direction"] == "more concentrated"
    assert (shift["verdict_of_heads"], shift["noise"], shift["verdict"]) == (
        "undecided",
        "unknown",
        "withheld",
    )
    assert found.influence.iloc[0][["layer", "head"]].tolist() == [0, 0]


def test_a_shift_of_many_heads_is_called_in_both_directions() -> None:
    rng = np.random.default_rng(4)
    even, uneven = list(-np.abs(rng.normal(1, 0.1, 100))), list(-(rng.lognormal(0, 1.2, 100)))
    for deltas, verdict in (
        ({1: even, 2: uneven}, "more concentrated"),
        ({1: uneven, 2: even}, "less concentrated"),
    ):
        for error, called in ((0.01, verdict), (10.0, "withheld"), (None, "withheld")):
            measured = table(deltas) if error is None else table(deltas).assign(delta_se=error)
            shift = follow(measured, rng=1, n_draws=1000).firsts.iloc[0]
            assert (shift["verdict"], shift["verdict_of_heads"]) == (called, verdict)


def test_one_checkpoint_has_no_shift() -> None:
    with pytest.raises(ArgumentError, match="one checkpoint"):
        follow(table({512: [0.1, 0.2, 0.3, 0.4]}), rng=1)


def test_names_of_heads() -> None:
    assert head_name(8, 9) == "L8H9"


def growing_signal(tail: float, rng: np.random.Generator) -> pd.DataFrame:
    """Constant true shares, measured with a signal to noise ratio that grows from .3 to 3."""
    shares = rng.lognormal(0, tail, 144)
    shares /= shares.mean()
    frames = []
    for step, ratio in ((1000, 0.3), (10000, 1.0), (143000, 3.0)):
        delta = -shares + rng.normal(0, 1 / ratio, 144)
        frames.append(table({step: list(delta)}).assign(delta_se=1 / ratio))
    return pd.concat(frames)


@pytest.mark.parametrize("tail", [0.1, 2.0])
def test_noise_makes_trajectories_and_no_verdicts(tail: float) -> None:
    rng = np.random.default_rng(7)
    found = [follow(growing_signal(tail, rng), rng=1, n_draws=300).firsts.iloc[0] for _ in range(20)]
    assert (
        sum(shift["verdict_of_heads"] in ("more concentrated", "less concentrated") for shift in found) >= 10
    )
    assert {shift["verdict"] for shift in found} == {"withheld"}
    assert {shift["noise"] for shift in found} == {"large"}


def test_a_sample_of_the_heads_has_an_interval_of_sampling() -> None:
    rng = np.random.default_rng(2)
    deltas = {step: list(-rng.lognormal(0, 1, 40)) for step in (1, 2)}
    whole = follow(table(deltas).assign(model_heads=40), rng=1, n_draws=500)
    some = follow(table(deltas).assign(model_heads=100), rng=1, n_draws=500)
    assert whole.sampled == "all 40 heads"
    assert some.sampled == "40 of 100 heads, a sample"
    assert follow(table(deltas), rng=1, n_draws=100).sampled == "40 heads, of how many is unknown"
    for metric in ("gini", "hill_q1"):
        ends = [f"{metric}_sampling_{end}" for end in ("low", "high")]
        assert whole.path[ends[0]].tolist() == whole.path[ends[1]].tolist() == whole.path[metric].tolist()
        width = some.firsts[ends[1]] - some.firsts[ends[0]]
        resampled = some.firsts[f"{metric}_high"] - some.firsts[f"{metric}_low"]
        assert 0.6 * resampled[0] < width[0] < 0.95 * resampled[0]  # the square root of 1 - 40/100 is .77
    np.testing.assert_allclose(some.path["hill_q1_share"], some.path["hill_q1"] / 40)


def test_models_are_the_units_of_the_question_to_models() -> None:
    rng = np.random.default_rng(5)
    tables = {
        name: table({step: list(-rng.lognormal(0, scale, 30)) for step, scale in ((1000, 1.5), (9000, last))})
        for name, last in (("a", 1.0), ("b", 0.8), ("c", 1.2))
    }
    tables["late"] = tables["a"].assign(checkpoint=tables["a"]["checkpoint"] + 1)
    models = model_shifts(tables, first=1000)
    summary = over_models(models)
    assert models["included"].tolist() == [True, True, True, False]
    assert models["first"].tolist() == [1000, 1000, 1000, 1001]
    for row in summary.to_dict("records"):
        values = models.loc[models["included"], row["metric"]].to_numpy()
        expected = scipy.stats.ttest_1samp(values, 0)
        interval = expected.confidence_interval(0.95)
        assert (row["n_models"], row["n_up"]) == (3, int((values > 0).sum()))
        assert row["p_value"] == pytest.approx(expected.pvalue)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    for name in "abc":
        ends = [tables[name].loc[tables[name]["checkpoint"] == step, "delta"].abs() for step in (1000, 9000)]
        row = models.set_index("model").loc[name]
        assert row["gini_normalised"] == pytest.approx(
            (gini(list(ends[1])) - gini(list(ends[0]))) / (1 - 1 / 30)
        )
        assert row["ln_hill_q1"] == pytest.approx(np.log(effective(list(ends[1])) / effective(list(ends[0]))))
    assert over_models(model_shifts({"late": tables["late"]}, first=1000)).empty
