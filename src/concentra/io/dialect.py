"""How a text table is written: encoding, separator, comment lines, names of the columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from concentra.errors import FileFormatError, TableError
from concentra.io.compressed import opened

ROW_NAMES = "row_names"
"""The name given to a first column that has none: the row names of R, the index of pandas."""
HEAD_BYTES = 1 << 18
LONGEST = 8 << 20
"""The longest row that is read, in bytes."""
SAMPLE = 200
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Dialect:
    """How one text table is written.

    Attributes
    ----------
    encoding, bom
        Name of the encoding, and how many bytes of byte order mark precede the text.
    separator
        The character between two fields.
    line_end
        The character that ends a line: a line feed, or a carriage return where there is no line feed.
    names
        A name for each field of a row; `ROW_NAMES` for a first one without.
    header, start
        How many bytes of the text as UTF-8 precede the header, and the first row of data.
    first_line
        The number of the line in which data begin, counted from 1.
    notes
        What was inferred, one sentence each.
    """

    encoding: str
    bom: int
    separator: str
    line_end: str
    names: tuple[str, ...]
    header: int
    start: int
    first_line: int
    notes: tuple[str, ...]

    @property
    def blank(self) -> tuple[int, ...]:
        """Places of columns without a name; every cell of them has to be blank."""
        return tuple(place for place, name in enumerate(self.names) if not name.strip())

    def column(self, place: int) -> str:
        """How a message names the column of a field."""
        return repr(self.names[place]) if place < len(self.names) else f"number {place + 1}"


def find_dialect(path: str | Path, preferred: str) -> Dialect:
    """How a text table is written, from its first rows.

    Parameters
    ----------
    path
        A text file, compressed or not.
    preferred
        The separator that the ending of the file suggests; taken where the content leaves a choice.

    Raises
    ------
    FileFormatError
        No header, an encoding that is not read, or a line that is either a comment or the header.
    TableError
        Two columns of one name.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = place.write_text("# made in 2020\\ndonor;T;B\\nm1;1,5;2\\n")
    >>> found = find_dialect(place, ",")
    >>> found.separator, found.names, found.first_line
    (';', ('donor', 'T', 'B'), 3)
    """
    with opened(path) as stream:
        head, whole = _head(stream)
    encoding, bom = _encoding(path, head)
    text, n_bytes = _decoded(path, head[bom:], encoding, whole)
    lines = list(io.StringIO(text, newline=""))
    if not whole:
        _drop_cut(lines)
    stated, n_before, notes = _preamble(path, lines)
    rest = lines[n_before:]
    separator = stated or _separator(rest, preferred)
    if separator != preferred:
        notes.append(f"{str(path)!r} is read with {SEPARATORS[separator]} between its columns")
    _refuse_commented_header(path, lines[:n_before], rest, separator)
    names, n_lines = _header(path, rest, separator, notes)
    return Dialect(
        encoding=encoding,
        bom=bom,
        separator=separator,
        line_end="\n" if "\n" in text or "\r" not in text else "\r",
        names=names,
        header=n_bytes("".join(lines[:n_before])),
        start=n_bytes("".join(lines[: n_before + n_lines])),
        first_line=n_before + n_lines + 1,
        notes=tuple(notes),
    )


def records(lines: Sequence[str], separator: str, n: int = SAMPLE) -> Iterator[tuple[list[str], int]]:
    """Rows that are not blank, and the number of lines up to the end of each; a quote that never closes ends them."""
    csv.field_size_limit(LONGEST)
    reader = csv.reader(lines, delimiter=separator)
    try:
        yield from islice(((row, reader.line_num) for row in reader if row), n)
    except csv.Error:
        return


def _head(stream: BinaryIO) -> tuple[bytes, bool]:
    """The first bytes with at least one line end, and whether they are the whole file."""
    head = b""
    while len(head) < HEAD_BYTES or (len(head) < LONGEST and b"\n" not in head and b"\r" not in head):
        block = stream.read(HEAD_BYTES)
        if not block:
            return head, True
        head += block
    return head, False


def _encoding(path: str | Path, head: bytes) -> tuple[str, int]:
    for mark, name in _BOMS:
        if head.startswith(mark):
            if name.startswith("utf-32"):
                raise _unreadable(path, "UTF-32 text")
            return name, len(mark)
    if b"\0" not in head:
        return "utf-8", 0
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if zeros.count(0) > 0.9 * len(zeros) and head.count(0) < 0.6 * len(head):
            return name, 0
    raise _unreadable(path, "zero bytes")


def _unreadable(path: str | Path, what: str) -> FileFormatError:
    return FileFormatError(
        found=f"{str(path)!r} cannot be read: it holds {what}",
        expected="text in UTF-8, UTF-16 or Windows-1252 (Latin-1)",
        fix="save it again as UTF-8",
    )


def _decoded(path: str | Path, data: bytes, encoding: str, whole: bool) -> tuple[str, Callable[[str], int]]:
    """The text of the first bytes, and what counts the bytes of a part of it."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, whole), lambda text: len(text.encode())
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise _unreadable(path, f"bytes that are not {encoding.upper()}") from None
        return data.decode("cp1252", errors="replace"), len  # what follows is checked as it is read


