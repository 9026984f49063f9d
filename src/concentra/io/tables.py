"""Tables in files, read strictly: text, spreadsheets, data frames of R, Parquet. What is damaged is an error.

================================  =====================================================================================
``.csv``, ``.tsv``, ``.txt``      commas, semicolons or tabs, whichever the content shows; UTF-8, UTF-16, Windows-1252;
                                  plain or ``.gz``, ``.bz2``, ``.xz``, ``.zst``
``.xlsx``                         the first sheet
``.rds``, ``.RData``, ``.rda``    a data frame of R
``.parquet``                      any writer
================================  =====================================================================================

Text stays text here. Whether a column of text holds numbers is decided by whoever reads it, so that a donor called
``001`` does not become 1.
"""

from __future__ import annotations

import csv
import lzma
import os
import shlex
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import (
    ColumnError,
    ConcentraError,
    DataAbsentError,
    FileFormatError,
    TableError,
    nearest,
)
from concentra.io.compressed import COMPRESSIONS, refuse_disguise
from concentra.io.dialect import Dialect, find_dialect

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
DELIMITED = {kind + packed: one for kind, one in _SEPARATORS.items() for packed in COMPRESSIONS}
"""Endings of text, and the separator that each suggests."""
SPREADSHEETS = (".xlsx",)
R_DATA = (".rds", ".rdata", ".rda")
UNTYPED = (*DELIMITED, *SPREADSHEETS)
"""Endings of tables whose columns are all read as text."""
TABLES = (*UNTYPED, *R_DATA, ".parquet")

CONVERSIONS = {
    ".loom": "in Python: anndata.read_loom('a.loom').write_h5ad('a.h5ad')",
    ".h5mu": "in Python: mudata.read('a.h5mu').mod['rna'].write_h5ad('a.h5ad'), or the modality that has the labels",
    ".h5": "counts of 10x have no labels: add donor and cell type to scanpy.read_10x_h5('a.h5').obs, and write .h5ad",
    ".h5seurat": "in R: write.csv(object@meta.data, 'a.csv')",
    ".json": "in Python: pandas.read_json('a.json').to_csv('a.csv', index=False)",
    ".zip": "unpack it, and name the files in it",
    ".gz": "unpack it: only text is read as .gz",
} | dict.fromkeys((".xls", ".xlsb", ".xlsm", ".ods", ".numbers"), "save the sheet as .xlsx or .csv")
"""What to do with formats that are not read."""


def file_ending(path: str | Path, accepted: Sequence[str]) -> str:
    """Which of the accepted endings an existing path has; errors name the path.

    Parameters
    ----------
    path
        A file, or a directory where it ends in ``.zarr``.
    accepted
        Endings such as ``.csv.gz``; the longest that fits is returned.
    """
    place = Path(path)
    if not os.path.exists(place):  # noqa: PTH110 - Path.exists raises for a name too long
        raise _absent(place)
    fitting = [ending for ending in accepted if place.name.lower().endswith(ending)]
    if not fitting:
        packed = any(ending in accepted for ending in DELIMITED if ending not in _SEPARATORS)
        known = ", ".join(one for one in accepted if one in _SEPARATORS or one not in DELIMITED)
        raise FileFormatError(
            found=f"{str(place)!r} is a folder"
            if place.is_dir()
            else f"{str(place)!r}: no known format by its ending",
            expected=f"one of {known}" + "; text also as .gz, .bz2, .xz, .zst" * packed,
            fix=_conversion(place),
        )
    ending = max(fitting, key=len)
    if place.is_dir() != (ending == ".zarr"):
        found, expected = ("a directory", "a file") if place.is_dir() else ("a file", "a directory store")
        raise FileFormatError(
            found=f"{str(place)!r} is {found}",
            expected=f"{expected} for {ending}",
            fix="name the right path",
        )
    if not place.is_dir() and not place.is_file():
        raise FileFormatError(
            found=f"{str(place)!r} is a pipe or a device",
            expected="a file, which is read more than once",
            fix="save what comes from it to a file",
        )
    if place.is_file() and place.stat().st_size == 0:
        raise FileFormatError(
            found=f"{str(place)!r} is empty (0 bytes)",
            expected=f"a whole {ending} file",
            fix="export it or download it again",
        )
    return ending


