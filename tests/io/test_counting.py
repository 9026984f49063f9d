"""Counting at scale: any form of file, any shards, any order give the same table."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from concentra.errors import (
    ArgumentError,
    ColumnError,
    DataAbsentError,
    FileFormatError,
    MissingDependencyError,
    TableError,
)
from concentra.io.counting import COUNT, count_cells, count_to, merge_counts

BY = ["donor", "type"]


def cells(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "donor": rng.choice(["a", "b", "é", "=1+1", 'q"uo,te'], n),
            "type": rng.choice(["T", "B", "<script>", "line\nbreak"], n),
            "other": rng.random(n),
        }
    )
    frame.loc[::17, "type"] = None
    frame.loc[::23, "type"] = "  "
    return frame


def slowly(frame: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    """Cell by cell; a blank label is a missing one."""
    counts: dict[tuple[Any, ...], int] = {}
    for row in frame[BY].itertuples(index=False):
        key = tuple(
            None if label is None or label != label or not str(label).strip() else label for label in row
        )
        counts[key] = counts.get(key, 0) + 1
    return counts


def as_counts(frame: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    plain = frame.astype(object).where(frame.notna(), None)
    return {tuple(row[:-1]): row[-1] for row in plain.itertuples(index=False)}


def written(frame: pd.DataFrame, folder: Path, ending: str) -> Path:
    path = folder / f"cells{ending}"
    if ending == ".parquet":
        frame.to_parquet(path, row_group_size=100)
    elif ending == ".csv":
        frame.to_csv(path, index=False)
    else:
        obs = frame.astype({"donor": "category", "type": "category"})
        obs.index = obs.index.astype(str)
        anndata.AnnData(sparse.csr_matrix((len(frame), 3), dtype=np.float32), obs=obs).write_h5ad(path)
    return path


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".h5ad"])
def test_against_counting_cell_by_cell(tmp_path: Path, ending: str) -> None:
    frame = cells()
    found = count_cells([written(frame, tmp_path, ending)], BY)
    assert as_counts(found) == slowly(frame)
    assert found[COUNT].sum() == len(frame)


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("out", [".csv", ".parquet"])
def test_shards_merged_are_the_whole(tmp_path: Path, ending: str, shards: int, out: str) -> None:
    path = written(cells(), tmp_path, ending)
    whole = tmp_path / f"whole{out}"
    rows = count_to(whole, [path], BY)
    parts = [tmp_path / f"part{place}{out}" for place in range(1, shards + 1)]
    for place, part in enumerate(parts, start=1):
        count_to(part, [path], BY, shard=(place, shards))
    merged = tmp_path / f"merged{out}"
    assert merge_counts(merged, parts) == rows
    if out == ".csv":
        assert merged.read_bytes() == whole.read_bytes()
    else:  # the same rows in the same order; how Parquet encodes them depends on what was read
        pd.testing.assert_frame_equal(pd.read_parquet(merged), pd.read_parquet(whole))


def test_several_files_in_any_order_are_one(tmp_path: Path) -> None:
    frame = cells()
    for name, part in (("one", frame.iloc[:200]), ("two", frame.iloc[200:])):
        (tmp_path / name).mkdir()
        written(part, tmp_path / name, ".parquet")
    paths = [tmp_path / "one" / "cells.parquet", tmp_path / "two" / "cells.parquet"]
    first, second = count_cells(paths, BY), count_cells(paths[::-1], BY)
    assert as_counts(first) == slowly(frame)
    pd.testing.assert_frame_equal(first, second)


def test_sorted_by_bytes_missing_last(tmp_path: Path) -> None:
    labels = count_cells([written(cells(), tmp_path, ".parquet")], ["type"])["type"].tolist()
    assert labels[-1] is None or pd.isna(labels[-1])
    assert labels[:-1] == sorted(labels[:-1], key=lambda label: label.encode())


def test_numbers_are_labels(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    pd.DataFrame({"donor": [1, 1, 2]}).to_parquet(path)
    assert count_cells([path], ["donor"]).values.tolist() == [["1", 2], ["2", 1]]


@pytest.mark.parametrize("by", [[], ["donor", "donor"], [COUNT]])
def test_labels_are_refused(tmp_path: Path, by: list[str]) -> None:
    with pytest.raises(ArgumentError, match="different label columns"):
        count_cells([written(cells(), tmp_path, ".csv")], by)


@pytest.mark.parametrize("shard", [(0, 3), (4, 3)])
def test_shards_are_refused(tmp_path: Path, shard: tuple[int, int]) -> None:
    with pytest.raises(ArgumentError, match="I/N"):
        count_cells([written(cells(), tmp_path, ".csv")], BY, shard=shard)


def test_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no cell table"):
        count_cells([], BY)
    with pytest.raises(ColumnError, match="did you mean 'donor'"):
        count_cells([written(cells(), tmp_path, ".parquet")], ["donr"])
    with pytest.raises(DataAbsentError):
        count_cells([tmp_path / "nothing.parquet"], BY)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    with pytest.raises(FileFormatError, match="broken"):
        count_cells([broken], BY)


def test_outputs_and_parts_are_refused(tmp_path: Path) -> None:
    path = written(cells(), tmp_path, ".csv")
    with pytest.raises(ArgumentError, match=r"\.csv or \.parquet"):
        count_to(tmp_path / "counts.xlsx", [path], BY)
    with pytest.raises(ArgumentError, match="no partial counts"):
        merge_counts(tmp_path / "sum.csv", [])
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    count_to(one, [path], BY)
    count_to(two, [path], ["type"])
    with pytest.raises(TableError, match="the same in every part"):
        merge_counts(tmp_path / "sum.csv", [one, two])


def test_without_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def none(name: str, *rest: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *rest)

    path = written(cells(), tmp_path, ".csv")
    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(MissingDependencyError, match=r"concentra\[scale\]"):
        count_cells([path], BY)
