"""Text tables as people write them: what is read, what is refused, and where the error points."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest

from concentra.errors import ConcentraError, FileFormatError, TableError
from concentra.io import text as text_module
from concentra.io.cells import read_labels
from concentra.io.counting import count_cells, count_to
from concentra.io.dialect import find_dialect
from concentra.io.tables import DELIMITED, TABLES, file_ending, read_table, table_columns, table_separator
from definitions_tables import ours

PLAIN = "donor,type,n\nm1,T cell,3\nm2,B cell,12\n"
ROWS = [["m1", "T cell", "3"], ["m2", "B cell", "12"]]


def read(path: Path, content: str | bytes, name: str = "cells.csv") -> tuple[pd.DataFrame, list[str]]:
    place = path / name
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    notes: list[str] = []
    return ours(place, notes), notes


def zstandard(data: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard,
}


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("kind, separator", [(".csv", ","), (".tsv", "\t"), (".txt", "\t")])
def test_every_ending_and_compression(tmp_path: Path, kind: str, separator: str, packed: str) -> None:
    data = PACKERS[packed](PLAIN.replace(",", separator).encode())
    frame, notes = read(tmp_path, data, f"cells{kind}{packed}")
    assert frame.columns.tolist() == ["donor", "type", "n"]
    assert frame.to_numpy().tolist() == ROWS
    assert not notes


@pytest.mark.parametrize("packed", [packed for packed in PACKERS if packed])
def test_compressed_files_cut_short(tmp_path: Path, packed: str) -> None:
    rows = "".join(f"m{place},{place * 7919 % 1000},x\n" for place in range(5000))
    data = PACKERS[packed](("donor,type,n\n" + rows).encode())
    with pytest.raises(FileFormatError, match=r"cannot be read"):
        read(tmp_path, data[: len(data) // 2], f"cells.csv{packed}")
    with pytest.raises(FileFormatError, match=r"cannot be read"):
        read(tmp_path, data[:-1], f"cells.csv{packed}")


@pytest.mark.parametrize("separator, word", [(";", "semicolons"), ("\t", "tabs")])
def test_the_separator_is_found(tmp_path: Path, separator: str, word: str) -> None:
    frame, notes = read(tmp_path, PLAIN.replace(",", separator))
    assert frame.to_numpy().tolist() == ROWS
    assert len(notes) == 1
    assert word in notes[0]
    assert table_separator(tmp_path / "cells.csv", ".csv") == separator


@pytest.mark.parametrize(
    "content, columns",
    [
        ("donor;T;B\nm1;1,5;2\nm2;3,25;4,5\n", ["donor", "T", "B"]),  # decimal commas
        (
            "donor;a,b\nm1;x,y\n",
            ["donor", "a,b"],
        ),  # as many commas as semicolons: the one that yields no rest
        ("donor,a;b\nm1,x;y\n", ["donor", "a;b"]),  # the same in a file of commas
        ('donor;"T cell, CD4";n\nm1;3;4\n', ["donor", "T cell, CD4", "n"]),
        ("type\nT cell, CD4\n", None),  # one column, and a comma in each label
    ],
)
def test_separators_in_doubt(tmp_path: Path, content: str, columns: list[str] | None) -> None:
    if columns is None:
        with pytest.raises(FileFormatError, match=r"line 2 .* has 2 fields\nexpected: 1 fields"):
            read(tmp_path, content)
    elif columns == ["donor", "a,b"]:  # both separators fit: that of the ending is taken
        assert read(tmp_path, content)[0].columns.tolist() == ["donor;a", "b"]
    else:
        assert read(tmp_path, content)[0].columns.tolist() == columns


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "donor,Größe\n" + "".join(f"m{place},ä\n" for place in range(300))
    frame, notes = read(tmp_path, text.encode(encoding))
    assert frame.columns.tolist() == ["donor", "Größe"]
    assert frame["Größe"].unique().tolist() == ["ä"]
    assert len(frame) == 300
    assert not notes


def test_windows_text_is_read_with_a_note(tmp_path: Path) -> None:
    frame, notes = read(tmp_path, "donor,Größe\nm1,µ – ä\n".encode("cp1252"))
    assert frame.to_numpy().tolist() == [["m1", "µ – ä"]]
    assert frame.columns.tolist() == ["donor", "Größe"]
    assert notes == [f"'{tmp_path / 'cells.csv'}' is not UTF-8: it is read as Windows-1252 (Latin-1)"]


@pytest.mark.parametrize("size", [40, 1 << 20])
def test_utf8_beside_other_bytes_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Within one chunk, and in different ones."""
    monkeypatch.setattr(text_module, "CHUNK_BYTES", size)
    data = b"donor,type\n" + "m1,ä\n".encode() * 30 + b"m2,\xe4\n"
    with pytest.raises(FileFormatError, match=r"UTF-8"):
        read(tmp_path, data)


