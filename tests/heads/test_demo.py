"""The demo: whole, short, deterministic; and in full where slow tests run."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.errors import ArgumentError  # noqa: E402
from concentra.heads import demo, run_demo  # noqa: E402
from concentra.io.importance import read_importance  # noqa: E402
from concentra.metrics.gini import gini  # noqa: E402


def test_a_short_demo_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    options = {"steps": 6, "checkpoints": [0, 6], "n_sequences": 8, "progress": False}
    table = run_demo(tmp_path / "a", **options)
    run_demo(tmp_path / "b", **options)
    for name in (demo.TABLE, demo.TRAJECTORY):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(table) == 2 * 16
    assert set(table["model"]) == {"tiny_neox"}
    losses = table.groupby("checkpoint", sort=False)["baseline_loss"].first()
    assert losses["step6"] < losses["step0"]
    last = table.loc[table["checkpoint"] == "step6", "delta"].abs()
    assert table.attrs["trajectory"]["gini_present"].iloc[-1] == gini(last.to_numpy())
    read = read_importance(tmp_path / "a" / demo.TABLE)
    assert sorted(read["checkpoint"].unique().tolist()) == [0, 6]
    np.testing.assert_array_equal(
        read.sort_values(["checkpoint", "layer", "head"])["delta"], table["delta"].to_numpy()
    )


def test_the_model_has_the_size_it_is_said_to_have() -> None:
    import torch

    with torch.random.fork_rng():
        assert sum(parameter.numel() for parameter in demo.small_model(0).parameters()) == 232_832


def test_the_text_is_long_enough_and_the_parts_do_not_overlap() -> None:
    text = demo.interpreter_text()
    trained, held_out = demo.split_text(text)
    assert len(text) > 300_000
    assert bytes(trained.astype(np.uint8)) + bytes(held_out.astype(np.uint8)) == text


def test_checkpoints_beyond_the_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="steps from 0 to 5"):
        run_demo(tmp_path, steps=5, checkpoints=[9])


@pytest.mark.slow
def test_the_demo_rises_then_falls_within_two_minutes(tmp_path: Path) -> None:
    started = time.process_time()
    trajectory = run_demo(tmp_path, progress=False).attrs["trajectory"]
    assert time.process_time() - started < 240  # two minutes on two cores
    concentration = trajectory["gini_present"].to_numpy()
    peak = int(concentration.argmax())
    assert 0 < peak < len(concentration) - 1
    assert concentration[peak] - max(concentration[0], concentration[-1]) > 0.05
    assert trajectory["baseline_loss"].is_monotonic_decreasing
