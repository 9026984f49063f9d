"""`concentra count` and `concentra merge`."""

from __future__ import annotations

import io
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest

from definitions_study import COMMAND, Ended, assert_error

Run = Callable[..., Ended]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    path = tmp_path / "cells.csv"
    path.write_text("donor,type\na,B\na,T\na,B\nb,\n")
    return path


COUNTS = "donor,type,n_cells\na,B,2\na,T,1\nb,,1\n"


def test_it_counts_and_says_what(run: Run, cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "counts.csv"
    ended = run("count", cells, "--by", "donor, type", "--out", out)
    assert (ended.code, ended.out) == (0, f"{out}: 3 combinations of 4 cells, type missing in 1\n")
    assert out.read_text() == COUNTS


def test_shards_by_hand(run: Run, cells: Path, tmp_path: Path) -> None:
    parts = [tmp_path / f"part{place}.parquet" for place in (1, 2, 3)]
    for place, part in enumerate(parts, start=1):
        assert run("count", cells, "--by", "donor,type", "--shard", f"{place}/3", "--out", part).code == 0
    out = tmp_path / "counts.csv"
    ended = run("merge", *parts, "--out", out)
    assert ended.out == f"{out}: 3 combinations of 4 cells, type missing in 1\n"
    assert out.read_text() == COUNTS


LONG = "mouse_id;organ;celltype;n_cells\na;lung;B;3\na;lung;T;12\nb;lung;B;7\n"
WIDE = "mouse_id,group,B cell,T cell\na,young,3,12\nb,old,7,0\n"


@pytest.mark.parametrize("more", [[], ["--shards", "2"], ["--shard", "1/2"]])
@pytest.mark.parametrize(
    "text, by, words",
    [
        (LONG, "mouse_id,organ,celltype", ["column 'n_cells'", "--amount n_cells"]),
        (LONG, "mouse_id", ["column 'n_cells'", "mouse_id, organ, celltype occurs once"]),
        (WIDE, "mouse_id", ["counts in 2 columns, such as 'B cell'", "--wide"]),
        (WIDE, "group", ["counts in 2 columns"]),
    ],
)
def test_counts_are_not_counted_as_cells(
    run: Run, tmp_path: Path, text: str, by: str, words: list[str], more: list[str]
) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "counts.csv"
    table.write_text(text)
    assert_error(run("count", table, "--by", by, "--out", out, *more), "is counted already", *words)
    assert not out.exists()


def test_an_annotated_matrix_of_samples_is_not_counted_as_cells(run: Run, tmp_path: Path) -> None:
    obs = pd.read_csv(io.StringIO(LONG), sep=";").set_axis(["0", "1", "2"])
    anndata.AnnData(obs=obs).write_h5ad(tmp_path / "table.h5ad")
    assert_error(run("count", tmp_path / "table.h5ad", "--by", "organ"), "in column 'n_cells'")


def test_rows_that_occur_once_are_counted_with_a_word(run: Run, tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "counts.csv"
    table.write_text("Maus;Zelltyp;Anzahl\na;B;3\na;T;12\nb;B;7\n")
    ended = run("count", table, "--by", "Maus,Zelltyp", "--out", out)
    assert ended.code == 0
    assert "limits: every combination occurs once: rows were counted as cells" in ended.err
    ended = run("count", table, "--by", "Maus", "--out", out)
    assert "limits" not in ended.err


def test_cells_with_a_column_named_as_counts_are_counted(run: Run, tmp_path: Path) -> None:
    table, out = tmp_path / "cells.csv", tmp_path / "counts.csv"
    table.write_text("donor,cell_type,size\na,B,310\na,B,290\nb,T,300\n")
    assert run("count", table, "--by", "donor", "--out", out).code == 0
    assert out.read_text() == "donor,n_cells\na,2\nb,1\n"


def test_a_file_twice(run: Run, cells: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.csv"
    assert run("count", cells, "--by", "donor,type", "--out", part).code == 0
    assert_error(run("merge", part, part, "--out", tmp_path / "sum.csv"), "are one file", "each file once")
    assert_error(run("count", cells, cells, "--by", "donor", "--out", part), "are one file")
    again = tmp_path / "again.csv"  # two shards may well hold the same counts
    again.write_bytes(part.read_bytes())
    assert run("merge", part, again, "--out", tmp_path / "sum.csv").code == 0


@pytest.mark.parametrize(
    "options, words",
    [
        (["--by", "doner"], ["no column 'doner'", "did you mean 'donor'?"]),
        (["--by", "donor", "--shard", "4/3"], ["shard 4/3", "1 <= I <= N"]),
        (["--by", "donor", "--shard", "1/3", "--shards", "3"], ["--shard 1/3 with --shards"]),
        (["--by", "donor", "--cores", "3"], ["--cores 3 without --shards", "add --shards 8"]),
        (["--by", "donor", "--profile", "slurm"], ["--profile slurm without --shards"]),
        (["--by", "donor", "--where", "donor == 'a'"], ["--where", "SOMA"]),
        (["--by", "donor", "--out", "counts.txt"], [".csv or .parquet"]),
        (["--by", "donor", "--memory", "lots"], ["memory 'lots'"]),
    ],
)
def test_mistakes(run: Run, cells: Path, options: list[str], words: list[str]) -> None:
    assert_error(run("count", cells, *options), *words)


def test_paths_that_cannot_be_counted(run: Run, cells: Path, tmp_path: Path) -> None:
    assert_error(run("count", tmp_path, "--by", "donor"), "is a folder", "SOMA experiment")
    assert_error(run("count", cells, "--by", "donor", "--out", cells), "as input and as output")
    assert_error(run("count", tmp_path / "cels.csv", "--by", "donor"), "did you mean 'cells.csv'?")
    assert cells.read_text().startswith("donor,type\n")


def test_a_shard_is_two_numbers(run: Run, cells: Path) -> None:
    ended = run("count", cells, "--by", "donor", "--shard", "first")
    assert ended.code == 2
    assert "I/N" in ended.err


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the counts of an earlier run stay."""
    cells, out = tmp_path / "cells.csv", tmp_path / "counts.csv"
    cells.write_text("donor\n" + "".join(f"donor {number}\n" for number in range(5000)))
    out.write_text("of an earlier run")
    words = [COMMAND, "count", str(cells), "--by", "donor", "--out", str(out)]
    ended = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": ""},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert_error(Ended(ended.returncode, ended.stdout, ended.stderr), "File too large", "space on the disk")
    assert out.read_text() == "of an earlier run"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.csv", "counts.csv"]
