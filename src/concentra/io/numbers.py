"""Columns of numbers as people write them: decimal points or commas, with or without separators of thousands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import AmountError
from concentra.io.labels import label_text
from concentra.printable import joined

_SPACES = " \u00a0\u2007\u2009\u202f'\u2019"  # and apostrophes, as in Switzerland
_GAP = re.compile(rf"(?<=[0-9])[{_SPACES}](?=[0-9]{{3}}(?![0-9]))")
_GROUPED = "[1-9][0-9]{0,2}(?:%s[0-9]{3})+|[0-9]+"
_POWER = "(?:[eE][-+]?[0-9]+)?"
_POINT = re.compile(rf"[-+]?(?:(?:{_GROUPED % ','})(?:\.[0-9]*)?|\.[0-9]+){_POWER}")
_COMMA = re.compile(rf"[-+]?(?:{_GROUPED % '[.]'})(?:,[0-9]+)?{_POWER}")
_INFINITE = re.compile(r"[-+]?inf(?:inity)?", re.IGNORECASE)
MOST_NAMES = 3
"""Columns that a note names."""
LARGEST = (1 << 63) - 1


@dataclass(frozen=True)
class Numbers:
    """A column as numbers.

    Attributes
    ----------
    name
        The name of the column.
    cells
        The column as it was.
    values
        The nearest float of each cell, shape (n_rows,); NaN where it is blank or no number.
    whole
        The same as whole numbers, 0 where `values` is NaN; None where one has a fraction or exceeds 2^63 - 1.
    blank, wrong
        Which cells are missing, and which are something else than a number.
    doubtful
        The row, from 0, of a cell such as ``1,800`` that may be read in two ways; None where there is none.
    notes
        How the numbers are written, where that is not plain.
    """

    name: str
    cells: pd.Series
    values: NDArray[np.float64]
    whole: NDArray[np.int64] | None
    blank: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    doubtful: int | None
    notes: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of the cells, blank ones apart, that are numbers: 0 to 1; 0 where all are blank."""
        filled = int((~self.blank).sum())
        return 1 - int(self.wrong.sum()) / filled if filled else 0.0


