"""Counting cells by their labels at any scale: partial counts that add up, whatever the shards.

Everything is one query of DuckDB, which streams Parquet, spills to disk beyond the memory allowed, and sorts by bytes;
files of other forms are counted one by one by their labels and join the query as partial counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import ArgumentError, MissingDependencyError, TableError
from concentra.files import replacing
from concentra.io.cells import read_labels
from concentra.io.tables import file_ending, reading, require_columns

COUNT = "n_cells"
ENDINGS = (".parquet", ".h5ad", ".zarr", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
OUTPUTS = (".csv", ".parquet")
MEMORY = "1GB"
BLANK = r"' ' || chr(9) || chr(10) || chr(13)"


def count_cells(
    paths: Sequence[str | Path], by: Sequence[str], *, shard: tuple[int, int] = (1, 1), memory: str = MEMORY
) -> pd.DataFrame:
    """The number of cells of every combination of labels that occurs.

    Parameters
    ----------
    paths
        Cell tables (`.parquet`, `.h5ad`, `.zarr`, `.csv[.gz]`, `.tsv[.gz]`), read as one; only the columns of `by` are
        read.
    by
        Label columns, at least one.
    shard
        (i, n): count only the i-th of n shares of the rows of each file, 1 <= i <= n. The counts of all n shards,
        merged by `merge_counts`, are those of the whole.
    memory
        What DuckDB may use, such as "1GB"; beyond that it works on disk.

    Returns
    -------
    One row a combination: the columns of `by` as text, missing where a label is missing or blank, and `n_cells` > 0;
    sorted by the labels as bytes, missing ones last, so that the same cells give the same table.

    Raises
    ------
    ColumnError, FileFormatError, DataAbsentError
        As `concentra.io.cells.read_labels`.
    ArgumentError
        Labels or shard are out of range.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = path.write_text("donor,type\\na,B\\na,T\\na,B\\n")
    >>> count_cells([path], ["donor", "type"]).values.tolist()
    [['a', 'B', 2], ['a', 'T', 1]]
    """
    with _counted(paths, by, shard, memory) as (connection, query):
        counts: pd.DataFrame = connection.execute(query).df()
        return counts


def count_to(
    out: str | Path,
    paths: Sequence[str | Path],
    by: Sequence[str],
    *,
    shard: tuple[int, int] = (1, 1),
    memory: str = MEMORY,
) -> int:
    """Write `count_cells` to a `.csv` or `.parquet` file, without holding it in memory; the number of rows.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "cells.csv").write_text("type\\nB\\nT\\nB\\n")
    >>> count_to(folder / "counts.csv", [folder / "cells.csv"], ["type"]), (folder / "counts.csv").read_text()
    (2, 'type,n_cells\\nB,2\\nT,1\\n')
    """
    with _counted(paths, by, shard, memory) as (connection, query):
        return _copy(connection, query, Path(out))


def merge_counts(out: str | Path, parts: Sequence[str | Path], *, memory: str = MEMORY) -> int:
    """Write the sum of partial counts, files that `count_to` wrote, in its order; the number of rows.

    Of all shards it is the whole: a `.csv` byte for byte, a `.parquet` row for row.

    Raises
    ------
    TableError
        The parts were not counted by the same labels.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("type,n_cells\\nB,2\\n")
    >>> merge_counts(folder / "sum.csv", [folder / "a.csv", folder / "a.csv"]), (folder / "sum.csv").read_text()
    (1, 'type,n_cells\\nB,4\\n')
    """
    if not parts:
        raise ArgumentError(
            found="no partial counts", expected="one or more files", mend="name the files to merge"
        )
    with _connected(memory) as connection:
        selects, labels = [], None
        for part in map(Path, parts):
            source = _source(part)
            with _reading(part, "partial counts that `concentra count` wrote"):
                names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
            if names[-1:] != [COUNT] or (labels is not None and names[:-1] != labels):
                raise TableError(
                    found=f"{part.name} has the columns {', '.join(names)}",
                    expected=f"{', '.join([*(labels or ['labels']), COUNT])}, the same in every part",
                    mend="merge only parts that were counted by the same labels",
                )
            labels = names[:-1]
            columns = ", ".join(map(_name, labels))
            selects.append(f"SELECT {columns}, CAST({COUNT} AS BIGINT) AS {COUNT} FROM {source}")
        return _copy(connection, _summed(connection, selects, labels or []), Path(out))


@contextmanager
def _counted(
    paths: Sequence[str | Path], by: Sequence[str], shard: tuple[int, int], memory: str
) -> Iterator[tuple[Any, str]]:
    labels, (place, shards) = list(by), shard
    if not labels or len(set(labels)) < len(labels) or COUNT in labels:
        raise ArgumentError(
            found=f"by={labels}",
            expected=f"one or more different label columns, none of them {COUNT!r}",
            mend="name each column once, such as --by donor_id,tissue,cell_type",
        )
    if not 1 <= place <= shards:
        raise ArgumentError(
            found=f"shard {place}/{shards}", expected="I/N with 1 <= I <= N", mend="such as --shard 1/8"
        )
    if not paths:
        raise ArgumentError(
            found="no cell table", expected="one or more files", mend="name the files to count"
        )
    with _connected(memory) as connection:
        selects = [_select(connection, Path(path), labels, place - 1, shards) for path in paths]
        yield connection, _summed(connection, selects, labels)


@contextmanager
def _connected(memory: str) -> Iterator[Any]:
    try:
        import duckdb
    except ImportError as problem:
        raise MissingDependencyError(
            found="duckdb is not installed",
            expected="the package that groups cells at scale",
            mend='pip install "concentra[scale]"',
        ) from problem
    with tempfile.TemporaryDirectory() as spill:
        settings: dict[str, Any] = {
            "memory_limit": memory,
            "temp_directory": spill,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=settings) as connection:
            yield connection


def _select(connection: Any, path: Path, by: list[str], place: int, shards: int) -> str:
    """A query of the partial counts of one file."""
    if file_ending(path, ENDINGS) != ".parquet":
        name = f"counted_{len(connection.execute('SHOW TABLES').fetchall())}"
        connection.register("counted", _count_labels(path, by, place, shards))
        connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM counted")
        return f"SELECT * FROM {name}"
    source = _text(str(path))
    with _reading(path, "a Parquet file"):
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({source})").fetchall()
        found = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({source})").fetchone()
    require_columns(path, by, [row[0] for row in described])
    low, high = _share(int(found[0]), place, shards)
    columns = ", ".join(f"CAST({_name(label)} AS VARCHAR) AS {_name(label)}" for label in by)
    wanted = f"WHERE file_row_number >= {low} AND file_row_number < {high}" if shards > 1 else ""
    rows = f"read_parquet({source}{', file_row_number=true' if shards > 1 else ''})"
    return f"SELECT {columns}, count(*)::BIGINT AS {COUNT} FROM {rows} {wanted} GROUP BY ALL"


@contextmanager
def _reading(path: Path, expected: str) -> Iterator[None]:
    """As `concentra.io.tables.reading`, for DuckDB, whose errors are no built-in ones."""
    import duckdb

    with reading(path, expected):
        try:
            yield
        except duckdb.Error as error:
            raise OSError(str(error)) from error


def _count_labels(path: Path, by: list[str], place: int, shards: int) -> pd.DataFrame:
    cells = read_labels(path, by)
    low, high = _share(len(cells), place, shards)
    counts = cells.iloc[low:high].groupby(by, dropna=False, sort=False, observed=True).size().rename(COUNT)
    frame = counts.reset_index()
    for label in by:
        column = frame[label].astype(object)
        frame[label] = column.map(str, na_action="ignore").where(column.notna(), None).astype("string")
    return frame


def _share(n_rows: int, place: int, shards: int) -> tuple[int, int]:
    return n_rows * place // shards, n_rows * (place + 1) // shards


def _summed(connection: Any, selects: list[str], labels: list[str]) -> str:
    """The sum of partial counts: blank labels are missing ones, as everywhere; sorted by bytes, missing last.

    Counts are grouped once; a second time only where several files or blank labels make rows that must be added.
    """
    connection.execute(
        f"CREATE TEMP TABLE partial AS {' UNION ALL '.join(f'({select})' for select in selects)}"
    )
    blank = " OR ".join(f"trim({_name(label)}, {BLANK}) = ''" for label in labels)
    found = connection.execute(f"SELECT count(*) FROM partial WHERE {blank}").fetchone()
    order = ", ".join(f"{_name(label)} NULLS LAST" for label in labels)
    connection.execute("SET preserve_insertion_order = true")  # what is sorted is written in that order
    if len(selects) == 1 and not found[0]:
        return f"SELECT * FROM partial ORDER BY {order}"
    cleaned = ", ".join(
        f"CASE WHEN trim({_name(label)}, {BLANK}) = '' THEN NULL ELSE {_name(label)} END AS {_name(label)}"
        for label in labels
    )
    return f"SELECT {cleaned}, sum({COUNT})::BIGINT AS {COUNT} FROM partial GROUP BY ALL ORDER BY {order}"


def _source(path: Path) -> str:
    if file_ending(path, OUTPUTS) == ".parquet":
        return f"read_parquet({_text(str(path))})"
    return f"read_csv({_text(str(path))}, header=true, all_varchar=true, nullstr='')"


def _copy(connection: Any, query: str, out: Path) -> int:
    ending = ending_of_output(out)
    with replacing(out) as temporary:
        how = "FORMAT parquet" if ending == ".parquet" else "FORMAT csv, HEADER true"
        result = connection.execute(f"COPY ({query}) TO {_text(str(temporary))} ({how})").fetchone()
    return int(result[0])


def ending_of_output(out: Path) -> str:
    """`.csv` or `.parquet`; any other is refused before anything is counted."""
    if out.suffix not in OUTPUTS:
        raise ArgumentError(
            found=f"the output {out.name}",
            expected="a file ending in .csv or .parquet",
            mend="such as --out counts.csv",
        )
    return out.suffix


def _name(label: str) -> str:
    return '"' + label.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
