"""Stages of an analysis, and what a terminal shows of them."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

import concentra
from concentra import progress
from concentra.simulate import simulate_labels
from definitions_study import COMMAND

ERASE = "\r\x1b[K"


def test_a_stage_says_how_far_it_is_and_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    told: list[str] = []
    stages = progress.Stages(told.append)
    with stages.shown():
        stages("drivers")
        for _ in progress.counted(range(1000)):
            clock[0] += 0.3
    assert told[:3] == ["drivers", "drivers, 2 of 1,000, 5 min left", "drivers, 4 of 1,000, 5 min left"]
    assert told[-1] == "drivers, 998 of 1,000, 1 s left"
    assert list(progress.counted(range(3))) == [0, 1, 2]
    assert len(told) == 500  # nothing is told once the stages are over


def test_an_analysis_in_python_tells_its_stages_alone() -> None:
    told: list[str] = []
    cells = simulate_labels(n_donors=3, n_cells=100).cells
    concentra.analyze(cells, donor="mouse.id", contrast="age:3m:24m", multiverse=False, progress=told.append)
    assert told[:2] == ["counting", "measuring"]
    assert not [words for words in told if " left" in words]


def on_a_terminal(*words: str) -> str:
    """What a command writes to a terminal."""
    own, its = pty.openpty()
    with subprocess.Popen([COMMAND, *words], stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        written = b""
        while True:
            try:
                piece = os.read(own, 1 << 16)
            except OSError:  # what Linux reports where the other end is closed
                piece = b""
            if not piece:
                break
            written += piece
        process.wait()
    os.close(own)
    return written.decode()


def test_an_error_on_a_terminal_begins_its_line(tmp_path: Path) -> None:
    table = tmp_path / "cells.csv"
    table.write_text("donor,cell_type\na,B\nb,T\n")
    written = on_a_terminal("analyze", str(table), "--contrast", "age:3m:24m", "--out", str(tmp_path / "out"))
    assert f"reading cells.csv{ERASE}error: no column 'age'" in written


def test_a_pipe_is_quiet(tmp_path: Path) -> None:
    table = tmp_path / "cells.csv"
    simulate_labels(n_donors=3, n_cells=100).cells.to_csv(table, index=False)
    words = ["analyze", table, "--donor", "mouse.id", "--out", tmp_path / "out"]
    ended = subprocess.run([COMMAND, *words], capture_output=True, check=True)
    assert ended.stderr == b""
    assert b"\x1b" not in ended.stdout
