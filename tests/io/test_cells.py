"""Every encoding of labels that real files have, written as the library of its time wrote it."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concentra.errors import (
    ArgumentError,
    ColumnError,
    DataAbsentError,
    FileFormatError,
    MissingDependencyError,
    TableError,
)
from concentra.io import labels, store
from concentra.io.cells import label_columns, read_labels

HOSTILE = [
    "a,b",
    'say "hi"',
    "two\nlines",
    "<script>alert(1)</script>",
    "=1+1",
    "naïve Ŧ細胞 🧬",
    "x" * 10_000,
    "a\tb",
    "'",
]


def cells() -> pd.DataFrame:
    """Nine cells with hostile labels, a missing donor, and numbers."""
    donor = ["m1", "m1", None, "m2", "m2", "m3", "m3", "m3", "m1"]
    return pd.DataFrame(
        {
            "mouse.id": pd.Categorical(donor, categories=["m3", "m2", "m1", "unused"]),
            "type": HOSTILE,
            "n_genes": np.arange(9) * 100,
            "score": [0.5, np.nan, *np.linspace(-1, 1, 7)],
            "passed": [True, False, True] * 3,
        },
        index=[f"cell{number}" for number in range(9)],
    )


def same(frame: pd.DataFrame, columns: list[str]) -> bool:
    return {name: values(frame[name]) for name in columns} == {name: expected()[name] for name in columns}


def expected() -> dict[str, list[object]]:
    frame = cells()
    return {name: [None if pd.isna(value) else value for value in frame[name]] for name in frame}


def values(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column]


def write_current(path: Path, frame: pd.DataFrame | None = None) -> Path:
    obs = cells() if frame is None else frame
    adata = anndata.AnnData(X=np.zeros((len(obs), 2), dtype=np.float32), obs=obs)
    if path.suffix == ".zarr":
        with warnings.catch_warnings():  # its writer announces changes of its defaults
            warnings.simplefilter("ignore")
            adata.write_zarr(path)
    else:
        adata.write_h5ad(path)
    return path


def write_compound(path: Path) -> Path:
    """As AnnData 0.6 wrote it: `obs` one compound dataset of codes, the categories in `uns`."""
    frame = cells()
    text = h5py.string_dtype()
    types = np.unique(HOSTILE)
    fields = [
        ("index", text),
        ("mouse.id", "i1"),
        ("type", "i1"),
        ("n_genes", "i8"),
        ("score", "f8"),
        ("passed", "?"),
    ]
    records = np.empty(9, dtype=[*fields, ("note", text), ("method", "i1")])
    records["index"] = frame.index
    records["mouse.id"] = frame["mouse.id"].cat.codes
    records["type"] = np.searchsorted(types, HOSTILE)
    for name in ("n_genes", "score", "passed"):
        records[name] = frame[name]
    records["note"] = ["fine", "", " ", "nan", "NA", "None", "ü", "fine", "b"]
    records["method"] = 0
    with h5py.File(path, "w") as file:
        file.create_dataset("obs", data=records, chunks=(4,), compression="gzip")
        file.create_dataset("uns/mouse.id_categories", data=["m3", "m2", "m1", "unused"], dtype=text)
        file.create_dataset("uns/type_categories", data=list(types), dtype=text)
        file.create_dataset("uns/method_categories", data="facs", dtype=text)  # one category: a scalar
    return path


def write_group_07(path: Path) -> Path:
    """As AnnData 0.7 wrote it: `obs` a group of codes, the categories in `obs/__categories`, by reference."""
    frame = cells()
    text = h5py.string_dtype()
    types = list(np.unique(HOSTILE))
    with h5py.File(path, "w") as file:
        obs = file.create_group("obs")
        obs.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0", "_index": "index"})
        obs.attrs["column-order"] = np.array([*frame.columns], dtype=object)
        obs.create_dataset("index", data=list(frame.index), dtype=text)
        for name in ("n_genes", "score", "passed"):
            obs.create_dataset(name, data=frame[name].to_numpy())
        codes = {
            "mouse.id": frame["mouse.id"].cat.codes,
            "type": np.searchsorted(types, HOSTILE).astype("i1"),
        }
        for name, categories in {"mouse.id": ["m3", "m2", "m1", "unused"], "type": types}.items():
            stored = obs.create_dataset(f"__categories/{name}", data=categories, dtype=text)
            stored.attrs["ordered"] = False
            obs.create_dataset(name, data=np.asarray(codes[name]))
            obs[name].attrs["categories"] = stored.ref
    return path


def write_table(path: Path) -> Path:
    frame = cells()
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index_label="cell", sep="\t" if ".tsv" in path.name else ",")
    return path


WRITERS = {
    "current.h5ad": write_current,
    "compound.h5ad": write_compound,
    "group07.h5ad": write_group_07,
    "cells.csv": write_table,
    "cells.csv.gz": write_table,
    "cells.tsv": write_table,
    "cells.tsv.gz": write_table,
    "cells.parquet": write_table,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_encoding_gives_the_same_labels(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name)
    columns = ["type", "mouse.id", "n_genes", "score"]
    frame = read_labels(path, columns, optional=["absent", "type"])
    assert list(frame.columns) == columns
    assert list(frame.index) == list(range(9))
    assert {column: values(frame[column]) for column in columns} == {
        column: expected()[column] for column in columns
    }
    assert isinstance(frame["type"].dtype, pd.CategoricalDtype)
    assert not frame["mouse.id"].cat.ordered
    assert sorted(frame["mouse.id"].cat.categories) == ["m1", "m2", "m3"]  # the unused one is gone
    assert frame["n_genes"].dtype.kind == "i"
    assert frame["score"].dtype.kind == "f"


@pytest.mark.parametrize("name", [name for name in WRITERS if name.endswith("h5ad")])
def test_annotated_matrices_keep_booleans_and_the_order_of_categories(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name)
    frame = read_labels(path, ["passed", "mouse.id"])
    assert frame["passed"].dtype == bool
    assert frame["passed"].tolist() == [True, False, True] * 3
    assert list(frame["mouse.id"].cat.categories) == ["m3", "m2", "m1"]
    kinds = label_columns(path)
    assert list(kinds)[:5] == ["mouse.id", "type", "n_genes", "score", "passed"]
    assert [kinds[column] for column in ("mouse.id", "n_genes", "score", "passed")] == [
        "categorical", "integer", "float", "boolean",
    ]  # fmt: skip


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_stores_of_both_formats(tmp_path: Path, version: int) -> None:
    pytest.importorskip("zarr")
    with anndata.settings.override(zarr_write_format=version):
        path = write_current(tmp_path / "cells.zarr")
    assert (path / ("zarr.json" if version == 3 else ".zgroup")).exists()
    frame = read_labels(path, list(cells().columns))
    assert {name: values(frame[name]) for name in frame} == expected()
    assert label_columns(path)["type"] in ("string", "categorical")
    with pytest.raises(ColumnError, match=r"did you mean 'mouse.id'"):
        read_labels(path, ["mouse_id"])


def test_zarr_as_anndata_07_wrote_it(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(str(tmp_path / "old.zarr"), mode="w", zarr_format=2)
    obs = root.create_group("obs")
    obs.attrs.update({"_index": "index", "column-order": ["donor"]})
    obs.create_array("index", data=np.arange(3))
    obs.create_array("donor", data=np.array([1, -1, 0], dtype="i1"))
    obs.create_array("__categories/donor", data=np.array(["b", "a"], dtype="<U1"))
    obs["donor"].attrs["categories"] = "__categories/donor"
    frame = read_labels(tmp_path / "old.zarr", ["donor"])
    assert values(frame["donor"]) == ["a", None, "b"]
    assert list(frame["donor"].cat.categories) == ["b", "a"]


def test_zarr_compound_obs(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    records = np.array([(7, 1, 0.5), (8, 0, 1.5)], dtype=[("index", "i8"), ("donor", "i1"), ("score", "f8")])
    root = zarr.open_group(str(tmp_path / "old.zarr"), mode="w", zarr_format=2)
    root.create_array("obs", data=records)
    root.create_array("uns/donor_categories", data=np.array(["a", "b"], dtype="<U1"))
    frame = read_labels(tmp_path / "old.zarr", ["donor", "score"])
    assert values(frame["donor"]) == ["b", "a"]
    assert values(frame["score"]) == [0.5, 1.5]


def test_zarr_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cells.zarr").mkdir()
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingDependencyError, match="pip install zarr"):
        read_labels(tmp_path / "cells.zarr", ["donor"])


def test_blank_text_is_missing_and_other_text_is_not(tmp_path: Path) -> None:
    frame = read_labels(write_compound(tmp_path / "old.h5ad"), ["note", "method"])
    assert values(frame["note"]) == ["fine", None, None, None, None, "None", "ü", "fine", "b"]
    assert values(frame["method"]) == ["facs"] * 9
    assert label_columns(tmp_path / "old.h5ad")["note"] == "string"


@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_nullable_columns(tmp_path: Path, ending: str) -> None:
    if ending == "zarr":
        pytest.importorskip("zarr")
    obs = pd.DataFrame(
        {
            "gaps": pd.array([1, None, 3], dtype="Int64"),
            "whole": pd.array([1, 2, 3], dtype="Int64"),
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "sure": pd.array([True, False, False], dtype="boolean"),
            "text": pd.array(["b", None, "a"], dtype="string"),
        },
        index=list("xyz"),
    )
    with anndata.settings.override(allow_write_nullable_strings=True):
        path = write_current(tmp_path / f"cells.{ending}", obs)
    frame = read_labels(path, list(obs.columns))
    assert {name: values(frame[name]) for name in frame} == {
        "gaps": [1.0, None, 3.0],
        "whole": [1, 2, 3],
        "maybe": ["True", None, "False"],
        "sure": [True, False, False],
        "text": ["b", None, "a"],
    }
    assert frame["whole"].dtype.kind == "i"
    kinds = label_columns(path)
    assert kinds["gaps"] == "integer"
    assert kinds["maybe"] == "boolean"
    assert kinds["text"] in ("string", "categorical")


def test_masked_categories_of_a_categorical(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        group = file.create_group("obs/donor")
        group["codes"] = np.array([0, 1, 2, -1], dtype="i1")
        group.create_dataset("categories/values", data=["a", "b", "c"], dtype=h5py.string_dtype())
        group["categories/mask"] = np.array([False, True, False])
        masked = file.create_group("obs/text")
        masked.create_dataset("values", data=["a", "b", "c", ""], dtype=h5py.string_dtype())
        masked["mask"] = np.array([True, False, False, False])
    frame = read_labels(tmp_path / "a.h5ad", ["donor", "text"])
    assert values(frame["donor"]) == ["a", None, "c", None]
    assert values(frame["text"]) == [None, "b", "c", None]
    assert label_columns(tmp_path / "a.h5ad") == {"donor": "categorical", "text": "string"}


def test_categories_that_are_numbers_become_text(tmp_path: Path) -> None:
    obs = pd.DataFrame(
        {"age": pd.Categorical([3, 24, 3]), "dose": pd.Categorical([0.5, 3.0, None])}, index=list("abc")
    )
    frame = read_labels(write_current(tmp_path / "a.h5ad", obs), ["age", "dose"])
    assert values(frame["age"]) == ["3", "24", "3"]
    assert values(frame["dose"]) == ["0.5", "3", None]


def test_fixed_length_text_and_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BLOCK_ROWS", 2)
    monkeypatch.setattr(store, "BLOCK_BYTES", 16)
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["obs/fixed"] = np.array([b"b", b"a", b"b", b"", b"c"])
        file["obs/huge"] = np.full(5, 1 << 62)
    frame = read_labels(tmp_path / "a.h5ad", ["fixed", "huge"])
    assert values(frame["fixed"]) == ["b", "a", "b", None, "c"]
    assert list(frame["fixed"].cat.categories) == ["a", "b", "c"]
    assert frame["huge"].tolist() == [1 << 62] * 5


@pytest.mark.parametrize(
    "texts, kept",
    [
        (["001", "002"], "labels"),
        (["1E5", "2E3"], "labels"),
        (["3.1", "3.10"], "labels"),
        (["1e+999", "2"], "labels"),
        (["+1", "2"], "labels"),
        (["9" * 30, "9" * 29 + "8"], "labels"),
        (["1", "x"], "labels"),
        (["1", "-20"], "integers"),
        (["1", ""], "floats"),
        (["1.5", "1e-05"], "floats"),
    ],
)
def test_text_is_a_number_only_where_it_is_plainly_one(tmp_path: Path, texts: list[str], kept: str) -> None:
    table = tmp_path / "cells.csv"
    table.write_text("a,b\n" + "".join(f"{text},.\n" for text in texts))
    column = read_labels(table, ["a"])["a"]
    if kept == "labels":
        assert column.tolist() == texts
    else:
        assert column.dtype.kind == {"integers": "i", "floats": "f"}[kept]
        assert values(column) == [float(text) if text else None for text in texts]


def test_parquet_kinds_and_gaps(tmp_path: Path) -> None:
    frame = cells().assign(gaps=pd.array([None, *range(8)], dtype="Int64"), when=pd.Timestamp("2020-01-02"))
    frame["maybe"] = [None, *frame["passed"][1:]]
    frame.to_parquet(tmp_path / "cells.parquet")
    assert label_columns(tmp_path / "cells.parquet") == {
        "mouse.id": "categorical", "type": "string", "n_genes": "integer", "score": "float",
        "passed": "boolean", "gaps": "integer", "when": "other", "maybe": "boolean",
    }  # fmt: skip
    read = read_labels(tmp_path / "cells.parquet", ["gaps", "maybe", "when"])
    assert values(read["gaps"]) == [None, *range(8)]
    assert values(read["maybe"])[:3] == [None, "False", "True"]
    assert read["when"].astype(str).str.startswith("2020-01-02").all()


def test_a_delimited_file_cannot_tell_kinds(tmp_path: Path) -> None:
    write_table(tmp_path / "cells.csv")
    assert label_columns(tmp_path / "cells.csv") == dict.fromkeys(["cell", *cells().columns], "text")


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_bytes(b"\xef\xbb\xbfdonor,type\r\nm1,T\r\n\r\nm2,B\r\n")
    frame = read_labels(tmp_path / "cells.csv", ["donor", "type"])
    assert frame.astype(str).to_numpy().tolist() == [["m1", "T"], ["m2", "B"]]


def test_rows_of_a_single_column_are_kept_where_blank(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("donor\nm1\n\nm2\n")
    assert values(read_labels(tmp_path / "cells.csv", ["donor"])["donor"]) == ["m1", None, "m2"]


# XML and HDF5 have no NUL within text; a lone carriage return inside quotes is kept too.
text_labels = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.one_of(text_labels, st.sampled_from(HOSTILE)), min_size=1, max_size=8))
@pytest.mark.parametrize("ending", ["h5ad", "csv", "csv.gz", "parquet"])
def test_any_label_survives(tmp_path: Path, ending: str, texts: list[str]) -> None:
    path = tmp_path / f"cells.{ending}"
    texts = [f"{text}~" for text in texts]  # never a number, never blank
    if ending == "h5ad":
        with h5py.File(path, "w") as file:
            file.create_dataset("obs/type", data=texts, dtype=h5py.string_dtype())
    elif ending == "parquet":
        pd.DataFrame({"type": texts}).to_parquet(path)
    else:
        pd.DataFrame({"type": texts, "other": 1}).to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    assert read_labels(path, ["type"])["type"].tolist() == texts


@pytest.mark.parametrize("name", WRITERS)
def test_a_misspelt_column_is_named_with_its_file(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name)
    with pytest.raises(ColumnError, match=rf"(?s)no column 'mouse_id' in .*{name}.*did you mean 'mouse.id'"):
        read_labels(path, ["type", "mouse_id"])


def test_a_column_that_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("donor,donor\na,b\n")
    with pytest.raises(TableError, match="column 'donor' more than once"):
        read_labels(tmp_path / "a.csv", ["donor"])


@pytest.mark.parametrize("columns", ["donor", []])
def test_columns_are_a_list(tmp_path: Path, columns: str | list[str]) -> None:
    with pytest.raises(ArgumentError, match="at least one column name"):
        read_labels(tmp_path / "a.csv", columns)


def test_a_file_that_is_absent(tmp_path: Path) -> None:
    (tmp_path / "atlas.h5ad").touch()
    with pytest.raises(DataAbsentError, match=r"did you mean 'atlas.h5ad'"):
        read_labels(tmp_path / "atlass.h5ad", ["donor"])
    with pytest.raises(DataAbsentError, match="empty or does not exist"):
        read_labels(tmp_path / "nowhere" / "atlas.h5ad", ["donor"])


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.ods", b"PK", r"no known format by its ending\nexpected: one of .h5ad"),
        ("a.h5ad", b"", r"is empty \(0 bytes\)"),
        ("a.csv", b"", r"is empty \(0 bytes\)"),
        ("a.h5ad", b"donor,type\na,b\n", r"a.h5ad' cannot be read: .*file signature not found"),
        ("a.csv", b"\x89HDF\r\n", r"is an HDF5 file, not .csv\n(.|\n)*ends in .h5ad"),
        ("a.csv", b"\x1f\x8b\x08\x00", r"is gzip, not .csv\n(.|\n)*ends in .gz"),
        ("a.tsv", b"PAR1", r"is a Parquet file, not .tsv"),
        ("a.csv", b"\n", r"has no header"),
        ("a.csv", b"donor,type\n", r"holds no cells"),
        ("a.csv", b"donor,type\na,b\nc\n", r"line 3 of '.*a.csv' has 1 fields: column 'type' is missing"),
        ("a.csv", b"donor,type\na,b\na,b,c\n", r"line 3 of '.*a.csv' has 3 fields\nexpected: 2 fields"),
        ("a.csv", b"donor,type\n\x81\xfe,b\n", r"a byte that is not UTF-8 in line 2"),
        ("a.csv", b"donor,t\xc3\xbfpe\na\xff,b\n", r"beside bytes that are not UTF-8 in line|a byte that is not UTF-8"),
        ("a.csv.gz", b"donor,type\na,b\n", r"cannot be read: Not a gzipped file"),
        ("a.parquet", b"PAR1 and no more", r"a.parquet' cannot be read: "),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_labels(tmp_path / name, ["donor"])


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.endswith(("csv", "tsv"))])
def test_truncated_files(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name)
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    with pytest.raises(FileFormatError, match=rf"{name}' cannot be read"):
        read_labels(path, ["mouse.id", "type"])


def test_gzip_with_damage_in_the_middle(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"donor,type\n" + os.urandom(4000).hex().encode() + b",b\n"))
    packed[100:200] = bytes(100)
    (tmp_path / "a.csv.gz").write_bytes(packed)
    with pytest.raises(FileFormatError, match=r"a.csv.gz' cannot be read"):
        read_labels(tmp_path / "a.csv.gz", ["donor"])


def test_directories_and_files_in_each_others_place(tmp_path: Path) -> None:
    (tmp_path / "a.h5ad").mkdir()
    with pytest.raises(FileFormatError, match=r"a.h5ad' is a directory\nexpected: a file for .h5ad"):
        read_labels(tmp_path / "a.h5ad", ["donor"])
    (tmp_path / "a.zarr").write_text("x")
    with pytest.raises(FileFormatError, match=r"a.zarr' is a file\nexpected: a directory store"):
        read_labels(tmp_path / "a.zarr", ["donor"])
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(FileFormatError, match=r"b.zarr' cannot be read"):
        read_labels(tmp_path / "b.zarr", ["donor"])


def test_hdf5_without_obs(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["matrix"] = np.zeros(3)
    with pytest.raises(FileFormatError, match=r"no `obs` in '.*a.h5ad'"):
        label_columns(tmp_path / "a.h5ad")


def test_columns_that_are_no_labels(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["obs/matrix"] = np.zeros((3, 2))
        file["obs/complex"] = np.zeros(3, dtype=complex)
        file.create_group("obs/nested")["deep"] = np.zeros(3)
        file.create_group("obs/void")
        file.create_dataset("obs/ragged", (3,), dtype=h5py.vlen_dtype(np.int32))
        file["obs/codes/codes"] = np.array([0, 5, 0])
        file["obs/codes/categories"] = np.array([b"a"])
        file["obs/latin"] = np.array(["é".encode("latin-1")] * 3)
    path = tmp_path / "a.h5ad"
    for name, message in {
        "matrix": r"column 'matrix' of `obs` in '.*' is an array of shape \(3, 2\)",
        "complex": "is of type complex128",
        "nested": "is a group of deep",
        "void": "is a group of nothing",
        "ragged": "is of type object",
        "codes": "codes 0 to 5 for 1 categories",
        "latin": "(?i)utf-8",
    }.items():
        with pytest.raises(FileFormatError, match=message):
            read_labels(path, [name])
    kinds = label_columns(path)
    assert {name for name, kind in kinds.items() if kind == "other"} == {
        "complex",
        "nested",
        "ragged",
        "void",
    }


def test_reading_needs_neither_anndata_nor_x(tmp_path: Path) -> None:
    """X is unreadable here, and anndata is not imported."""
    path = write_compound(tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        file["X"] = h5py.SoftLink("/nowhere")
    code = (
        "import sys; from concentra.io.cells import read_labels; "
        f"frame = read_labels({str(path)!r}, ['mouse.id']); assert len(frame) == 9; "
        "assert not {'anndata', 'scipy.sparse', 'zarr', 'matplotlib'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_equal_texts_of_different_categories_are_one_label() -> None:
    merged = labels.label_categorical(np.array([0, 1, 2]), [1, "1", None])
    assert list(merged) == ["1", "1", np.nan]
    assert list(merged.categories) == ["1"]


@pytest.mark.data
@pytest.mark.skipif("CONCENTRA_DATA_DIR" not in os.environ, reason="CONCENTRA_DATA_DIR names no data folder")
@pytest.mark.parametrize("method, n_cells, n_known", [("facs", 110824, 57599), ("droplet", 245389, 105351)])
def test_tabula_muris_senis_tables(method: str, n_cells: int, n_known: int) -> None:
    path = Path(os.environ["CONCENTRA_DATA_DIR"]) / "tms" / f"tms_{method}_cells.csv.gz"
    frame = read_labels(
        path, ["mouse.id", "tissue", "cell_ontology_class", "age", "sex"], optional=["treatment"]
    )
    assert frame.shape == (n_cells, 5)
    assert frame[["mouse.id", "cell_ontology_class"]].notna().all(axis=1).sum() == n_known
