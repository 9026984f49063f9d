"""Spreadsheets as tables of text."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import IO, Any

import pandas as pd

from concentra.errors import FileFormatError, TableError
from concentra.io.dialect import ROW_NAMES

LARGEST = 2 << 30
"""The largest sum of the sizes that a workbook states for its contents, in bytes."""
ROWS, COLUMNS = 1 << 20, 1 << 14
"""The most rows and columns that a sheet of a workbook can have."""
SPARSE = 1 << 22
"""Cells that the rows and columns of a sheet may span, however few of them the file holds."""
_EXACT = 1 << 53
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)(\d+)["'][^>]*(?<!/)>""")
"""Where a cell that is not empty lies, or a row that is not."""
_UNPLACED = re.compile(rb"""<(?:\w+:)?c(?=[\s>])(?! r=)(?![^>]*\sr\s*=)[^>]*(?<!/)>""")
"""A cell that is not empty and follows the one before it in its row."""
_CELL = re.compile(rb"<(?:\w+:)?c(?:\s[^>]*)?")
"""The beginning of the tag of a cell."""
_UNKNOWN = re.compile(rb""" t="(?!(?:n|s|inlineStr|str|b|e|d)")([^">]*)""")
"""What is no kind of value, though a formula may have it."""
_PIECE = 1 << 20


def read_spreadsheet(path: str | Path, notes: list[str]) -> pd.DataFrame:
    """The first sheet of a workbook: column names from its first row, every cell as text, blanks as empty text.

    Parameters
    ----------
    path
        An ``.xlsx`` file.
    notes
        Sentences on other sheets and on a first column without name are appended.

    Raises
    ------
    FileFormatError
        No such workbook, one that is protected or damaged, or a sheet without a header.
    TableError
        Two columns of one name, or one without name that is not empty; a whole number that the sheet cannot hold
        exactly.
    """
    sheets = _sheets(path)
    if not sheets:
        raise _damaged(path, "it holds no sheet")
    name, rows = next(iter(sheets.items()))
    others = [other for other, found in list(sheets.items())[1:] if found]
    if others:
        notes.append(f"sheet {name!r} of {str(path)!r} is read; not read: {', '.join(map(repr, others))}")
    rows = [row for row in rows if any(cell != "" for cell in row)]
    texts = [
        [_text(path, cell, row, place) for place, cell in enumerate(cells)] for row, cells in enumerate(rows)
    ]
    if not texts:
        raise FileFormatError(
            found=f"the first sheet of {str(path)!r} is empty",
            expected="column names in the first row",
            fix="move the table to the first sheet",
        )
    header = _header(path, texts, notes)
    columns = {name: [row[place] for row in texts[1:]] for place, name in enumerate(header) if name}
    return pd.DataFrame(columns, dtype="category") if texts[1:] else pd.DataFrame(columns, dtype=object)


