"""Text tables as Arrow batches, read strictly: every quote opens or closes a field, every row has all its fields.

The rows are cut into chunks at line ends outside quotes. Each chunk is checked before it is parsed: quotes by the
parity of their positions, which is exact; then the encoding; and the number of fields by the parser. A chunk without
quotes costs one search.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from concentra.errors import ConcentraError, FileFormatError, TableError
from concentra.io.compressed import opened
from concentra.io.dialect import LONGEST, Dialect
from concentra.io.quotes import Chunk, check_quotes, count, end_of_rows, refuse_rows_in_quotes

T = TypeVar("T")
CHUNK_BYTES = 4 << 20
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def text_batches(path: str | Path, dialect: Dialect, names: Sequence[str], notes: list[str]) -> Iterator[Any]:
    """The named columns of a text table as Arrow batches of a few megabytes, text as dictionaries.

    Parameters
    ----------
    path, dialect
        A text file, and what `concentra.io.dialect.find_dialect` returns for it.
    names
        Columns of `dialect.names`.
    notes
        Sentences on what was inferred while reading are appended.

    Raises
    ------
    FileFormatError
        A quote that is stray or never closed, a row with too many or too few fields, bytes that are no text: with
        line and column.
    TableError
        A cell with content in a column without a name.
    """
    nameless = [_nameless(place) for place in dialect.blank]
    chunks = _chunks(path, dialect, notes)
    for chunk, table in ahead(chunks, lambda chunk: _parsed(chunk, [*names, *nameless])):
        for name, place in zip(nameless, dialect.blank, strict=True):
            _refuse_content(chunk, table.column(name), place)
        yield from table.select(list(names)).combine_chunks().to_batches()


def _chunks(path: str | Path, dialect: Dialect, notes: list[str]) -> Iterator[Chunk]:
    """Whole rows after the header, as valid UTF-8."""
    decoder = _Decoder(path, dialect, notes)
    with opened(path) as stream:
        stream.read(dialect.bom)
        rest, line, skipped = b"", dialect.first_line, False
        while True:
            block = stream.read(CHUNK_BYTES)
            rest += decoder.utf8(block, last=not block)
            if not skipped and (len(rest) >= dialect.start or not block):
                decoder.checked(Chunk(path, dialect, rest[: dialect.start], 1))
                line_before = 1 + count(rest[: dialect.header], ord(dialect.line_end))
                check_quotes(Chunk(path, dialect, rest[dialect.header : dialect.start], line_before))
                rest, skipped = rest[dialect.start :], True
            end = end_of_rows(rest, dialect) if block else len(rest)
            if end and skipped:
                chunk = Chunk(path, dialect, rest[:end], line)
                yield decoder.checked(chunk)
                line, rest = line + chunk.n_lines, rest[end:]
            if len(rest) > LONGEST:
                raise _too_long(Chunk(path, dialect, rest, line))
            if not block:
                return


def ahead(items: Iterable[T], work: Callable[[T], Any], depth: int = 2) -> Iterator[tuple[T, Any]]:
    """Each item with what the work returns for it, in order; some are worked on while the next is awaited.

    >>> list(ahead([1, 2, 3], lambda number: number * number))
    [(1, 1), (2, 4), (3, 9)]
    """
    waiting: deque[tuple[T, Future[Any]]] = deque()
    with ThreadPoolExecutor(depth, "concentra-text") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > depth:
                    first, result = waiting.popleft()
                    yield first, result.result()
        except ConcentraError:
            for _, result in waiting:  # an earlier error comes first
                result.result()
            raise
        for item, result in waiting:
            yield item, result.result()


class _Decoder:
    """Bytes of any encoding as UTF-8; what is not UTF-8 is Windows-1252, unless something contradicts it."""

    def __init__(self, path: str | Path, dialect: Dialect, notes: list[str]) -> None:
        self._path, self._notes, self._encoding = path, notes, dialect.encoding
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)()
        self._is_utf8 = self._is_windows = False

    def utf8(self, block: bytes, *, last: bool) -> bytes:
        """A block of bytes transcoded from UTF-16, or as it is."""
        if self._encoding == "utf-8":
            return block
        try:
            return self._decoder.decode(block, last).encode()
        except UnicodeError:
            raise FileFormatError(
                found=f"{str(self._path)!r} cannot be read: its text breaks within a character",
                expected=f"{self._encoding.upper()}, as its first bytes indicate",
                fix="save it again as UTF-8",
            ) from None

    def checked(self, chunk: Chunk) -> Chunk:
        """The rows as valid UTF-8."""
        if b"\0" in chunk.data:
            raise _damaged(chunk, chunk.data.index(b"\0"), "a zero byte")
        if chunk.data.isascii():
            return chunk
        try:
            if not self._is_windows:
                chunk.data.decode("utf-8")
                self._is_utf8 = True
                return chunk
        except UnicodeDecodeError as problem:
            if self._is_utf8:
                raise _damaged(chunk, problem.start, "a byte that is not UTF-8") from None
        return self._from_windows(chunk)

    def _from_windows(self, chunk: Chunk) -> Chunk:
        if found := _MULTIBYTE.search(chunk.data):
            raise _damaged(chunk, found.start(), "UTF-8 beside bytes that are not UTF-8")
        try:
            data = chunk.data.decode("cp1252").encode()
        except UnicodeDecodeError as problem:
            raise _damaged(chunk, problem.start, "a byte that is not UTF-8") from None
        if not self._is_windows:
            self._notes.append(f"{str(self._path)!r} is not UTF-8: it is read as Windows-1252 (Latin-1)")
            self._is_windows = True
        return Chunk(chunk.path, chunk.dialect, data, chunk.line)


def _damaged(chunk: Chunk, position: int, what: str) -> FileFormatError:
    return FileFormatError(
        found=f"{str(chunk.path)!r} cannot be read: {what} in line {chunk.line_of(position)}",
        expected="text in UTF-8, UTF-16 or Windows-1252 (Latin-1) throughout",
        fix="correct the line, or save the file again as UTF-8",
    )


def _too_long(chunk: Chunk) -> FileFormatError:
    check_quotes(chunk)
    return FileFormatError(
        found=f"line {chunk.line} of {str(chunk.path)!r} has more than {LONGEST >> 20} MB",
        expected="rows of at most that length",
        fix="check that the file is a table of text with a row on each line",
    )


def _nameless(place: int) -> str:
    return f"\0{place}"


def _parsed(chunk: Chunk, wanted: Sequence[str]) -> Any:
    """The wanted columns of rows, checked."""
    import pyarrow
    import pyarrow.csv

    dialect = chunk.dialect
    check_quotes(chunk)
    names = [_nameless(place) if place in dialect.blank else name for place, name in enumerate(dialect.names)]
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.utf8())
    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(chunk.data),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=len(chunk.data) + 1),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=dialect.separator, newlines_in_values=True, ignore_empty_lines=len(names) > 1
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(wanted),
                column_types=dict.fromkeys(wanted, text),
                strings_can_be_null=False,
            ),
        )
    except pyarrow.ArrowInvalid as problem:
        if not chunk.data.strip(b"\r\n"):
            return pyarrow.table({name: pyarrow.array([], text) for name in wanted})
        refuse_rows_in_quotes(chunk)
        raise _ragged(chunk, str(problem)) from None
    if table.num_rows < chunk.n_lines:  # blank lines, or some within quotes
        refuse_rows_in_quotes(chunk)
    return table


def _ragged(chunk: Chunk, problem: str) -> FileFormatError:
    """The error for the first row with too many or too few fields."""
    n_fields, line = len(chunk.dialect.names), chunk.line
    expected = f"{n_fields} fields in every row, as in the header"
    csv.field_size_limit(LONGEST)
    reader = csv.reader(io.StringIO(chunk.data.decode(), newline=""), delimiter=chunk.dialect.separator)
    for row in reader:
        if len(row) not in (0, n_fields):
            few = f": column {chunk.dialect.column(len(row))} is missing" if len(row) < n_fields else ""
            return FileFormatError(
                found=f"line {line} of {str(chunk.path)!r} has {len(row)} fields{few}",
                expected=expected,
                fix="correct the line; a field that holds the separator needs quotes around it",
            )
        line = chunk.line + reader.line_num
    return FileFormatError(
        found=f"{str(chunk.path)!r} cannot be read after line {chunk.line}: {' '.join(problem.split())[:200]}",
        expected=expected,
        fix="fetch or write the file again; it may be truncated or damaged",
    )


def _refuse_content(chunk: Chunk, column: Any, place: int) -> None:
    """Raise where a column without a name is not blank."""
    import pyarrow.compute

    blank = pyarrow.compute.equal(pyarrow.compute.utf8_trim_whitespace(column.cast("string")), "")
    row = pyarrow.compute.index(blank, False).as_py()
    if row >= 0:
        raise TableError(
            found=f"column {place + 1} of {str(chunk.path)!r} has no name, but content: "
            f"{column[row].as_py()!r} after line {chunk.line + row - 1}",
            expected="a name for every column",
            fix="name the column in the header, or empty it",
        )