def _drop_cut(lines: list[str]) -> None:
    """Remove from the end the line that is cut short, and the record that it may belong to."""
    if len(lines) > 1:
        lines.pop()
    n_quotes = sum(line.count('"') for line in lines)
    while len(lines) > 1 and n_quotes % 2:
        n_quotes -= lines.pop().count('"')


def _preamble(path: str | Path, lines: Sequence[str]) -> tuple[str | None, int, list[str]]:
    """The separator that a first line `sep=` states, and how many lines precede the header."""
    stated, place, comments = None, 0, 0
    for place, line in enumerate(lines):
        content = line.strip()
        found = re.fullmatch(r'"?sep=(.)"?', line.strip("\r\n"), re.IGNORECASE)
        if place == 0 and found is not None and found[1] in SEPARATORS:
            stated = found[1]
        elif content.startswith("#"):
            comments += 1
        elif content.strip('",;'):
            break
    else:
        raise FileFormatError(
            found=f"{str(path)!r} has no header",
            expected="column names in the first line",
            fix="add a header",
        )
    notes = [f"{comments} comment lines at the start of {str(path)!r} are skipped"] if comments else []
    return stated, place, notes


def _refuse_commented_header(
    path: str | Path, before: Sequence[str], rest: Sequence[str], separator: str
) -> None:
    """A line `#donor,type` before rows of two fields may be the header: raise rather than take the first row for it."""
    if not before or not before[-1].strip().startswith("#"):
        return
    comment = next(records(before[-1:], separator), ([], 0))[0]
    first = next(records(rest, separator), ([], 0))[0]
    if len(comment) == len(first):
        raise FileFormatError(
            found=f"line {len(before)} of {str(path)!r} begins with '#' and has as many fields as the rows below",
            expected="either a comment or the column names",
            fix="remove the '#' if the line names the columns, or the line if it is a comment",
        )


def _separator(lines: Sequence[str], preferred: str) -> str:
    """The separator by which the header and the rows have equally many fields, else the most in the header."""
    samples = {one: [row for row, _ in records(lines, one)] for one in SEPARATORS}
    ranks = {
        one: (_consistent(rows), len(rows[0]), one == preferred) if rows else (0, 0, False)
        for one, rows in samples.items()
    }
    return max(ranks, key=lambda one: ranks[one])


def _consistent(rows: Sequence[Sequence[str]]) -> int:
    """2 where all rows have as many fields as the header, above one; 1 where all begin with a row name."""
    if len(rows[0]) > 1 and {len(row) for row in rows} == {len(rows[0])}:
        return 2
    return int(_has_row_names(rows[0], rows[1:]))


def _has_row_names(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether each row has one field more than the header, the first of them a different one each time, as R writes."""
    return (
        len(header) > 1
        and len(rows) > 1
        and {len(row) for row in rows} == {len(header) + 1}
        and len({row[0] for row in rows}) == len(rows)
        and any(row[-1].strip() for row in rows)
    )


def _header(
    path: str | Path, lines: Sequence[str], separator: str, notes: list[str]
) -> tuple[tuple[str, ...], int]:
    sample = list(records(lines, separator))
    header, n_lines = sample[0]
    rows = [row for row, _ in sample[1:]]
    if _has_row_names(header, rows):
        header = ["", *header]
    elif all(_NUMBER.fullmatch(name.strip()) for name in header):
        raise FileFormatError(
            found=f"{str(path)!r} has no header: line {n_lines} holds numbers only",
            expected="column names in the first line",
            fix="add a header",
        )
    names = _named(header)
    if names[0] != header[0]:
        notes.append(f"the first column of {str(path)!r} has no name: it is called {names[0]!r}")
    for place, name in enumerate(names):
        if name.strip() and name in names[:place]:
            raise TableError(
                found=f"column {name!r} more than once in {str(path)!r}: "
                f"columns {names.index(name) + 1} and {place + 1}",
                expected="distinct column names",
                fix="rename or remove one of them",
            )
    return tuple(names), n_lines


def _named(header: Sequence[str]) -> list[str]:
    if header[0].strip() or len(header) == 1:
        return list(header)
    name = ROW_NAMES
    while name in header:
        name += "_"
    return [name, *header[1:]]