def _sheets(path: str | Path) -> dict[str, list[list[Any]]]:
    """The rows of each sheet."""
    import python_calamine

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(one.file_size for one in packed.infolist()) > LARGEST:
                raise _damaged(path, f"it claims more than {LARGEST >> 30} GB")
            for name in packed.namelist():
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    with packed.open(name) as cells:
                        _check_cells(path, cells)
        book = python_calamine.load_workbook(str(path))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
        rows = {sheet.name: sheet.to_python(skip_empty_area=False) for sheet in sheets}
        for sheet in sheets[:1]:
            _refuse_merged(path, rows[sheet.name], sheet.merged_cell_ranges or [])
        return rows
    except (FileFormatError, TableError):
        raise
    except zipfile.BadZipFile as problem:
        raise _damaged(path, str(problem)) from None
    except BaseException as problem:  # a panic within the reader is no Exception
        if isinstance(problem, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise _damaged(path, str(problem)) from None


Place = tuple[int, int]


def _refuse_merged(path: str | Path, rows: list[list[Any]], ranges: list[tuple[Place, Place]]) -> None:
    """Raise where a value stands in several rows that are one cell: all but the first would be taken for blank."""
    for (top, left), (bottom, right) in ranges:
        if top < bottom and top < len(rows) and left < len(rows[top]) and rows[top][left] != "":
            raise TableError(
                found=f"rows {top + 1} to {bottom + 1} of columns {left + 1} to {right + 1} are one cell, "
                f"{str(rows[top][left])[:60]!r}, in {str(path)!r}",
                expected="a value in every row: of merged cells the file holds that of the first",
                fix="unmerge the cells and fill them down",
            )


def _check_cells(path: str | Path, sheet: IO[bytes]) -> None:
    """Refuse cells so far apart that the table between them would take any amount of memory, and those of no kind."""
    n_cells, n_unplaced, last_row, last_column, last_of_rows, rest = 0, 0, 0, 0, 0, b""
    while piece := sheet.read(_PIECE):
        data = rest + piece
        end = max(data.rfind(b"<"), 0)  # a tag that is cut off belongs to the next piece
        rest = data[end:]
        for unknown in _UNKNOWN.finditer(data, 0, end):
            if _CELL.fullmatch(data, data.rfind(b"<", 0, unknown.start()), unknown.start()):
                raise _damaged(path, f"a cell of an unknown kind, {unknown[1].decode(errors='replace')!r}")
        places = _PLACE.findall(data[:end])
        columns = Counter(letters for letters, _ in places)
        n_cells += len(places) - columns[b""]
        n_unplaced += len(_UNPLACED.findall(data[:end]))
        last_row = max(last_row, *map(int, {digits for letters, digits in places if letters}), 0)
        last_of_rows = max(last_of_rows, *(int(digits) for letters, digits in places if not letters), 0)
        last_column = max(last_column, *map(_column, columns), 0)
    if n_unplaced:  # they are in the rows that surround them; other rows may hold nothing but formats
        n_cells, last_row = n_cells + n_unplaced, max(last_row, last_of_rows)
    if max(last_row, last_of_rows) > ROWS or last_column > COLUMNS:
        place = f"row {max(last_row, last_of_rows):,}, column {last_column:,}"
        raise _damaged(path, f"a cell in {place}: sheets end before")
    if last_row * last_column > max(SPARSE, 8 * n_cells):
        raise _damaged(
            path, f"{n_cells:,} cells that lie as far apart as row {last_row:,} and column {last_column:,}"
        )


def _column(letters: bytes) -> int:
    """The number of a column: of A 1, of XFD 16,384; of a row 0."""
    number = 0
    for letter in letters.upper()[:7]:
        number = number * 26 + letter - 64
    return number


def _damaged(path: str | Path, problem: str) -> FileFormatError:
    return FileFormatError(
        found=f"{str(path)!r} cannot be read: {' '.join(problem.split())[:200]}",
        expected="a whole .xlsx workbook without password",
        fix="save it again, or export the sheet as .csv",
    )


def _text(path: str | Path, cell: object, row: int, place: int) -> str:
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) >= _EXACT:
            raise TableError(
                found=f"{cell:.0f} in row {row + 1}, column {place + 1} of {str(path)!r}",
                expected=f"whole numbers below {_EXACT:,}, which a spreadsheet holds exactly",
                fix="format the column as text, or export it from where it was made",
            )
        return repr(cell).removesuffix(".0")
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def _header(path: str | Path, texts: list[list[str]], notes: list[str]) -> list[str]:
    """The name of each column, the empty text for one that is blank throughout."""
    header = list(texts[0])
    for place, name in enumerate(header):
        blank = not name.strip()
        if blank and all(not row[place].strip() for row in texts):
            header[place] = ""
        elif blank and place == 0:
            header[0] = ROW_NAMES
            notes.append(f"the first column of {str(path)!r} has no name: it is called {ROW_NAMES!r}")
        elif blank:
            raise TableError(
                found=f"column {place + 1} of {str(path)!r} has no name, but content",
                expected="a name for every column in the first row of the sheet",
                fix="name the column; remove titles above the table and merged cells",
            )
        elif header.index(name) < place:
            raise TableError(
                found=f"column {name!r} more than once in {str(path)!r}: "
                f"columns {header.index(name) + 1} and {place + 1}",
                expected="distinct column names",
                fix="rename or remove one of them",
            )
    return header
