"""`concentra heads trajectory`: golden numbers, the form of the answer, bad tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from definitions_study import Ended, assert_error, command

Run = Callable[..., Ended]
STEP_KEYS = {"checkpoint", "n_heads", "gini", "hill_q1", "hill_q2", "top_share", "top_head", "harm_fraction"}


def ablations(deltas: dict[int, list[float]], heads_per_layer: int = 2) -> pd.DataFrame:
    """A table of ablations with the losses that give these deltas."""
    rows = [
        {
            "checkpoint": step,
            "perturbation_type": "head",
            "layer_idx": place // heads_per_layer,
            "head_idx": place % heads_per_layer,
            "baseline_loss": 4.0,
            "perturbed_loss": 4.0 * (1 - delta),
            "delta": delta,
        }
        for step, found in deltas.items()
        for place, delta in enumerate(found)
    ]
    return pd.DataFrame(rows)


SMALL = {1: [-0.1, -0.1, 0.1, -0.1], 10: [-0.3, 0.1, 0.0, 0.0]}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    def written(frame: pd.DataFrame) -> Path:
        path = tmp_path / "tiny_model.csv"
        frame.to_csv(path, index=False)
        return path

    return written


def test_small_table_by_hand(run: Run, write: Callable[[pd.DataFrame], Path]) -> None:
    found = run("heads", "trajectory", write(ablations(SMALL)), "--json").json
    assert {"model", "value", "trajectory", "shift", "first_checkpoint", "without"} <= set(found)
    assert found["model"] == "tiny_model"
    assert found["value"] == "abs"
    first, last = found["trajectory"]
    assert set(first) >= STEP_KEYS
    assert (first["checkpoint"], first["n_heads"], first["harm_fraction"]) == (1, 4, 0.75)
    assert first["gini"] == pytest.approx(0)
    assert first["hill_q1"] == pytest.approx(4)
    assert first["top_share"] == pytest.approx(0.25)
    assert last["hill_q1"] == pytest.approx(4 / 3**0.75)
    assert last["hill_q2"] == pytest.approx(1.6)
    assert last["top_head"] == "L0H0"
    assert last["top_share"] == pytest.approx(0.75)
    assert last["harm_fraction"] == 0.25
    assert found["shift"]["first"] == 1
    assert found["shift"]["last"] == 10
    assert found["shift"]["gini"] == pytest.approx(last["gini"] - first["gini"])
    assert found["shift"]["hill_q1"] == pytest.approx(last["hill_q1"] - first["hill_q1"])


def test_gini_counts_every_head(run: Run, write: Callable[[pd.DataFrame], Path]) -> None:
    """Amounts .3, .1, 0, 0 over four heads: (-3*0 - 1*0 + 1*.1 + 3*.3) / (4 * .4) = .625."""
    found = run("heads", "trajectory", write(ablations(SMALL)), "--json").json
    assert found["trajectory"][-1]["gini"] == pytest.approx(0.625)


def test_without_a_head_is_the_shift_of_the_table_without_it(
    run: Run, write: Callable[[pd.DataFrame], Path]
) -> None:
    rng = np.random.default_rng(5)
    table = ablations({step: list(rng.normal(0, 0.1, 12)) for step in (1, 10, 100)})
    found = run("heads", "trajectory", write(table), "--json").json
    assert len(found["without"]) == 5
    for row in found["without"]:
        assert set(row) >= {"layer", "head", "gini", "hill_q1"}
        others = table[(table["layer_idx"] != row["layer"]) | (table["head_idx"] != row["head"])]
        again = run("heads", "trajectory", write(others), "--json").json["shift"]
        assert again["gini"] == pytest.approx(row["gini"])
        assert again["hill_q1"] == pytest.approx(row["hill_q1"])


def test_value_is_a_choice(run: Run, write: Callable[[pd.DataFrame], Path]) -> None:
    path = write(ablations(SMALL))
    harm = run("heads", "trajectory", path, "--value", "harm", "--json").json
    assert harm["value"] == "harm"
    assert harm["trajectory"][0]["hill_q1"] == pytest.approx(3)
    assert harm["trajectory"][1]["hill_q1"] == pytest.approx(1)
    assert "importance: harm" in run("heads", "trajectory", path, "--value", "harm").out


def test_answers_are_repeatable(run: Run, write: Callable[[pd.DataFrame], Path]) -> None:
    path = write(ablations({1: [-0.1, 0.2, 0.3, -0.4], 2: [0.5, -0.6, 0.1, 0.1]}))
    assert run("heads", "trajectory", path, "--json").out == run("heads", "trajectory", path, "--json").out


def close(found: Any, expected: float, decimals: int) -> bool:
    return round(float(found), decimals) == expected


@pytest.mark.data
def test_pythia_410m(run: Run, data: Path) -> None:
    """Known numbers: .6003 -> .7452, 71.02 -> 25.48; the other first checkpoints; without layer 8, head 9."""
    found = run("heads", "trajectory", data / "pythia" / "pythia_410m_ablations.csv", "--json").json
    ends = found["trajectory"][0], found["trajectory"][-1]
    assert [row["checkpoint"] for row in ends] == [512, 143000]
    assert [row["n_heads"] for row in found["trajectory"]] == [144] * 8
    assert [round(row["gini"], 4) for row in ends] == [0.6003, 0.7452]
    assert [round(row["hill_q1"], 2) for row in ends] == [71.02, 25.48]
    shift = found["shift"]
    assert (shift["first"], shift["last"]) == (512, 143000)
    assert close(shift["gini"], 0.1449, 4)
    assert close(shift["hill_q1"], -45.54, 2)
    firsts = {row["first"]: row for row in found["first_checkpoint"]}
    assert len(firsts) == 7
    stated = {1000: (-0.039, -9.8), 2000: (-0.029, -14.4), 64000: (0.009, 2.7)}
    for step, (gini, effective) in stated.items():
        assert close(firsts[step]["gini"], gini, 3)
        assert close(firsts[step]["hill_q1"], effective, 1)
    assert firsts[4000]["gini"] == pytest.approx(0.034, abs=0.001)
    assert close(firsts[4000]["hill_q1"], -28.5, 1)
    top = found["without"][0]
    assert (top["layer"], top["head"]) == (8, 9)
    assert close(top["gini"], -0.009, 3)
    assert close(top["hill_q1"], 1.53, 2)
    assert len(found["without"]) == 5


@pytest.mark.data
def test_pythia_410m_harm_only(run: Run, data: Path) -> None:
    path = data / "pythia" / "pythia_410m_ablations.csv"
    shift = run("heads", "trajectory", path, "--value", "harm", "--json").json["shift"]
    assert close(shift["gini"], 0.0338, 4)
    assert close(shift["hill_q1"], -26.31, 2)


@pytest.mark.data
def test_pythia_160m_goes_the_other_way(run: Run, data: Path) -> None:
    found = run("heads", "trajectory", data / "pythia" / "pythia_160m_ablations.csv", "--json").json
    assert close(found["shift"]["gini"], -0.0703, 4)
    assert close(found["shift"]["hill_q1"], 8.29, 2)
    firsts = {row["first"]: row for row in found["first_checkpoint"]}
    assert close(firsts[1000]["gini"], -0.2528, 4)
    assert close(firsts[1000]["hill_q1"], 47.03, 2)


BAD: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], tuple[str, ...]]] = {
    "duplicates": (lambda table: pd.concat([table, table.iloc[:1]]), ("checkpoint 1", "layer 0", "head 0")),
    "one checkpoint": (lambda table: table[table["checkpoint"] == 1], ("one checkpoint", "at least two")),
    "all zero": (
        lambda table: table.assign(
            delta=table["delta"].where(table["checkpoint"] > 1, 0.0), perturbed_loss=4.0
        ),
        ("checkpoint 1",),
    ),
    "no head": (lambda table: table.assign(perturbation_type="layer"), ("perturbation_type", "'layer'")),
    "column missing": (lambda table: table.drop(columns="checkpoint"), ("'checkpoint'",)),
    "misspelt": (
        lambda table: table.rename(columns={"checkpoint": "chekpoint"}),
        ("did you mean 'chekpoint'?",),
    ),
    "NaN": (lambda table: table.assign(delta=[np.nan, *table["delta"][1:]]), ("delta", "row 1")),
    "infinite": (lambda table: table.assign(delta=[np.inf, *table["delta"][1:]]), ("delta", "row 1")),
    "text": (lambda table: table.assign(delta=["small", *table["delta"][1:]]), ("'small'", "row 1")),
    "opposite sign": (lambda table: table.assign(delta=-table["delta"]), ("delta",)),
    "no head in common": (
        lambda table: table.assign(layer_idx=table["layer_idx"] + 10 * table["checkpoint"]),
        ("no head",),
    ),
    "several models": (lambda table: table.assign(model=["a", *["b"] * (len(table) - 1)]), ("'a'", "'b'")),
    "half a step": (lambda table: table.assign(checkpoint=1.5), ("1.5",)),
    "empty": (lambda table: table.iloc[:0], ()),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables(run: Run, write: Callable[[pd.DataFrame], Path], name: str) -> None:
    spoil, words = BAD[name]
    assert_error(run("heads", "trajectory", write(spoil(ablations(SMALL))), "--json"), *words)


def test_a_table_of_something_else(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("mouse,T,B\nm1,1,2\n")
    assert_error(run("heads", "trajectory", path), "'checkpoint'")
    assert_error(run("heads", "trajectory", tmp_path / "absent.csv"), "absent.csv")


def test_unequal_heads_are_intersected_with_one_line_of_warning(
    write: Callable[[pd.DataFrame], Path],
) -> None:
    ended = command("heads", "trajectory", write(ablations(SMALL).iloc[:-1]), "--json")
    assert ended.code == 0
    assert [row["n_heads"] for row in ended.json["trajectory"]] == [3, 3]
    (line,) = ended.err.splitlines()
    assert line.startswith("warning: ")
    assert "L1H1" in line
