"""Shards of a sweep killed twenty times at random moments: the table of an undisturbed run, and never two models."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path

import pytest

import definitions_heads as definitions

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.errors import ArgumentError  # noqa: E402
from concentra.heads import merge_sweep, sweep_checkpoints  # noqa: E402

NAMES = ["step1", "step2", "step3"]
KILLS, SHARDS = 20, 3


def load(checkpoint: str, shift: int = 0):
    return definitions.tiny("gpt_neox", seed=shift + int(checkpoint.removeprefix("step")))


def swept(out: Path, shard: tuple[int, int], loader=load) -> None:
    options = {"timings": False, "progress": False, "name": "tiny", "variants_per_pass": 1}
    sweep_checkpoints(loader, NAMES, definitions.tokens(), out, shard=shard, **options)


def test_killed_shards_give_the_table_of_a_run_in_peace(tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "killed.csv"
    swept(whole, (1, 1))
    started = time.monotonic()
    swept(tmp_path / "timed.csv", (1, SHARDS))
    least = time.monotonic() - started
    rng = random.Random(0)
    process = multiprocessing.get_context("fork")
    killed = 0
    for number in range(10 * KILLS):
        shard = process.Process(target=swept, args=(out, (number % SHARDS + 1, SHARDS)))
        shard.start()
        shard.join(rng.uniform(0, least))
        if shard.is_alive():
            killed += 1
        shard.kill()
        shard.join()
        if killed == KILLS:
            break
        if not list(Path(f"{out}.parts").rglob("layer_*")):
            continue
        if number % 7 == 6:  # begin again, so that there is always something to interrupt
            for path in Path(f"{out}.parts").rglob("layer_0001.*"):
                path.unlink()
    assert killed == KILLS
    for place in range(1, SHARDS + 1):
        swept(out, (place, SHARDS))
    merge_sweep(out)
    assert out.read_bytes() == whole.read_bytes()
    with pytest.raises(ArgumentError, match="of another model"):
        swept(out, (1, SHARDS), lambda name: load(name, shift=50))
    assert out.read_bytes() == whole.read_bytes()
