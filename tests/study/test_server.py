"""The server that forks for every node: the same bytes, the status and the words of the node, and no orphan."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from concentra.study import _ask, engine, server
from concentra.workflow import alone
from definitions_study import wait_until


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with (
        alone(tmp_path_factory.mktemp("held")) as lock,
        server.serving(os.environ | engine.FIXED, lock) as (found, _),
    ):
        yield found


def asked(environment: dict[str, str], folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(_ask.__file__)), *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.csv"))}


def test_a_fork_and_a_process_of_its_own_give_the_same(environment: dict[str, str], tmp_path: Path) -> None:
    found = {}
    for name, seen in (("fork", environment), ("process", os.environ | engine.FIXED)):
        folder = tmp_path / name
        folder.mkdir()
        process = asked(dict(seen), folder, "compute_proportions")
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert said.startswith("  compute_proportions")
        found[name] = tables(folder)
    assert set(found["fork"]) >= {"composition.csv", "parts.csv"}
    assert found["fork"] == found["process"]


def test_status_and_words_of_a_node_that_fails(environment: dict[str, str], tmp_path: Path) -> None:
    process = asked(environment, tmp_path, "summary")
    out, said = process.communicate(timeout=300)
    assert (process.returncode, out) == (1, "")
    assert [line.split(":")[0] for line in said.splitlines()] == ["summary", "error", "expected", "fix"]
    process = asked(environment, tmp_path, "--no-such-option")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "usage" in said


def test_where_the_server_is_gone_the_node_runs_itself(tmp_path: Path) -> None:
    process = asked(os.environ | {_ask.SERVER: str(tmp_path / "nowhere")}, tmp_path, "summary")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert said.startswith("summary\nerror:")


def test_a_folder_whose_name_is_too_long_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(server.tempfile, "tempdir", str(long))
    with alone(tmp_path) as lock, server.serving(dict(os.environ), lock) as (found, held):
        assert _ask.SERVER not in found
        assert held == ()


def test_a_node_ends_with_the_job_that_asked(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".run.json").write_text(json.dumps({"data": None, "hashes": {}}))
    process = asked(environment, tmp_path, "multiverse")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    wait_until(lambda: not forks_in(tmp_path), 60)


def forks_in(folder: Path) -> list[Path]:
    """Processes of this machine that work in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if place.readlink() == folder:
                found.append(place)
        except OSError:
            continue
    return found


def test_the_server_has_one_thread_and_ends_with_those_who_hold_it(tmp_path: Path) -> None:
    """A fork copies only the thread that asks for it: with more, what others hold would stay locked."""
    before, others = {thread.ident for thread in threading.enumerate()}, serving_processes()
    with alone(tmp_path) as lock, server.serving(os.environ | engine.FIXED, lock) as (found, _):
        process = asked(found, tmp_path, "summary")
        process.communicate(timeout=300)
        servers = [path for path in serving_processes() if path not in others]
        assert len(servers) == 1
        names = {one.read_text().strip() for path in servers for one in path.glob("task/*/comm")}
        assert names - {"jemalloc_bg_thd"} == {(servers[0] / "comm").read_text().strip()}
        assert all(len(list(path.glob("task/*"))) <= 2 for path in servers), "one, and Arrow's allocator"
    wait_until(lambda: not [path for path in servers if path.exists()], 30)
    assert {thread.ident for thread in threading.enumerate()} == before


def serving_processes() -> list[Path]:
    """Children of this process that serve."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"concentra.study.server" in words and int(parent) == os.getpid():
            found.append(path)
    return found
