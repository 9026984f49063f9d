"""Numbers as people write them, cell by cell against a second definition, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.errors import AmountError
from concentra.io.numbers import read_numbers, require_counts, require_numbers


def column(*cells: object) -> pd.Series:
    return pd.Series(list(cells), name="T", dtype=object)


@pytest.mark.parametrize(
    "cells, separator, expected, note",
    [
        (["3", "1.5", "2e3", "-4"], None, [3, 1.5, 2000, -4], None),
        (["1,5", "3", "12,25"], None, [1.5, 3, 12.25], "decimal commas"),
        (["0,123", "0,5"], ",", [0.123, 0.5], "decimal commas"),  # no group of thousands begins with 0
        (["1,800", "60"], ",", [1800, 60], "separators of thousands"),
        (["1,800,000", "60"], ";", [1_800_000, 60], "separators of thousands"),
        (["1,800", "2.5"], ";", [1800, 2.5], "separators of thousands"),
        (["1.800,5", "60"], None, [1800.5, 60], "decimal commas and separators of thousands"),
        (["1.800.000", "60"], None, [1_800_000, 60], "separators of thousands"),
        (["1 800", "60"], None, [1800, 60], "separators of thousands"),
        (["1\u00a0800\u202f000", "60"], None, [1_800_000, 60], "separators of thousands"),
        (["1'800", "60"], None, [1800, 60], "separators of thousands"),
        ([" 3 ", "\u22124"], None, [3, -4], None),
        (["1.234", "820"], ",", [1.234, 820], None),
        (["1.234", "820"], "\t", [1.234, 820], None),
        (["", "NA", "nan", "3"], None, [np.nan, np.nan, np.nan, 3], None),
        ([3, 2.5, None, True], None, [3, 2.5, np.nan, None], None),
    ],
)  # fmt: skip
def test_how_numbers_are_written(
    cells: list[object], separator: str, expected: list[object], note: str | None
) -> None:
    numbers = read_numbers(column(*cells), separator=separator)
    wrong = [one is None for one in expected]
    assert numbers.wrong.tolist() == wrong
    np.testing.assert_array_equal(numbers.values, [np.nan if one is None else one for one in expected])
    assert numbers.doubtful is None
    assert numbers.notes == (() if note is None else (f"column 'T' is read with {note}",))


@pytest.mark.parametrize(
    "cells, separator",
    [(["1,800", "60"], None), (["1,800", "60"], ";"), (["60", "1,800"], "\t"), (["1.800", "60"], ";")],
)
def test_numbers_that_may_be_read_in_two_ways(cells: list[str], separator: str | None) -> None:
    numbers = read_numbers(column(*cells), separator=separator)
    assert numbers.doubtful == [("800" in cell) for cell in cells].index(True)
    with pytest.raises(AmountError, match="may be read in two ways"):
        require_counts(numbers, "a.csv", fix="")


@pytest.mark.parametrize(
    "cell", ["4O", "1_000", "1,80", "0x10", "1 80", "12,3456", "--3", ".", "e5", "١٢", "1.2.3", "five"]
)
def test_cells_that_are_no_numbers(cell: str) -> None:
    """Among thousands separated by commas, so that each is doubtless wrong."""
    numbers = read_numbers(column("1,800", cell, "2,000"), separator=",")
    assert numbers.wrong.tolist() == [False, True, False]
    assert numbers.share == pytest.approx(2 / 3)
    with pytest.raises(AmountError, match=r"in column 'T', data row 2 of 'a.csv' is no number"):
        require_numbers(numbers, "a.csv", expected="", fix="")


@pytest.mark.parametrize(
    "cell, message",
    [
        ("-1", "-1 in column 'T', data row 2 of 'a.csv' is negative"),
        ("2.5", "2.5 in column 'T', data row 2 of 'a.csv' is no whole number"),
        ("inf", "'inf' in column 'T', data row 2 of 'a.csv' is infinite"),
        ("1e400", "1e400 in column 'T', data row 2 of 'a.csv' is infinite or too large"),
        ("9223372036854775808", "9223372036854775808 in column 'T', data row 2 of 'a.csv' exceeds 2^63 - 1"),
        ("1e19", "1e19 in column 'T', data row 2 of 'a.csv' exceeds 2^63 - 1"),
        (np.float64(22.5), "22.5 in column 'T', data row 2 of 'a.csv' is no whole number"),
    ],
)  # fmt: skip
def test_cells_that_are_no_counts(cell: object, message: str) -> None:
    with pytest.raises(AmountError) as caught:
        require_counts(read_numbers(column(3, cell)), "a.csv", fix="fix it")
    assert caught.value.found.startswith(message)
    assert caught.value.fix == "fix it"


def test_whole_numbers_are_exact() -> None:
    largest = (1 << 63) - 1
    numbers = read_numbers(column(str(largest), "9007199254740993", "3.0", ""))
    assert require_counts(numbers, "a.csv", fix="").tolist() == [largest, 9007199254740993, 3, 0]
    assert numbers.blank.tolist() == [False, False, False, True]


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "category", "string", "object"])
def test_columns_of_any_type(dtype: str) -> None:
    values = pd.Series(["3", "4", "3"] if dtype == "string" else [3, 4, 3], name="T").astype(dtype)
    assert require_counts(read_numbers(values), "a.csv", fix="").tolist() == [3, 4, 3]


@pytest.mark.parametrize("decimal, thousands", [(".", ","), (",", "."), (".", " "), (",", " "), (".", "'")])
def test_against_python_at_random(decimal: str, thousands: str) -> None:
    """Random numbers, written by Python's own format, in each convention."""
    random = np.random.default_rng(7)
    values = np.round(random.lognormal(8, 4, 200), 2)
    texts = [f"{value:,.2f}".translate(str.maketrans({",": thousands, ".": decimal})) for value in values]
    numbers = read_numbers(column(*texts))
    np.testing.assert_array_equal(numbers.values, values)
