"""Label columns of a cell table in blocks of rows, as codes: no label is held once a cell, however long the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import AmountError, FileFormatError
from concentra.io.labels import label_text
from concentra.io.parquet import parquet_batches, parquet_length, reading_parquet
from concentra.io.tables import (
    TABLES,
    delimited_batches,
    file_ending,
    require_columns,
    table_columns,
)

if TYPE_CHECKING:
    import pandas as pd

Share = tuple[int, int]
"""(i, n): the i-th of n shares of the rows, 1 <= i <= n."""

ENDINGS = (".h5ad", ".zarr", *TABLES)
BLOCK_ROWS = 1 << 20
MISSING = 0  # the code of a missing label in all blocks together
WHOLE: Share = (1, 1)


@dataclass(frozen=True)
class Coded:
    """One label column of a block: a code for each row (-1: missing), and the value that each code stands for."""

    codes: NDArray[np.integer]
    values: Any
    """Of codes 0, 1, ...: an Arrow array or a sequence; values may be missing, and occur twice."""


@dataclass(frozen=True)
class Block:
    """Rows of a table: label columns in the order asked for, and how many cells each row stands for (None: 1)."""

    labels: tuple[Coded, ...]
    amounts: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels[0].codes)


class Codes:
    """The codes of the labels of one column, in the order in which labels were first seen; `MISSING` is code 0."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._texts: list[str | None] = [None]
        self._last: tuple[Any, NDArray[np.int32]] | None = None

    def of(self, column: Coded) -> NDArray[np.int32]:
        """The codes of the rows of a block.

        >>> Codes().of(Coded(np.array([1, -1, 0, 2]), ["T", "B", " "])).tolist()
        [2, 0, 1, 0]
        """
        return self._lookup(column.values)[column.codes]

    def _lookup(self, values: Any) -> NDArray[np.int32]:
        """The code of each value, and last that of -1; consecutive blocks mostly share their dictionary."""
        same = getattr(values, "equals", None)
        if self._last is not None and same is not None and same(self._last[0]):
            return self._last[1]
        listed = values.to_pylist() if hasattr(values, "to_pylist") else list(values)
        lookup = np.array([*map(self._code, listed), MISSING], dtype=np.int32)
        self._last = (values, lookup)
        return lookup

    def _code(self, value: object) -> int:
        if type(value) is str and value in self._places:
            return self._places[value]
        text = label_text(value)
        if text is None:
            return MISSING
        if text not in self._places:
            self._places[text] = len(self._texts)
            self._texts.append(text)
        return self._places[text]

    def texts(self) -> list[str | None]:
        """The label of each code."""
        return list(self._texts)

    def ranked(self) -> tuple[list[str | None], NDArray[np.int32]]:
        """The labels sorted by their bytes, missing last, and the rank of each code."""
        order = sorted(range(1, len(self._texts)), key=lambda code: str(self._texts[code]).encode())
        order.append(MISSING)
        ranks = np.empty(len(order), dtype=np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        return [self._texts[code] for code in order], ranks


def label_blocks(
    path: str | Path, labels: Sequence[str], *, share: Share = WHOLE, notes: list[str] | None = None
) -> Iterator[Block]:
    """The named columns of a share of the rows, at most about a million rows at a time.

    Parameters
    ----------
    path
        `.h5ad`, `.zarr`, or a format of `concentra.io.tables`.
    labels
        Columns that are read; nothing else is.
    share
        (i, n). Files that know where a row lies give a stretch of rows, delimited ones every n-th row; the shares of
        all i are all rows, each once.
    notes
        Sentences on how a table was read are appended.

    Raises
    ------
    ColumnError, FileFormatError, DataAbsentError
        As `concentra.io.cells.read_labels`; as soon as the first block is asked for.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = path.write_text("type,age\\nB,3\\nT,24\\nB,3\\n")
    >>> [(column.codes.tolist(), column.values.to_pylist()) for column in next(label_blocks(path, ["type"])).labels]
    [([0, 1, 0], ['B', 'T'])]
    """
    ending = file_ending(path, ENDINGS)
    if ending == ".parquet":
        yield from _parquet(path, labels, share)
    elif ending in TABLES:
        yield from _delimited(path, ending, labels, share, notes)
    else:
        yield from _annotated(path, ending, labels, share, notes)


def amount_blocks(path: str | Path, labels: Sequence[str], amount: str) -> Iterator[Block]:
    """The rows of a table of counts (`.parquet`, `.csv`, ...), each of which stands for a number of cells."""
    import pyarrow

    ending = file_ending(path, TABLES)
    names = [*labels, amount]
    batches = (
        _parquet_batches(path, names, labels)
        if ending == ".parquet"
        else delimited_batches(path, ending, names)
    )
    for batch in batches:
        try:
            amounts = _values(batch.column(amount)).cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as problem:
            raise _no_amount(path, amount, str(problem)) from problem
        if amounts.dtype.kind != "i" or (amounts < 0).any():
            raise _no_amount(path, amount, "a missing or negative one")
        yield Block(tuple(coded(batch.column(name)) for name in labels), amounts)


def _no_amount(path: str | Path, amount: str, problem: str) -> AmountError:
    return AmountError(
        found=f"column {amount!r} of {str(path)!r}: {problem}",
        expected="numbers of cells: whole, 0 or more, in every row",
        fix="correct the row, or write the counts again",
    )


@contextmanager
def kept(blocks: Iterable[Block], labels: Sequence[str]) -> Iterator[Iterator[Block]]:
    """The blocks, all read before any is given: in a file of the folder that TMPDIR names, each added up to counts.

    For cells whose reader cannot bear what else works while a stream is read.

    Examples
    --------
    >>> block = Block((Coded(np.array([0, 1, 0, -1]), ["T", "B"]),))
    >>> with kept([block, block], ["type"]) as again:
    ...     [one.amounts.tolist() for one in again]
    [[2, 1, 1], [2, 1, 1]]
    """
    import pyarrow

    codes = [Codes() for _ in labels]
    names = [f"label{place}" for place in range(len(codes))]
    schema = pyarrow.schema([*((name, pyarrow.int32()) for name in names), ("amount", pyarrow.int64())])
    with tempfile.TemporaryFile() as file:
        with pyarrow.ipc.new_stream(file, schema) as stream:
            for block in blocks:
                columns = [one.of(column) for one, column in zip(codes, block.labels, strict=True)]
                stream.write_batch(_added_up(dict(zip(names, columns, strict=True)), schema))
        file.seek(0)
        texts = [one.texts() for one in codes]
        yield (
            Block(
                tuple(
                    Coded(batch.column(name).to_numpy(), text)
                    for name, text in zip(names, texts, strict=True)
                ),
                batch.column("amount").to_numpy(),
            )
            for batch in pyarrow.ipc.open_stream(file)
        )


def _added_up(codes: dict[str, NDArray[np.int32]], schema: Any) -> Any:
    import pandas as pd
    import pyarrow

    counts = pd.DataFrame(codes).groupby(list(codes), sort=False).size().rename("amount").reset_index()
    return pyarrow.RecordBatch.from_pandas(counts, schema=schema, preserve_index=False)


def stretch(n_rows: int, share: Share) -> tuple[int, int]:
    """First and last row (after it) of a share.

    >>> [stretch(10, (place, 3)) for place in (1, 2, 3)]
    [(0, 3), (3, 6), (6, 10)]
    """
    place, shares = share
    return n_rows * (place - 1) // shares, n_rows * place // shares


def coded(column: Any) -> Coded:
    """An Arrow column, of any type whose values are labels, as codes."""
    import pyarrow

    if not pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return Coded(column.indices.fill_null(-1).to_numpy(zero_copy_only=False), column.dictionary)


def _values(column: Any) -> Any:
    import pyarrow

    return column.dictionary_decode() if pyarrow.types.is_dictionary(column.type) else column


def _parquet(path: str | Path, labels: Sequence[str], share: Share) -> Iterator[Block]:
    rows = None if share == WHOLE else stretch(parquet_length(path), share)
    for batch in _parquet_batches(path, labels, labels, rows):
        yield Block(tuple(coded(batch.column(name)) for name in labels))


def _parquet_batches(
    path: str | Path, names: Sequence[str], labels: Sequence[str], rows: tuple[int, int] | None = None
) -> Iterator[Any]:
    require_columns(path, names, list(table_columns(path, ".parquet")))
    with reading_parquet(path):
        _refuse_nested(path, labels)
        yield from parquet_batches(path, names, labels, rows, size=BLOCK_ROWS)


def _refuse_nested(path: str | Path, labels: Sequence[str]) -> None:
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(path)
    for name in labels:
        kind = schema.field(name).type
        if pyarrow.types.is_nested(kind):
            raise FileFormatError(
                found=f"column {name!r} of {str(path)!r} holds {kind}",
                expected="one label or number for each cell",
                fix="name another column",
            )


def _delimited(
    path: str | Path, ending: str, labels: Sequence[str], share: Share, notes: list[str] | None
) -> Iterator[Block]:
    place, shares = share
    position = 0
    for batch in delimited_batches(path, ending, labels, notes=notes):
        columns = [coded(batch.column(name)) for name in labels]
        first = (place - 1 - position) % shares
        yield Block(tuple(Coded(column.codes[first::shares], column.values) for column in columns))
        position += batch.num_rows


def _annotated(
    path: str | Path, ending: str, labels: Sequence[str], share: Share, notes: list[str] | None
) -> Iterator[Block]:
    from concentra.io.annotated import opened_obs

    with opened_obs(path, ending) as obs:
        require_columns(path, labels, list(obs.columns))
        low, high = stretch(obs.n_cells, share)
        for start in range(low, high, BLOCK_ROWS):
            frame = obs.read(labels, slice(start, min(start + BLOCK_ROWS, high)))
            yield Block(tuple(_column(frame[name]) for name in labels))
        if notes is not None:
            notes += obs.notes


def _column(values: pd.Series) -> Coded:
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return Coded(values.cat.codes.to_numpy(), values.cat.categories)
    codes, uniques = pd.factorize(values.to_numpy())
    return Coded(codes, uniques)
