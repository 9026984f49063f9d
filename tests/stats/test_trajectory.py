"""Shifts between checkpoints: planted changes found, one loud part seen through, and the published tables."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from concentra.errors import ArgumentError
from concentra.stats.parts import bootstrap_parts
from concentra.stats.trajectory import PartShift, shift_by_first, trajectory_shift, verdict


def head_table(name):
    folder = os.environ.get("CONCENTRA_DATA_DIR")
    if not folder:
        pytest.skip("CONCENTRA_DATA_DIR is not set")
    with (Path(folder) / "pythia" / name).open() as handle:
        rows = [row for row in csv.DictReader(handle) if row["perturbation_type"] == "head"]
    steps = sorted({int(row["checkpoint"]) for row in rows})
    heads = sorted({(int(row["layer_idx"]), int(row["head_idx"])) for row in rows})
    amounts = np.zeros((len(steps), len(heads)))
    for row in rows:
        head = heads.index((int(row["layer_idx"]), int(row["head_idx"])))
        amounts[steps.index(int(row["checkpoint"])), head] = abs(float(row["delta"]))
    return steps, heads, amounts


def equal_then(late, n=60):
    rng = np.random.default_rng(2)
    return np.stack([rng.gamma(50, size=n), late * rng.gamma(50, size=n)])


def test_planted_changes_are_found():
    many = np.where(np.arange(60) % 3 == 0, 30.0, 1.0)
    assert trajectory_shift(equal_then(many), rng=1, n_draws=2000).verdict == "more concentrated"
    assert trajectory_shift(equal_then(many)[::-1], rng=1, n_draws=2000).verdict == "less concentrated"
    assert trajectory_shift(equal_then(1.0), rng=1, n_draws=2000).verdict == "undecided"


def test_one_loud_part_is_no_verdict_and_is_named():
    loud = np.where(np.arange(60) == 17, 400.0, 1.0)
    shift = trajectory_shift(equal_then(loud), rng=1, n_draws=2000)
    assert shift.verdict == "undecided"
    assert (shift.gini.most_influential, shift.hill_q1.most_influential) == (17, 17)
    assert shift.gini.estimate > 0.5
    assert abs(shift.gini.without[17]) < 0.05
    assert shift.gini.without.shape == (60,)


@pytest.mark.parametrize(
    "gini_ends,hill_ends,survives,expected",
    [
        ((0.1, 0.2), (-5, -1), True, "more concentrated"),
        ((-0.2, -0.1), (1, 5), True, "less concentrated"),
        ((0.1, 0.2), (1, 5), True, "mixed"),
        ((-0.2, -0.1), (-5, -1), True, "mixed"),
        ((0.1, 0.2), (-5, 1), True, "undecided"),
        ((-0.1, 0.2), (-5, -1), True, "undecided"),
        ((0.1, 0.2), (-5, -1), False, "undecided"),
    ],
)
def test_verdict_is_the_rule(gini_ends, hill_ends, survives, expected):
    def shift(ends):
        return PartShift(0, 0, sum(ends) / 2, *ends, 0.95, np.zeros(3), 0, survives)

    assert verdict(shift(gini_ends), shift(hill_ends)) == expected


def test_intervals_are_quantiles_of_paired_draws():
    amounts = equal_then(np.linspace(1, 9, 60))
    draws = bootstrap_parts(amounts, rng=5, n_draws=1000)
    shift = trajectory_shift(amounts, rng=5, n_draws=1000, level=0.8)
    changes = draws.hill_q1_draws[:, 1] - draws.hill_q1_draws[:, 0]
    expected = np.quantile(changes, [0.1, 0.9])
    np.testing.assert_allclose([shift.hill_q1.low, shift.hill_q1.high], expected, rtol=1e-12)
    assert shift.hill_q1.estimate == draws.hill_q1[1] - draws.hill_q1[0]
    assert (shift.n_parts, shift.n_draws) == (60, 1000)


def test_every_first_checkpoint_is_compared_from_the_same_draws():
    amounts = np.random.default_rng(0).gamma(1.0, size=(4, 30))
    shifts = shift_by_first(amounts, rng=9, n_draws=500)
    assert len(shifts) == 3
    for first, shift in enumerate(shifts):
        alone = trajectory_shift(amounts, rng=9, n_draws=500, first=first)
        assert (shift.gini.low, shift.hill_q1.high) == (alone.gini.low, alone.hill_q1.high)
    with pytest.raises(ArgumentError, match="level=1"):
        trajectory_shift(amounts, rng=1, level=1)


@pytest.mark.data
def test_published_shift_of_pythia_410m_rests_on_one_head():
    steps, heads, amounts = head_table("pythia_410m_ablations.csv")
    assert (steps[0], steps[-1], len(heads)) == (512, 143000, 144)
    shifts = shift_by_first(amounts, rng=1)
    shift = shifts[0]
    assert (round(shift.gini.early, 4), round(shift.gini.late, 4)) == (0.6003, 0.7452)
    assert (round(shift.hill_q1.early, 2), round(shift.hill_q1.late, 2)) == (71.02, 25.48)
    assert (shift.gini.low, shift.gini.high) == pytest.approx((-0.094, 0.285), abs=0.006)
    assert (shift.hill_q1.low, shift.hill_q1.high) == pytest.approx((-67.6, 22.6), abs=1.5)
    assert heads[shift.gini.most_influential] == heads[shift.hill_q1.most_influential] == (8, 9)
    assert round(shift.gini.without[shift.gini.most_influential], 3) == -0.009
    assert round(shift.hill_q1.without[shift.gini.most_influential], 2) == 1.53
    assert shift.verdict == "undecided"
    later = {step: shifts[steps.index(step)] for step in (1000, 2000, 4000, 64000)}
    assert [round(s.gini.estimate, 3) for s in later.values()] == [-0.039, -0.029, 0.033, 0.009]
    assert [round(s.hill_q1.estimate, 1) for s in later.values()] == [-9.8, -14.4, -28.5, 2.7]


@pytest.mark.data
def test_pythia_160m_goes_the_other_way():
    steps, _, amounts = head_table("pythia_160m_ablations.csv")
    shifts = shift_by_first(amounts, rng=1)
    first, later = shifts[0], shifts[steps.index(1000)]
    assert (round(first.gini.estimate, 4), round(first.hill_q1.estimate, 2)) == (-0.0703, 8.29)
    assert (round(later.gini.estimate, 4), round(later.hill_q1.estimate, 2)) == (-0.2528, 47.03)
    assert (first.verdict, later.verdict) == ("undecided", "less concentrated")