def test_utf16_that_breaks_within_a_character(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"cannot be read: "):
        read(tmp_path, "donor,type\nm1,a\n".encode("utf-16") + b"\n")


def test_comment_lines_and_the_line_that_states_the_separator(tmp_path: Path) -> None:
    frame, notes = read(tmp_path, "# by a pipeline\n#\n" + PLAIN)
    assert frame.to_numpy().tolist() == ROWS
    assert notes == [f"2 comment lines at the start of '{tmp_path / 'cells.csv'}' are skipped"]
    assert read(tmp_path, "sep=;\ndonor;n\nm1;1,5\n")[0].to_numpy().tolist() == [["m1", "1,5"]]
    assert read(tmp_path, "sep=,\n" + PLAIN)[0].to_numpy().tolist() == ROWS


def test_a_comment_that_may_be_the_header(tmp_path: Path) -> None:
    with pytest.raises(
        FileFormatError, match=r"line 1 .* begins with '#' and has as many fields as the rows below"
    ):
        read(tmp_path, "#donor,type,n\nm1,T,3\n")


def test_row_names_of_r_and_an_index_without_name(tmp_path: Path) -> None:
    frame, notes = read(tmp_path, '"donor","n"\n"1","m1",3\n"2","m2",4\n')
    assert frame.columns.tolist() == ["row_names", "donor", "n"]
    assert frame["donor"].tolist() == ["m1", "m2"]
    assert "is called 'row_names'" in notes[0]
    assert read(tmp_path, '"","donor"\n"1","m1"\n')[0].columns.tolist() == ["row_names", "donor"]
    assert read(tmp_path, ",row_names\n1,m1\n")[0].columns.tolist() == ["row_names_", "row_names"]


@pytest.mark.parametrize(
    "content",
    [
        "donor,type\nm1,T,\nm2,B,\n",  # a separator at the end of each row
        "donor,type\nm1,T,CD4\nm1,B,naive\n",  # a comma in each label: the first field is no row name
        "donor,type\nm1,T,CD4\n",  # one row decides nothing
    ],
)
def test_rows_of_one_field_more_without_row_names(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileFormatError, match=r"line 2 .* has 3 fields\nexpected: 2 fields"):
        read(tmp_path, content)


def test_columns_without_name(tmp_path: Path) -> None:
    assert read(tmp_path, "donor,type,,\nm1,T,,\nm2,B, ,\n")[0].to_numpy().tolist() == [
        ["m1", "T"],
        ["m2", "B"],
    ]
    with pytest.raises(TableError, match=r"column 3 .* has no name, but content: 'x' after line 2"):
        read(tmp_path, "donor,type,\nm1,T,\nm2,B,x\n")


@pytest.mark.parametrize("content", ["1,2,3\n4,5,6\n", "", "\n", "# only a comment\n", ",,\n"])
def test_no_header(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileFormatError, match=r"no header|is empty"):
        read(tmp_path, content)


def test_line_ends(tmp_path: Path) -> None:
    for line_end in ("\n", "\r\n", "\r"):
        assert read(tmp_path, PLAIN.replace("\n", line_end))[0].to_numpy().tolist() == ROWS
    assert read(tmp_path, PLAIN.replace("\nm2", "\n\n\nm2").rstrip())[0].to_numpy().tolist() == ROWS


