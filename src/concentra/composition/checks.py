"""Whether the columns of a table are what they are taken for: parts or covariates, counts or shares."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.rows import canonical_name
from concentra.errors import AmountError, ArgumentError, ColumnError, TableError, nearest
from concentra.io.numbers import Numbers, joined_notes, read_numbers, require_counts, require_numbers

Blanks = Literal["refuse", "zero"]
Amounts = NDArray[np.int64] | NDArray[np.float64]

_COVARIATES = re.compile(
    r"(?:.*_)?(?:age|ages|bmi|id|percent|percentage|pct|total|totals)"
    r"|age_.*|n_.*|total_.*|percent_.*|pct_.*|unnamed.*"
    r"|weight|height|years?|months?|weeks?|days?|date|time|timepoint|visit|dose|batch|replicate|passage|run|rin"
    r"|n|sum|number|counts?|ncells|ngenes|depth|library_size|viability|perc|fraction|proportion|score|index|row_?names"
)
"""Names that no part has, `canonical_name` of each; real tables have parts such as CD4_N and T_cell_count."""
_ODD = re.compile(r"[-+]?[0-9]{1,3}(?:[^0-9A-Za-z/:-]{1,2}[0-9]{3})+|[-+]?[0-9]+(?:[.,][0-9]+)?\s*%")
"""A number with separators of thousands that no reader knows, or with a percent sign."""
_SHOWN = 12
_PERCENT, _FRACTION = 1.0, 0.01
"""How far the sums of rows may be from 100 and from 1."""


@dataclass(frozen=True)
class WideTable:
    """The parts of a wide table.

    Attributes
    ----------
    parts
        Names of the columns that are parts, K of them.
    amounts
        Shape (n_rows, K): int64 counts, or float64 shares.
    labels
        Names of the other columns.
    notes
        What was taken, and what was filled in; one sentence each.
    """

    parts: tuple[str, ...]
    amounts: Amounts
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def wide_table(
    table: pd.DataFrame,
    labels: Sequence[str],
    *,
    parts: Sequence[str] | None = None,
    blanks: Blanks = "refuse",
    shares: bool = False,
    file: str = "the table",
    separator: str | None = None,
) -> WideTable:
    r"""The parts of a wide table and their amounts, with everything refused that is no part.

    A column is taken for numbers where at least half of its cells are numbers; the others are labels.

    Parameters
    ----------
    table
        One row a unit: columns of labels, and a column for each part. Numbers or text.
    labels
        Columns that are no parts, such as the donor and what is compared.
    parts
        The columns that are parts; None: all columns of numbers beside `labels`. What is named here is neither
        refused for its name nor as a sum.
    blanks
        "refuse": a blank among the amounts is an error. "zero": it is 0, with a note.
    shares
        Amounts may be fractions or percentages; without it they are whole numbers.
    file
        The name of the file, for messages.
    separator
        The character between the columns of the file, as for `concentra.io.numbers.read_numbers`.

    Returns
    -------
    WideTable

    Raises
    ------
    AmountError
        A cell among the amounts that is no number, blank, negative, infinite, too large, or not whole, with its row
        and column.
    TableError
        A column whose name or content is that of a covariate or of a total; rows that sum to 100 or 1; no part; a
        column twice.

    Examples
    --------
    >>> table = pd.DataFrame({"donor": ["a", "b"], "T": [3, 4], "B": [1, 7]})
    >>> found = wide_table(table, ["donor"])
    >>> found.parts, found.amounts.tolist(), found.notes
    (('T', 'B'), [[3, 1], [4, 7]], ("2 parts: 'T', 'B'",))
    >>> wide_table(table.assign(total=[4, 11]), ["donor"])
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: column 'total' of 'the table' is the sum of the other 2 columns in every row
    expected: a column for each part, none of them a sum of others
    fix: --about total, if it is no part; --parts T,B names the parts
    """
    refuse_repeated_columns(table.columns, file)
    numbers = _numeric(table, labels, parts, file, separator)
    if not numbers:
        raise TableError(
            found=f"no column of numbers in {file!r} beside {', '.join(map(repr, labels))}",
            expected="a column of counts for each part, beside the labels",
            fix="leave out --wide if each row is a cell; --amount COLUMN if each row is a count",
        )
    names = [one.name for one in numbers]
    columns = [_amounts(one, names, file, blanks, shares) for one in numbers]
    amounts: Amounts = np.column_stack(columns).astype(np.float64 if shares else np.int64)  # type: ignore[assignment]
    if parts is None:
        refuse_sums(names, amounts, file)
        refuse_covariates(names, file)
    notes = [listed(names), *joined_notes(numbers)]
    n_blank = sum(int(one.blank.sum()) for one in numbers)
    if n_blank:
        notes.append(
            f"1 missing value of {file!r} is counted as 0"
            if n_blank == 1
            else f"{n_blank} missing values of {file!r} are counted as 0"
        )
    notes += check_sums(amounts.sum(axis=1), shares=shares, file=file)
    others = tuple(str(name) for name in table.columns if str(name) not in names)
    return WideTable(tuple(names), amounts, others, tuple(notes))


def refuse_repeated_columns(columns: Collection[object], file: str = "the table") -> None:
    """Raise where two columns have one name.

    >>> refuse_repeated_columns(["donor", "age", "donor"], "a.csv")
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: column 'donor' more than once in 'a.csv'
    expected: distinct column names
    fix: rename or remove one of them
    """
    names = [str(name) for name in columns]
    for name in names:
        if names.count(name) > 1:
            raise TableError(
                found=f"column {name!r} more than once in {file!r}",
                expected="distinct column names",
                fix="rename or remove one of them",
            )


def _numeric(
    table: pd.DataFrame, labels: Sequence[str], parts: Sequence[str] | None, file: str, separator: str | None
) -> list[Numbers]:
    for name in [*labels, *(parts or [])]:
        if name not in table.columns:
            raise ColumnError(
                found=f"no column {name!r} in {file!r}",
                expected="names of columns that are there",
                fix=nearest(name, map(str, table.columns)),
            )
    both = set(labels) & set(parts or [])
    if both:
        raise ArgumentError(
            found=f"column {min(both)!r} both as a part and as a label",
            expected="each column as one of them",
            fix="leave it out of one of the two",
        )
    names = parts if parts is not None else [name for name in table.columns if name not in set(labels)]
    found = [read_numbers(table[name], separator=separator) for name in names]
    if parts is None:
        for one in found:
            _refuse_odd(one, file)
    return [one for one in found if parts is not None or one.share >= 0.5]


def _refuse_odd(numbers: Numbers, file: str) -> None:
    """Raise where most cells of a column are numbers written in a way that is not read: it would become a label."""
    if numbers.share >= 0.5:
        return
    texts = numbers.cells.astype(object).map(lambda cell: isinstance(cell, str) and cell.strip())
    odd = np.array([bool(text) and _ODD.fullmatch(text) is not None for text in texts], dtype=bool)
    if odd.sum() * 2 >= (~numbers.blank).sum() > 0:
        raise AmountError(
            found=f"{numbers.cells.iloc[int(np.argmax(odd))]!r} in column {numbers.name!r}, "
            f"data row {int(np.argmax(odd)) + 1} of {file!r} is no plain number",
            expected="numbers without percent signs, and without separators of thousands other than , . ' and spaces",
            fix="remove them; `concentra analyze --shares`, if these are percentages; "
            f"--about {shlex.quote(numbers.name)}, if it is no part",
        )


def _amounts(numbers: Numbers, names: Sequence[str], file: str, blanks: Blanks, shares: bool) -> Amounts:
    others = [name for name in names if name != numbers.name]
    about = shlex.quote(numbers.name)
    no_part = f"--about {about}, if {numbers.name} is no part"
    fix = f"correct the cell; {no_part}; `concentra analyze --shares`, if these are shares"
    if shares:
        require_numbers(numbers, file, expected="a share of 0 or more", fix=fix)
        amounts: Amounts = np.nan_to_num(numbers.values)
    else:
        amounts = require_counts(numbers, file, fix=fix)
    if numbers.blank.any() and blanks == "refuse":
        row = int(np.argmax(numbers.blank))
        raise AmountError(
            found=f"missing value in column {numbers.name!r}, data row {row + 1} of {file!r}"
            + (f"; {int(numbers.blank.sum())} in this column" if numbers.blank.sum() > 1 else ""),
            expected="a number in every cell of a part: 0 where it is absent",
            fix="--blanks zero, if a blank means 0; else fill it in, or remove the row"
            + ("" if others else f"; --about {about}, if it is no part"),
        )
    return amounts


def amount_column(
    column: pd.Series, *, shares: bool = False, file: str = "the table", separator: str | None = None
) -> tuple[Amounts, list[str]]:
    """The amounts of a table with a row for each of them, counts or shares, and how they are written if not plainly.

    Parameters
    ----------
    column
        Numbers or text, named.
    shares, file, separator
        As for `wide_table`.

    Raises
    ------
    AmountError
        A cell that is blank, no number, negative, infinite, or, of counts, not whole; with its row.

    Examples
    --------
    >>> found, notes = amount_column(pd.Series(["1,800", "12"], name="n"), separator=",")
    >>> found.tolist(), notes
    ([1800, 12], ["column 'n' is read with separators of thousands"])
    """
    numbers = read_numbers(column, separator=separator)
    fix = "correct the row, or remove it; `concentra analyze --shares`, if these are shares"
    if numbers.blank.any():
        row = int(np.argmax(numbers.blank))
        raise AmountError(
            found=f"missing value in column {numbers.name!r}, data row {row + 1} of {file!r}",
            expected="an amount in every row",
            fix=f"write 0 if there are none; else {fix}",
        )
    if not shares:
        return require_counts(numbers, file, fix=fix), joined_notes([numbers])
    require_numbers(numbers, file, expected="a share of 0 or more", fix=fix)
    return numbers.values, joined_notes([numbers])


def refuse_covariates(names: Sequence[str], file: str = "the table") -> None:
    """Raise where a column has the name of a covariate or of a total, such as age, bmi, total or n.

    >>> refuse_covariates(["T", "B", "BMI"], "a.csv")
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: column 'BMI' of 'a.csv' would be taken for a part (a cell type)
    expected: parts only: names such as age, bmi, total or n belong to something else
    fix: --about BMI, if it describes the unit; --parts T,B names the parts
    """
    for name in names:
        if _COVARIATES.fullmatch(canonical_name(name)):
            others = [other for other in names if not _COVARIATES.fullmatch(canonical_name(other))]
            raise TableError(
                found=f"column {name!r} of {file!r} would be taken for a part (a cell type)",
                expected="parts only: names such as age, bmi, total or n belong to something else",
                fix=_settled(name, "describes the unit", others),
            )


def _settled(name: str, what: str, others: Sequence[str]) -> str:
    parts = shlex.quote(",".join(others[:_SHOWN])) + (" and so on" if len(others) > _SHOWN else "")
    return f"--about {shlex.quote(name)}, if it {what}; --parts {parts} names the parts"


def refuse_sums(names: Sequence[str], amounts: Amounts, file: str = "the table") -> None:
    """Raise where a column is the sum of the others in every row, of at least two rows and three columns.

    >>> refuse_sums(["T", "B", "all"], np.array([[3, 1, 4], [4, 7, 11]]), "a.csv")
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: column 'all' of 'a.csv' is the sum of the other 2 columns in every row
    expected: a column for each part, none of them a sum of others
    fix: --about all, if it is no part; --parts T,B names the parts
    """
    if len(names) < 3 or len(amounts) < 2:
        return
    values = amounts.astype(float)
    same = np.isclose(2 * values, values.sum(axis=1, keepdims=True), rtol=1e-6, atol=0).all(axis=0)
    for place in np.flatnonzero(same & (values > 0).any(axis=0))[:1]:
        others = [name for name in names if name != names[place]]
        raise TableError(
            found=f"column {names[place]!r} of {file!r} is the sum of the other {len(others)} columns in every row",
            expected="a column for each part, none of them a sum of others",
            fix=_settled(names[place], "is no part", others),
        )


def listed(names: Sequence[str]) -> str:
    """A note that lists the parts taken.

    >>> listed(["T", "B"])
    "2 parts: 'T', 'B'"
    """
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return f"{len(names)} parts: {shown}" + (
        f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    )


def check_sums(sums: Amounts, *, shares: bool, file: str = "the table") -> tuple[str, ...]:
    """A note on shares; raises where counts look like shares, or a row sums to nothing.

    Parameters
    ----------
    sums
        The sum of the amounts of each unit, shape (n_units,), finite and nonnegative.
    shares
        Whether the amounts are shares, as the user states.
    file
        The name of the file, for messages.

    Raises
    ------
    TableError
        Two or more rows, all of which sum to 100 (within 1) or 1 (within .01), though the amounts should be counts.
    AmountError
        A unit whose shares sum to 0.

    Examples
    --------
    >>> check_sums(np.array([100.0, 99.9]), shares=True)
    ('the shares of each unit sum to 100: no correction for the number of cells is possible',)
    >>> check_sums(np.array([100, 100]), shares=False)
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: every row of 'the table' sums to 100: these are percentages
    expected: numbers of cells
    fix: `concentra analyze --shares` compares them without correction for numbers of cells; or give these
    """
    sums = np.asarray(sums, dtype=float)
    near = {
        total: bool(sums.size) and bool((np.abs(sums - total) <= within).all())
        for total, within in ((100, _PERCENT), (1, _FRACTION))
    }
    total = next((total for total, found in near.items() if found), None)
    if not shares:
        if total is not None and sums.size > 1:
            raise TableError(
                found=f"every row of {file!r} sums to {total}: these are "
                + ("percentages" if total == 100 else "fractions"),
                expected="numbers of cells",
                fix="`concentra analyze --shares` compares them without correction for numbers of cells; or give these",
            )
        return ()
    for row in np.flatnonzero(sums <= 0)[:1]:
        raise AmountError(
            found=f"the shares in data row {row + 1} of {file!r} sum to 0",
            expected="at least one part with a share above 0",
            fix="remove the row: an empty composition has no concentration",
        )
    what = (
        f"sum to {total}"
        if total is not None
        else f"sum to {sums.min():.4g} to {sums.max():.4g} and are rescaled"
    )
    return (f"the shares of each unit {what}: no correction for the number of cells is possible",)
