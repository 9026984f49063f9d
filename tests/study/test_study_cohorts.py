"""Cohorts: which raw files are taken, official `.h5ad` in every encoding, what is left out and why, contradictions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from concentra.design.axis import months
from concentra.errors import ColumnError, LabelError
from concentra.files import sha256
from concentra.study import raw
from concentra.study.cohorts import Atlas, cohorts
from concentra.study.cohorts._tms import COLUMNS, fill, read_counts
from concentra.study.steps.s01_compute_proportions import compute_proportions

OFFICIAL = "tabula-muris-senis-{}-processed-official-annotations.h5ad"


def atlas(name: str) -> Atlas:
    found = cohorts()[name]
    assert isinstance(found, Atlas)
    return found


def official_cells() -> pd.DataFrame:
    """Labels as the official files name them: two mice in marrow, one donor label of two mice."""
    rows = [
        ("3_10_M", "Marrow", "B cell", "3m", "male", 4),
        ("3_10_M", "Marrow", "granulocyte", "3m", "male", 2),
        ("24_59_M", "Marrow", "granulocyte", "24m", "male", 5),
        ("3-M-5/6", "Marrow", "B cell", "3m", "male", 3),
        ("3_38_F", "Liver", "hepatocyte", "3m", "female", 2),
    ]
    frame = pd.DataFrame(rows, columns=["mouse.id", "tissue", "cell_ontology_class", "age", "sex", "n"])
    frame = frame.loc[frame.index.repeat(frame.pop("n"))].reset_index(drop=True)
    frame["method"] = "facs"
    frame["n_genes"] = np.arange(len(frame), dtype=float)
    return frame


def write_now(path: Path, cells: pd.DataFrame) -> None:
    """As AnnData writes today: categoricals as groups of codes and categories."""
    import anndata

    obs = cells.set_index(pd.Index([f"cell{row}" for row in range(len(cells))], name="cell")).astype(
        {name: "category" for name in cells.columns if cells[name].dtype == object}
    )
    anndata.AnnData(X=np.zeros((len(cells), 1), dtype=np.float32), obs=obs).write_h5ad(path)


def write_compound(path: Path, cells: pd.DataFrame) -> None:
    """As AnnData 0.6 did: `obs` a compound dataset of codes, the categories in `uns`."""
    import h5py

    labels = [name for name in cells.columns if cells[name].dtype == object]
    kinds = [("index", "S10"), *((name, "i1" if name in labels else "f4") for name in cells.columns)]
    records = np.zeros(len(cells), dtype=kinds)
    records["index"] = [f"cell{row}".encode() for row in range(len(cells))]
    with h5py.File(path, "w") as file:
        for name in cells.columns:
            if name not in labels:
                records[name] = cells[name]
                continue
            codes, categories = pd.factorize(cells[name], sort=True)
            records[name] = codes
            file.create_dataset(f"uns/{name}_categories", data=np.array(categories, dtype="S40"))
        file.create_dataset("obs", data=records)
        file.create_dataset("X", data=np.zeros((len(cells), 1), dtype=np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with the label table of FACS, as it lies beside an official file."""
    (tmp_path / "tms").mkdir()
    other = official_cells().assign(**{"mouse.id.source": "2018 release", "cell_ontology_class": "other"})
    other.to_csv(tmp_path / "tms" / "tms_facs_cells.csv.gz", index=False)
    return tmp_path


def test_label_tables_where_there_is_nothing_official(folder: Path) -> None:
    files = atlas("tms_facs").files(folder)
    assert [path.name for path in files] == ["tms_facs_cells.csv.gz"]
    cells = atlas("tms_facs").load(files)
    assert set(cells["donor_source"]) == {"inferred"}
    assert set(cells["part"]) == {"other"}
    assert atlas("tms_droplet").files(folder) == []
    assert raw.status(cohorts()["tms_facs"], folder) == "raw data"
    assert raw.status(cohorts()["tms_droplet"], folder) == "archived tables"


