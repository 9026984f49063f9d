"""What a table is taken for: parts, counts, cells, shares; each refusal with the file's own column and row."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra.composition.checks import check_sums, refuse_repeated_columns, wide_table
from concentra.composition.rows import canonical_name, count_column, refuse_repeated_counts, refuse_same_file
from concentra.errors import AmountError, ArgumentError, ColumnError, TableError

WIDE = pd.DataFrame(
    {
        "donor": ["d0", "d1", "d2"],
        "group": ["a", "a", "b"],
        "A": [90, 80, 95],
        "B": [60, 70, 55],
        "C": [50, 50, 51],
    }
)
LABELS = ["donor", "group"]


@pytest.mark.parametrize("as_text", [False, True])
def test_the_parts_of_a_wide_table(as_text: bool) -> None:
    table = WIDE.astype(str) if as_text else WIDE
    found = wide_table(table.assign(site=["x", "x", "y"]), LABELS)
    assert found.parts == ("A", "B", "C")
    assert found.labels == ("donor", "group", "site")
    assert found.notes == ("3 parts: 'A', 'B', 'C'",)
    np.testing.assert_array_equal(found.amounts, WIDE[["A", "B", "C"]].to_numpy())
    assert found.amounts.dtype == np.int64


def test_many_parts_are_listed_in_part() -> None:
    table = pd.DataFrame({f"part {place}": [place + 1, 2 * place] for place in range(20)})
    assert wide_table(table, []).notes[0].endswith("'part 11' and 8 more")


@pytest.mark.parametrize("name", ["total", "Total", "everything", "all cells"])
def test_a_column_that_is_the_sum_of_the_others(name: str) -> None:
    table = WIDE.assign(**{name: WIDE[["A", "B", "C"]].sum(axis=1)})
    with pytest.raises(
        TableError, match=rf"column '{name}' of 'x.csv' is the sum of the other 3 columns in every row"
    ):
        wide_table(table, LABELS, file="x.csv")
    assert wide_table(table, [*LABELS, name]).parts == ("A", "B", "C")
    assert wide_table(table, LABELS, parts=["A", "B", name]).parts == ("A", "B", name)


def test_a_sum_by_chance() -> None:
    """One row decides nothing, nor do two columns."""
    assert wide_table(pd.DataFrame({"a": [2], "b": [1], "c": [1]}), []).parts == ("a", "b", "c")
    assert wide_table(pd.DataFrame({"a": [2, 3], "b": [2, 3]}), []).parts == ("a", "b")
    empty = pd.DataFrame({"a": [2, 3], "b": [2, 4], "nothing": [0, 0]})
    assert wide_table(empty, []).parts == ("a", "b", "nothing")


@pytest.mark.parametrize(
    "name",
    [
        *[
            "age",
            "Age",
            "AGE",
            "age_years",
            "donor.age",
            "bmi",
            "BMI",
            "weight",
            "n",
            "N",
            "n_cells",
            "nCells",
        ],
        *[
            "total_cells",
            "percent",
            "pct_mito",
            "percent.mt",
            "%",
            "viability",
            "year",
            "visit",
            "Unnamed: 0",
        ],
        *["row_names", "index", "n_genes", "sample_id", "batch", "RIN", "library size"],
    ],
)
def test_covariates_among_the_parts(name: str) -> None:
    table = WIDE.assign(**{name: [31, 40, 52]})
    with pytest.raises(TableError, match="would be taken for a part") as caught:
        wide_table(table, LABELS, file="x.csv")
    assert f"column {name!r} of 'x.csv'" in caught.value.found
    assert (
        caught.value.fix
        == f"--about {shlex.quote(name)}, if it describes the unit; --parts A,B,C names the parts"
    )
    assert wide_table(table, [*LABELS, name]).parts == ("A", "B", "C")
    assert wide_table(table, LABELS, parts=["A", name]).parts == ("A", name)


@pytest.mark.parametrize(
    "name",
    [
        "T cell",
        "NK",
        "macrophage",
        "stage 2 B",
        "0",
        "12",
        "Microglia (aged)",
        "CD4+ T",
        "lineage",
        "dosed",
        "CD4_N",
        "B_cell_count",
        "NK index",
        "N2",
        "C1_CD14",
    ],
)
def test_parts_that_are_no_covariates(name: str) -> None:
    assert wide_table(WIDE.assign(**{name: [31, 40, 52]}), LABELS).parts == ("A", "B", "C", name)


@pytest.mark.parametrize(
    "cells, message",
    [
        ([22.5, 23.5, 24], "22.5 in column 'X', data row 1 of 'x.csv' is no whole number"),
        ([31, "4O", 52], "'4O' in column 'X', data row 2 of 'x.csv' is no number"),
        ([31, -1, 52], "-1 in column 'X', data row 2 of 'x.csv' is negative"),
        ([31, 40, "inf"], "'inf' in column 'X', data row 3 of 'x.csv' is infinite or too large"),
        ([31, 1 << 63, 52], "9223372036854775808 in column 'X', data row 2 of 'x.csv' exceeds 2^63 - 1"),
        (["1,800", "900", "700"], "'1,800' in column 'X', data row 1 of 'x.csv' may be read in two ways"),
        ([31, None, 52], "missing value in column 'X', data row 2 of 'x.csv'"),
        ([31, None, ""], "missing value in column 'X', data row 2 of 'x.csv'; 2 in this column"),
    ],
)  # fmt: skip
def test_amounts_that_are_no_counts(cells: list[object], message: str) -> None:
    with pytest.raises(AmountError) as caught:
        wide_table(WIDE.assign(X=pd.Series(cells, dtype=object)), LABELS, file="x.csv")
    assert caught.value.found in (message, message.replace("'1,800'", "1,800"))
    assert "np." not in str(caught.value)


def test_blanks_as_zero_when_asked() -> None:
    found = wide_table(WIDE.assign(X=["3", "", "NA"]), LABELS, blanks="zero", file="x.csv")
    assert found.amounts[:, 3].tolist() == [3, 0, 0]
    assert "2 missing values of 'x.csv' are counted as 0" in found.notes


def test_a_column_of_text_with_a_number_is_a_label() -> None:
    assert wide_table(WIDE.assign(code=["x1", "x2", "3"]), LABELS).labels == ("donor", "group", "code")


def test_separators_of_thousands() -> None:
    table = WIDE.astype(str).assign(A=["1,800", "1,600", "900"])
    found = wide_table(table, LABELS, separator=",")
    assert found.amounts[:, 0].tolist() == [1800, 1600, 900]
    assert found.notes[1:] == ("column 'A' is read with separators of thousands",)


def test_columns_that_do_not_fit() -> None:
    with pytest.raises(ColumnError, match=r"no column 'grp' in 'x.csv'(.|\n)*did you mean 'group'"):
        wide_table(WIDE, ["donor", "grp"], file="x.csv")
    with pytest.raises(ArgumentError, match="column 'A' both as a part and as a label"):
        wide_table(WIDE, ["A"], parts=["A"])
    with pytest.raises(TableError, match="no column of numbers in 'the table' beside 'donor', 'group'"):
        wide_table(WIDE[LABELS], LABELS)
    with pytest.raises(TableError, match="column 'A' more than once"):
        wide_table(pd.concat([WIDE, WIDE[["A"]]], axis=1), LABELS)
    with pytest.raises(TableError, match="column '1' more than once"):
        refuse_repeated_columns([1, "1"])


@pytest.mark.parametrize("scale, total", [(1, 1), (100, 100)])
def test_shares_are_accepted_only_when_asked(scale: int, total: int) -> None:
    shares = WIDE[["A", "B", "C"]].div(WIDE[["A", "B", "C"]].sum(axis=1), axis=0) * scale
    table = pd.concat([WIDE[LABELS], shares], axis=1)
    with pytest.raises(AmountError, match=r"data row [13] of .* is no whole number(.|\n)*--shares"):
        wide_table(table, LABELS)
    found = wide_table(table, LABELS, shares=True)
    np.testing.assert_array_equal(found.amounts, shares)
    assert found.notes[-1] == (
        f"the shares of each unit sum to {total}: no correction for the number of cells is possible"
    )


def test_whole_percentages_are_no_counts() -> None:
    table = pd.DataFrame({"donor": ["a", "b"], "A": [60, 33], "B": [30, 33], "C": [10, 33]})
    with pytest.raises(TableError, match="every row of 'the table' sums to 100: these are percentages"):
        wide_table(table, ["donor"])
    assert wide_table(table, ["donor"], shares=True).amounts.dtype == np.float64
    assert wide_table(table.iloc[:1], ["donor"]).amounts.tolist() == [[60, 30, 10]]


def test_shares_that_sum_to_something_else() -> None:
    (note,) = check_sums(np.array([0.8, 0.97]), shares=True)
    assert "sum to 0.8 to 0.97 and are rescaled" in note
    with pytest.raises(AmountError, match="data row 2 of 'the table' sum to 0"):
        check_sums(np.array([1, 0]), shares=True)


COUNTS = pd.DataFrame(
    {"donor": ["a", "a", "b"], "tissue": "lung", "type": ["T", "B", "T"], "n_cells": [3, 4, 5]}
)
KEYS = ["donor", "tissue", "type"]


@pytest.mark.parametrize(
    "name", ["n_cells", "N.cells", "nCells", "count", "Count", "Freq", "n", "cell_count"]
)
def test_a_table_of_counts_taken_for_cells(name: str) -> None:
    table = COUNTS.rename(columns={"n_cells": name})
    assert count_column(table, KEYS) == name
    assert count_column(table.astype(str), KEYS) == name


@pytest.mark.parametrize(
    "cells", [[1.5, 2, 3], ["x", "2", "3"], ["12 cells", "<5", "-"], [-1, 2, 3], ["1\u200b234"] * 3]
)
def test_a_typing_error_among_counts_makes_no_cells_of_the_rows(cells: list[object]) -> None:
    assert count_column(COUNTS.assign(n_cells=cells), KEYS) == "n_cells"


@pytest.mark.parametrize("sign", ["_", "\u200b", "\u00b7", "%"])
def test_numbers_that_no_reader_knows_are_no_labels(sign: str) -> None:
    cells = ["41.1%", "38 %"] if sign == "%" else [f"1{sign}234", f"1{sign}234{sign}567"]
    table = pd.DataFrame({"donor": ["a", "b"], "T": cells, "B": [3, 4], "C": [4, 1]})
    with pytest.raises(AmountError, match=r"in column 'T', data row 1 of 'a.csv' is no plain number"):
        wide_table(table, ["donor"], file="a.csv")
    assert wide_table(table, ["donor", "T"]).parts == ("B", "C")


@pytest.mark.parametrize(
    "cells", [["24m", "3m"], ["2020-01-02", "2020-01-03"], ["555-123", "555-124"], ["1/234", "x"]]
)
def test_labels_with_numbers_are_labels(cells: list[str]) -> None:
    table = pd.DataFrame({"donor": ["a", "b"], "T": cells, "B": [3, 4], "C": [4, 1]})
    assert wide_table(table, ["donor"]).labels == ("donor", "T")


@pytest.mark.parametrize(
    "table",
    [
        pd.concat([COUNTS, COUNTS]),  # labels that occur twice
        COUNTS.assign(n_cells=1),  # a one for each cell
        COUNTS.assign(n_cells=["S1", "S2", "3"]),
        COUNTS.rename(columns={"n_cells": "n_genes"}),
        COUNTS.drop(columns="n_cells"),
        COUNTS[:1],
    ],
)
def test_tables_that_are_cells(table: pd.DataFrame) -> None:
    assert count_column(table, KEYS) is None


def test_rows_of_counts_twice() -> None:
    refuse_repeated_counts(COUNTS, KEYS)
    table = pd.concat([COUNTS, COUNTS[1:2]])
    with pytest.raises(TableError) as caught:
        refuse_repeated_counts(table, KEYS, "x.csv")
    assert caught.value.found == "donor 'a', tissue 'lung', type 'B' twice in 'x.csv': data rows 2 and 4"
    assert "each row is a cell" not in caught.value.fix


def test_rows_of_counts_twice_with_missing_labels() -> None:
    gaps = COUNTS.assign(tissue=[None, None, np.nan])
    with pytest.raises(TableError, match=r"data rows 3 and 4; 1 such|data rows 3 and 4"):
        refuse_repeated_counts(pd.concat([gaps, gaps[2:]]), KEYS)


def test_cells_given_as_counts() -> None:
    cells = pd.concat([COUNTS] * 5)
    with pytest.raises(TableError, match="leave out --amount, if each row is a cell"):
        refuse_repeated_counts(cells, KEYS)


def test_the_same_file_twice(tmp_path: Path) -> None:
    one, two, other, link = (tmp_path / name for name in ("one.csv", "two.csv", "other.csv", "link.csv"))
    one.write_text("donor,type\na,T\n")
    other.write_text("donor,type\na,B\n")  # of the same size
    refuse_same_file([one, other])
    refuse_same_file([one, tmp_path / "absent.csv", "soma://address"])
    two.write_bytes(one.read_bytes())
    link.symlink_to(one)
    with pytest.raises(ArgumentError, match=r"one.csv' and '.*two.csv' have the same content"):
        refuse_same_file([one, other, two])
    with pytest.raises(ArgumentError, match=r"one.csv' and '.*link.csv' are one file"):
        refuse_same_file([one, link])
    with pytest.raises(ArgumentError, match="are one file"):
        refuse_same_file([one, str(one)])
    folder = tmp_path / "cells.zarr"
    folder.mkdir()
    with pytest.raises(ArgumentError, match="are one file"):
        refuse_same_file([folder, tmp_path / "." / "cells.zarr"])


@pytest.mark.parametrize(
    "name, canonical",
    [
        ("N.Cells", "n_cells"),
        ("nCells", "n_cells"),
        ("Cell Count", "cell_count"),
        ("% mito", "percent_mito"),
        (3, "3"),
    ],
)
def test_canonical_names(name: object, canonical: str) -> None:
    assert canonical_name(name) == canonical
