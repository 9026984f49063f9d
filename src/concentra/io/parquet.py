"""Columns of Parquet files, a stretch of rows at a time; every row that the file announces, or an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import FileFormatError
from concentra.io.tables import reading, require_columns

BATCH_ROWS = 1 << 20


@contextmanager
def reading_parquet(path: str | Path) -> Iterator[None]:
    """Turn whatever goes wrong while a Parquet file is read into a `FileFormatError` that names it."""
    with reading(path, "a whole Parquet file"):
        try:
            yield
        except (
            MemoryError,
            TypeError,
            IndexError,
        ) as problem:  # what Arrow raises beside ValueError and OSError
            raise ValueError(str(problem) or type(problem).__name__) from problem


def parquet_columns(path: str | Path) -> dict[str, str]:
    """Name and kind of each column: categorical, string, integer, float, boolean or other."""
    import pyarrow.parquet

    with reading_parquet(path):
        schema = pyarrow.parquet.read_schema(path)
        kinds = {field.name: _kind(field.type) for field in schema}
        names = schema.names
    if len(kinds) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FileFormatError(
            found=f"{str(path)!r} has more than one column {twice!r}",
            expected="distinct column names",
            fix="rename or remove one of them",
        )
    return {name: kind for name, kind in kinds.items() if not name.startswith("__index_level_")}


def _kind(kind: object) -> str:
    from pyarrow import types

    checks = {
        "categorical": types.is_dictionary,
        "boolean": types.is_boolean,
        "integer": types.is_integer,
        "float": types.is_floating,
        "string": lambda it: types.is_string(it) or types.is_large_string(it),
    }
    return next((name for name, check in checks.items() if check(kind)), "other")


def read_parquet(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The named columns, rows in the order of the file: as they were written, text as categoricals.

    Parameters
    ----------
    path
        A Parquet file.
    columns
        Names that exist; None reads all.

    Raises
    ------
    ColumnError, FileFormatError
        A column is not there; the file is damaged, or does not hold the rows that it announces.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cells.parquet"
    >>> pd.DataFrame({"donor": ["a", "b"], "age": [3, 24]}).to_parquet(path)
    >>> read_parquet(path, ["age"])
       age
    0    3
    1   24
    """
    import pyarrow

    names = list(parquet_columns(path)) if columns is None else list(columns)
    batches = list(parquet_batches(path, names, names))
    with reading_parquet(path):
        schema = None if batches else _schema(path, names)
        table = pyarrow.Table.from_batches(batches, schema=schema)
        frame: pd.DataFrame = table.unify_dictionaries().to_pandas(ignore_metadata=True)
    return frame


def _schema(path: str | Path, names: Sequence[str]) -> Any:
    """Of the columns of a file without rows."""
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(path)
    return pyarrow.schema([schema.field(name) for name in names])


def parquet_batches(
    path: str | Path,
    names: Sequence[str],
    labels: Sequence[str],
    rows: tuple[int, int] | None = None,
    *,
    size: int = BATCH_ROWS,
) -> Iterator[Any]:
    """The named columns of a stretch of rows as Arrow batches, each seen to be valid.

    Parameters
    ----------
    path
        A Parquet file.
    names
        Columns that are read.
    labels
        Those whose text comes as dictionaries.
    rows
        First row, and the row after the last; all where left out.
    size
        Rows of a batch, at most.
    """
    import pyarrow.parquet

    require_columns(path, names, list(parquet_columns(path)))
    with (
        reading_parquet(path),
        pyarrow.parquet.ParquetFile(
            path, read_dictionary=list(labels), page_checksum_verification=True
        ) as file,
    ):
        _refuse_claims(file.metadata, Path(path).stat().st_size)
        low, high = rows or (0, file.metadata.num_rows)
        groups, position = _row_groups(file.metadata, low, high)
        for batch in file.iter_batches(size, row_groups=groups, columns=list(names)):
            batch.validate(full=True)
            first = max(low - position, 0)
            yield batch.select(list(names)).slice(first, max(min(high - position, batch.num_rows) - first, 0))
            position += batch.num_rows
        if position < high:
            raise ValueError(f"it announces {file.metadata.num_rows:,} rows and holds fewer")


def parquet_length(path: str | Path) -> int:
    """The number of rows that the file announces."""
    import pyarrow.parquet

    with reading_parquet(path):
        return int(pyarrow.parquet.read_metadata(path).num_rows)


def _refuse_claims(metadata: Any, n_bytes: int) -> None:
    """Refuse row groups that do not add up, and columns that lie outside the file."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    if metadata.num_rows != sum(group.num_rows for group in groups) or any(
        one.num_rows < 0 for one in groups
    ):
        raise ValueError(f"its row groups do not add up to the {metadata.num_rows:,} rows that it announces")
    for group in groups:
        for place in range(group.num_columns):
            column = group.column(place)
            start = column.data_page_offset
            if column.has_dictionary_page and column.dictionary_page_offset:
                start = min(start, column.dictionary_page_offset)
            if (
                start < 0
                or column.total_compressed_size < 0
                or start + column.total_compressed_size > n_bytes
            ):
                raise ValueError(f"column {column.path_in_schema!r} lies outside the file")


def _row_groups(metadata: Any, low: int, high: int) -> tuple[list[int], int]:
    """The row groups that hold rows low to high, and the row with which the first of them begins."""
    inside: list[int] = []
    start, before = 0, low
    for place in range(metadata.num_row_groups):
        stop = start + metadata.row_group(place).num_rows
        if start < high and stop > low:
            before = before if inside else start
            inside.append(place)
        start = stop
    return inside, before if inside else high