def _absent(place: Path) -> DataAbsentError:
    if str(place) == "-":
        what, fix = "standard input", "save what the other program writes to a file, and name it"
    elif os.path.islink(place):  # noqa: PTH114 - as above
        what, fix = f"no file where the link {str(place)!r} leads", "renew the link, or name the file itself"
    else:
        what, fix = f"no file {str(place)!r}", _siblings(place)
    return DataAbsentError(found=what, expected="a file that exists", fix=fix)


def _conversion(place: Path) -> str:
    """How to make a file of a known format of one that is not."""
    if place.is_dir():
        return f"name the files in it, such as {shlex.quote(str(place))}/*.csv"
    known = (how for ending, how in CONVERSIONS.items() if place.name.lower().endswith(ending))
    return next(known, "convert the file, or rename it if only its name is wrong")


def _siblings(place: Path) -> str:
    names = [other.name for other in place.parent.iterdir()] if place.parent.is_dir() else []
    if names:
        return f"check the path; in {str(place.parent)!r} {nearest(place.name, names)}"
    return f"check the path; the folder {str(place.parent)!r} is empty or does not exist"


@contextmanager
def reading(path: str | Path, expected: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a `FileFormatError` that names it."""
    try:
        yield
    except ConcentraError:
        raise
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
        csv.Error,
    ) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise FileFormatError(
            found=f"{str(path)!r} cannot be read: {reason}",
            expected=expected,
            fix="fetch or write the file again; it may be truncated, corrupt, or named wrongly",
        ) from error


def require_columns(path: str | Path, names: Sequence[str], existing: Sequence[str]) -> None:
    """Raise where a named column is missing, or there twice."""
    for name in names:
        if name not in existing:
            raise ColumnError(
                found=f"no column {name!r} in {str(path)!r}",
                expected=f"the columns {', '.join(map(repr, names))}",
                fix=f"name another column: {nearest(name, existing)}",
            )
        if list(existing).count(name) > 1:
            raise TableError(
                found=f"column {name!r} more than once in {str(path)!r}",
                expected="distinct column names",
                fix="rename or remove one of them",
            )


def table_columns(path: str | Path, ending: str) -> dict[str, str] | list[str]:
    """The columns of a table: names where all is text, names and kinds of a Parquet file or a data frame of R."""
    refuse_disguise(path, ending)
    if ending == ".parquet":
        from concentra.io.parquet import parquet_columns

        return parquet_columns(path)
    if ending in R_DATA:
        return {str(name): _pandas_kind(values) for name, values in _r_frame(path, []).items()}
    if ending in SPREADSHEETS:
        return list(_spreadsheet(path, []).columns)
    return _named(_dialect(path, ending))


def separator_of(path: str | Path) -> str | None:
    """The character between the columns of a text file; None for other files."""
    ending = file_ending(path, TABLES) if str(path).lower().endswith(tuple(DELIMITED)) else ""
    return _dialect(path, ending).separator if ending in DELIMITED else None


def _dialect(path: str | Path, ending: str) -> Dialect:
    with reading(path, "a table of text with column names in its first line"):
        return find_dialect(path, DELIMITED[ending])


def table_separator(path: str | Path, ending: str) -> str | None:
    """The character between the columns of a text table, None for other tables."""
    return _dialect(path, ending).separator if ending in DELIMITED else None


def _named(dialect: Dialect) -> list[str]:
    return [name for place, name in enumerate(dialect.names) if place not in dialect.blank]


def _spreadsheet(path: str | Path, notes: list[str]) -> pd.DataFrame:
    from concentra.io.spreadsheets import read_spreadsheet

    with reading(path, "a whole spreadsheet"):
        return read_spreadsheet(path, notes)


def _r_frame(path: str | Path, notes: list[str]) -> pd.DataFrame:
    from concentra.io.r_data import read_r_frame

    with reading(path, "a data frame of R"):
        return read_r_frame(path, notes)


def _pandas_kind(values: pd.Series) -> str:
    checks: dict[str, Callable[[Any], bool]] = {
        "categorical": lambda kind: isinstance(kind, pd.CategoricalDtype),
        "boolean": pd.api.types.is_bool_dtype,
        "integer": pd.api.types.is_integer_dtype,
        "float": pd.api.types.is_float_dtype,
        "string": lambda kind: pd.api.types.is_string_dtype(kind) or pd.api.types.is_object_dtype(kind),
    }
    return next((name for name, check in checks.items() if check(values.dtype)), "other")


def read_table(
    path: str | Path, ending: str, columns: Sequence[str] | None = None, *, notes: list[str] | None = None
) -> pd.DataFrame:
    """The named columns of a table, rows in the order of the file.

    Parameters
    ----------
    path
        A file with one of the endings `TABLES`.
    ending
        What `file_ending` says of it.
    columns
        Names that exist; None reads all.
    notes
        Sentences on what was inferred (separator, encoding, comment lines, a column without name) are appended.

    Returns
    -------
    DataFrame
        Index 0, 1, .... Columns of `UNTYPED` files are categoricals of text, blanks being the empty text; those of
        Parquet and R are as they were written, text as categoricals.

    Raises
    ------
    ColumnError
        A column is not there.
    TableError
        A column without name that is not empty, or two of one name.
    FileFormatError
        The file is truncated, damaged, or not what its name says; with line and column where it has them.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = place.write_text("donor;n\\nm1;3\\n")
    >>> notes = []
    >>> read_table(place, ".csv", notes=notes).astype(str).values.tolist(), len(notes)
    ([['m1', '3']], 1)
    """
    refuse_disguise(path, ending)
    noted: list[str] = [] if notes is None else notes
    if ending == ".parquet":
        from concentra.io.parquet import read_parquet

        return read_parquet(path, columns)
    if ending in DELIMITED:
        return _read_text(path, ending, columns, noted)
    frame = _spreadsheet(path, noted) if ending in SPREADSHEETS else _r_frame(path, noted)
    names = list(frame.columns) if columns is None else list(columns)
    require_columns(path, names, list(frame.columns))
    return frame[names]


def delimited_batches(
    path: str | Path, ending: str, names: Sequence[str], *, notes: list[str] | None = None
) -> Iterator[Any]:
    """The named columns of a table that is not Parquet as Arrow batches of a few megabytes; text as dictionaries.

    Raises
    ------
    ColumnError, TableError, FileFormatError
        As `read_table`.
    """
    import pyarrow

    noted: list[str] = [] if notes is None else notes
    if ending in DELIMITED:
        refuse_disguise(path, ending)
        yield from _text_batches(path, _dialect(path, ending), names, noted)
    else:
        frame = read_table(path, ending, names, notes=noted)
        yield from pyarrow.Table.from_pandas(frame, preserve_index=False).to_batches()


def _text_batches(
    path: str | Path, dialect: Dialect, names: Sequence[str], notes: list[str]
) -> Iterator[Any]:
    from concentra.io.text import text_batches

    require_columns(path, names, _named(dialect))
    notes.extend(dialect.notes)
    with reading(path, f"text, every row with the {len(dialect.names)} fields of the header"):
        yield from text_batches(path, dialect, names, notes)


def _read_text(
    path: str | Path, ending: str, columns: Sequence[str] | None, notes: list[str]
) -> pd.DataFrame:
    import pyarrow

    dialect = _dialect(path, ending)
    names = _named(dialect) if columns is None else list(columns)
    schema = pyarrow.schema([(name, pyarrow.dictionary(pyarrow.int32(), pyarrow.utf8())) for name in names])
    table = pyarrow.Table.from_batches(_text_batches(path, dialect, names, notes), schema)
    frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
    return frame
