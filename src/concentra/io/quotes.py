"""Quotes in text tables: each opens a field, closes one, or is doubled within one; anything else is refused."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from concentra.errors import FileFormatError
from concentra.io.dialect import LONGEST, Dialect

_QUOTE = ord('"')
_PIECE = 1 << 18  # so that what is compared stays in the cache of a processor
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a text table.

    Attributes
    ----------
    path, dialect
        The file, and how it is written.
    data
        The rows, in an encoding that extends ASCII.
    line
        The number of the first line.
    """

    path: str | Path
    dialect: Dialect
    data: bytes
    line: int

    @cached_property
    def n_lines(self) -> int:
        """How many line ends the rows hold."""
        return count(self.data, ord(self.dialect.line_end))

    def line_of(self, position: int) -> int:
        """The number of the line that holds a position."""
        return self.line + self.data.count(self.dialect.line_end.encode(), 0, position)

    def column_of(self, position: int) -> str:
        """How a message names the column that holds a position, at the quote that opens a field or outside quotes."""
        start = end_of_rows(self.data[:position], self.dialect)
        csv.field_size_limit(LONGEST)
        text = self.data[start:position].decode("latin-1")
        try:
            row = next(csv.reader([text], delimiter=self.dialect.separator), [])
        except csv.Error:
            row = text.split(self.dialect.separator)
        return self.dialect.column(max(len(row) - 1, 0))


def quotes_in(data: bytes) -> Places:
    """The positions of all quotes.

    >>> quotes_in(b'a,"b"').tolist()
    [2, 4]
    """
    if b'"' not in data:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _QUOTE)


def end_of_rows(data: bytes, dialect: Dialect) -> int:
    """How many bytes are whole rows: up to the last line end outside quotes."""
    line_end = dialect.line_end.encode()
    end = data.rfind(line_end) + 1
    if _QUOTE not in data or count(data[:end], _QUOTE) % 2 == 0:
        return end
    quotes = quotes_in(data)
    before = int(np.searchsorted(quotes, end))
    while end and before % 2:
        end = data.rfind(line_end, 0, int(quotes[before - 1])) + 1
        before = int(np.searchsorted(quotes, end))
    return end


def count(data: bytes, byte: int) -> int:
    """How often a byte occurs; faster than `bytes.count` where it occurs often.

    >>> count(b"a,b,c", ord(","))
    2
    """
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == byte)) if byte in data else 0


def check_quotes(chunk: Chunk) -> None:
    """Raise where a quote neither opens nor closes a field, nor is doubled within one.

    The quotes of well-formed text open and close in turn, so that the byte before each odd one and after each even one
    decides: a separator, a line end, or the other quote of a doubled pair.
    """
    if _QUOTE not in chunk.data:
        return
    data = np.frombuffer(b"\n" + chunk.data + b"\n", dtype=np.uint8)
    n_before = 0
    for start in range(0, len(chunk.data), _PIECE):
        piece = data[start : start + _PIECE + 2]  # with the byte before it and the one after
        border = piece == _QUOTE
        quotes = np.flatnonzero(border[1:-1])
        for byte in (ord(chunk.dialect.separator), 10, 13):
            border |= piece == byte
        beside = border[2:][quotes]  # what follows a quote
        opening = slice(n_before % 2, None, 2)
        beside[opening] = border[quotes[opening]]  # what precedes one that opens
        if not beside.all():
            raise _stray(chunk, n_before + int(np.argmin(beside)))
        n_before += quotes.size
    if n_before % 2:
        raise _unclosed(chunk)


def _stray(chunk: Chunk, place: int) -> FileFormatError:
    """The error for the quote at a place among the quotes."""
    quotes = quotes_in(chunk.data)
    position = int(quotes[place])
    if place % 2 == 0:
        return _error(chunk, position, f"a quote within the plain field {_field(chunk, position)}")
    opening = int(quotes[place - 1])
    far = chunk.line_of(position) - chunk.line_of(opening)
    below = f" (the next one is {far} lines below)" if far else ""
    return _error(chunk, opening, f"a quote that is not closed at the end of its field{below}")


def _unclosed(chunk: Chunk) -> FileFormatError:
    return _error(chunk, int(quotes_in(chunk.data)[-1]), "a quote that is never closed")


def _error(chunk: Chunk, position: int, what: str) -> FileFormatError:
    return FileFormatError(
        found=f"line {chunk.line_of(position)}, column {chunk.column_of(position)} of {str(chunk.path)!r}: {what}",
        expected='quotes around whole fields, a quote within them doubled: "5"" plate"',
        fix="correct the line; if the quote belongs to the label, double it and put the field in quotes",
    )


def _field(chunk: Chunk, position: int) -> str:
    ends = rb"[\r\n]|" + re.escape(chunk.dialect.separator.encode())
    before = re.split(ends, chunk.data[max(position - 60, 0) : position])[-1]
    after = re.split(ends, chunk.data[position : position + 60])[0]
    return repr((before + after).decode("utf-8", errors="replace"))


def refuse_rows_in_quotes(chunk: Chunk) -> None:
    """Raise where a quoted field holds a line with as many fields as a row: two stray quotes swallow some."""
    quotes = quotes_in(chunk.data)
    separator, line_end = chunk.dialect.separator.encode(), chunk.dialect.line_end.encode()
    n_between = len(chunk.dialect.names) - 1
    if n_between < 2:
        return
    lines = np.flatnonzero(np.frombuffer(chunk.data, dtype=np.uint8) == line_end[0])
    inside = np.searchsorted(quotes, lines)
    for place in np.unique(inside[inside % 2 == 1]):
        first, last = int(quotes[place - 1]), int(quotes[place])
        within = chunk.data[first + 1 : last].split(line_end)[1:-1]
        if any(one.count(separator) == n_between for one in within):
            raise FileFormatError(
                found=f"line {chunk.line_of(first)}, column {chunk.column_of(first)} of {str(chunk.path)!r}: "
                f"a quoted field of {len(within) + 2} lines that holds whole rows",
                expected="fields that hold no rows; a quote was probably left open",
                fix="correct the line; or remove the line breaks from the label",
            )
