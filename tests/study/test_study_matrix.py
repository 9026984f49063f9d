"""Cohorts with features: which cells are compared, which files are taken, what stands in where they are absent."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from concentra.errors import ColumnError, DesignError
from concentra.study import raw
from concentra.study.cohorts import Matrix, cohorts
from concentra.study.cohorts._cohort import KINDS
from definitions_study import file_bytes

REAL = ["tms_facs_expression", "tms_droplet_expression", "kimmel2019", "rat_cr"]
ACTIVITY = ["tms_facs_activity", "tms_droplet_activity"]


def matrix(name: str) -> Matrix:
    found = cohorts()[name]
    assert isinstance(found, Matrix)
    return found


def write(path: Path, rows: dict[str, list[object]]) -> Path:
    obs = pd.DataFrame(rows)
    obs.index = pd.Index([f"cell{row}" for row in range(len(obs))])
    anndata.AnnData(X=np.ones((len(obs), 2), dtype=np.float32), obs=obs).write_h5ad(path)
    return path


def test_kinds_stand_in_their_order() -> None:
    order = [KINDS.index(cohort.kind) for cohort in cohorts().values()]
    assert order == sorted(order)
    assert [name for name, one in cohorts().items() if one.kind == "expression" and not one.simulated] == REAL


def test_groups_of_rats_need_age_and_diet(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rat_cr.h5ad",
        {
            "library": ["Y", "O", "CR", None, "X", "Z"],
            "tissue": ["BM", "BM", "BM", "BM", "BM", None],
            "cell_type": ["B", None, "B", "B", "B", "B"],
            "age": ["young", "old", "old", "old", "young", "old"],
            "diet": ["ad libitum", "ad libitum", "restricted", "restricted", "restricted", "ad libitum"],
        },
    )
    found = matrix("rat_cr").cells(path)
    assert found["group"].to_list() == ["young", "old", "treated"]
    assert found.index.to_list() == [0, 1, 2]
    assert found["part"].isna().to_list() == [False, True, False]


def test_platforms_share_a_file_of_activities(tmp_path: Path) -> None:
    (tmp_path / "tms").mkdir()
    path = write(
        tmp_path / "tms" / "tms_marrow_go_activity.h5ad",
        {
            "mouse.id": ["a", "b", "c", "d"],
            "tissue": ["Marrow"] * 4,
            "cell_ontology_class": ["B"] * 4,
            "age": ["3m", "24m", "30m", "24m"],
            "method": ["facs", "facs", "droplet", "droplet"],
        },
    )
    assert matrix("tms_facs_activity").cells(path)["donor"].to_list() == ["a", "b"]
    assert matrix("tms_droplet_activity").cells(path)["donor"].to_list() == ["c", "d"]
    assert list(raw.RAW["activity"].load(tmp_path, tmp_path / "out")) == ACTIVITY
    assert raw.RAW["activity"].files(tmp_path, tmp_path / "out") == [path]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "kimmel2019.h5ad", {"animl": ["a"], "tissue": ["lung"], "cell_type": ["B"], "age": ["old"]}
    )
    with pytest.raises(ColumnError, match="animl"):
        matrix("kimmel2019").cells(path)


@pytest.mark.parametrize("name", REAL)
def test_real_ones_are_absent_without_a_file_and_say_how_to_get_it(name: str, tmp_path: Path) -> None:
    assert raw.status(cohorts()[name], None) == "absent"
    assert raw.status(cohorts()[name], tmp_path) == "absent"
    assert "GSE" in cohorts()[name].obtain or "doi:" in cohorts()[name].obtain


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("kimmel2019", "kimmel2019.h5ad"),
        ("kimmel2019", "kimmel/any.h5ad"),
        ("rat_cr", "rat_cr_all.h5ad"),
        ("rat_cr", "rat/any.h5ad"),
        ("tms_facs_expression", "tabula-muris-senis-facs-processed-official-annotations.h5ad"),
        ("tms_droplet_expression", "tms/tabula-muris-senis-droplet-processed-official-annotations.h5ad"),
    ],
)
def test_where_files_are_found(name: str, file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert cohorts()[name].files(tmp_path) == [path]
    assert raw.status(cohorts()[name], tmp_path) == "raw data"


@pytest.mark.parametrize("name", ["tms_facs", "tms_facs_expression"])
def test_a_whole_atlas_goes_before_its_tissues(name: str, tmp_path: Path) -> None:
    stem = "tabula-muris-senis-facs-processed-official-annotations"
    for file in (f"{stem}-Kidney.h5ad", f"{stem}.h5ad", f"{stem}-Lung.h5ad"):
        (tmp_path / file).touch()
    assert cohorts()[name].files(tmp_path) == [tmp_path / f"{stem}.h5ad"]


def test_the_simulated_file_is_the_same_every_time(tmp_path: Path) -> None:
    cohort = matrix("simulated_rat")
    assert raw.status(cohort, None) == "simulated"
    for name in ("first", "second"):
        cohort.simulate(tmp_path / name / "cells.h5ad")
    assert file_bytes(tmp_path / "first", ".h5ad", ".csv") == file_bytes(tmp_path / "second", ".h5ad", ".csv")
    assert len(file_bytes(tmp_path / "first", ".h5ad", ".csv")) == 2
    with pytest.raises(DesignError, match="rat_cr is no simulated cohort"):
        matrix("rat_cr").simulate(tmp_path / "rat.h5ad")


def test_a_simulated_file_under_a_real_name_is_called_simulated(tmp_path: Path) -> None:
    matrix("simulated_rat").simulate(tmp_path / "rat_cr.h5ad")
    assert raw.status(cohorts()["rat_cr"], tmp_path) == "simulated"
    sources = raw.RAW["sources"].load(tmp_path, tmp_path).set_index("cohort")
    assert sources.loc["rat_cr", "status"] == "simulated"
    write(tmp_path / "kimmel2019.h5ad", {"animal": ["a"]})
    assert raw.status(cohorts()["kimmel2019"], tmp_path) == "raw data"


def test_simulated_ones_say_so() -> None:
    assert all("simulated" in one.title for one in cohorts().values() if one.simulated)
