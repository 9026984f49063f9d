"""Following a model: its ends by hand, leaving heads out, and when a shift is called."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

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


def test_a_shift_that_rests_on_one_head_is_unresolved() -> None:
    rng = np.random.default_rng(3)
    even = list(-np.abs(rng.normal(1, 0.1, 40)))
    found = follow(table({1: even, 2: [-30.0, *even[1:]]}), rng=1, n_draws=1000)
    shift = found.firsts.iloc[0]
    assert shift["direction"] == "crystallizes"
    assert shift["verdict"] == "unresolved"
    assert found.influence.iloc[0][["layer", "head"]].tolist() == [0, 0]


def test_a_shift_of_many_heads_is_called_in_both_directions() -> None:
    rng = np.random.default_rng(4)
    even, uneven = list(-np.abs(rng.normal(1, 0.1, 100))), list(-(rng.lognormal(0, 1.2, 100)))
    for deltas, verdict in (({1: even, 2: uneven}, "crystallizes"), ({1: uneven, 2: even}, "disperses")):
        assert follow(table(deltas), rng=1, n_draws=1000).firsts["verdict"].tolist() == [verdict]


def test_one_checkpoint_has_no_shift() -> None:
    with pytest.raises(ArgumentError, match="one checkpoint"):
        follow(table({512: [0.1, 0.2, 0.3, 0.4]}), rng=1)


def test_names_of_heads() -> None:
    assert head_name(8, 9) == "L8H9"
