"""Commands killed at random moments: nothing lost, the same bytes after the rerun, no debris, and all in time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from definitions_robustness import CASES, SHARDED, STUDY, Case, unfinished, write_inputs, written
from definitions_study import COMMAND, environment

TIMES = int(os.environ.get("CONCENTRA_KILLS", "40"))
LIMIT = 300  # seconds that any run may take
EVERY = (*CASES, SHARDED, STUDY)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


def started(case: Case, inputs: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, *case.filled(inputs, out)],
        env=environment(None),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def whole(case: Case, inputs: Path, out: Path) -> float:
    """Run a command to its end; the seconds that it took."""
    start = time.monotonic()
    process = started(case, inputs, out)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    return time.monotonic() - start


def killed(case: Case, inputs: Path, out: Path, after: float) -> bool:
    """Kill a command and all its processes; whether it had not ended before."""
    process = started(case, inputs, out)
    try:
        process.communicate(timeout=after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=LIMIT)
        return True


def check(case: Case, times: int, inputs: Path, folder: Path, seed: int) -> int:
    """Kill a command so many times, each at another moment; how many times it had not ended before."""
    rng = np.random.default_rng(seed)
    lasted = whole(case, inputs, folder / "whole")
    expected = written(folder / "whole")
    hits = 0
    for _ in range(times):
        out = folder / "out"
        hits += killed(case, inputs, out, lasted * rng.uniform(0.2, 1.0))
        if case not in (SHARDED, STUDY):  # whose parts have names of their own
            found = {name: one for name, one in written(out).items() if "concentra-unfinished" not in name}
            assert {name: expected.get(name) for name in found} == found, "nothing half-written has a name"
        whole(case, inputs, out)
        assert written(out) == expected
        assert unfinished(out) == []
        shutil.rmtree(out)
    return hits


@pytest.mark.parametrize("case", [CASES[0], CASES[3]], ids=lambda case: case.name)
def test_killed(case: Case, inputs: Path, tmp_path: Path) -> None:
    check(case, 2, inputs, tmp_path, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_killed_many_times(case: Case, inputs: Path, tmp_path: Path) -> None:
    times = max(1, TIMES // len(EVERY))
    hits = check(case, times, inputs, tmp_path, seed=int(os.environ.get("CONCENTRA_SEED", "1")))
    print(f"{case.name}: {hits} of {times} kills before the end")
    assert hits > times / 3
