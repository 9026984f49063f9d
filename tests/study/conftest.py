"""One run of the whole study from archived tables and one from raw data, shared by all tests that look at results."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from definitions_study import Ended, command

KEPT = ".test-results"


@dataclass(frozen=True)
class Results:
    """An output folder that `concentra reproduce` has filled, and what the command said."""

    out: Path
    ended: Ended


def reproduced(name: str, data: Path | None, root: Path) -> Results:
    """A run that is kept from one session to the next and shared by all processes: what is not stale stays."""
    folder = root / KEPT
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = command("reproduce", "--cores", 2, "--out", folder / name, data=data)
    assert ended.code == 0, ended.err
    return Results(folder / name, ended)


@pytest.fixture(scope="session")
def archive_run(pytestconfig: pytest.Config) -> Results:
    """The study without any data folder."""
    return reproduced("archive", None, pytestconfig.rootpath)


@pytest.fixture(scope="session")
def data_run(pytestconfig: pytest.Config, data: Path) -> Results:
    """The study from raw data."""
    return reproduced("raw", data, pytestconfig.rootpath)


@pytest.fixture
def copied(archive_run: Results, tmp_path: Path) -> Callable[[], Path]:
    """Copies of the results, to be spoilt."""

    def copy() -> Path:
        return Path(shutil.copytree(archive_run.out, tmp_path / "copy", symlinks=True))

    return copy
