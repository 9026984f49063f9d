"""One run of the whole study from archived tables and one from raw data, shared by all tests that look at results."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from definitions_study import Ended, command


@dataclass(frozen=True)
class Results:
    """An output folder that `concentra reproduce` has filled, and what the command said."""

    out: Path
    ended: Ended


def reproduced(out: Path, data: Path | None) -> Results:
    ended = command("reproduce", "--cores", 2, "--out", out, data=data)
    assert ended.code == 0, ended.err
    return Results(out, ended)


@pytest.fixture(scope="session")
def archive_run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The study without any data folder."""
    return reproduced(tmp_path_factory.mktemp("archive") / "results", None)


@pytest.fixture(scope="session")
def data_run(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Results:
    """The study from raw data."""
    return reproduced(tmp_path_factory.mktemp("raw") / "results", data)


@pytest.fixture
def copied(archive_run: Results, tmp_path: Path) -> Callable[[], Path]:
    """Copies of the results, to be spoilt."""

    def copy() -> Path:
        return Path(shutil.copytree(archive_run.out, tmp_path / "copy", symlinks=True))

    return copy
