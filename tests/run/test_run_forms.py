"""One cohort in every form gives the same tables, in Python as on the command line, to the last byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import concentra
from concentra.cli import application
from concentra.errors import ArgumentError
from concentra.run import Analysis
from concentra.run.write import report_page
from definitions_run import (
    ASKED,
    LABELS,
    PART,
    QUESTION,
    annotated,
    cells,
    check,
    levels,
    long_counts,
    wide_counts,
    write,
)

FILES = ("cells.csv", "cells.tsv", "cells.csv.gz", "cells.xlsx", "cells.parquet", "cells.h5ad", "cells.old.h5ad",
         "cells.zarr")  # fmt: skip


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures, which take most of the time of so small a run."""
    monkeypatch.setattr("concentra.run.write.pictures", lambda analysis: [])


@pytest.fixture(scope="module")
def reference() -> Analysis:
    return concentra.analyze(cells(), **QUESTION)


def same(found: Analysis, reference: Analysis) -> None:
    for name, frame in reference.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], frame, obj=name)


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "tables").iterdir())}


def command(*arguments: object) -> None:
    done = CliRunner().invoke(application, ["analyze", *map(str, arguments)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", FILES)
def test_python_and_the_command_line_give_the_same_bytes(
    name: str, reference: Analysis, tmp_path: Path
) -> None:
    pytest.importorskip({"xlsx": "openpyxl", "zarr": "zarr"}.get(name.rsplit(".", 1)[-1], "pandas"))
    path = write(tmp_path / name, cells())
    found = concentra.analyze(path, **QUESTION)
    check(found, len(cells()))
    same(found, reference)
    found.write(tmp_path / "python")
    command(path, *ASKED, "--out", tmp_path / "command")
    assert tables(tmp_path / "python") == tables(tmp_path / "command")


def test_frames_anndata_and_counts_are_the_same_cohort(reference: Analysis) -> None:
    check(reference, len(cells()))
    same(concentra.analyze(annotated(cells()), **QUESTION), reference)
    same(concentra.analyze(reference.composition, **QUESTION), reference)
    for amount in ("n_cells", None):  # named, and recognised
        found = concentra.analyze(long_counts(), amount=amount, **QUESTION)
        check(found, len(cells()))
        same(found, reference)
    found = concentra.analyze(wide_counts(), wide=True, **QUESTION)
    check(found, len(cells()))
    same(found, reference)


def test_several_files_are_one_cohort(reference: Analysis, tmp_path: Path) -> None:
    rows = cells()
    paths = [
        write(tmp_path / f"{age}.csv", rows[rows["age"] == age].assign(**{f"of {age}": 1}))
        for age in ("3m", "24m")
    ]
    found = concentra.analyze(paths, **QUESTION)
    check(found, len(rows))
    same(found, reference)


def test_labels_come_from_a_donor_sheet(reference: Analysis, tmp_path: Path) -> None:
    rows = cells()
    sheet = rows[["mouse.id", "age", "sex"]].drop_duplicates()
    path, beside = write(tmp_path / "cells.csv", rows.drop(columns=["age", "sex"])), tmp_path / "donors.csv"
    sheet.to_csv(beside, index=False)
    for given in (beside, sheet):
        found = concentra.analyze(path, donors=given, **QUESTION)
        pd.testing.assert_frame_equal(found.tables["contrast"], reference.tables["contrast"])
    short = concentra.analyze(path, donors=sheet.iloc[1:], **QUESTION)
    check(short, len(rows))
    gone = sheet["mouse.id"].iloc[0]
    assert set(short.tables["left_out"].query("donor == @gone")["reason"]) == {"no value of 'age'"}
    assert any(gone in note.text for note in short.notes)


def test_the_order_of_rows_and_columns_does_not_matter(reference: Analysis) -> None:
    rng = np.random.default_rng(4)
    for _ in range(3):
        rows = cells().sample(frac=1, random_state=rng).reset_index(drop=True)
        found = concentra.analyze(rows[list(rng.permutation(rows.columns))], **QUESTION)
        check(found, len(rows))
        pd.testing.assert_frame_equal(found.tables["contrast"], reference.tables["contrast"])
        pd.testing.assert_frame_equal(found.tables["drivers"], reference.tables["drivers"])


QUESTIONS: dict[str, dict[str, Any]] = {
    "trend and contrast": {"contrast": "age:3m:24m", "trend": "age", "levels": levels()},
    "two contrasts": {"contrast": ["age:3m:24m", "sex:female:male"], "levels": levels()},
    "formula alone": {"formula": "~ age + sex"},
    "adjusted": {"contrast": "age:3m:24m", "formula": "~ sex"},
    "interaction": {"contrast": "age:3m:24m", "formula": "~ age * sex", "accept_confounding": "sex"},
    "within": {"contrast": "age:3m:24m", "within": "sex"},
    "nothing": {},
}


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_question_gives_tables_as_declared_and_a_report(name: str, tmp_path: Path) -> None:
    found = concentra.analyze(cells(), draws=100, multiverse=False, **QUESTIONS[name])
    check(found, len(cells()))
    page = found.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>" in page
    assert "None against" not in page


def test_several_groups() -> None:
    rows = cells()
    rows.loc[rows["mouse.id"].isin(["3_1_F", "24_1_F"]), "age"] = "18m"
    found = concentra.analyze(rows, contrast="age:3m:18m:24m", draws=100, multiverse=False)
    check(found, len(rows))
    assert set(found.verdicts["contrast"]) == {"age: 3m to 18m", "age: 3m to 24m", "age: 18m to 24m"}
    assert set(found.tables["omnibus"]["metric"]) == {"hill_q1", "gini_stratum"}


@pytest.mark.parametrize(
    "contrasts",
    [["age:3m:24m", "age:3m:24m"], ["age:3m:18m:24m", "age:3m:24m"], ["age:3m:18m:24m", "age:18m:24m"]],
)
def test_a_comparison_asked_twice_is_refused(contrasts: list[str]) -> None:
    rows = cells()
    rows.loc[rows["mouse.id"].isin(["3_1_F", "24_1_F"]), "age"] = "18m"
    with pytest.raises(ArgumentError, match="asked twice"):
        concentra.analyze(rows, contrast=contrasts)


def test_shares_have_no_depth() -> None:
    rows = long_counts()
    rows["share"] = rows["n_cells"] / rows.groupby(["mouse.id", "tissue"])["n_cells"].transform("sum")
    found = concentra.analyze(
        rows.drop(columns="n_cells"), amount="share", shares=True, contrast="age:3m:24m", draws=100
    )
    check(found)
    assert found.composition.of_shares
    assert np.allclose(found.composition.n_cells, 1)
    whole = concentra.analyze(rows.drop(columns="share"), amount="n_cells", **QUESTION).tables[
        "concentration"
    ]
    assert np.allclose(found.tables["concentration"]["gini_stratum"], whole["gini_stratum"])


HOSTILE = {"type_01": "<script>alert(1)</script>", "type_02": "=1+1", "type_03": 'a,b "q"\nnew',
           "type_04": "細胞 $x_1$", "type_05": "x" * 10_000, "type_06": "\x1b[2Jred"}  # fmt: skip


def test_hostile_labels_survive_and_do_no_harm(tmp_path: Path) -> None:
    rows = cells()
    rows[PART] = rows[PART].replace(HOSTILE)
    rows["tissue"] = rows["tissue"].replace({"null_1": "a|b`*_</script>"})
    found = concentra.analyze(rows, **QUESTION)
    check(found, len(rows))
    assert set(found.composition.parts.index) >= set(HOSTILE.values())
    found.write(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text
    assert "`*_</script>" not in text
    back = pd.read_csv(tmp_path / "tables/composition.csv", keep_default_na=False)
    assert {"'=1+1", 'a,b "q"\nnew', "細胞 $x_1$"} <= set(back["part"])


def test_what_is_written_and_repeated(tmp_path: Path) -> None:
    path = write(tmp_path / "cells.csv", cells())
    found = concentra.analyze(path, **QUESTION)
    written = found.write(tmp_path / "a")
    assert {one.name for one in written} == {"report.html", "summary.md", "tables", "figures", "run.toml"}
    command("--run", tmp_path / "a/run.toml", "--out", tmp_path / "b")
    assert tables(tmp_path / "a") == tables(tmp_path / "b")
    accounts = [json.loads((tmp_path / one / "provenance.json").read_text())["files"] for one in "ab"]
    assert accounts[0] == accounts[1]


def test_names_of_version_0_1_still_work(tmp_path: Path, reference: Analysis) -> None:
    rows = cells().rename(columns={"tissue": "place", PART: "kind"})
    path = write(tmp_path / "cells.csv", rows)
    with pytest.warns(FutureWarning, match="--despite is called --accept-confounding now"):
        command(
            path, *ASKED, "--stratum", "place", "--part", "kind", "--despite", "sex", "--out", tmp_path / "a"
        )
    command(path, *ASKED, "--tissue", "place", "--cell-type", "kind", "--accept-confounding", "sex",
            "--out", tmp_path / "b")  # fmt: skip
    assert tables(tmp_path / "a") == tables(tmp_path / "b")
    (tmp_path / "old.toml").write_text(
        'cells = ["cells.csv"]\nstratum = "place"\npart = "kind"\ndespite = ["sex"]\ncontrast = ["age:3m:24m"]\n'
        "draws = 100\nmultiverse = false\n"
    )
    with pytest.warns(FutureWarning) as caught:
        command("--run", tmp_path / "old.toml", "--out", tmp_path / "c")
    expected = {"stratum is called tissue now", "part is called cell_type now"}
    assert {str(one.message) for one in caught} == {*expected, "despite is called accept_confounding now"}
    assert tables(tmp_path / "a") == tables(tmp_path / "c")
    with pytest.warns(FutureWarning) as caught:
        found = concentra.analyze(rows, stratum="place", part="kind", **QUESTION)
    assert {str(one.message) for one in caught} == expected
    pd.testing.assert_frame_equal(found.tables["contrast"], reference.tables["contrast"])
    assert set(LABELS[:3]) <= set(rows)
    with pytest.raises(ArgumentError, match="stratum and tissue"):
        concentra.analyze(rows, stratum="place", tissue="place", **QUESTION)


@pytest.mark.parametrize(("n_donors", "noted"), [(2, True), (3, False)])
def test_two_donors_a_group_are_noted(n_donors: int, noted: bool) -> None:
    rows = [
        (f"d{donor}", "a" if donor < n_donors else "b", part, 40 + donor)
        for donor in range(2 * n_donors)
        for part in "BT"
    ]
    frame = pd.DataFrame(rows, columns=["donor", "group", "cell_type", "n_cells"])
    found = concentra.analyze(frame, amount="n_cells", contrast="group:a:b", multiverse=False, draws=100)
    notes = [note.text for note in found.notes if "calibrated from 3" in note.text]
    assert bool(notes) == noted


def test_a_report_on_shares_does_not_speak_of_numbers_of_cells() -> None:
    frame = pd.DataFrame(
        [(f"d{donor}", "a" if donor < 3 else "b", part, share + donor / 100)
         for donor in range(6) for part, share in (("B", 0.3), ("T", 0.5), ("N", 0.2))],
        columns=["donor", "group", "cell_type", "share"],
    )  # fmt: skip
    how = {"contrast": "group:a:b", "multiverse": False, "draws": 100}
    of_shares = report_page(concentra.analyze(frame, amount="share", shares=True, **how))
    counts = frame.assign(share=(frame["share"] * 1000).round().astype(int))
    of_counts = report_page(concentra.analyze(counts, amount="share", **how))
    for words in ("corrected for numbers of cells", "Donors with fewer than 50 cells", "entropy estimator"):
        assert words in of_counts
        assert words not in of_shares
    assert "without correction for numbers of cells" in of_shares


def test_a_chart_without_any_estimate_is_not_drawn() -> None:
    rows = [
        (f"d{donor}", "a" if donor < 3 else "b", part, 4 + donor + place)
        for donor in range(6)
        for place, part in enumerate("BTN")
    ]
    frame = pd.DataFrame(rows, columns=["donor", "group", "cell_type", "n_cells"])
    how = {"amount": "n_cells", "contrast": "group:a:b", "multiverse": False, "draws": 100, "min_cells": 10}
    few = report_page(concentra.analyze(frame, **how))
    enough = report_page(concentra.analyze(frame.assign(n_cells=frame["n_cells"] * 9), **how))
    assert "Right of 0: more concentrated" in enough
    assert "Left of 1: more concentrated" in few
    assert "Right of 0: more concentrated" not in few
