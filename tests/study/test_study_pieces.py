"""Pieces: named by their rows, stacked in the order of the table, never run twice, on any executor the same bytes."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.errors import DesignError, TableError
from concentra.study import pieces
from concentra.study.declare import Node, nodes, tables
from concentra.study.steps.s08a_plan_states import pieces_of
from definitions_study import command, end, start, wait_until
from study_tables import loaded, table

TASKS = "state_tasks"
CELLS = "cluster_cells"


def node() -> Node:
    return nodes()[CELLS]


def test_the_whole_is_the_stack_of_the_pieces() -> None:
    """The law that lets the engine divide a step, on two cohorts' small pieces."""
    tasks = table(TASKS)
    some = tasks[tasks["cohort"].isin(["simulated_rat", "simulated_kimmel"])].reset_index(drop=True)
    expression = loaded("expression")
    parameters = node().parameters()
    whole = node().function(expression, some, **parameters)
    parts = [node().function(expression, rows, **parameters) for rows in pieces.split(some).values()]
    assert len(parts) > 1
    for place, frame in enumerate(whole):
        stacked = pd.concat([part[place] for part in parts if len(part[place])], ignore_index=True)
        pd.testing.assert_frame_equal(frame, stacked[frame.columns])


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 30)), max_size=20), st.integers(1, 40))
def test_pieces_are_consecutive_of_one_cohort_and_large_enough(
    rows: list[tuple[str, int]], least: int
) -> None:
    found = pieces_of([row[0] for row in rows], [row[1] for row in rows], least)
    assert len(found) == len(rows)
    assert set(np.diff([-1, *found])) <= {0, 1}
    for piece in set(found):
        held = [row for row, number in zip(rows, found, strict=True) if number == piece]
        assert len({cohort for cohort, _ in held}) == 1
        assert sum(size for _, size in held[:-1]) < least


def test_another_row_is_another_piece_and_its_place_is_not() -> None:
    tasks = pd.DataFrame({"stratum": ["a", "b", None], "n_cells": [1, 2, 3], "piece": [0, 1, 1]})
    names = list(pieces.split(tasks))
    assert list(pieces.split(tasks.assign(piece=[7, 8, 8]))) == names
    changed = list(pieces.split(tasks.assign(n_cells=[1, 2, 4])))
    assert changed[0] == names[0]
    assert changed[1] != names[1]
    pd.testing.assert_frame_equal(pieces.rows_of(tasks, names[1]), tasks.iloc[1:].reset_index(drop=True))
    with pytest.raises(DesignError, match="no rows for the piece other"):
        pieces.rows_of(tasks, "other")