@pytest.mark.parametrize("write", [write_now, write_compound], ids=["today", "AnnData 0.6"])
@pytest.mark.parametrize("below", ["", "tms"])
def test_official_file_precedes_the_tables(
    folder: Path, below: str, write: Callable[[Path, pd.DataFrame], None]
) -> None:
    path = folder / below / OFFICIAL.format("facs")
    write(path, official_cells())
    cohort = atlas("tms_facs")
    assert cohort.files(folder) == [path]
    cells = cohort.load(cohort.files(folder))
    assert len(cells) == 16
    expected = official_cells().rename(columns=COLUMNS)
    for name in COLUMNS.values():
        assert cells[name].astype(str).tolist() == expected[name].tolist()
    assert set(cells["donor_source"]) == {"official annotation"}
    assert cells["unusable"].notna().sum() == 2, "liver of young females is no sample of the tissue"

    composition, parts, left_out = compute_proportions({"tms_facs": cells}, pooled_mark="/")
    marrow = composition.set_index(["stratum", "donor", "part"])["n_cells"]
    assert marrow.to_dict() == {
        ("Marrow", "3_10_M", "B cell"): 4,
        ("Marrow", "3_10_M", "granulocyte"): 2,
        ("Marrow", "24_59_M", "granulocyte"): 5,
    }
    assert parts.set_index("part")["n_units"].to_dict() == {"B cell": 1, "granulocyte": 2}
    reasons = left_out.set_index("reason")["n_cells"].to_dict()
    assert reasons == {
        "label names several donors": 3,
        "hepatocytes sorted apart: no sample of the tissue": 2,
    }
    assert composition["age_months"].isin([3.0, 24.0]).all()
    assert composition.set_index("donor")["group"].to_dict() == {"3_10_M": "young", "24_59_M": "old"}


def test_a_misspelt_column_names_file_and_nearest(folder: Path) -> None:
    path = folder / OFFICIAL.format("facs")
    write_now(path, official_cells().rename(columns={"mouse.id": "mouse_id"}))
    with pytest.raises(ColumnError, match=r"no column 'mouse\.id'") as problem:
        atlas("tms_facs").load([path])
    assert path.name in problem.value.found
    assert "did you mean 'mouse_id'?" in problem.value.fix


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age": "24m"}, ("donor '3_10_M'", "age", "'24m'", "'3m'")),
        ({"sex": "female"}, ("donor '3_10_M'", "sex", "'female'", "'male'")),
    ],
)
def test_a_donor_in_two_groups_is_named(folder: Path, change: dict[str, str], words: tuple[str, ...]) -> None:
    cells = official_cells()
    for name, value in change.items():
        cells.loc[0, name] = value
    path = folder / OFFICIAL.format("facs")
    write_now(path, cells)
    with pytest.raises(LabelError) as problem:
        compute_proportions({"tms_facs": atlas("tms_facs").load([path])}, pooled_mark="/")
    assert all(word in problem.value.found for word in words)


def test_cells_without_donor_or_type_are_counted(folder: Path) -> None:
    cells = official_cells()
    cells.loc[[0, 1], "mouse.id"] = None
    cells.loc[2, "cell_ontology_class"] = None
    path = folder / OFFICIAL.format("facs")
    write_now(path, cells)
    _, _, left_out = compute_proportions({"tms_facs": atlas("tms_facs").load([path])}, pooled_mark="/")
    reasons = left_out.groupby("reason")["n_cells"].sum()
    assert reasons["donor unknown"] == 2
    assert reasons["part unknown"] == 1


