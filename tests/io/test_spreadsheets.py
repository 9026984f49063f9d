"""Spreadsheets and data frames of R."""

from __future__ import annotations

import bz2
import datetime
import gzip
import lzma
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from concentra.errors import FileFormatError, MissingDependencyError, TableError
from concentra.io import r_data, spreadsheets
from concentra.io.cells import label_columns, read_labels
from concentra.io.counts import read_counts
from concentra.io.tables import read_table
from definitions_tables import ours


def book(path: Path, *sheets: list[list[object]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for place, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"sheet {place + 1}")
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_cells_of_every_kind(tmp_path: Path) -> None:
    day = datetime.date(2020, 1, 2)
    rows = [["donor", "n", "share", "passed", "day"], ["01", 3, 0.1, True, day], [7, 1e5, 2.5, False, None]]
    path = book(tmp_path / "a.xlsx", rows)
    assert ours(path).to_numpy().tolist() == [
        ["01", "3", "0.1", "True", "2020-01-02"],
        ["7", "100000", "2.5", "False", ""],
    ]
    assert label_columns(path) == dict.fromkeys(rows[0], "text")
    assert read_labels(path, ["n"])["n"].tolist() == [3, 100000]
    assert read_labels(path, ["donor"])["donor"].tolist() == ["01", "7"]


def test_blank_rows_and_columns(tmp_path: Path) -> None:
    rows = [[None, None, None], ["donor", None, "n"], ["a", None, 3], [None, None, None], ["b", None, 4]]
    assert ours(book(tmp_path / "a.xlsx", rows)).to_numpy().tolist() == [["a", "3"], ["b", "4"]]


def test_several_sheets(tmp_path: Path) -> None:
    notes: list[str] = []
    frame = ours(book(tmp_path / "a.xlsx", [["a"], [1]], [["b"], [2]], []), notes)
    assert frame.columns.tolist() == ["a"]
    assert notes == [f"sheet 'sheet 1' of '{tmp_path / 'a.xlsx'}' is read; not read: 'sheet 2'"]


def test_a_first_column_without_name(tmp_path: Path) -> None:
    notes: list[str] = []
    assert ours(book(tmp_path / "a.xlsx", [[None, "T"], ["m1", 3]]), notes).columns.tolist() == [
        "row_names",
        "T",
    ]
    assert "row_names" in notes[0]
    units, parts, amounts = read_counts(tmp_path / "a.xlsx")
    assert (units.tolist(), parts.tolist(), amounts.tolist()) == (["m1"], ["T"], [[3.0]])


@pytest.mark.parametrize(
    "rows, error, message",
    [
        ([["donor", "n", "n"], ["a", 1, 2]], TableError, "column 'n' more than once in .*: columns 2 and 3"),
        (
            [["Cells of 2020", None], ["donor", "n"], ["a", 1]],
            TableError,
            "column 2 of .* has no name, but content",
        ),
        ([["donor"], [9007199254740993]], TableError, r"9007199254740992 in row 2, column 1 of"),
        ([[None]], FileFormatError, "the first sheet of .* is empty"),
    ],
)
def test_sheets_that_are_refused(
    tmp_path: Path, rows: list[list[object]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ours(book(tmp_path / "a.xlsx", rows))


def test_damaged_workbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "a.xlsx", [["donor"], ["a"]])
    whole = path.read_bytes()
    for data in (b"PK\x03\x04", whole[: len(whole) // 2], b"not a book"):
        path.write_bytes(data)
        with pytest.raises(FileFormatError, match="cannot be read"):
            ours(path)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("nothing", "x")
    with pytest.raises(FileFormatError, match="cannot be read"):
        ours(path)
    path.write_bytes(whole)
    monkeypatch.setattr(spreadsheets, "LARGEST", 100)
    with pytest.raises(FileFormatError, match="claims more than"):
        ours(path)


FRAME = pd.DataFrame(
    {
        "donor": pd.Categorical(["m1", "m2", "m1"], categories=["m2", "m1"]),
        "type": ["T", None, "ä"],
        "n": [3, 1, 4],
        "share": [0.5, np.nan, 1.0],
    }
)


@pytest.mark.parametrize("name", ["a.rds", "a.RData", "a.rda"])
def test_data_frames_of_r(tmp_path: Path, name: str) -> None:
    rdata = pytest.importorskip("rdata")
    if name == "a.rds":
        rdata.write_rds(tmp_path / name, FRAME)
    else:
        rdata.write_rda(tmp_path / name, {"cells": FRAME, "year": np.array([2020])})
    labels = read_labels(tmp_path / name, list(FRAME.columns))
    assert labels["donor"].tolist() == ["m1", "m2", "m1"]
    assert labels["donor"].cat.categories.tolist() == ["m2", "m1"]  # the order of the factor
    assert labels["type"].astype(object).where(labels["type"].notna(), None).tolist() == ["T", None, "ä"]
    assert labels["n"].tolist() == [3, 1, 4]
    np.testing.assert_array_equal(labels["share"], FRAME["share"])
    assert label_columns(tmp_path / name) == {
        "donor": "categorical", "type": "categorical", "n": "integer", "share": "float",
    }  # fmt: skip


def test_every_compression_of_r(tmp_path: Path) -> None:
    rdata = pytest.importorskip("rdata")
    rdata.write_rds(tmp_path / "a.rds", FRAME)
    plain = gzip.decompress((tmp_path / "a.rds").read_bytes())
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(plain)
    for packed in (
        plain,
        gzip.compress(plain),
        bz2.compress(plain),
        lzma.compress(plain),
        bytes(sink.getvalue()),
    ):
        (tmp_path / "a.rds").write_bytes(packed)
        assert read_table(tmp_path / "a.rds", ".rds")["n"].tolist() == [3, 1, 4]
        (tmp_path / "a.rds").write_bytes(packed[:-9])
        with pytest.raises(FileFormatError, match="cannot be read"):
            read_table(tmp_path / "a.rds", ".rds")


def test_row_names_of_r(tmp_path: Path) -> None:
    rdata = pytest.importorskip("rdata")
    rdata.write_rds(tmp_path / "a.rds", pd.DataFrame({"T": [3, 4]}, index=["m1", "m2"]))
    notes: list[str] = []
    assert ours(tmp_path / "a.rds", notes).to_numpy().tolist() == [["m1", "3"], ["m2", "4"]]
    assert "row_names" in notes[0]


def test_what_is_no_data_frame(tmp_path: Path) -> None:
    rdata = pytest.importorskip("rdata")
    rdata.write_rds(tmp_path / "a.rds", np.array([1, 2]))
    with pytest.raises(FileFormatError, match=r"no data frame in .*a.rds'(.|\n)*fix: in R: write.csv"):
        ours(tmp_path / "a.rds")
    rdata.write_rda(tmp_path / "a.rda", {"one": FRAME, "two": FRAME})
    with pytest.raises(FileFormatError, match=r"2 data frames \(one, two\) in"):
        ours(tmp_path / "a.rda")
    (tmp_path / "a.rds").write_bytes(b"X\nnothing")
    with pytest.raises(FileFormatError, match="cannot be read"):
        ours(tmp_path / "a.rds")


def test_without_the_package_for_r(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rdata", None)
    (tmp_path / "a.rds").write_bytes(b"X\n")
    with pytest.raises(MissingDependencyError, match=r"concentra\[r\]"):
        r_data.read_r_frame(tmp_path / "a.rds", [])