def test_hostile_labels_are_files_all_the_same(tmp_path: Path) -> None:
    hostile = ["../../etc/passwd", "\n<script>", "x" * 10_000, "\N{GRINNING FACE}", "a/b"]
    tasks = pd.DataFrame({"stratum": hostile, "piece": range(len(hostile))})
    names = list(pieces.split(tasks))
    assert len(set(names)) == len(hostile)
    for name in names:
        path = pieces.outputs(node(), name, tmp_path)[0]
        assert path.parent == pieces.folder(node(), tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def written(tmp_path: Path) -> tuple[pd.DataFrame, Path]:
    """Two cohorts' types counted in pieces, as the engine writes them."""
    tasks = table(TASKS)
    tasks = tasks[tasks["level"] == "types"].reset_index(drop=True)
    for name, rows in pieces.split(tasks).items():
        result = node().function(loaded("expression"), rows, **node().parameters())
        pieces.write(node(), name, result, tmp_path)
    return tasks, tmp_path


def test_stacked_in_the_order_of_the_rows(written: tuple[pd.DataFrame, Path]) -> None:
    tasks, out = written
    counts, stability = pieces.gather(node(), tasks, out)
    assert list(counts["cohort"].unique()) == tasks["cohort"].to_list()
    assert stability.empty
    assert pieces.done(node(), tasks, out) == len(tasks)
    back = pieces.gather(node(), tasks.iloc[::-1].reset_index(drop=True), out)[0]
    assert list(back["cohort"].unique()) == tasks["cohort"].to_list()[::-1]


def test_pieces_of_other_rows_are_removed(written: tuple[pd.DataFrame, Path]) -> None:
    tasks, out = written
    pieces.gather(node(), tasks.iloc[1:], out)
    assert pieces.done(node(), tasks, out) == len(tasks) - 1
    assert not list(pieces.folder(node(), out).glob(f"{tasks['cohort'][0]}-*"))


def test_an_edited_piece_is_refused_and_named(written: tuple[pd.DataFrame, Path]) -> None:
    tasks, out = written
    assert pieces.altered(node(), out) == []
    path = next(pieces.folder(node(), out).glob("*.state_counts.csv"))
    path.write_text(path.read_text().replace("1", "2"))
    assert pieces.altered(node(), out) == [path]
    with pytest.raises(TableError, match="is not what its piece wrote"):
        pieces.gather(node(), tasks, out)


def test_labels_of_cells_are_kept_piece_by_piece(archive_run: Any) -> None:
    folder = pieces.folder(node(), archive_run.out)
    labels = pd.concat(pd.read_parquet(path) for path in sorted(folder.glob("*.cell_states.parquet")))
    counts = tables()["state_counts"].read(archive_run.out)
    counts = counts[counts["level"] != "types"]
    keys = ["cohort", "level", "stratum", "part", "resolution", "donor", "state"]
    again = labels.fillna({"part": ""}).groupby(keys).size()
    assert again.to_dict() == counts.fillna({"part": ""}).set_index(keys)["n_cells"].to_dict()


def pieces_there(out: Path) -> dict[str, int]:
    """When each finished piece was written."""
    found = pieces.folder(node(), out).glob("*.provenance.json")
    return {path.name: path.stat().st_mtime_ns for path in found}


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_without_running_finished_pieces_again(
    archive_run: Any, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    process = start("reproduce", CELLS, "--cores", 2, "--out", out)
    wait_until(lambda: len(pieces_there(out)) >= 3 or process.poll() is not None)
    assert end(process, signal.SIGKILL).code == -signal.SIGKILL
    before = pieces_there(out)
    assert 3 <= len(before) < len(pieces.split(tables()[TASKS].read(out)))
    assert not (out / "tables" / "state_counts.csv").exists()
    again = command("reproduce", CELLS, "--cores", 2, "--out", out)
    assert again.code == 0, again.err
    after = pieces_there(out)
    assert {name: after[name] for name in before} == before, "finished pieces ran again"
    assert same_tables(archive_run.out, out)
    assert not list(out.rglob(".*.csv"))


def same_tables(first: Path, second: Path) -> bool:
    names = (TASKS, "planted_states", "state_counts", "state_stability")
    paths = [(folder / "tables" / f"{name}.csv" for folder in (first, second)) for name in names]
    return all(one.read_bytes() == other.read_bytes() for one, other in paths)


@pytest.mark.slow
def test_an_edited_piece_runs_again(copied: Callable[[], Path]) -> None:
    out = copied()
    original = (out / "tables" / "state_counts.csv").read_bytes()
    before = pieces_there(out)
    path = next(pieces.folder(node(), out).glob("simulated_rat-*.state_counts.csv"))
    path.write_text(path.read_text().replace("1", "2"))
    assert command("reproduce", CELLS, "--cores", 2, "--out", out).code == 0
    assert (out / "tables" / "state_counts.csv").read_bytes() == original
    after = pieces_there(out)
    assert [name for name in before if after[name] != before[name]] == [
        name for name in before if name.startswith("simulated_rat-")
    ]


SUBMIT = """#!/bin/sh
# Stands for a scheduler: starts the job apart, and says its number.
echo "$1" >> "{log}"
setsid sh "$1" > "{log}.out" 2>&1 &
echo $!
"""


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes(archive_run: Any, tmp_path: Path) -> None:
    """Snakemake's generic executor with a submit script in place of a scheduler: every piece is a job of its own."""
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    out, profile, log = tmp_path / "results", tmp_path / "profile", tmp_path / "jobs"
    profile.mkdir()
    submit = tmp_path / "submit"
    submit.write_text(SUBMIT.format(log=log))
    submit.chmod(submit.stat().st_mode | stat.S_IEXEC)
    settings = {
        "executor": "cluster-generic",
        "jobs": 2,
        "cluster-generic-submit-cmd": str(submit),
        "latency-wait": 20,
    }
    (profile / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    ended = command("reproduce", CELLS, "--profile", profile, "--out", out)
    assert ended.code == 0, ended.err
    submitted = log.read_text().splitlines()
    n_pieces = len(pieces.split(tables()[TASKS].read(out)))
    assert len(submitted) >= n_pieces + 2, "the plan, each piece and the stack are jobs"
    assert same_tables(archive_run.out, out)
