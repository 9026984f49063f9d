"""From blocks of label codes to sorted counts: DuckDB groups and sorts small whole numbers, never text.

Each label becomes a number when it is first seen. The rows stream through one grouping by these numbers, which DuckDB
does on all processors, and on disk beyond the memory allowed; the few counts that remain are sorted by the rank of
each label, and only then become text. Equal counts are therefore equal bytes, however the rows were divided.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from concentra.errors import AmountError, ArgumentError, MissingDependencyError
from concentra.files import replacing
from concentra.io.blocks import MISSING, Block, Codes

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

COUNT = "n_cells"
OUTPUTS = (".csv", ".parquet")
MEMORY = "1GB"
AMOUNT = re.compile(r"0*[1-9]\d{0,11}(\.\d+)? ?([KMGT]i?)?B", re.IGNORECASE)
WRITTEN_ROWS = 1 << 16  # rows of a row group of Parquet, and those held as text at a time


@dataclass(frozen=True)
class Counted:
    """What was counted.

    Attributes
    ----------
    n_combinations
        Rows of the counts.
    n_cells
        Their sum.
    n_missing
        For each label column, the cells in which it is missing.
    """

    n_combinations: int
    n_cells: int
    n_missing: Mapping[str, int]

    def __str__(self) -> str:
        missing = [f"{name} missing in {count:,}" for name, count in self.n_missing.items() if count]
        return ", ".join([f"{self.n_combinations:,} combinations of {self.n_cells:,} cells", *missing])


class Counts:
    """Sorted counts in an open connection, to be taken in stretches of rows or written."""

    def __init__(self, connection: Any, labels: Sequence[str], codes: Sequence[Codes]) -> None:
        self._connection, self._names = connection, list(labels)
        self._labels: list[list[str | None]] = []
        for place, one in enumerate(codes):
            texts, ranks = one.ranked()
            self._labels.append(texts)
            connection.register(f"rank{place}", _table({"code": np.arange(len(ranks)), "place": ranks}))

    def summary(self) -> Counted:
        """How many combinations and cells there are, and how many lack each label."""
        lacking = [
            f"coalesce(sum(n) FILTER (label{place} = {MISSING}), 0)" for place in range(len(self._names))
        ]
        query = f"SELECT count(*), coalesce(sum(n), 0), {', '.join(lacking)} FROM grouped"
        rows, cells, *missing = map(int, self._connection.execute(query).fetchall()[0])
        return Counted(rows, cells, dict(zip(self._names, missing, strict=True)))

    def batches(self) -> Iterator[tuple[list[pyarrow.Array], pyarrow.Array]]:
        """The rank of each label, and the counts, sorted; `WRITTEN_ROWS` rows at a time, the last fewer."""
        import pyarrow

        places = range(len(self._names))
        ranks = ", ".join(f"rank{place}.place AS place{place}" for place in places)
        tables = ", ".join(["grouped", *(f"rank{place}" for place in places)])
        same = " AND ".join(f"label{place} = rank{place}.code" for place in places)
        query = (
            f"SELECT {ranks}, n FROM {tables} WHERE {same} ORDER BY {', '.join(f'place{p}' for p in places)}"
        )
        reader = self._connection.sql(query).to_arrow_reader(WRITTEN_ROWS)
        for table in _even(reader, pyarrow.Table.from_batches([], reader.schema)):
            columns = [column.combine_chunks() for column in table.columns]
            yield columns[:-1], columns[-1]

    def frame(self) -> pd.DataFrame:
        """The counts as a frame."""
        import pyarrow

        tables = [self._text_table(ranks, counts) for ranks, counts in self.batches()]
        empty = self._text_table([pyarrow.array([], pyarrow.int32())] * len(self._names), [])
        frame: pd.DataFrame = pyarrow.concat_tables([empty, *tables]).to_pandas()
        return frame

    def write(self, out: Path) -> None:
        """Write the counts to a `.csv` or `.parquet` file, whole or not at all."""
        ending = ending_of_output(out)
        with replacing(out) as temporary:
            if ending == ".csv":
                with temporary.open("wb") as handle:
                    self._write_csv(handle)
            else:
                self._write_parquet(temporary)

    def _write_csv(self, handle: IO[bytes]) -> None:
        import pyarrow
        import pyarrow.compute

        text = pyarrow.large_string()  # labels may be long: their sum in a batch is not limited to 2 GB
        quoted = [pyarrow.array(map(_quoted, texts), text) for texts in self._labels]
        handle.write((",".join(map(_quoted, [*self._names, COUNT])) + "\n").encode())
        for ranks, counts in self.batches():
            fields = [texts.take(rank) for texts, rank in zip(quoted, ranks, strict=True)]
            fields += [counts.cast(text), pyarrow.scalar(",", text)]
            lines = pyarrow.compute.binary_join_element_wise(*fields)
            handle.write("\n".join([*lines.to_pylist(), ""]).encode())

    def _write_parquet(self, path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        schema = self._text_table([pyarrow.array([], pyarrow.int32())] * len(self._names), []).schema
        with pyarrow.parquet.ParquetWriter(path, schema, compression="snappy") as writer:
            for ranks, counts in self.batches():
                writer.write_table(self._text_table(ranks, counts))

    def _text_table(self, ranks: Sequence[Any], counts: Any) -> Any:
        import pyarrow

        texts = [pyarrow.array(one, pyarrow.string()) for one in self._labels]
        columns = [text.take(rank) for text, rank in zip(texts, ranks, strict=True)]
        return pyarrow.table([*columns, pyarrow.array(counts, pyarrow.int64())], [*self._names, COUNT])


@contextmanager
def grouped(
    blocks: Iterable[Block], labels: Sequence[str], *, amounts: bool = False, memory: str = MEMORY
) -> Iterator[Counts]:
    """The counts of every combination of labels that occurs.

    Parameters
    ----------
    blocks
        Rows, with the labels in the same order in every block.
    labels
        Names of the labels.
    amounts
        Whether rows of blocks stand for their `amounts` of cells; else each for one.
    memory
        What DuckDB may use, such as "1GB"; beyond that it works on disk, in the folder that TMPDIR names.

    Raises
    ------
    ArgumentError
        `memory` is no amount of memory, or too little.

    Examples
    --------
    >>> from concentra.io.blocks import Coded
    >>> block = Block((Coded(np.array([0, 1, 0, -1]), ["T", "B"]),))
    >>> with grouped([block, block], ["type"]) as counts:
    ...     counts.frame().values.tolist(), str(counts.summary())
    ([['B', 2], ['T', 4], [None, 2]], '3 combinations of 8 cells, type missing in 2')
    """
    codes = [Codes() for _ in labels]
    with _connected(memory) as connection:
        names = [f"label{place}" for place in range(len(codes))] + (["amount"] if amounts else [])
        total = "sum(amount)" if amounts else "count(*)"
        keys = ", ".join(names[: len(codes)])
        query = f"SELECT {keys}, CAST({total} AS BIGINT) AS n FROM cells GROUP BY {keys}"
        stop, read = Event(), [0]
        with _streamed(blocks, codes, names, stop, read) as stream:
            connection.register("cells", stream)
            _execute(connection, f"CREATE TEMP TABLE grouped AS {query}", stop)
            connection.unregister("cells")
        _check_account(connection, read[0])
        connection.execute("SET preserve_insertion_order = true")  # what is sorted is read in that order
        yield Counts(connection, labels, codes)


def _check_account(connection: Any, n_read: int) -> None:
    """Raise where the counts do not add up to the cells that were read."""
    n_counted = int(connection.execute("SELECT coalesce(sum(n), 0) FROM grouped").fetchall()[0][0])
    if n_counted != n_read:
        raise AmountError(
            found=f"{n_read:,} cells read, and {n_counted:,} counted",
            expected="every cell counted",
            fix="report this with the file: it is an error of the program",
        )


@contextmanager
def _streamed(
    blocks: Iterable[Block], codes: Sequence[Codes], names: Sequence[str], stop: Event, read: list[int]
) -> Iterator[Any]:
    """The blocks as a stream of Arrow; an error while a block is read is raised as it is, not as DuckDB tells it.

    The cells that were read are added to `read`.
    """
    import pyarrow

    problems: list[Exception] = []

    def batches() -> Generator[Any]:
        try:
            for block in blocks:
                if stop.is_set():
                    raise InterruptedError
                columns = [one.of(column) for one, column in zip(codes, block.labels, strict=True)]
                amounts = np.ones(len(block), np.int64) if block.amounts is None else block.amounts
                read[0] += len(block) if block.amounts is None else int(block.amounts.sum())
                yield pyarrow.record_batch([*columns, amounts][: len(names)], names=list(names))
        except Exception as problem:
            problems.append(problem)
            raise

    kinds = [pyarrow.int32()] * len(codes) + [pyarrow.int64()] * (len(names) - len(codes))
    schema = pyarrow.schema(list(zip(names, kinds, strict=True)))
    with closing(batches()) as stream:
        try:
            yield pyarrow.RecordBatchReader.from_batches(schema, stream)
        except Exception:
            if problems:
                raise problems[0] from None
            raise


def _execute(connection: Any, query: str, stop: Event) -> None:
    """Run a query in a thread of its own, so that Ctrl-C is heard at once; `stop` ends the stream that it reads."""
    with ThreadPoolExecutor(1, "concentra-count") as thread:
        running = thread.submit(connection.execute, query)
        try:
            running.result()
        except KeyboardInterrupt:
            stop.set()
            raise


@contextmanager
def _connected(memory: str) -> Iterator[Any]:
    try:
        import duckdb
    except ImportError as problem:
        raise MissingDependencyError(
            found="duckdb is not installed",
            expected="the package that groups cells at scale",
            fix='pip install "concentra[scale]"',
        ) from problem
    _refuse_memory(memory)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as spill:
        settings: dict[str, Any] = {"temp_directory": spill, "preserve_insertion_order": False}
        settings["memory_limit"] = memory
        try:
            with duckdb.connect(config=settings) as connection:
                connection.execute("SET enable_progress_bar = false")  # concentra.progress shows it
                yield connection
        except (duckdb.OutOfMemoryException, duckdb.IOException) as problem:
            raise ArgumentError(
                found=f"counting stopped: {str(problem).splitlines()[0]}",
                expected=f"more than {memory} of memory, or room for what exceeds it in {Path(spill).parent}",
                fix="give --memory more, such as 4GB; or set TMPDIR to a folder on a larger disk",
            ) from problem
        except RuntimeError as problem:
            if "interrupted" in str(problem):  # how DuckDB says Ctrl-C
                raise KeyboardInterrupt from None
            raise


def _refuse_memory(memory: str) -> None:
    """Refuse what is no amount of memory, before DuckDB reads it."""
    if not AMOUNT.fullmatch(memory):
        raise ArgumentError(
            found=f"memory {memory!r}",
            expected="an amount of memory, such as 1GB or 500MB",
            fix="--memory 1GB",
        )


def _even(reader: Any, rest: Any) -> Iterator[Any]:
    """Tables of `WRITTEN_ROWS` rows, the last fewer, whatever the sizes of the batches."""
    import pyarrow

    for batch in reader:
        rest = pyarrow.concat_tables([rest, pyarrow.Table.from_batches([batch])])
        while rest.num_rows >= WRITTEN_ROWS:
            yield rest.slice(0, WRITTEN_ROWS)
            rest = rest.slice(WRITTEN_ROWS)
    if rest.num_rows:
        yield rest


def _table(columns: Mapping[str, Any]) -> Any:
    import pyarrow

    return pyarrow.table(dict(columns))


def _quoted(text: str | None) -> str:
    """A field of a CSV file; missing is empty."""
    if text is None:
        return ""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


def ending_of_output(out: Path) -> str:
    """`.csv` or `.parquet`; any other is refused before anything is counted."""
    if out.suffix not in OUTPUTS or out.is_dir():
        raise ArgumentError(
            found=f"the output {out.name}" + (", which is a folder" if out.is_dir() else ""),
            expected="a file ending in .csv or .parquet",
            fix="such as --out counts.csv",
        )
    return out.suffix