@pytest.mark.parametrize(
    "row, where, what",
    [
        ('m3,"T cell,5', "line 4, column 'type'", "never closed"),
        ('m3,T cell,"5', "line 4, column 'n'", "never closed"),
        ('m3,5" plate,5', "line 4, column 'type'", "within the plain field '5\" plate'"),
        ('m3,"T" cell,5', "line 4, column 'type'", "not closed at the end of its field"),
        ('m3,"T \\"x\\" cell",5', "line 4, column 'type'", "not closed at the end of its field"),
        ('m3,T,"5\nm4,"B, naive",6', "line 4, column 'n'", r"the next one is 1 lines below"),
        ('m3,T,"5\nm4,B,6\nm5,"', "line 4, column 'n'", "a quoted field of 3 lines that holds whole rows"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_stray_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, where: str, what: str, size: int
) -> None:
    """However the file is cut into chunks."""
    monkeypatch.setattr(text_module, "CHUNK_BYTES", size)
    with pytest.raises(FileFormatError) as caught:
        read(tmp_path, PLAIN + row + "\n")
    assert where in str(caught.value)
    assert what in str(caught.value)
    with pytest.raises(FileFormatError, match=where):
        count_cells([tmp_path / "cells.csv"], ["donor"])


def test_a_stray_quote_in_the_header(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"line 2, column 'ty\"pe'.*within the plain field"):
        read(tmp_path, '# x\ndonor,ty"pe\nm1,T\n')


def test_a_quote_that_swallows_more_than_a_row_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(text_module, "LONGEST", 5000)
    with pytest.raises(FileFormatError, match=r"line 4, column 'type'.*never closed"):
        read(tmp_path, PLAIN + 'm3,"T,4\n' + "m4,B,5\n" * 5000)
    with pytest.raises(FileFormatError, match=r"line 4 .* has more than"):
        read(tmp_path, PLAIN + "m3," + "T" * 10_000 + ",4\n")


@pytest.mark.parametrize(
    "row, message",
    [
        ("m3,T", r"line 5 of '.*cells.csv' has 2 fields: column 'n' is missing"),
        ("m3", r"line 5 of '.*cells.csv' has 1 fields: column 'type' is missing"),
        ("m3,T,3,4", r"line 5 of '.*cells.csv' has 4 fields\nexpected: 3 fields"),
        (" ", r"line 5 of '.*cells.csv' has 1 fields"),
    ],
)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_ragged_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, message: str, size: int
) -> None:
    monkeypatch.setattr(text_module, "CHUNK_BYTES", size)
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path, f"{PLAIN}\n{row}\nm4,B,6\n")


def test_the_first_error_of_a_file_is_the_one_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks are parsed beside each other; a later damaged byte does not hide an earlier ragged row."""
    monkeypatch.setattr(text_module, "CHUNK_BYTES", 16)
    with pytest.raises(FileFormatError, match=r"line 4 .* has 2 fields"):
        read(tmp_path, PLAIN.encode() + b"m3,T\n" + b"m4,B,\x81\n" * 20)


def test_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"column 'donor' more than once in .*: columns 1 and 3"):
        read(tmp_path, "donor,type,donor\na,b,c\n")


def test_quoted_labels_survive_any_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Separators, doubled quotes and line breaks within quotes, wherever a chunk ends."""
    labels = ['say "hi"', "two\nlines", "a,b", '"', '""', "\n", "plain", "", "x\ny,z", 'end"']
    frame = pd.DataFrame({"type": labels, "donor": "m1"})
    for size in range(1, 60):
        monkeypatch.setattr(text_module, "CHUNK_BYTES", size)
        frame.to_csv(tmp_path / "cells.csv", index=False, quoting=1)
        assert ours(tmp_path / "cells.csv")["type"].tolist() == labels


