"""The engine: what is stale and why, interruption, resumption, and bytes that do not depend on how it ran."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import concentra
from concentra.files import sha256
from concentra.study import engine, raw, record, whole
from concentra.study.declare import nodes
from definitions_study import COMMAND, Ended, command, end, environment, file_bytes, start, wait_until

TABLES_OF_SUMMARY = ("composition", "parts", "left_out", "concentration", "age_contrast")


def steps(out: Path, data: Path | None = None, **more: Any) -> dict[str, dict[str, Any]]:
    ended = command("steps", "--out", out, "--json", data=data, **more)
    assert ended.code == 0, ended.err
    return {row["node"]: row for row in ended.json}


def stale(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, row in found.items() if row["state"] == "stale"}


def last_error(ended: Ended) -> str:
    """The three lines of the error, after what else was said on the way."""
    lines = ended.err.splitlines()[-3:]
    assert [line.split(":")[0] for line in lines] == ["error", "expected", "fix"], ended.err
    return "\n".join(lines)


def test_fresh_after_a_run(archive_run: Any) -> None:
    found = steps(archive_run.out)
    assert list(found) == list(nodes())
    assert stale(found) == set()
    for row in found.values():
        assert {"node", "kind", "title", "state", "why", "seconds"} <= set(row)
        assert row["title"]
        assert row["why"] == ""
        assert row["seconds"] > 0
    before = file_bytes(archive_run.out, ".csv", ".json", ".png", ".svg", ".md")
    times = {name: (archive_run.out / name).stat().st_mtime_ns for name in before if name.endswith(".csv")}
    assert command("reproduce", "--out", archive_run.out, "--cores", 1).code == 0
    assert file_bytes(archive_run.out, ".csv", ".json", ".png", ".svg", ".md") == before
    assert times == {name: (archive_run.out / name).stat().st_mtime_ns for name in times}, "nothing ran again"


def test_everything_is_stale_in_an_empty_folder(tmp_path: Path) -> None:
    found = steps(tmp_path / "results")
    assert stale(found) == set(nodes())
    assert all("is missing" in row["why"] for row in found.values())
    assert all(row["seconds"] is None for row in found.values())


def test_a_deleted_table_makes_its_step_and_what_reads_it_stale(copied: Callable[[], Path]) -> None:
    out = copied()
    (out / "tables" / "concentration.csv").unlink()
    found = steps(out)
    assert "concentration.csv is missing" in found["compute_metrics"]["why"]
    assert "waits for concentration" in found["summary"]["why"]
    assert found["compute_proportions"]["state"] == "fresh"
    assert found["pythia_overlay"]["state"] == "fresh"


def test_an_edited_table_makes_what_reads_it_stale(copied: Callable[[], Path]) -> None:
    out = copied()
    table = out / "tables" / "concentration.csv"
    table.write_bytes(table.read_bytes().replace(b"true", b"false"))
    table.write_bytes(table.read_bytes().replace(b"True", b"False"))
    found = steps(out)
    assert "concentration.csv changed" in found["summary"]["why"]
    assert "figure_S2_donors_age" in stale(found)
    assert found["compute_proportions"]["state"] == "fresh"


def test_raw_data_that_appears_makes_its_step_stale(copied: Callable[[], Path], tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows = {"checkpoint": [1, 1, 2, 2], "layer": 0, "head": [0, 1] * 2, "delta": [-0.1, 0.1, -0.3, 0.1]}
    pd.DataFrame(rows).to_csv(data / "pythia_410m_ablations.csv", index=False)
    found = steps(copied(), data)
    assert "pythia_410m: archived tables -> raw data" in found["pythia_overlay"]["why"]
    assert "waits for" in found["overlay_with_ci"]["why"]
    assert found["compute_metrics"]["state"] in ("fresh", "stale")


def test_a_changed_parameter_makes_its_step_stale(copied: Callable[[], Path], tmp_path: Path) -> None:
    package = Path(concentra.__file__).parent
    source = tmp_path / "elsewhere" / "src" / "concentra"
    shutil.copytree(package, source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package.parents[1] / "archive", tmp_path / "elsewhere" / "archive")
    parameters = source / "study" / "parameters.toml"
    text = parameters.read_text()
    assert "depth = 100" in text
    parameters.write_text(text.replace("depth = 100", "depth = 90"))
    ended = subprocess.run(
        [COMMAND, "steps", "--out", str(copied()), "--json"],
        env=environment(None) | {"PYTHONPATH": str(source.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = {row["node"]: row for row in json.loads(ended.stdout)}
    assert found["compute_metrics"]["why"] == "parameter depth: 100 -> 90"
    assert "waits for concentration" in found["summary"]["why"]
    assert found["compute_proportions"]["state"] == "fresh"
    assert found["pythia_overlay"]["state"] == "fresh"


def test_the_code_of_a_node_is_all_that_its_module_imports() -> None:
    """By parsing, where the engine reads the text of the statements."""
    package = Path(concentra.__file__).parents[1]
    modules = {
        path: ".".join(path.relative_to(package).with_suffix("").parts) for path in package.rglob("*.py")
    }
    names = {name.removesuffix(".__init__") for name in modules.values()}
    imported = {}
    for path, name in modules.items():
        found = set()
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.ImportFrom) and statement.module:
                found |= {statement.module, *(f"{statement.module}.{one.name}" for one in statement.names)}
        imported[name.removesuffix(".__init__")] = found & names
    for node in nodes().values():
        reached, waiting = set(), [node.module]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += imported[name]
        assert set(engine.code(node.module)) == reached


def test_provenance_says_what_each_table_was_made_from(archive_run: Any) -> None:
    tables = archive_run.out / "tables"
    for path in tables.glob("*.csv"):
        note = json.loads(path.with_suffix(".provenance.json").read_text())
        assert note["concentra"] == concentra.__version__
        assert note["outputs"][path.name] == concentra.files.sha256(path)
        assert note["node"] in nodes()
        assert note["packages"]["numpy"]
        assert note["code"]
    note = json.loads((tables / "composition.provenance.json").read_text())
    assert set(note["restored"]) == {"tms_facs", "tms_droplet"}
    hashes = note["restored"]["tms_facs"]["inputs"]
    assert all(len(one) == 64 for one in hashes.values())
    gathered = json.loads((tables / "provenance.json").read_text())
    assert set(gathered) == set(nodes())


def test_no_temporary_file_is_left(archive_run: Any) -> None:
    known = {
        path.name for node in nodes().values() for path in (*node.outputs(Path()), *node.provenance(Path()))
    }
    for folder in ("tables", "figures", "summaries"):
        here = {path.name for path in (archive_run.out / folder).iterdir()}
        assert here - {"provenance.json"} <= known


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.mkdir()
    with (out / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        ended = command("reproduce", "explore", "--out", out)
    assert ended.code == 1
    assert "another run is working in" in last_error(ended)
    assert sorted(path.name for path in out.iterdir()) == [".lock"]


def same_as(uninterrupted: Path, out: Path, names: tuple[str, ...]) -> bool:
    return all(
        (out / "tables" / f"{name}.csv").read_bytes()
        == (uninterrupted / "tables" / f"{name}.csv").read_bytes()
        for name in names
    )


def begun(out: Path) -> subprocess.Popen[str]:
    """A run of three steps, the first of which has ended."""
    process = start("reproduce", "summary", "--cores", 2, "--out", out)
    wait_until(lambda: (out / "tables" / "composition.csv").exists() or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    assert not (out / "tables" / "age_contrast.csv").exists()
    return process


def test_killed_run_resumes_to_the_same_bytes(archive_run: Any, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert end(begun(out), signal.SIGKILL).code == -signal.SIGKILL
    assert not (out / "tables" / "age_contrast.csv").exists()
    again = command("reproduce", "summary", "--cores", 2, "--out", out)
    assert again.code == 0, again.err
    assert same_as(archive_run.out, out, TABLES_OF_SUMMARY)
    assert not list(out.rglob(".*.csv")), "a temporary file is left"


@pytest.mark.slow
def test_interrupted_run_says_so_and_resumes(archive_run: Any, tmp_path: Path) -> None:
    out = tmp_path / "results"
    ended = end(begun(out), signal.SIGINT)
    assert ended.code == 130
    assert "run the same command again" in ended.err
    assert command("reproduce", "summary", "--cores", 2, "--out", out).code == 0
    assert same_as(archive_run.out, out, TABLES_OF_SUMMARY)
    assert not list(out.rglob(".*.csv"))


@pytest.mark.slow
def test_two_runs_at_once(archive_run: Any, tmp_path: Path) -> None:
    out = tmp_path / "results"
    first = begun(out)
    os.killpg(first.pid, signal.SIGSTOP)  # however long the second takes to begin, the first has not ended
    second = command("reproduce", "summary", "--cores", 1, "--out", out)
    os.killpg(first.pid, signal.SIGCONT)
    assert second.code == 1
    assert "another run is working in" in last_error(second)
    _, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    assert same_as(archive_run.out, out, TABLES_OF_SUMMARY)


@pytest.mark.slow
def test_full_disk_leaves_nothing_half_written(archive_run: Any, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: `composition.csv` does not fit."""
    out = tmp_path / "results"
    ended = subprocess.run(
        [COMMAND, "reproduce", "summary", "--cores", "1", "--out", str(out)],
        env=environment(None),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert ended.returncode == 1
    assert not (out / "tables" / "composition.csv").exists()
    assert not list(out.rglob(".*.csv"))
    again = command("reproduce", "summary", "--cores", 2, "--out", out)
    assert again.code == 0, again.err
    assert same_as(archive_run.out, out, TABLES_OF_SUMMARY)


@pytest.mark.slow
def test_one_core_and_two_give_the_same_bytes(archive_run: Any, tmp_path: Path) -> None:
    """Of what resamples, permutes, clusters and draws."""
    out = tmp_path / "results"
    ended = command("reproduce", "overlay_summary", "figure_S5_substate_scale", "--cores", 1, "--out", out)
    assert ended.code == 0, ended.err
    kinds = (".csv", ".png", ".svg", ".md")
    one, two = file_bytes(out, *kinds), file_bytes(archive_run.out, *kinds)
    assert {"tables/overlay_null.csv", "tables/substate_contrast.csv"} <= set(one)
    assert {name for name in one if name.endswith(".svg")}
    assert [name for name in one if one[name] != two[name]] == []


def test_a_node_runs_alone_in_this_process(archive_run: Any, copied: Callable[[], Path]) -> None:
    out = copied()
    table = out / "tables" / "age_contrast.csv"
    before = table.read_bytes()
    table.unlink()
    assert engine.main(["summary", "--out", str(out)]) == 0
    assert table.read_bytes() == before


def test_a_node_that_fails_says_which(capsys: pytest.CaptureFixture[str], copied: Callable[[], Path]) -> None:
    out = copied()
    table = out / "tables" / "concentration.csv"
    frame = pd.read_csv(table)
    frame.loc[0, "gini_present"] = 1.5
    frame.to_csv(table, index=False)
    contrast = (out / "tables" / "age_contrast.csv").read_bytes()
    assert engine.main(["summary", "--out", str(out)]) == 1
    assert "concentration.csv is not what was written" in capsys.readouterr().err
    (out / "tables" / "concentration.provenance.json").unlink()
    (out / "tables" / "provenance.json").unlink()
    assert engine.main(["summary", "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("summary\nerror: concentration.csv: gini_present")
    assert "1.5" in said
    assert (out / "tables" / "age_contrast.csv").read_bytes() == contrast


def altered(out: Path, data: Path | None = None) -> set[str]:
    return set(whole.altered(out, engine.recorded(data)))


def test_content_decides_and_not_the_time(copied: Callable[[], Path]) -> None:
    """An edit with the old time stamp, a table of another run with its own note, a damaged note, a simulated file."""
    out = copied()
    assert altered(out) == set()
    for path in (out / "tables").iterdir():
        os.utime(path, (1, 1))
    assert altered(out) == set(), "older files with the same content"
    table, note = (out / "tables" / f"concentration{end}" for end in (".csv", ".provenance.json"))
    content, stamp = table.read_bytes(), table.stat()
    table.write_bytes(content.replace(b"1", b"2"))
    os.utime(table, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    found = altered(out)
    assert {"compute_metrics", "summary", "make_figures"} <= found
    assert "compute_proportions" not in found
    noted = json.loads(note.read_text())
    written = note.read_text()
    note.write_text(json.dumps(noted | {"outputs": {table.name: sha256(table)}}))
    found = altered(out)
    assert "compute_metrics" not in found, "a table that was written so, as far as can be told"
    assert {"summary", "make_figures"} <= found, "but they were made from another"
    table.write_bytes(content)
    for damage in ("", "{", "[]", '{"outputs": null}', '{"outputs": {"concentration.csv": 3}}'):
        note.write_text(damage)
        assert altered(out) == {"compute_metrics"}
    note.write_text(written)
    simulated = raw.simulated_path("simulated_rat", out)
    with simulated.open("ab") as handle:
        handle.write(b"more")
    assert {"simulated_rat"} <= altered(out)


def test_raw_data_is_known_by_its_content(copied: Callable[[], Path], tmp_path: Path) -> None:
    """Wherever it lies and whatever its time: a plan holds a hash, and no path of the user's."""
    rows = {"checkpoint": [1, 1, 2, 2], "layer": 0, "head": [0, 1] * 2, "delta": [-0.1, 0.1, -0.3, 0.1]}
    plans = []
    for place, delta in (("a", 0.1), ("b #1: {x} é", 0.1), ("c", 0.2)):
        data = tmp_path / place
        data.mkdir()
        table = data / "pythia_410m_ablations.csv"
        pd.DataFrame(rows | {"delta": [-0.1, delta, -0.3, 0.1]}).to_csv(table, index=False)
        os.utime(table, (1, 1))
        found = {plan.node.name: plan for plan in engine.plans(engine.recorded(data))}
        plans.append(found["pythia_overlay"])
        assert str(tmp_path) not in repr(plans[-1].inputs) + engine.command()
    first, moved, changed = plans
    assert first == moved
    assert first.read != changed.read
    assert first.availability == changed.availability


def test_a_raw_file_is_hashed_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cells.csv"
    path.write_text("1")
    made = record.Record.of(tmp_path, [path])
    made.write(tmp_path)
    hashed: list[Path] = []
    monkeypatch.setattr(record, "sha256", lambda one: hashed.append(one) or sha256(one))
    read = record.Record.read(tmp_path)
    assert (read, read.sha256(path), hashed) == (made, sha256(path), [])
    path.write_text("2")
    assert (read.sha256(path), hashed) == (sha256(path), [path])


def test_verify_and_paper_refuse_what_was_not_written(copied: Callable[[], Path]) -> None:
    out = copied()
    table = out / "tables" / "age_contrast.csv"
    table.write_bytes(table.read_bytes().replace(b"0.", b"1.", 3))
    ended = command("verify", "--out", out, "--json")
    assert ended.code == 1
    found = {row["id"]: row for row in ended.json}
    assert found["marrow-facs"]["verdict"] == "altered"
    assert "age_contrast: not what was written" in found["marrow-facs"]["note"]
    assert found["pythia-shift"]["verdict"] == "reproduced"
    page = (out / "report.html").read_bytes()
    ended = command("paper", "--out", out)
    assert ended.code == 1
    assert "the files of summary" in last_error(ended)
    assert (out / "report.html").read_bytes() == page


def test_only_what_the_program_wrote_is_removed(copied: Callable[[], Path], tmp_path: Path) -> None:
    """A run beside files of the user's, and a link that leads out of the folder."""
    out = copied()
    (out / "tables" / ".idea.d").mkdir()
    mine = [out / "tables" / ".my.notes.csv", out / "figures" / ".gitignore.bak", out / ".lock"]
    for path in mine:
        path.write_text("mine")
    left = out / "tables" / ".sources.x7ab_12z.concentra-unfinished.csv"
    left.write_text("")
    ended = command("reproduce", "explore", "--cores", 1, "--out", out)
    assert ended.code == 0, ended.err
    assert {path.read_text() for path in mine} == {"mine"}
    assert not left.exists()
    shutil.move(out / "summaries", tmp_path / "elsewhere")
    (out / "summaries").symlink_to(tmp_path / "elsewhere")
    ended = command("reproduce", "explore", "--cores", 1, "--out", out)
    assert ended.code == 1
    assert "summaries is a symbolic link" in last_error(ended)
    (out / ".lock").unlink()
    (out / ".lock").symlink_to(mine[0])
    ended = command("reproduce", "explore", "--out", out)
    assert ended.code == 1
    assert mine[0].read_text() == "mine"


def test_nodes_are_single_threaded_wherever_they_run() -> None:
    words = engine.command().split()
    assert words[0] == "env"
    assert {f"{name}=1" for name in engine.SINGLE_THREAD} <= set(words)