def read_numbers(column: pd.Series, *, separator: str | None = None) -> Numbers:
    """A column as numbers, with an account of the cells that are none.

    Parameters
    ----------
    column
        Numbers or text, named.
    separator
        The character between the columns of the file, if any: in a file with commas between its columns a comma
        within a number separates thousands; elsewhere ``1,800`` is doubtful unless other cells settle it.

    Returns
    -------
    Numbers

    Examples
    --------
    >>> read_numbers(pd.Series(["1,5", "12", ""], name="T")).values.tolist()
    [1.5, 12.0, nan]
    >>> read_numbers(pd.Series(["1,800", "12"], name="T"), separator=",").whole.tolist()
    [1800, 12]
    >>> read_numbers(pd.Series(["1,800", "12"], name="T")).doubtful
    0
    >>> read_numbers(pd.Series(["4O", "12"], name="T")).wrong.tolist()
    [True, False]
    """
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        return _typed(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, uniques = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, uniques = pd.factorize(column.astype(object))
    texts = [label_text(value) for value in uniques]
    trimmed = [None if text is None else text.strip().replace("\u2212", "-") for text in texts]
    plain = [None if text is None else _GAP.sub("", text) for text in trimmed]
    typed = all(not isinstance(value, str | bytes) for value in uniques)
    comma, doubtful = (False, None) if typed else _notation([t for t in plain if t is not None], separator)
    found = [None if text is None else _number(text, comma) for text in plain]
    place = np.append(
        np.array([np.nan if one is None else float(one) for one in found], dtype=float), np.nan
    )[codes]
    blank = np.append(np.array([text is None for text in texts], dtype=bool), True)[codes]
    unclear = np.append([doubtful is not None and text == doubtful for text in plain], False)[codes]
    return Numbers(
        name=str(column.name),
        cells=column,
        values=place,
        whole=_whole(found, codes.astype(np.int64)),
        blank=blank,
        wrong=~blank & np.isnan(place),
        doubtful=int(np.argmax(unclear)) if unclear.any() else None,
        notes=() if typed else _notes(str(column.name), trimmed, plain, comma),
    )


def _typed(column: pd.Series) -> Numbers:
    """A column that holds numbers already."""
    values = column.to_numpy(dtype=np.float64)
    blank = np.isnan(values)
    whole: NDArray[np.int64] | None = None
    if column.dtype.kind == "i":
        whole = column.to_numpy(dtype=np.int64)
    elif bool((blank | ((values == np.floor(values)) & (np.abs(values) < float(LARGEST)))).all()):
        whole = (np.where(blank, 0, values) if column.dtype.kind == "f" else column.to_numpy()).astype(
            np.int64
        )
    none = np.zeros(len(values), dtype=bool)
    return Numbers(str(column.name), column, values, whole, blank, none, None, ())


def _notation(texts: Sequence[str], separator: str | None) -> tuple[bool, str | None]:
    """Whether commas are decimal, and a text that leaves it open."""
    marked = [text for text in texts if "," in text or "." in text]
    point, comma = ([t for t in marked if one.fullmatch(t)] for one in (_POINT, _COMMA))
    if separator == "," and any("," in text for text in point):
        return False, None
    if len(point) != len(comma) or len(point) < len(marked):
        return len(comma) > len(point), None
    if not marked or (separator != ";" and not any("," in text for text in marked)):
        return False, None
    return False, marked[0]


def _number(text: str, comma: bool) -> int | float | None:
    if not (_COMMA if comma else _POINT).fullmatch(text):
        return float(text) if _INFINITE.fullmatch(text) else None
    plain = text.replace(".", "").replace(",", ".") if comma else text.replace(",", "")
    if plain.lstrip("+-").isdigit():
        return int(plain) if len(plain) < 400 else float("inf")
    number = float(plain)
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number


def _whole(found: Sequence[int | float | None], codes: NDArray[np.int64]) -> NDArray[np.int64] | None:
    if any(one is not None and not (isinstance(one, int) and abs(one) <= LARGEST) for one in found):
        return None
    return np.append(np.array([one or 0 for one in found], dtype=np.int64), 0)[codes]


def _notes(
    name: str, trimmed: Sequence[str | None], plain: Sequence[str | None], comma: bool
) -> tuple[str, ...]:
    tests: dict[str, Callable[[str, str], bool]] = {
        "decimal commas": lambda _, text: comma and "," in text,
        "separators of thousands": lambda before, text: before != text or ("." if comma else ",") in text,
    }
    pairs = [
        (one, two) for one, two in zip(trimmed, plain, strict=True) if one is not None and two is not None
    ]
    numbers = [(one, two) for one, two in pairs if _number(two, comma) is not None]
    found = [what for what, test in tests.items() if any(test(*pair) for pair in numbers)]
    return (f"column {name!r} is read with {' and '.join(found)}",) if found else ()


def joined_notes(columns: Iterable[Numbers]) -> list[str]:
    """How the numbers of several columns are written, a sentence for all columns that are written alike.

    >>> joined_notes(read_numbers(pd.Series(["1,5", "2"], name=name)) for name in "TB")
    ["columns 'T' and 'B' are read with decimal commas"]
    """
    names: dict[str, list[str]] = {}
    for one in columns:
        for note in one.notes:
            names.setdefault(note.removeprefix(f"column {one.name!r} is "), []).append(one.name)
    made = []
    for how, alike in names.items():
        shown = [repr(name) for name in alike[:MOST_NAMES]]
        more = len(alike) - len(shown)
        listed = joined([*shown, f"{more} more"] if more else shown)
        made.append(f"column{'s' * (len(alike) > 1)} {listed} {'are' if len(alike) > 1 else 'is'} {how}")
    return made


def shown(value: object) -> str:
    """How a message shows a cell: numbers as they are, text in quotes.

    >>> shown(22.5), shown("4O"), shown("22.5")
    ('22.5', "'4O'", '22.5')
    """
    text = str(value)
    return text if not isinstance(value, str) or _POINT.fullmatch(text) else repr(text)


def require_numbers(numbers: Numbers, file: str, *, expected: str, fix: str) -> None:
    """Raise at the first cell that is no finite number of 0 or more, or may be read in two ways; blanks pass.

    Parameters
    ----------
    numbers
        What `read_numbers` returns.
    file
        The name of the file, for the message.
    expected, fix
        What the message says of the cells that are no numbers.

    Raises
    ------
    AmountError

    Examples
    --------
    >>> require_numbers(read_numbers(pd.Series([3, -1], name="T")), "a.csv", expected="counts", fix="correct it")
    Traceback (most recent call last):
        ...
    concentra.errors.AmountError: error: -1 in column 'T', data row 2 of 'a.csv' is negative
    expected: counts
    fix: correct it
    """
    if numbers.doubtful is not None:
        raise AmountError(
            found=f"{_cell(numbers, numbers.doubtful, file)} may be read in two ways",
            expected="numbers whose comma or point is either decimal or a separator of thousands",
            fix="write the numbers of the column without separators of thousands",
        )
    with np.errstate(invalid="ignore"):
        checks = (
            (numbers.wrong, "is no number"),
            (np.isinf(numbers.values), "is infinite or too large"),
            (numbers.values < 0, "is negative"),
        )
    for wrong, what in checks:
        for row in np.flatnonzero(wrong)[:1]:
            raise AmountError(found=f"{_cell(numbers, int(row), file)} {what}", expected=expected, fix=fix)


def _cell(numbers: Numbers, row: int, file: str) -> str:
    return f"{shown(numbers.cells.iloc[row])} in column {numbers.name!r}, data row {row + 1} of {file!r}"


def require_counts(numbers: Numbers, file: str, *, fix: str) -> NDArray[np.int64]:
    """The column as whole numbers, 0 where blank; raises where it is no column of counts.

    Parameters
    ----------
    numbers
        What `read_numbers` returns.
    file
        The name of the file, for the message.
    fix
        What the message advises.

    Raises
    ------
    AmountError
        A cell that is no number, is negative, infinite, has a fraction, or exceeds 2^63 - 1.

    Examples
    --------
    >>> require_counts(read_numbers(pd.Series(["3", "22.5"], name="BMI")), "a.csv", fix="leave it out")
    Traceback (most recent call last):
        ...
    concentra.errors.AmountError: error: 22.5 in column 'BMI', data row 2 of 'a.csv' is no whole number
    expected: numbers of cells: whole, 0 or more
    fix: leave it out
    """
    expected = "numbers of cells: whole, 0 or more"
    require_numbers(numbers, file, expected=expected, fix=fix)
    if numbers.whole is None:
        fraction = np.flatnonzero(~(numbers.blank | (numbers.values == np.floor(numbers.values))))
        large = np.flatnonzero(~numbers.blank & (numbers.values >= float(LARGEST)))
        row = int([*fraction, *large][0])
        what = "is no whole number" if fraction.size else "exceeds 2^63 - 1"
        raise AmountError(found=f"{_cell(numbers, row, file)} {what}", expected=expected, fix=fix)
    return numbers.whole