def test_numbers_that_are_one_label_in_every_reader(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("donor,type\n1,T\n1.0,T\n01,T\n")
    assert read_labels(tmp_path / "cells.csv", ["donor"])["donor"].tolist() == ["1", "1", "01"]
    assert count_cells([tmp_path / "cells.csv"], ["donor"]).values.tolist() == [["01", 1], ["1", 2]]


def test_counting_tells_how_text_was_read(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_bytes("donor;type\nm1;ä\n".encode("cp1252"))
    told: list[str] = []
    count_to(tmp_path / "out.csv", [tmp_path / "cells.csv"], ["type"], tell=told.append)
    assert ["semicolons" in told[0], "Windows-1252" in told[1], len(told)] == [True, True, 2]
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "type,n_cells\nä,1\n"


def test_the_columns_of_each_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "cells.txt").write_text("a;b;;\n1;2;;\n")
    assert table_columns(tmp_path / "cells.txt", ".txt") == ["a", "b"]
    with pytest.raises(FileFormatError, match=r"is a ZIP archive, as spreadsheets are, not .csv"):
        read(tmp_path, b"PK\x03\x04 and so on")


COUNTS = pd.DataFrame(
    {
        "donor": ["m1", "m1", "m2", "m,3", "naïve", "x\ty"],
        "tissue": ["lung", "two\nlines", "lung", "lung", 'say "hi"', "spleen"],
        "type": ["T", "B", "T", "a;b", "NK", "B"],
        "n": ["3", "0", "12", "7", "100000", "1"],
    }
)


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    elif path.suffix == ".rds":
        pytest.importorskip("rdata").write_rds(path, frame)
    else:
        separator = {"s": ";", "c": ","}.get(path.name[0], "\t")
        path.write_bytes(PACKERS.get(path.suffix, bytes)(frame.to_csv(index=False, sep=separator).encode()))
    return path


FILES = [
    "c.csv",
    "s.csv",
    "t.tsv",
    "c.csv.gz",
    "s.csv.bz2",
    "t.txt.xz",
    "c.csv.zst",
    "t.tsv.gz",
    "a.xlsx",
    "a.rds",
    "a.parquet",
]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_cells_in_every_format(tmp_path: Path, seed: int) -> None:
    """Rows and columns in random order, separators, compressions: the counts are those of the frame."""
    random = np.random.default_rng(seed)
    cells = COUNTS.loc[random.integers(0, len(COUNTS), 500)].reset_index(drop=True)
    expected = cells.groupby(["donor", "tissue", "type"]).size().sort_index()
    for name in FILES:
        shuffled = cells.sample(frac=1, random_state=int(random.integers(1 << 30))).reset_index(drop=True)
        shuffled = shuffled[list(random.permutation(cells.columns))]
        path = write(shuffled, tmp_path / name)
        pd.testing.assert_frame_equal(ours(path), shuffled.astype(object))
        counted = count_cells([path], ["donor", "tissue", "type"])
        assert counted["n_cells"].sum() == len(cells)
        assert (
            counted.set_index(["donor", "tissue", "type"])["n_cells"].sort_index().to_dict()
            == expected.to_dict()
        )


def test_every_ending_is_tested() -> None:
    assert {file_ending_of(name) for name in FILES} <= set(TABLES)
    assert set(DELIMITED) == {kind + packed for kind in (".csv", ".tsv", ".txt") for packed in PACKERS}


def file_ending_of(name: str) -> str:
    return name[name.index(".") :]


def test_errors_are_those_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n"x,y\n')
    with pytest.raises(ConcentraError):
        read_table(tmp_path / "a.csv", file_ending(tmp_path / "a.csv", TABLES))
    assert find_dialect(tmp_path / "a.csv", ",").names == ("a", "b")


@pytest.mark.parametrize(
    "name, message",
    [
        ("a.loom", "read_loom"),
        ("a.h5mu", "mudata"),
        ("a.h5", "10x"),
        ("a.xls", "save the sheet"),
        ("a.csv.zip", "unpack"),
        ("a.json", "read_json"),
        ("folder", "name the files in it"),
        ("link.csv", "where the link"),
        ("pipe.csv", "is a pipe or a device"),
        ("x" * 300 + ".csv", "no file"),
    ],
)
def test_what_to_do_with_other_files(tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "link.csv":
        path.symlink_to(tmp_path / "nothing")
    elif name == "pipe.csv":
        os.mkfifo(path)
    elif len(name) < 20:
        path.write_bytes(b"x")
    with pytest.raises(ConcentraError, match=message):
        file_ending(path, TABLES)


def test_standard_input_is_no_file() -> None:
    with pytest.raises(ConcentraError, match="standard input"):
        file_ending("-", TABLES)
