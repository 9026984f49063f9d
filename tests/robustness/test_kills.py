"""Commands killed at random moments: nothing lost, the same bytes after the rerun, no debris, and all in time."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from definitions_robustness import (
    CASES,
    SHARDED,
    STUDY,
    SWEEP,
    Case,
    as_command,
    measured,
    unfinished,
    write_inputs,
    write_model,
    written,
)

TIMES = int(os.environ.get("CONCENTRA_KILLS", "40"))
LIMIT = 900  # seconds that any run may take
HEADS = pytest.param(SWEEP, marks=pytest.mark.heads)
EVERY = (*CASES, SHARDED, STUDY, HEADS)
FORKS = get_context("forkserver")
"""Processes that have the imports of a command already: what is killed is its work."""
FORKS.set_forkserver_preload(
    [f"concentra.cli.{name}" for name in ("analyze", "count", "simulate", "power", "heads", "heads_sweep")]
    + [
        "concentra.analysis",
        "concentra.report",
        "concentra.heads",
        "duckdb",
        "matplotlib.figure",
        "pyarrow.csv",
    ]
    + ["pyarrow.parquet", "torch", "transformers", "definitions_robustness"]
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


def started(case: Case, inputs: Path, out: Path) -> BaseProcess:
    process = FORKS.Process(target=as_command, args=(case.filled(inputs, out), inputs / "errors.txt"))
    process.start()
    return process


def whole(case: Case, inputs: Path, out: Path) -> float:
    """Run a command to its end; the seconds that it took."""
    start = time.monotonic()
    process = started(case, inputs, out)
    process.join(LIMIT)
    assert process.exitcode == 0, (inputs / "errors.txt").read_text()
    return time.monotonic() - start


def killed(case: Case, inputs: Path, out: Path, after: float) -> bool:
    """Kill a command and all its processes; whether it had not ended before."""
    process = started(case, inputs, out)
    process.join(after)
    if process.exitcode is not None:
        return False
    with suppress(ProcessLookupError):  # it has no group of its own yet
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join(LIMIT)
    return True


def check(case: Case, times: int, inputs: Path, folder: Path, seed: int) -> int:
    """Kill a command so many times, each at another moment; how many times it had not ended before."""
    rng = np.random.default_rng(seed)
    whole(case, inputs, folder / "first")  # the first of all waits for the imports
    lasted = whole(case, inputs, folder / "whole")
    results = measured if case is SWEEP else written
    expected = results(folder / "whole")
    hits = 0
    for _ in range(times):
        out = folder / "out"
        hits += killed(case, inputs, out, lasted * rng.uniform(0.2, 1.0))
        if case not in (SHARDED, STUDY, SWEEP):  # whose parts have names of their own
            found = {name: one for name, one in written(out).items() if "concentra-unfinished" not in name}
            assert {name: expected.get(name) for name in found} == found, "nothing half-written has a name"
        whole(case, inputs, out)
        assert results(out) == expected
        assert unfinished(out) == []
        shutil.rmtree(out)
    return hits


@pytest.mark.parametrize("case", [CASES[0], CASES[3]], ids=lambda case: case.name)
def test_killed(case: Case, inputs: Path, tmp_path: Path) -> None:
    check(case, 2, inputs, tmp_path, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_killed_many_times(case: Case, inputs: Path, tmp_path: Path) -> None:
    if case is SWEEP:
        pytest.importorskip("torch")
        write_model(inputs)
    times = max(1, TIMES // len(EVERY))
    hits = check(case, times, inputs, tmp_path, seed=int(os.environ.get("CONCENTRA_SEED", "1")))
    print(f"{case.name}: {hits} of {times} kills before the end")
    assert hits > times / 3
