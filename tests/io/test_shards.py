"""Counting in shards through Snakemake: here, on a cluster of one submit script, killed and resumed: the same bytes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra import workflow
from concentra.errors import ArgumentError, ColumnError, DesignError, MissingDependencyError
from concentra.files import sha256
from concentra.io import shards
from concentra.io.counting import count_to
from concentra.io.shards import Request, count_in_shards
from definitions_study import command, end, start, wait_until

BY = ("donor", "type")
LABELS = ",".join(BY)


def cells(path: Path, n: int = 2000, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"donor": rng.choice(["a", "b", "é,é"], n), "type": rng.integers(0, 90, n).astype(str)}
    )
    frame.loc[::17, "type"] = None
    frame.to_parquet(path, row_group_size=100)
    return path


@pytest.fixture
def request_of(tmp_path: Path) -> Request:
    return Request(cells=(str(cells(tmp_path / "cells.parquet")),), by=BY, n_shards=3)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".shards-" in path.name)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_whole_byte_for_byte(tmp_path: Path, request_of: Request, ending: str) -> None:
    whole, out = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    found = count_to(whole, request_of.cells, BY)
    out.write_text("of an earlier run")
    assert count_in_shards(out, request_of, cores=2) == found
    assert out.read_bytes() == whole.read_bytes()
    assert left(tmp_path) == []


def test_the_command_says_what_it_counted(tmp_path: Path) -> None:
    path = cells(tmp_path / "cells.parquet")
    words = ("count", path, "--by", LABELS)
    whole = command(*words, "--out", tmp_path / "whole.csv")
    sharded = command(*words, "--out", tmp_path / "sharded.csv", "--shards", 2, "--cores", 1)
    assert (whole.code, sharded.code) == (0, 0), sharded.err
    assert sharded.out == whole.out.replace("whole", "sharded")
    assert "2,000 cells, type missing in 118" in whole.out
    *shards, last = (line.split("  ")[1] for line in sharded.err.splitlines())
    assert (sorted(shards), last) == (["shard 1 of 2", "shard 2 of 2"], "merge")  # shards in any order
    assert (tmp_path / "sharded.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def begun(words: tuple[object, ...], folder: Path) -> subprocess.Popen[str]:
    """A run of one shard at a time that has finished one and written another."""
    process = start(*words)
    wait_until(lambda: len(list(folder.glob("*.shards-*/shard_*.parquet"))) > 1 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def test_killed_in_the_middle_it_resumes(tmp_path: Path) -> None:
    path = cells(tmp_path / "cells.parquet")
    words = ("count", path, "--by", LABELS, "--out", tmp_path / "out.csv", "--shards", 5, "--cores", 1)
    assert end(begun(words, tmp_path), signal.SIGKILL).code == -signal.SIGKILL
    assert not (tmp_path / "out.csv").exists()
    (folder,) = tmp_path.glob("*.shards-*")
    written = sorted(folder.glob("shard_*.parquet"), key=lambda part: part.stat().st_mtime_ns)
    assert 1 < len(written) < 5
    (folder / ".shard_4.x7ab_12z.concentra-unfinished.parquet").write_text("left by a killed shard")
    again = command(*words)
    assert again.code == 0, again.err
    counted = [line.split()[1] for line in again.err.splitlines() if line.startswith("  shard")]
    finished = written[0].stem.removeprefix("shard_")
    assert finished not in counted, "a finished shard is not counted again"
    assert 0 <= len(counted) - (5 - len(written)) <= 1, "one may have been written and not yet noted"
    count_to(tmp_path / "whole.csv", [path], BY)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert left(tmp_path) == []


@pytest.mark.slow
def test_interrupted_it_says_so(tmp_path: Path) -> None:
    path = cells(tmp_path / "cells.parquet")
    words = ("count", path, "--by", LABELS, "--out", tmp_path / "out.csv", "--shards", 4, "--cores", 1)
    ended = end(begun(words, tmp_path), signal.SIGINT)
    assert ended.code == 130
    assert "run the same command again" in ended.err
    assert command(*words).code == 0


SUBMIT = """#!/bin/sh
# Stands for a scheduler: starts the job apart, and says its number.
echo "$1" >> "{log}"
setsid sh "$1" > "{log}.out" 2>&1 &
echo $!
"""


def test_a_cluster_gives_the_same_bytes(tmp_path: Path, request_of: Request) -> None:
    """Snakemake's generic executor with a submit script in place of a scheduler: every shard is a job of its own."""
    profile, log, submit = tmp_path / "profile", tmp_path / "jobs", tmp_path / "submit"
    profile.mkdir()
    submit.write_text(SUBMIT.format(log=log))
    submit.chmod(submit.stat().st_mode | stat.S_IEXEC)
    settings = {"executor": "cluster-generic", "jobs": 2, "latency-wait": 20}
    settings |= {"cluster-generic-submit-cmd": str(submit), "seconds-between-status-checks": 1}
    (profile / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    count_in_shards(tmp_path / "out.csv", request_of, cores=1, profile=profile)
    count_to(tmp_path / "whole.csv", request_of.cells, BY)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert len(log.read_text().splitlines()) == 4, "three shards and the merge are jobs"


def test_another_request_never_takes_its_shards(tmp_path: Path, request_of: Request) -> None:
    names = {request_of.name()}
    for change in ({"by": ("type", "donor")}, {"n_shards": 4}, {"where": "a == 1"}, {"primary_only": False}):
        names.add(Request(**(request_of.__dict__ | change)).name())
    path = Path(request_of.cells[0])
    before = path.stat()
    cells(path, seed=1)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # the same time, another content
    names.add(request_of.name())
    assert len(names) == 6
    assert Request(**(request_of.__dict__ | {"memory": "2GB"})).name() in names, "memory changes no count"


def test_the_files_of_a_store_are_looked_at(tmp_path: Path) -> None:
    store = tmp_path / "cells.zarr"
    (store / "obs").mkdir(parents=True)
    (store / "obs" / "chunk").write_text("1")
    one = Request((str(store),), BY)
    before = one.name()
    (store / "obs" / "chunk").write_text("22")
    assert one.name() != before


def test_an_edited_shard_is_counted_again(tmp_path: Path, request_of: Request) -> None:
    folder = tmp_path / f"out.csv.shards-{request_of.name()}"
    folder.mkdir()
    mine = folder / "notes.txt"
    mine.write_text("mine")
    (folder / shards.part(2)).write_bytes(Path(request_of.cells[0]).read_bytes())
    (folder / "merged.csv").write_text("donor,type,n_cells\n")
    (folder / "merged.csv.json").write_text('{"sha256": "0"}')
    found = count_in_shards(tmp_path / "out.csv", request_of, cores=1)
    assert found == count_to(tmp_path / "whole.csv", request_of.cells, BY)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"], "what is not ours stays, and only that"


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path, request_of: Request) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"out.csv.shards-{request_of.name()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArgumentError, match="is a symbolic link"):
        count_in_shards(tmp_path / "out.csv", request_of, cores=1)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_failed_shard_is_said_and_the_finished_kept(
    tmp_path: Path, request_of: Request, capfd: pytest.CaptureFixture[str]
) -> None:
    content = Path(request_of.cells[0]).read_bytes()
    middle = len(content) // 3
    Path(request_of.cells[0]).write_bytes(content[:middle] + bytes(400) + content[middle + 400 :])
    with pytest.raises(DesignError, match="finished shards are kept"):
        count_in_shards(tmp_path / "out.csv", request_of, cores=1)
    assert "cannot be read" in capfd.readouterr().err
    assert not (tmp_path / "out.csv").exists()
    assert len(left(tmp_path)) == 1


