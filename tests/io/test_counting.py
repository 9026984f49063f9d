"""Counting at scale: any form of file, any shards, any order give the same table."""

from __future__ import annotations

import builtins
import warnings
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from concentra.errors import (
    AmountError,
    ArgumentError,
    ColumnError,
    DataAbsentError,
    FileFormatError,
    MissingDependencyError,
    TableError,
)
from concentra.io import blocks, grouping
from concentra.io.cells import read_labels
from concentra.io.counting import COUNT, count_cells, count_to, merge_counts
from definitions_study import HOSTILE

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
    elif ending in (".csv", ".csv.gz"):
        frame.to_csv(path, index=False)
    elif ending == ".tsv":
        frame.to_csv(path, index=False, sep="\t")
    else:
        obs = frame.astype({"donor": "category", "type": "category"})
        obs.index = obs.index.astype(str)
        adata = anndata.AnnData(sparse.csr_matrix((len(frame), 3), dtype=np.float32), obs=obs)
        if ending == ".h5ad":
            adata.write_h5ad(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of anndata, on the versions of zarr
                adata.write_zarr(path)
    return path


ENDINGS = [".parquet", ".csv", ".csv.gz", ".tsv", ".h5ad", ".zarr"]


@pytest.mark.parametrize("rows", [None, 64])
@pytest.mark.parametrize("ending", ENDINGS)
def test_against_counting_cell_by_cell(
    tmp_path: Path, ending: str, rows: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rows is not None:
        monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    frame = cells()
    found = count_cells([written(frame, tmp_path, ending)], BY)
    assert as_counts(found) == slowly(frame)
    assert found[COUNT].sum() == len(frame)


def test_labels_that_hurt(tmp_path: Path) -> None:
    frame = pd.DataFrame({"donor": HOSTILE, "type": HOSTILE[::-1]})
    whole = tmp_path / "whole.csv"
    count_to(whole, [written(frame, tmp_path, ".parquet")], BY)
    again = tmp_path / "again.csv"
    merge_counts(again, [whole])
    assert again.read_bytes() == whole.read_bytes()
    assert as_counts(pd.read_csv(whole, keep_default_na=False, dtype=dict.fromkeys(BY, str))) == slowly(frame)


def test_every_format_spells_a_label_alike(tmp_path: Path) -> None:
    """Whole numbers with gaps, truth values, and texts that mean missing, as `read_labels` has them."""
    frame = pd.DataFrame(
        {"donor": [3.0, None, 24.0, 3.0], "type": ["NA", "nan", "B", "<NA>"], "sick": [True] * 4}
    )
    by = [*BY, "sick"]
    found = {ending: count_cells([written(frame, tmp_path, ending)], by) for ending in (".parquet", ".h5ad")}
    wanted = [["24", "B", "True", 1], ["3", None, "True", 2], [None, None, "True", 1]]
    for ending, one in found.items():
        assert one.astype(object).where(one.notna(), None).values.tolist() == wanted, ending


def test_what_was_counted_is_told(tmp_path: Path) -> None:
    frame = cells()
    found = count_to(tmp_path / "counts.csv", [written(frame, tmp_path, ".csv")], BY)
    slow = slowly(frame)
    missing = sum(count for key, count in slow.items() if key[1] is None)
    assert (found.n_combinations, found.n_cells, dict(found.n_missing)) == (
        len(slow),
        500,
        {"donor": 0, "type": missing},
    )
    assert str(found) == f"{len(slow)} combinations of 500 cells, type missing in {missing}"


def test_counts_are_read_as_cells_were(tmp_path: Path) -> None:
    """What `analyze --amount n_cells` reads of the counts is what it would have read of the cells."""
    path = written(cells(), tmp_path, ".csv")
    count_to(tmp_path / "counts.csv", [path], BY)
    direct = read_labels(path, BY).astype(object).groupby(BY, dropna=False).size()
    counted = read_labels(tmp_path / "counts.csv", [*BY, COUNT]).astype(dict.fromkeys(BY, object))
    pd.testing.assert_series_equal(
        counted.groupby(BY, dropna=False)[COUNT].sum(), direct, check_names=False, check_dtype=False
    )


def test_little_memory_and_much_give_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.integers(0, 1000, 300_000).astype(str) for name in BY})
    path = written(frame, tmp_path, ".parquet")
    count_to(tmp_path / "much.csv", [path], BY)
    count_to(tmp_path / "little.csv", [path], BY, memory="25MB")
    assert (tmp_path / "little.csv").read_bytes() == (tmp_path / "much.csv").read_bytes()
    with pytest.raises(ArgumentError, match="more than 1MB of memory"):
        count_cells([path], BY, memory="1MB")
    with pytest.raises(ArgumentError, match="memory 'plenty'"):
        count_cells([path], BY, memory="plenty")


