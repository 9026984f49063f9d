"""Tables of counts, wide or long, as units × parts."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import AmountError, ArgumentError, TableError
from concentra.io.labels import label_text
from concentra.io.numbers import Numbers, joined_notes, read_numbers, require_numbers
from concentra.io.tables import (
    TABLES,
    file_ending,
    read_table,
    require_columns,
    table_columns,
    table_separator,
)


def read_counts(
    path: str | Path,
    *,
    unit: str | None = None,
    part: str | None = None,
    amount: str | None = None,
    about: Sequence[str] = (),
    transposed: bool = False,
    notes: list[str] | None = None,
) -> tuple[pd.Index, pd.Index, NDArray[np.float64]]:
    """Units, parts, and the amount of each part in each unit.

    Parameters
    ----------
    path
        A table in any format of `concentra.io.tables`. *Wide*: a row for each unit, whose name is in the first
        column or in the one that `unit` names; every other column is a part. *Long*: a row for each unit and
        part.
    unit, part, amount
        Columns of a long table, all three; for a wide one `unit` at most.
    about
        Columns of a wide table that are no parts.
    transposed
        A wide table with a row for each part, whose name is in the first column, and a column for each unit.
    notes
        Sentences on what was inferred (separator, encoding, decimal commas) are appended.

    Returns
    -------
    units : Index (U,)
        In the order of the table.
    parts : Index (K,)
        In the order of the table; long: of first appearance.
    amounts : (U, K)
        Finite and nonnegative, of positive total in each unit. Pairs that a long table does not have are 0.

    Raises
    ------
    AmountError
        An amount that is negative, missing, infinite or no number, with its row and column; or a unit whose
        total is zero. Row 1 is the first after the header.
    TableError
        A unit, a part, or a pair of them twice; or a row without its name.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> table = pathlib.Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = table.write_text("mouse,T cell,B cell\\nm1,30,10\\nm2,5,0\\n")
    >>> units, parts, amounts = read_counts(table)
    >>> units.tolist(), parts.tolist(), amounts.tolist()
    (['m1', 'm2'], ['T cell', 'B cell'], [[30.0, 10.0], [5.0, 0.0]])
    """
    if (part is None) != (amount is None) or (part is not None and unit is None) or (transposed and unit):
        raise ArgumentError(
            found=f"unit={unit!r}, part={part!r}, amount={amount!r}" + ", transposed" * transposed,
            expected="all three for a long table; for a wide one unit, or none; none for a transposed one",
            fix="name the missing columns",
        )
    ending = file_ending(path, TABLES)
    noted: list[str] = [] if notes is None else notes
    if unit is not None and part is not None and amount is not None:
        units, parts, amounts = _long(path, ending, [unit, part, amount], noted)
    else:
        units, parts, amounts = _wide(path, ending, unit, about, noted)
        if transposed:
            units, parts, amounts = parts, units, amounts.T
    for name in units[amounts.sum(axis=1) == 0][:1]:
        raise AmountError(
            found=f"unit {name!r} of {str(path)!r} with the total 0",
            expected="at least one part with an amount above 0",
            fix="remove the unit: an empty composition has no concentration",
        )
    return units, parts, amounts


def _wide(
    path: str | Path, ending: str, unit: str | None, about: Sequence[str], notes: list[str]
) -> tuple[pd.Index, pd.Index, NDArray[np.float64]]:
    names = list(table_columns(path, ending))
    first = names[0] if unit is None else unit
    require_columns(path, about, names)
    wanted = [name for name in names if name != first and name not in about]
    table = read_table(path, ending, [first, *wanted], notes=notes)
    _refuse_empty(path, table)
    if table.shape[1] < 2:
        raise TableError(
            found=f"one column in {str(path)!r}: {first!r}",
            expected="the unit, and a column for each part",
            fix="check the separator, or name the columns of a long table",
        )
    units = _names(path, table[first])
    for row in np.flatnonzero(units.duplicated())[:1]:
        raise TableError(
            found=f"unit {units[row]!r} twice in {str(path)!r}, again in data row {row + 1}",
            expected="one row for each unit",
            fix="add the rows up, or name unit, part and amount if the table is long",
        )
    parts = table.columns[1:]
    separator = table_separator(path, ending)
    columns = [_numbers(path, table[name], separator) for name in parts]
    notes.extend(joined_notes(columns))
    return units, pd.Index(parts, dtype=object), np.column_stack([one.values for one in columns])


def _long(
    path: str | Path, ending: str, columns: Sequence[str], notes: list[str]
) -> tuple[pd.Index, pd.Index, NDArray[np.float64]]:
    table = read_table(path, ending, columns, notes=notes)
    _refuse_empty(path, table)
    unit, part, amount = columns
    names = _names(path, table[unit]), _names(path, table[part])
    numbers = _numbers(path, table[amount], table_separator(path, ending))
    notes.extend(numbers.notes)
    rows, units = pd.factorize(names[0])
    places, parts = pd.factorize(names[1])
    pairs = pd.Index(rows.astype(np.int64) * len(parts) + places)
    for row in np.flatnonzero(pairs.duplicated())[:1]:
        raise TableError(
            found=f"{unit} {names[0][row]!r} with {part} {names[1][row]!r} twice in {str(path)!r}, "
            f"again in data row {row + 1}",
            expected="one row for each unit and part",
            fix="add the rows up, or name a unit column that tells them apart",
        )
    amounts = np.zeros((len(units), len(parts)))
    amounts[rows, places] = numbers.values
    return pd.Index(units), pd.Index(parts), amounts


def _refuse_empty(path: str | Path, table: pd.DataFrame) -> None:
    if table.empty:
        raise TableError(
            found=f"no rows in {str(path)!r}", expected="a row for each unit", fix="name another table"
        )


def _names(path: str | Path, column: pd.Series) -> pd.Index:
    """Names of units or parts, as text."""
    texts = {value: label_text(value) for value in column.unique()}
    names = [texts.get(value) for value in column.astype(object)]
    for row in [row for row, name in enumerate(names) if name is None][:1]:
        raise TableError(
            found=f"data row {row + 1} of {str(path)!r} without {column.name!r}",
            expected=f"a name in {column.name!r} in every row",
            fix="fill it in, or remove the row",
        )
    return pd.Index(names, dtype=object)


def _numbers(path: str | Path, column: pd.Series, separator: str | None) -> Numbers:
    """The amounts of one column, checked."""
    expected = "a finite number, 0 or more; 0 for a part that is absent"
    about = shlex.quote(str(column.name))
    fix = (
        f"correct the cell, or remove the row; --about {about}, if it is no part; name unit, part and amount if the "
        "table is long; a table with a row for each cell is for concentra analyze"
    )
    numbers = read_numbers(column, separator=separator)
    for row in np.flatnonzero(numbers.blank)[:1]:
        raise AmountError(
            found=f"missing value in column {column.name!r}, data row {row + 1} of {str(path)!r}",
            expected=expected,
            fix=fix,
        )
    require_numbers(numbers, str(path), expected=expected, fix=fix)
    return numbers