def test_two_at_once_are_refused(tmp_path: Path, request_of: Request) -> None:
    folder = tmp_path / f"out.csv.shards-{request_of.name()}"
    with workflow.alone(folder), pytest.raises(DesignError, match="another run is working"):
        count_in_shards(tmp_path / "out.csv", request_of, cores=1)


def test_mistakes_are_told_before_anything_runs(
    tmp_path: Path, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ColumnError, match="did you mean 'donor'"):
        count_in_shards(tmp_path / "out.csv", Request(request_of.cells, ("doner",), 3), cores=1)
    (tmp_path / "profile").mkdir()
    with pytest.raises(ArgumentError, match=r"config\.yaml"):
        count_in_shards(tmp_path / "out.csv", request_of, cores=1, profile=tmp_path / "profile")
    monkeypatch.setattr(workflow, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="snakemake is not installed"):
        count_in_shards(tmp_path / "out.csv", request_of, cores=1)
    assert left(tmp_path) == []


def test_a_shard_by_its_own_command_line(
    tmp_path: Path, request_of: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Snakemake calls, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shards.signal, "signal", lambda *handler: None)  # this process goes on
    (tmp_path / "request.json").write_text(request_of.text())
    assert Request.read() == request_of
    for place in (1, 2, 3):
        assert shards.main([str(place), shards.part(place)]) == 0
    assert shards.main(["merge", "merged.csv"]) == 0
    told = [line.split("  ")[1] for line in capsys.readouterr().err.splitlines()]
    assert told == ["shard 1 of 3", "shard 2 of 3", "shard 3 of 3", "merge"]
    found = count_to("whole.csv", request_of.cells, BY)
    assert Path("merged.csv").read_bytes() == Path("whole.csv").read_bytes()
    noted = json.loads(Path("merged.csv.json").read_text())
    assert noted == dataclasses.asdict(found) | {"sha256": sha256("merged.csv")}
    Path(shards.part(1)).write_bytes(Path(shards.part(3)).read_bytes())
    assert shards.main(["merge", "merged.csv"]) == 1, "a shard that is not what was written"
    assert "shard_1.parquet is not there, or not what was written" in capsys.readouterr().err
    assert shards.main(["1", shards.part(1)]) == 0
    Path(shards.part(2)).unlink()
    assert shards.main(["merge", "merged.csv"]) == 1
    assert "shard_2.parquet" in capsys.readouterr().err