def test_many_rows_are_written_alike_however_read(tmp_path: Path) -> None:
    """More rows than one row group holds: groups have the same size whatever was merged."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({name: rng.integers(0, 500, 200_000).astype(str) for name in BY})
    path = written(frame, tmp_path, ".parquet")
    whole = tmp_path / "whole.parquet"
    found = count_to(whole, [path], BY)
    assert found.n_combinations > 2 * grouping.WRITTEN_ROWS
    parts = [tmp_path / f"part{place}.csv" for place in (1, 2)]
    for place, part in enumerate(parts, start=1):
        count_to(part, [path], BY, shard=(place, 2))
    merge_counts(tmp_path / "merged.parquet", parts)
    assert (tmp_path / "merged.parquet").read_bytes() == whole.read_bytes()
    sizes = [pq.ParquetFile(whole).metadata.row_group(place).num_rows for place in range(3)]
    assert sizes[:2] == [grouping.WRITTEN_ROWS] * 2


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".h5ad", ".zarr"])
@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("out", [".csv", ".parquet"])
def test_shards_merged_are_the_whole(tmp_path: Path, ending: str, shards: int, out: str) -> None:
    path = written(cells(), tmp_path, ending)
    whole = tmp_path / f"whole{out}"
    found = count_to(whole, [path], BY)
    parts = [tmp_path / f"part{place}{out}" for place in range(1, shards + 1)]
    for place, part in enumerate(parts, start=1):
        count_to(part, [path], BY, shard=(place, shards))
    merged = tmp_path / f"merged{out}"
    assert merge_counts(merged, parts) == found
    assert merged.read_bytes() == whole.read_bytes()


def test_more_shards_than_cells(tmp_path: Path) -> None:
    path = written(cells(3), tmp_path, ".h5ad")
    parts = [tmp_path / f"part{place}.csv" for place in range(1, 6)]
    for place, part in enumerate(parts, start=1):
        count_to(part, [path], BY, shard=(place, 5))
    assert {part.read_text() for part in parts} >= {"donor,type,n_cells\n"}
    assert merge_counts(tmp_path / "merged.csv", parts).n_cells == 3


def test_several_formats_are_one(tmp_path: Path) -> None:
    frame = cells()
    paths = [written(frame.iloc[place::6], tmp_path, ending) for place, ending in enumerate(ENDINGS)]
    assert as_counts(count_cells(paths, BY)) == slowly(frame)


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


def test_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileFormatError, match=r"folder' is a folder\n.*SOMA.*\n.*\*\.parquet"):
        count_to(tmp_path / "counts.csv", [tmp_path / "folder"], BY)
    with pytest.raises(ArgumentError, match="which is a folder"):
        count_to(tmp_path / "folder", [written(cells(), tmp_path, ".csv")], BY)


def test_columns_that_hold_no_label_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    pd.DataFrame({"donor": [["a"], ["b"]]}).to_parquet(path)
    with pytest.raises(FileFormatError, match="one label or number for each cell"):
        count_cells([path], ["donor"])


def test_an_output_is_replaced_only_by_whole_counts(tmp_path: Path) -> None:
    path, out = written(cells(), tmp_path, ".csv"), tmp_path / "counts.csv"
    out.write_text("of an earlier run")
    torn = tmp_path / "torn.csv"
    torn.write_text("donor,type\na,B\na\n")
    with pytest.raises(FileFormatError, match=r"torn\.csv"):
        count_to(out, [path, torn], BY)
    assert out.read_text() == "of an earlier run"
    with pytest.raises(ArgumentError, match="as input and as output"):
        count_to(path, [path], BY)
    count_to(out, [path], BY)
    assert out.read_text().startswith("donor,type,n_cells\n")
    assert not list(tmp_path.glob(".*"))


def test_no_cells_are_refused_but_not_in_a_shard(tmp_path: Path) -> None:
    empty = tmp_path / "cells.csv"
    empty.write_text("donor,type\n")
    with pytest.raises(FileFormatError, match="no cells"):
        count_to(tmp_path / "counts.csv", [empty], BY)
    assert count_to(tmp_path / "counts.csv", [empty], BY, shard=(1, 2)).n_cells == 0


def test_filters_are_for_soma(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="a SOMA experiment, whose cells can be filtered"):
        count_to(tmp_path / "counts.csv", [written(cells(), tmp_path, ".csv")], BY, where="type == 'B'")


@pytest.mark.parametrize("count", ["-1", "2.5", "", "many"])
def test_counts_that_are_no_counts_are_refused(tmp_path: Path, count: str) -> None:
    part = tmp_path / "part.csv"
    part.write_text(f"donor,n_cells\na,{count}\n")
    with pytest.raises(AmountError, match="whole, 0 or more"):
        merge_counts(tmp_path / "sum.csv", [part])


def test_counts_of_parquet_are_checked(tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    pd.DataFrame({"donor": ["a", "b"], COUNT: [1.0, None]}).to_parquet(part)
    with pytest.raises(AmountError, match="whole, 0 or more"):
        merge_counts(tmp_path / "sum.csv", [part])
    pd.DataFrame({"donor": ["b", "a"], COUNT: pd.Categorical([1, 2])}).to_parquet(part)
    merge_counts(tmp_path / "sum.csv", [part])
    assert (tmp_path / "sum.csv").read_text() == "donor,n_cells\na,2\nb,1\n"


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
