"""Whether a row of a table is a cell or a count, and whether it was read before."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError, TableError
from concentra.files import sha256
from concentra.io.numbers import read_numbers

COUNT_NAMES = frozenset({
    "n_cells", "ncells", "cells", "n_cell", "cell_count", "cell_counts", "cellcount", "num_cells", "number_of_cells",
    "count", "counts", "freq", "frequency", "n", "number", "num", "abundance", "size", "amount",
})  # fmt: skip
"""Names of columns that hold numbers of cells, `canonical_name` of each."""

_BEGUN = re.compile(r"[^\w]*\d")
"""How a number begins, also one with a sign or a mark before it that makes it none."""


def canonical_name(name: object) -> str:
    """The name of a column in lower case, with single underscores between its words.

    >>> canonical_name("N.Cells"), canonical_name("nCells "), canonical_name("% of total")
    ('n_cells', 'n_cells', 'percent_of_total')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name).replace("%", " percent "))
    return re.sub(r"[^0-9a-z]+", "_", words.lower()).strip("_")


def count_column(table: pd.DataFrame, keys: Sequence[str]) -> str | None:
    """The column of counts, where a table that may hold a row a cell holds a row a count; else None.

    That is so where every combination of `keys` (donor, stratum, part) occurs once, in two rows or more, and at least
    half of the cells of a column named as counts are (`COUNT_NAMES`) begin as numbers, of which one is not 1. Whether
    all of them are counts is for its reader to check: a typing error among them makes no cells of the rows.

    Parameters
    ----------
    table
        Labels, and every column that might hold counts.
    keys
        Columns of donor, stratum and part.

    Examples
    --------
    >>> table = pd.DataFrame({"donor": ["a", "a"], "type": ["T", "B"], "Freq": [30, 12]})
    >>> count_column(table, ["donor", "type"])
    'Freq'
    """
    keys = list(keys)
    named = [name for name in table.columns if name not in keys and canonical_name(name) in COUNT_NAMES]
    if len(table) < 2 or not named or table[keys].astype(object).duplicated().any():
        return None
    for name in named:
        numbers = read_numbers(table[name])
        begun = table[name].astype(str).str.match(_BEGUN).to_numpy(dtype=bool) & ~numbers.blank
        if begun.sum() * 2 >= max(1, (~numbers.blank).sum()) and (numbers.values[begun] != 1).any():
            return str(name)
    return None


def refuse_repeated_counts(table: pd.DataFrame, keys: Sequence[str], file: str = "the table") -> None:
    """Raise where two rows of a table of counts have the same labels: added up, one of them might be counted twice.

    Parameters
    ----------
    table
        A row a count.
    keys
        Every column that tells rows apart: donor, stratum, part, and those of which each donor has several values,
        such as the visit.
    file
        The name of the file, for the message.

    Raises
    ------
    TableError
        With both rows; where most labels occur many times, with the hint that each row may be a cell.

    Examples
    --------
    >>> refuse_repeated_counts(pd.DataFrame({"donor": ["a", "b", "a"], "type": "T"}), ["donor", "type"], "a.csv")
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: donor 'a', type 'T' twice in 'a.csv': data rows 1 and 3
    expected: one row for each (donor, type)
    fix: remove one of the rows, add them up, or name a donor column that tells them apart
    """
    labels = table[list(keys)].astype(object)
    again = labels.duplicated().to_numpy()
    if not again.any():
        return
    row = int(np.argmax(again))
    same = (labels.iloc[:row] == labels.iloc[row]) | (labels.iloc[:row].isna() & labels.iloc[row].isna())
    first = int(np.argmax(same.all(axis=1).to_numpy()))
    what = ", ".join(f"{name} {labels.iloc[row][name]!r}" for name in keys)
    cells = "leave out --amount, if each row is a cell; " if again.mean() > 0.5 else ""
    raise TableError(
        found=f"{what} twice in {file!r}: data rows {first + 1} and {row + 1}"
        + (f"; {int(again.sum())} such rows" if again.sum() > 1 else ""),
        expected=f"one row for each ({', '.join(keys)})",
        fix=f"{cells}remove one of the rows, add them up, or name a donor column that tells them apart",
    )


def refuse_same_file(paths: Sequence[str | Path]) -> None:
    """Raise where two paths are one file, or two files have the same content: their cells would be counted twice.

    Folders (`.zarr`) are compared by their place only.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> paths = [folder / "a.csv", folder / "b.csv"]
    >>> for path in paths:
    ...     _ = path.write_text("donor,type")
    >>> refuse_same_file(paths)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    concentra.errors.ArgumentError: error: '.../a.csv' and '.../b.csv' have the same content
    expected: each file once
    fix: leave out one of them
    """
    refuse_same_path(paths)
    places = _there(paths)
    sizes: dict[int, list[Path]] = {}
    for one in places:
        if one.is_file() and one.stat().st_size:
            sizes.setdefault(one.stat().st_size, []).append(one)
    for alike in sizes.values():
        seen: dict[str, Path] = {}
        for one in alike if len(alike) > 1 else []:
            content = sha256(one)
            if content in seen:
                raise _same(seen[content], one, "have the same content")
            seen[content] = one


def refuse_same_path(paths: Sequence[str | Path]) -> None:
    """Raise where two paths are one file or folder.

    >>> refuse_same_path([".", "./"])
    Traceback (most recent call last):
        ...
    concentra.errors.ArgumentError: error: '.' and '.' are one file
    expected: each file once
    fix: leave out one of them
    """
    places = _there(paths)
    for place, one in enumerate(places):
        for other in places[:place]:
            if one.samefile(other):
                raise _same(other, one, "are one file")


def _there(paths: Sequence[str | Path]) -> list[Path]:
    return [Path(path) for path in paths if os.path.exists(path)]  # noqa: PTH110 - Path.exists raises for a name too long


def _same(one: Path, other: Path, what: str) -> ArgumentError:
    return ArgumentError(
        found=f"{str(one)!r} and {str(other)!r} {what}",
        expected="each file once",
        fix="leave out one of them",
    )
