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


def rewritten(path: Path, before: str, after: str) -> None:
    """The first sheet with other XML."""
    with zipfile.ZipFile(path) as packed:
        inside = {name: packed.read(name) for name in packed.namelist()}
    sheet = inside["xl/worksheets/sheet1.xml"]
    assert sheet.count(before.encode()) == 1
    inside["xl/worksheets/sheet1.xml"] = sheet.replace(before.encode(), after.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in inside.items():
            packed.writestr(name, data)


@pytest.mark.parametrize(
    "before, after, message",
    [
        ('<c r="B3"', '<c r="ZZZZZZZ9"', "sheets end before"),
        ('<c r="B3"', "<c  r='B99999999'", "row 99,999,999, column 2: sheets end before"),
        ('<row r="3"', '<row r="2000000"', "row 2,000,000, column 2: sheets end before"),
        (
            '<c r="B3"',
            '<c r="XFD1048576"',
            "6 cells that lie as far apart as row 1,048,576 and column 16,384",
        ),
        (
            '<row r="3"',
            '<row r="1048576"><c><v>1</v></c></row><row r="4"><c r="Z4"><v>1</v></c></row><row r="3"',
            "8 cells that lie as far apart as row 1,048,576 and column 26",
        ),
    ],
)
def test_cells_far_apart(before: str, after: str, message: str, tmp_path: Path) -> None:
    """The table between them would take more memory than there is, and the library ends the process."""
    path = book(tmp_path / "a.xlsx", [["donor", "n"], ["a", 3], ["b", 4]])
    rewritten(path, before, after)
    with pytest.raises(FileFormatError, match=message):
        ours(path)


def test_a_cell_of_an_unknown_kind(tmp_path: Path) -> None:
    """One byte that changed: other readers take the cell for a blank one."""
    path = book(tmp_path / "a.xlsx", [["donor", "n"], ["a", 3], ['b t="x', 4]])
    assert ours(path)["donor"].tolist() == ["a", 'b t="x']
    rewritten(path, '<c r="B3" t="n"', '<c r="B3" t="inlinuStr"')
    with pytest.raises(FileFormatError, match="a cell of an unknown kind, 'inlinuStr'"):
        ours(path)


def test_merged_cells(tmp_path: Path) -> None:
    """A label that stands once beside several rows; a title across columns, and a format without content, do not."""
    path = tmp_path / "a.xlsx"
    workbook = openpyxl.Workbook()
    for row in [["donor", "n", "x", "y"], ["a", 3], [None, 4], ["b", 5, None, "wide"]]:
        workbook.active.append(row)
    workbook.active.merge_cells("C2:C3")
    workbook.save(path)
    assert ours(path)["donor"].tolist() == ["a", "", "b"]
    workbook.active.merge_cells("A2:A3")
    workbook.save(path)
    with pytest.raises(TableError, match="rows 2 to 3 of columns 1 to 1 are one cell, 'a'"):
        ours(path)


def test_cells_far_away_that_are_empty(tmp_path: Path) -> None:
    """A format that was given to whole columns and rows."""
    path = book(tmp_path / "a.xlsx", [["donor", "n"], ["a", 3], ["b", 4]])
    end = '<row r="1048575" ht="30"/><row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'
    rewritten(path, "</sheetData>", end)
    assert ours(path).to_numpy().tolist() == [["a", "3"], ["b", "4"]]


def test_a_format_far_below_a_table_of_several_columns(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [list("abcde"), [1, 2, 3, 4, 5]])
    rewritten(path, "</sheetData>", '<row r="1000000"><c r="AX1000000" s="0"/></row></sheetData>')
    assert ours(path).to_numpy().tolist() == [["1", "2", "3", "4", "5"]]


def changed(path: Path, before: bytes, after: bytes) -> None:
    """Other bytes in what R saved, which stays as long as it was."""
    plain = gzip.decompress(path.read_bytes())
    assert plain.count(before) == 1
    assert len(before) == len(after)
    path.write_bytes(gzip.compress(plain.replace(before, after)))


def four(*numbers: int) -> bytes:
    """As R saves whole numbers."""
    return b"".join(number.to_bytes(4, "big", signed=True) for number in numbers)


@pytest.mark.parametrize("code", [0, 3, -1])
def test_codes_of_a_factor_that_stand_for_nothing(code: int, tmp_path: Path) -> None:
    rdata = pytest.importorskip("rdata")
    path = tmp_path / "a.rds"
    rdata.write_rds(path, pd.DataFrame({"type": pd.Categorical(["T", "B", "T", "T"])}))
    changed(path, four(4, 2, 1, 2, 2), four(4, 2, 1, code, 2))
    with pytest.raises(FileFormatError, match="a factor of 2 levels has codes that stand for none"):
        ours(path)
    rdata.write_rds(path, pd.DataFrame({"type": pd.Categorical(["T", "B", "T", "T"])}))
    changed(path, four(4, 2, 1, 2, 2), four(4, 2, 1, -(2**31), 2))  # R's missing value
    assert ours(path)["type"].tolist() == ["T", "B", "", "T"]


@pytest.mark.parametrize(
    "before, after, message",
    [
        (b"share", b"other", "column 'other' more than once"),
        (b"share", b"sh\0re", "names of columns: .* is no text"),
        (b"lymph", b"ly\0ph", "levels of a factor: .* is no text"),
        (b"plain", b"pl\0in", "column 'note': .* is no text"),
        (b"cell1", b"ce\0l1", "names of rows: .* is no text"),
    ],
)
def test_damaged_data_frames_of_r(before: bytes, after: bytes, message: str, tmp_path: Path) -> None:
    rdata = pytest.importorskip("rdata")
    path = tmp_path / "a.rds"
    columns = {
        "other": ["a", "b"],
        "share": [0.5, 0.25],
        "type": pd.Categorical(["lymph", "B"]),
        "note": ["plain", "n"],
    }
    rdata.write_rds(path, pd.DataFrame(columns, index=["cell1", "cell2"]))
    assert ours(path)["other"].tolist() == ["a", "b"]
    changed(path, before, after)
    with pytest.raises(FileFormatError, match=message):
        ours(path)


def test_whole_numbers_of_64_bits_of_r(tmp_path: Path) -> None:
    """bit64 keeps them in the bytes of floats, with a class; data.table reads large numbers so."""
    rdata = pytest.importorskip("rdata")
    to_r = pytest.importorskip("rdata.conversion.to_r")
    path = tmp_path / "a.rds"
    whole = np.array([3, 2**53 + 1, np.iinfo(np.int64).min])

    def classed(_: object, converter: object) -> object:
        marks = converter.convert_to_r_attributes({"class": "integer64"})  # type: ignore[attr-defined]
        kind = rdata.parser.RObjectType.REAL
        return to_r.build_r_object(kind, value=whole.view(np.float64), is_object=True, attributes=marks)

    column = pd.DataFrame({"n": pd.Categorical(["stands", "for", "it"])})
    rdata.write_rds(path, column, constructor_dict={**to_r.DEFAULT_CLASS_MAP, pd.Categorical: classed})
    assert ours(path)["n"].tolist() == ["3", str(2**53 + 1), ""]


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
