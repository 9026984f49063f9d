"""Who is a donor: one rule for names, in every reader, and nobody made one with another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra.composition.donors import (
    dataset_columns,
    donor_names,
    donor_notes,
    join_sheet,
    pooled_names,
    tell_apart,
    unknown_names,
)
from concentra.composition.reading import read
from concentra.errors import ArgumentError, LabelError, TableError
from concentra.io.cells import read_labels


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 1, 2]),
        pd.Series([1.0, 1.0, 2.0]),
        pd.Series(["1", "1.0", "2"]),
        pd.Series(["1 ", " 1", "2.00"]),
        pd.Series([np.int64(1), 1.0, "2"], dtype=object),
        pd.Series([1, 1, 2], dtype="Int64"),
        pd.Series(pd.Categorical(["1", "1.0", "2"])),
        pd.Series(pd.Categorical([1, 1, 2])),
    ],
)
def test_one_name_however_it_is_written(values: pd.Series) -> None:
    names, notes = donor_names(values)
    assert names.tolist() == ["1", "1", "2"]
    assert notes == ()


def test_other_names_stay_apart() -> None:
    names, notes = donor_names(pd.Series(["001", "1", "1.5", "m1", "M1", "", "nan", None, True]))
    assert names.tolist() == ["001", "1", "1.5", "m1", "M1", None, None, None, "True"]
    assert [note.split(" differ")[0] for note in notes] == ["donors '001' and '1'", "donors 'M1' and 'm1'"]


def test_the_rule_is_that_of_the_files(tmp_path: Path) -> None:
    """The same column from a text file and from Parquet, as numbers and as text."""
    pd.DataFrame({"donor": [1.0, 2.0, np.nan]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"donor": ["1", "2.0", ""]}).to_csv(tmp_path / "a.csv", index=False)
    for name in ("a.parquet", "a.csv"):
        assert donor_names(read_labels(tmp_path / name, ["donor"])["donor"])[0].tolist() == ["1", "2", None]


@pytest.mark.parametrize(
    "name", ["pooled", "Pool", "pool_3", "F-pooled", "3-M-5/6", "m1+m2", "m1 & m2", "a;b", "m1,m2", "mixed"]
)
def test_pools(name: str) -> None:
    assert pooled_names([name, "m1"]) == (name,)


@pytest.mark.parametrize(
    "name", ["Liverpool", "Poole", "3-M-5", "24-M-seg1", "m1", "mixy", "n/a", "1.5", "D-1"]
)
def test_names_that_are_no_pools(name: str) -> None:
    assert pooled_names([name]) == ()


def test_nobody() -> None:
    names = ["m1", "unknown", " Unassigned", "n/a", "Doublet", "Negative", "unknowable"]
    assert set(unknown_names(names)) == {"unknown", " Unassigned", "n/a", "Doublet", "Negative"}
    first, second = donor_notes([*names, "pooled", "3-M-5/6"])
    assert first == "2 donor names stand for several: '3-M-5/6', 'pooled'; counted as one donor each"
    assert second.startswith("5 donor names stand for none: ")
    assert donor_notes(["m1"]) == ()


def test_columns_of_data_sets() -> None:
    names = ["donor", "Dataset ID", "study_accession", "GSE", "assay", "datasets of others"]
    assert dataset_columns(names) == ("Dataset ID", "study_accession", "GSE")


DONORS = pd.Series(["D1", "D1", "D2", "D1", None], index=[3, 4, 5, 6, 7])
STUDIES = pd.Series(["x", "y", "y", None, "x"], index=DONORS.index, name="study")


def test_a_name_in_several_data_sets() -> None:
    with pytest.raises(
        LabelError, match="1 donor name in several values of 'study', such as 'D1' in 'None', 'x', 'y'"
    ):
        tell_apart(DONORS, STUDIES)
    apart, notes = tell_apart(DONORS, STUDIES, shared="apart")
    assert apart.tolist() == ["x · D1", "y · D1", "D2", "none · D1", None]
    assert apart.index.equals(DONORS.index)
    assert notes[0].endswith(": counted as different donors")
    same, notes = tell_apart(DONORS, STUDIES, shared="same")
    assert same.tolist() == ["D1", "D1", "D2", "D1", None]
    assert notes[0].endswith(": taken for the same donor")
    with pytest.raises(ArgumentError, match="shared='both'"):
        tell_apart(DONORS, STUDIES, shared="both")  # type: ignore[arg-type]


def test_names_in_one_data_set_each() -> None:
    names, notes = tell_apart(pd.Series([1, 2.0, "1"]), pd.Series(["x", "y", "x"], name="file"))
    assert (names.tolist(), notes) == (["1", "2", "1"], ())


def test_a_sheet_of_donors() -> None:
    sheet = pd.DataFrame({"id": [2.0, 1.0, 3.0], "age": ["24m", "3m", "9m"], "sex": "F"})
    labels, notes = join_sheet(["1", "2", "4", None, "2"], sheet, "id", file="sheet.csv")
    assert labels.index.tolist() == ["1", "2", "4"]
    assert labels["age"].astype(object).where(labels["age"].notna(), None).tolist() == ["3m", "24m", None]
    assert notes == (
        "donors of the cells that are not in 'sheet.csv': '4'",
        "donors of 'sheet.csv' without cells: '3'",
    )
    assert join_sheet(["1", "2", "3"], sheet, "id")[1] == ()


@pytest.mark.parametrize(
    "names, message",
    [
        (["1", "1.0"], "data row 2 of 'the donor sheet' repeats donor '1'"),
        (["1", None], "data row 2 of 'the donor sheet' has no donor"),
        (["8", "9"], r"none of the 1 donors of the cells(.|\n)*cells have '1'; the sheet has '8', '9'"),
    ],
)
def test_sheets_that_do_not_fit(names: list[object], message: str) -> None:
    with pytest.raises(TableError, match=message):
        join_sheet(["1"], pd.DataFrame({"id": names, "age": "3m"}), "id")


SAMPLES = pd.DataFrame(
    {"sample": ["s1", "s2", "s3", "s4"], "donor": ["1", "1", "2", "3"], "age": list("yyoo")}
)
CELLS = pd.DataFrame({"sample": ["s1", "s2", "s2", "s3", "s9"], "cell_type": list("TBTBT")})


def test_a_sheet_of_samples_tells_the_donor_of_each_cell() -> None:
    made = read(CELLS, donors=SAMPLES, allow_missing=True)
    assert made.units.groupby("donor")["age"].first().to_dict() == {"1": "y", "2": "o"}
    assert made.counts.sum() == 4
    texts = [note.text for note in made.notes]
    assert "samples of the cells that are not in 'the donor sheet': 's9'" in texts
    assert "samples of 'the donor sheet' without cells: 's4'" in texts


def test_a_sheet_of_samples_beside_cells_that_name_their_donors() -> None:
    cells = CELLS.iloc[:4].assign(donor=[1, 1, 1.0, 2])
    made = read(cells, donors=SAMPLES)
    assert made.units.groupby("donor")["age"].first().to_dict() == {"1": "y", "2": "o"}
    with pytest.raises(TableError, match=r"sample 's3' of donor '5', in the sheet of '2'"):
        read(cells.assign(donor=[1, 1, 1, 5]), donors=SAMPLES)


def test_a_sheet_of_samples_that_is_not_clear() -> None:
    twice = pd.concat([SAMPLES, SAMPLES.iloc[:1]])
    with pytest.raises(TableError, match="repeats sample 's1'"):
        read(CELLS, donors=twice)
    with pytest.raises(TableError, match="none of the 4 samples"):
        read(CELLS, donors=SAMPLES.assign(sample=list("abcd")))
    with pytest.raises(TableError, match=r"repeats donor '1'(.|\n)*needs the column of samples"):
        read(CELLS.assign(donor="1"), donors=SAMPLES.rename(columns={"sample": "library"}))