def test_counts_fill_only_where_no_donor_is_known(tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text(
        "age,tissue,mouse_id,cell_type,n\n3m,Lung,3_9_F,T cell,2\n3m,Lung,3_8_M,B cell,1\n24m,Lung,24_58_M,T cell,4\n"
    )
    counted = read_counts(table)
    assert counted["donor"].value_counts().to_dict() == {"24_58_M": 4, "3_9_F": 2, "3_8_M": 1}
    assert counted.set_index("donor")["sex"].to_dict() == {
        "3_9_F": "female",
        "3_8_M": "male",
        "24_58_M": "male",
    }
    known = {"donor": ["24_60_M", None], "stratum": "Lung", "part": "NK", "age": ["24m", "3m"], "sex": "male"}
    filled = fill(pd.DataFrame(known).assign(donor_source="inferred"), counted)
    assert filled.loc[filled["age"] == "24m", "donor"].tolist() == ["24_60_M"]
    assert sorted(filled.loc[filled["age"] == "3m", "donor"]) == ["3_8_M", "3_9_F", "3_9_F"]


@pytest.mark.data
def test_official_file_beside_the_rest_of_the_data(data: Path, tmp_path: Path) -> None:
    for path in data.rglob("*"):
        if path.is_file():
            link = tmp_path / path.relative_to(data)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    before = {name: cohort.files(tmp_path) for name, cohort in cohorts().items()}
    write_now(tmp_path / OFFICIAL.format("facs"), official_cells())
    after = {name: cohort.files(tmp_path) for name, cohort in cohorts().items()}
    assert [path.name for path in after.pop("tms_facs")] == [OFFICIAL.format("facs")]
    assert {path.name for path in before.pop("tms_facs")} == {
        "tms_facs_cells.csv.gz",
        "tms_facs_counts_official_4tissues.csv",
    }
    assert [path.name for path in after.pop("tms_facs_expression")] == [OFFICIAL.format("facs")]
    assert before.pop("tms_facs_expression") == []
    assert before == after


@pytest.mark.data
def test_real_labels(data: Path) -> None:
    facs = atlas("tms_facs")
    cells = facs.load(facs.files(data))
    assert set(cells["donor_source"]) == {"inferred", "official counts per mouse"}
    composition, _, left_out = compute_proportions({"tms_facs": cells}, pooled_mark="/")
    assert composition["n_cells"].sum() + left_out["n_cells"].sum() == len(cells)
    printed = pd.read_csv(data / "tms" / "tms_authors_marrow_totals.csv", index_col="mouse_id")[
        "n_marrow_cells_facs"
    ]
    marrow = composition[composition["stratum"] == "Marrow"].groupby("donor")["n_cells"].sum()
    assert len(marrow) == 9
    assert (marrow - printed[marrow.index]).abs().max() <= 5, "as near as the authors' totals say"


def test_every_cohort_is_described() -> None:
    for name, cohort in cohorts().items():
        assert cohort.name == name
        assert all((cohort.title, cohort.citation, cohort.licence, cohort.obtain))
        assert cohort.files(None) == []
        if isinstance(cohort, Atlas):
            assert cohort.early
            assert cohort.late
            assert not set(cohort.early) & set(cohort.late)
            assert cohort.group("no such age") is None
            assert all(cohort.group(age) == "young" for age in cohort.early)
            assert max(map(months, cohort.early)) < min(map(months, cohort.late))


def test_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CONCENTRA_DATA_DIR", raising=False)
    assert raw.data_folder(None) is None
    monkeypatch.setenv("CONCENTRA_DATA_DIR", "")
    assert raw.data_folder(None) is None
    monkeypatch.setenv("CONCENTRA_DATA_DIR", str(tmp_path))
    assert raw.data_folder(None) == tmp_path.resolve()
    (tmp_path / "other").mkdir()
    assert raw.data_folder(tmp_path / "other") == (tmp_path / "other").resolve()
    problem: Any
    with pytest.raises(FileNotFoundError, match="is not a folder") as problem:
        raw.data_folder(tmp_path / "none")
    assert "--data" in problem.value.expected


def test_public_files_land_where_the_cohort_looks(tmp_path: Path) -> None:
    public = {name: cohort for name, cohort in cohorts().items() if cohort.remotes}
    assert {"tms_facs", "tms_droplet", "pythia_410m", "pythia_160m"} <= set(public)
    for name, cohort in public.items():
        assert f"concentra fetch {name}" in cohort.obtain
        folder = tmp_path / name
        for remote in cohort.remotes:
            assert remote.url.startswith("https://")
            assert remote.sha256 is None or re.fullmatch("[0-9a-f]{64}", remote.sha256)
            (folder / remote.file).parent.mkdir(parents=True, exist_ok=True)
            for ending in (".part", ".part.json", ".sha256"):
                (folder / f"{remote.file}{ending}").write_bytes(b"")
        assert cohort.files(folder) == [], "what has come of a file is no file"
        for remote in cohort.remotes:
            (folder / remote.file).write_bytes(b"")
        assert cohort.files(folder) == [folder / remote.file for remote in cohort.remotes]


def test_no_address_stands_for_two_files() -> None:
    remotes = {remote for cohort in cohorts().values() for remote in cohort.remotes}
    assert len({remote.url for remote in remotes}) == len({remote.file for remote in remotes}) == len(remotes)


@pytest.mark.data
def test_real_files_have_the_hashes_stated(data: Path) -> None:
    stated = [remote for cohort in cohorts().values() for remote in cohort.remotes if remote.sha256]
    assert {remote.file for remote in stated} == {
        "pythia/pythia_410m_ablations.csv",
        "pythia/pythia_160m_ablations.csv",
        "heads/pythia_1p4b_ablations.csv",
        "heads/olmo2_1b_ablations.csv",
    }
    for remote in stated:
        path = data / remote.file
        assert (sha256(path), path.stat().st_size) == (remote.sha256, remote.size)
