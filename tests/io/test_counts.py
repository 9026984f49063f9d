"""Wide and long tables of counts, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra.errors import AmountError, ArgumentError, ColumnError, TableError
from concentra.io.counts import read_counts

WIDE = pd.DataFrame(
    {"mouse": ["001", "<b>", "m,3"], "T cell": [3, 0, 1], "=1+1": [0.5, 2, 0], "naïve": [0, 0, 7]}
)
ENDINGS = [".csv", ".csv.gz", ".tsv", ".parquet"]


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_wide_tables(tmp_path: Path, ending: str) -> None:
    units, parts, amounts = read_counts(write(WIDE, tmp_path / f"counts{ending}"))
    assert units.tolist() == ["001", "<b>", "m,3"]
    assert parts.tolist() == ["T cell", "=1+1", "naïve"]
    np.testing.assert_array_equal(amounts, WIDE.iloc[:, 1:].to_numpy())
    assert amounts.dtype == float


def test_the_unit_of_a_wide_table_may_stand_anywhere(tmp_path: Path) -> None:
    path = write(WIDE[["T cell", "mouse", "naïve", "=1+1"]], tmp_path / "counts.csv")
    units, parts, amounts = read_counts(path, unit="mouse")
    assert units.tolist() == ["001", "<b>", "m,3"]
    assert parts.tolist() == ["T cell", "naïve", "=1+1"]
    assert amounts.tolist() == [[3, 0, 0.5], [0, 0, 2], [1, 7, 0]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_long_tables(tmp_path: Path, ending: str) -> None:
    long = WIDE.melt("mouse", var_name="type", value_name="cells").query("cells > 0").assign(other="x")
    path = write(long, tmp_path / f"counts{ending}")
    units, parts, amounts = read_counts(path, unit="mouse", part="type", amount="cells")
    assert units.tolist() == ["001", "m,3", "<b>"]  # of first appearance
    table = pd.DataFrame(amounts, index=units, columns=parts)
    np.testing.assert_array_equal(table.loc[WIDE["mouse"], WIDE.columns[1:]], WIDE.iloc[:, 1:])


def test_units_that_are_numbers(tmp_path: Path) -> None:
    path = write(pd.DataFrame({"step": [512, 1000], "a": [1, 2]}), tmp_path / "counts.parquet")
    assert read_counts(path)[0].tolist() == ["512", "1000"]


@pytest.mark.parametrize(
    "cell, message",
    [
        ("-1", r"-1 in column 'b', data row 2 of '.*counts.csv' is negative"),
        ("", r"missing value in column 'b', data row 2 of"),
        ("nan", r"missing value in column 'b', data row 2 of"),
        ("inf", r"'inf' in column 'b', data row 2 .* is infinite"),
        ("-inf", r"data row 2 .* is infinite"),
        ("many", r"'many' in column 'b', data row 2 .* is no number"),
        ("4O", r"'4O' in column 'b', data row 2 .* is no number"),
        ("1_000", r"'1_000' in column 'b', data row 2 .* is no number"),
    ],
)
@pytest.mark.parametrize("form", ["wide", "long"])
def test_wrong_amounts_name_row_and_column(tmp_path: Path, cell: str, message: str, form: str) -> None:
    path = tmp_path / "counts.csv"
    if form == "wide":
        path.write_text(f"unit,a,b\nm1,1,2\nm2,1,{cell}\nm3,1,-7\n")
        arguments = {}
    else:
        path.write_text(f"unit,part,b\nm1,x,1\nm2,x,{cell}\nm3,x,-7\n")
        arguments = {"unit": "unit", "part": "part", "amount": "b"}
    with pytest.raises(AmountError, match=message):
        read_counts(path, **arguments)


@pytest.mark.parametrize(
    "value, message",
    [
        (np.nan, "missing value in column 'x', data row 2"),
        (np.inf, "data row 2 of .* is infinite"),
        (-0.5, "-0.5 in column 'x', data row 2 of .* is negative"),
    ],
)
def test_wrong_amounts_that_are_numbers_already(tmp_path: Path, value: float, message: str) -> None:
    path = write(pd.DataFrame({"unit": ["a", "b"], "x": [1.0, value]}), tmp_path / "counts.parquet")
    with pytest.raises(AmountError, match=message):
        read_counts(path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("unit,a\nm1,1\nm2,2\nm1,3\n", r"unit 'm1' twice in '.*', again in data row 3"),
        ("unit,a\n,1\n", r"data row 1 of '.*' without 'unit'"),
        ("unit,a\n", "no rows in"),
        ("unit\nm1\n", "one column in .*: 'unit'"),
        ("unit,a,a\nm1,1,2\n", "column 'a' more than once"),
    ],
)
def test_wide_tables_of_the_wrong_form(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "counts.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_counts(tmp_path / "counts.csv")


@pytest.mark.parametrize(
    "text, message",
    [
        ("u,p,n\nm1,x,1\nm1,y,1\nm1,x,2\n", r"u 'm1' with p 'x' twice in '.*', again in data row 3"),
        ("u,p,n\nm1,x,1\nm1,,1\n", "data row 2 of '.*' without 'p'"),
        ("u,p,n\n", "no rows in"),
    ],
)
def test_long_tables_of_the_wrong_form(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "counts.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_counts(tmp_path / "counts.csv", unit="u", part="p", amount="n")


def test_a_unit_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("unit,a,b\nm1,1,2\nm2,0,0\n")
    with pytest.raises(AmountError, match=r"unit 'm2' of '.*' with the total 0"):
        read_counts(tmp_path / "counts.csv")


@pytest.mark.parametrize(
    "arguments", [{"part": "p"}, {"amount": "n"}, {"unit": "u", "part": "p"}, {"part": "p", "amount": "n"}]
)
def test_a_long_table_needs_all_three(tmp_path: Path, arguments: dict[str, str]) -> None:
    with pytest.raises(ArgumentError, match="all three for a long table"):
        read_counts(tmp_path / "counts.csv", **arguments)


def test_a_misspelt_column(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("unit,part,cells\nm1,x,1\n")
    with pytest.raises(ColumnError, match="did you mean 'cells'"):
        read_counts(tmp_path / "counts.csv", unit="unit", part="part", amount="cell")
    with pytest.raises(ColumnError, match="did you mean 'unit'"):
        read_counts(tmp_path / "counts.csv", unit="unti")
