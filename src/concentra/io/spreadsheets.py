"""Spreadsheets as tables of text."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import FileFormatError, TableError
from concentra.io.dialect import ROW_NAMES

LARGEST = 2 << 30
"""The largest sum of the sizes that a workbook states for its contents, in bytes."""
_EXACT = 1 << 53


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
        book = python_calamine.load_workbook(str(path))
        return {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names
        }
    except FileFormatError:
        raise
    except zipfile.BadZipFile as problem:
        raise _damaged(path, str(problem)) from None
    except BaseException as problem:  # a panic within the reader is no Exception
        if isinstance(problem, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise _damaged(path, str(problem)) from None


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
