"""One run of the whole study from archived tables and one from raw data, shared by all tests that look at results."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from definitions_study import Ended, command


@dataclass(frozen=True)
class Results:
    """An output folder that `concentra reproduce` has filled, and what the command said."""

    out: Path
    ended: Ended


def reproduced(name: str, data: Path | None, factory: pytest.TempPathFactory) -> Results:
    """One run for all processes that share the tests: the first makes it, the others wait."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    out, said = root / name / "results", root / f"{name}.json"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            ended = command("reproduce", "--cores", 2, "--out", out, data=data)
            assert ended.code == 0, ended.err
            said.write_text(json.dumps(asdict(ended)), encoding="utf-8")
    return Results(out, Ended(**json.loads(said.read_text(encoding="utf-8"))))


@pytest.fixture(scope="session")
def archive_run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The study without any data folder."""
    return reproduced("archive", None, tmp_path_factory)


@pytest.fixture(scope="session")
def data_run(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Results:
    """The study from raw data."""
    return reproduced("raw", data, tmp_path_factory)


@pytest.fixture
def copied(archive_run: Results, tmp_path: Path) -> Callable[[], Path]:
    """Copies of the results, to be spoilt."""

    def copy() -> Path:
        return Path(shutil.copytree(archive_run.out, tmp_path / "copy", symlinks=True))

    return copy
