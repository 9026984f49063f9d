"""Delimited and Parquet tables, read strictly: a ragged or truncated file is an error, never a guess.

Text stays text here. Whether a column of a delimited file holds numbers is decided by whoever reads it, so
that a donor called ``001`` does not become 1.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
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

DELIMITED = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
TABLES = (*DELIMITED, ".parquet")
BLOCK_BYTES = 8 << 20  # the longest row that can be read
_MAGIC = {
    b"\x89HDF": (".h5ad", "an HDF5 file"),
    b"PAR1": (".parquet", "a Parquet file"),
    b"\x1f\x8b": (".gz", "gzip"),
}


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
    if not place.exists():
        raise DataAbsentError(
            found=f"no file {str(place)!r}", expected="a file that exists", fix=_siblings(place)
        )
    fitting = [ending for ending in accepted if place.name.lower().endswith(ending)]
    if not fitting:
        known = ", ".join(accepted)
        raise FileFormatError(
            found=f"{str(place)!r}, whose ending says no known format",
            expected=f"one of {known}",
            fix="convert the file, or rename it if only its name is wrong",
        )
    ending = max(fitting, key=len)
    if place.is_dir() != (ending == ".zarr"):
        found, expected = ("a directory", "a file") if place.is_dir() else ("a file", "a directory store")
        raise FileFormatError(
            found=f"{str(place)!r} is {found}",
            expected=f"{expected} for {ending}",
            fix="name the right path",
        )
    if place.is_file() and place.stat().st_size == 0:
        raise FileFormatError(
            found=f"{str(place)!r} is empty (0 bytes)",
            expected=f"a whole {ending} file",
            fix="fetch it again",
        )
    return ending


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
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, zlib.error, csv.Error) as error:
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
    """The columns of a table: names of a delimited file, names and kinds of a Parquet file."""
    if ending == ".parquet":
        from concentra.io.parquet import parquet_columns

        return parquet_columns(path)
    return _header(path, ending)


def _header(path: str | Path, ending: str) -> list[str]:
    _refuse_disguise(path, ending)
    with reading(path, f"UTF-8 text with the separator {DELIMITED[ending]!r}"):
        opener = gzip.open if ending.endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as handle:
            names = next(csv.reader(handle, delimiter=DELIMITED[ending]), [])
    if not any(names):
        raise FileFormatError(
            found=f"{str(path)!r} has no header",
            expected="column names in the first line",
            fix="add a header",
        )
    for separator, what in ((",", "commas"), (";", "semicolons"), ("\t", "tabulators")):
        if len(names) == 1 and names[0].count(separator) > 1:
            raise FileFormatError(
                found=f"{str(path)!r} has {what} between its columns",
                expected=f"the separator {DELIMITED[ending]!r} of {ending}",
                fix="name a file with tabulators .tsv; write one with semicolons again, with commas",
            )
    return names


def _refuse_disguise(path: str | Path, ending: str) -> None:
    with Path(path).open("rb") as handle:
        start = handle.read(4)
    for magic, (suffix, what) in _MAGIC.items():
        if start.startswith(magic) and not ending.endswith(suffix):
            raise FileFormatError(
                found=f"{str(path)!r} is {what}, not {ending}",
                expected=f"the format that {ending} says",
                fix=f"rename it so that it ends in {suffix}",
            )


def read_table(path: str | Path, ending: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The named columns of a table, rows in the order of the file.

    Parameters
    ----------
    path
        A ``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz`` or ``.parquet`` file.
    ending
        What `file_ending` says of it.
    columns
        Names that exist; None reads all.

    Returns
    -------
    DataFrame
        Columns of delimited files are categoricals of text, blanks being the empty text; those of Parquet
        files are as they were written, text as categoricals.
    """
    if ending == ".parquet":
        from concentra.io.parquet import read_parquet

        return read_parquet(path, columns)
    header = _header(path, ending)
    names = header if columns is None else list(columns)
    require_columns(path, names, header)
    return _read_delimited(path, ending, names, n_columns=len(header))


def delimited_batches(path: str | Path, ending: str, names: Sequence[str]) -> Iterator[Any]:
    """The named columns of a delimited table as Arrow batches of a few megabytes; text as dictionaries.

    Raises
    ------
    ColumnError
        A column is not there.
    FileFormatError
        As `read_table`.
    """
    import pyarrow.csv

    header = _header(path, ending)
    require_columns(path, names, header)
    with reading(path, _rows_of(len(header))):
        try:
            yield from pyarrow.csv.open_csv(path, **_csv_options(ending, names, len(header)))
        except pyarrow.ArrowInvalid as error:
            if "Empty CSV" not in str(error):  # a header and no row
                raise


def _read_delimited(path: str | Path, ending: str, names: list[str], *, n_columns: int) -> pd.DataFrame:
    import pyarrow.csv

    with reading(path, _rows_of(n_columns)):
        table = pyarrow.csv.read_csv(path, **_csv_options(ending, names, n_columns))
        frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
    return frame[names]


def _rows_of(n_columns: int) -> str:
    return f"UTF-8 text, every row with the {n_columns} fields of the header"


def _csv_options(ending: str, names: Sequence[str], n_columns: int) -> dict[str, Any]:
    import pyarrow
    import pyarrow.csv

    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.utf8())
    return {
        "read_options": pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=DELIMITED[ending], newlines_in_values=True, ignore_empty_lines=n_columns > 1
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, text), strings_can_be_null=False
        ),
    }
