"""Counting a SOMA experiment of the schema of the CELLxGENE Census, written here, against its cells one by one.

Where tiledbsoma is not installed, a stand-in that reads a table takes its place in the tests that are not marked.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest

from concentra.errors import ArgumentError, ColumnError, FileFormatError, MissingDependencyError
from concentra.io import soma
from concentra.io.blocks import Coded
from concentra.io.counting import count_to, merge_counts
from concentra.io.soma import count_soma, donors, is_soma
from definitions_study import assert_error, command

BY = ["donor_id", "tissue_general", "cell_type"]


def census(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Cells of three data sets that share names of donors, with placeholders and copies that are not primary."""
    rng = np.random.default_rng(seed)
    donor = rng.choice(["D1", "D2", "D3", "unknown", "pooled", "na"], n, p=[0.3, 0.3, 0.25, 0.05, 0.05, 0.05])
    cells = pd.DataFrame(
        {
            "soma_joinid": np.arange(n),
            "dataset_id": rng.choice(["first", "second", "third"], n),
            "donor_id": donor,
            "is_primary_data": rng.random(n) < 0.7,
            "cell_type": rng.choice(["T cell", "B cell", "monocyte", 'odd, "quoted"'], n),
            "tissue_general": rng.choice(["lung", "blood"], n),
            "disease": rng.choice(["normal", "COVID-19"], n),
            "sex": np.where(np.char.endswith(donor.astype(str), "1"), "female", "male"),
        }
    )
    cells["development_stage"] = np.where(cells["dataset_id"] == "first", "young adult stage", "aged stage")
    return cells


def write(path: Path, cells: pd.DataFrame, *, index: str = "soma_joinid") -> Path:
    """An experiment with this `obs`, labels as enumerations, as the Census has them."""
    import tiledbsoma

    labels = [name for name in cells.select_dtypes(object) if name != index]
    obs = cells.astype(dict.fromkeys(labels, "category"))
    table = pyarrow.Table.from_pandas(obs, preserve_index=False)
    with tiledbsoma.Experiment.create(str(path)) as experiment:
        domain = [[0, len(cells) - 1]] if index == "soma_joinid" else [None]
        experiment.add_new_dataframe("obs", schema=table.schema, index_column_names=[index], domain=domain)
        experiment.add_new_collection("ms")
    with tiledbsoma.open(f"{path}/obs", mode="w") as dataframe:
        dataframe.write(table)
    return path


class StandIn:
    """As much of an experiment, or of what lies in it, as is asked of tiledbsoma."""

    index_column_names = ("soma_joinid",)

    def __init__(self, path: Path) -> None:
        if not (path / "cells.parquet").exists():
            raise SOMAError(f"The object at URI {str(path)!r} is not a valid TileDB array or group.\nAt: ...")
        self.soma_type = "SOMAExperiment"
        self._cells = pd.read_parquet(path / "cells.parquet")
        self.obs, self.count = self, len(self._cells)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def keys(self) -> list[str]:
        return list(self._cells)

    def non_empty_domain(self) -> tuple[tuple[int, int]]:
        return ((int(self._cells["soma_joinid"].min()), int(self._cells["soma_joinid"].max())),)

    def read(
        self, *, coords: tuple[slice, ...], column_names: list[str], value_filter: str | None
    ) -> Iterator[Any]:
        cells = self._cells
        for rows in coords:
            cells = cells[cells["soma_joinid"].between(rows.start, rows.stop)]
        if value_filter is not None:
            try:
                cells = cells.query(value_filter)
            except Exception as problem:
                raise SOMAError(
                    f"Could not parse the given QueryCondition statement: {value_filter}"
                ) from problem
        labels = cells[column_names[::-1]].astype("category")
        for start in range(0, len(labels), 100):
            yield pyarrow.Table.from_pandas(labels.iloc[start : start + 100], preserve_index=False)


class SOMAError(Exception):
    """The error of the stand-in."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("soma") / "homo_sapiens", census())


@pytest.fixture(params=[pytest.param("tiledbsoma", marks=pytest.mark.soma), "stand-in"])
def experiment(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "tiledbsoma":
        return request.getfixturevalue("written")
    module: Any = types.ModuleType("tiledbsoma")
    module.SOMAError, module.SOMATileDBContext = SOMAError, lambda tiledb_config: None
    module.open = lambda uri, context: StandIn(Path(uri))
    monkeypatch.setitem(sys.modules, "tiledbsoma", module)
    path = tmp_path / "homo_sapiens"
    path.mkdir()
    (path / "__tiledb_group.tdb").touch()
    census().to_parquet(path / "cells.parquet")
    return path


def slowly(cells: pd.DataFrame, by: list[str] = BY) -> dict[tuple[Any, ...], int]:
    """Cell by cell: donors are those of a data set, placeholders are none."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for cell in cells.to_dict("records"):
        donor = (
            None
            if cell["donor_id"] in ("unknown", "pooled", "na")
            else f"{cell['dataset_id']}:{cell['donor_id']}"
        )
        counts[tuple(donor if name == "donor_id" else cell[name] for name in by)] += 1
    return dict(counts)


def as_counts(frame: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    plain = frame.astype(object).where(frame.notna(), None)
    return {tuple(row[:-1]): row[-1] for row in plain.itertuples(index=False)}


@pytest.mark.parametrize("primary_only", [True, False])
@pytest.mark.parametrize("by", [BY, ["cell_type"], ["dataset_id", "donor_id"]])
def test_against_counting_cell_by_cell(experiment: Path, primary_only: bool, by: list[str]) -> None:
    cells = census()
    wanted = cells[cells["is_primary_data"]] if primary_only else cells
    assert as_counts(count_soma(experiment, by, primary_only=primary_only)) == slowly(wanted, by)


def test_filtered_where_the_cells_lie(experiment: Path) -> None:
    cells = census()
    wanted = cells[
        cells["is_primary_data"] & ((cells["tissue_general"] == "lung") | (cells["sex"] == "female"))
    ]
    found = count_soma(experiment, BY, where="tissue_general == 'lung' or sex in ['female']")
    assert as_counts(found) == slowly(wanted), "the filter is bound more closely than the one of primary data"


def test_what_was_left_out_is_told(experiment: Path) -> None:
    told: list[str] = []
    count_soma(experiment, BY, tell=told.append)
    cells = census()
    primary = cells[cells["is_primary_data"]]
    nobody = primary["donor_id"][primary["donor_id"].isin(["unknown", "pooled", "na"])].value_counts()
    each = ", ".join(f"{nobody[name]} {name!r}" for name in ("na", "pooled", "unknown"))
    assert told == [
        "donors are told apart by their data set: dataset_id:donor_id",
        f"{len(primary)} of 600 cells counted, where is_primary_data == True",
        f"{nobody.sum()} cells name no single donor ({each}): their donor_id is left missing",
    ]


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_shards_merged_are_the_whole(experiment: Path, tmp_path: Path, shards: int, ending: str) -> None:
    whole = tmp_path / f"whole{ending}"
    found = count_to(whole, [experiment], BY)
    parts = [tmp_path / f"part{place}{ending}" for place in range(1, shards + 1)]
    for place, part in enumerate(parts, start=1):
        count_to(part, [experiment], BY, shard=(place, shards))
    merged = tmp_path / f"merged{ending}"
    assert merge_counts(merged, parts) == found
    assert merged.read_bytes() == whole.read_bytes()


@pytest.mark.soma
def test_in_small_batches(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soma, "BUFFER_BYTES", 2048)
    cells = census()
    assert as_counts(count_soma(written, BY)) == slowly(cells[cells["is_primary_data"]])


@pytest.mark.soma
def test_from_the_command_to_the_analysis(written: Path, tmp_path: Path) -> None:
    """The worked example of the module: donors that share a name are apart, and the unnamed are left out and said."""
    cells = census(20_000, seed=1)
    larger = write(tmp_path / "census", cells)
    counts = tmp_path / "counts.csv"
    by = "donor_id,tissue_general,cell_type,development_stage"
    ended = command("count", larger, "--by", by, "--out", counts, "--shards", 2, "--cores", 2)
    assert ended.code == 0, ended.err
    assert "donors are told apart by their data set" in ended.err
    n_primary = int(cells["is_primary_data"].sum())
    assert f"of {n_primary:,} cells, donor_id missing in" in ended.out
    words = [
        "--donor",
        "donor_id",
        "--stratum",
        "tissue_general",
        "--part",
        "cell_type",
        "--amount",
        "n_cells",
    ]
    contrast = "development_stage:young adult stage:aged stage"
    out = tmp_path / "analysis"
    ended = command("analyze", counts, *words, "--contrast", contrast, "--no-multiverse", "--out", out)
    assert ended.code == 0, ended.err
    table = pd.read_csv(out / "tables" / "concentration.csv")
    named = cells[cells["is_primary_data"] & cells["donor_id"].str.startswith("D")]
    expected = named.groupby([named["dataset_id"] + ":" + named["donor_id"], "tissue_general"]).size()
    found = table.drop_duplicates(["donor", "stratum"]).set_index(["donor", "stratum"])["n_cells"]
    assert found.sort_index().to_dict() == expected.sort_index().to_dict()


def test_without_the_columns_of_a_census() -> None:
    told: list[str] = []
    names = ["soma_joinid", "donor_id"]
    assert soma._filters("sex == 'male'", True, names, told.append) == ["sex == 'male'"]
    assert told == [
        "no column 'is_primary_data': all cells are counted, copies of a cell too if there are any"
    ]
    assert soma._naming(False) == "no column 'dataset_id': donors of the same name are one"


@pytest.mark.soma
def test_an_experiment_that_is_no_census(tmp_path: Path) -> None:
    cells = census()[["soma_joinid", "donor_id", "cell_type"]]
    told: list[str] = []
    found = count_soma(write(tmp_path / "plain", cells), ["donor_id", "cell_type"], tell=told.append)
    assert set(found["donor_id"].dropna()) == {"D1", "D2", "D3"}
    assert found["n_cells"].sum() == 600
    assert len(told) == 4


def test_mistakes(experiment: Path, tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="did you mean 'cell_type'"):
        count_soma(experiment, ["cell_typ"])
    for where in ("tissue == 'lung'", "tissue_general ==", "cell_type = 'T cell'"):
        with pytest.raises(ArgumentError, match="the filter of"):
            count_soma(experiment, BY, where=where)
    with pytest.raises(FileFormatError, match="cannot be read"):
        count_soma(tmp_path / "nothing", BY)
    with pytest.raises(FileFormatError, match=r"no cells in .*, where cell_type == 'neuron'"):
        count_to(tmp_path / "counts.csv", [experiment], BY, where="cell_type == 'neuron'")


@pytest.mark.soma
def test_a_collection_names_its_experiments(written: Path, tmp_path: Path) -> None:
    import tiledbsoma

    with tiledbsoma.Collection.create(str(tmp_path / "census_data")) as collection:
        collection.set("homo_sapiens", tiledbsoma.open(str(written)), use_relative_uri=False)
    with pytest.raises(FileFormatError, match="name one inside it: there are 'homo_sapiens'"):
        count_soma(tmp_path / "census_data", BY)
    with pytest.raises(FileFormatError, match=r"is a SOMADataFrame[\s\S]*name the experiment that holds it"):
        count_soma(written / "obs", BY)


@pytest.mark.soma
def test_another_index_is_counted_whole_or_refused(tmp_path: Path) -> None:
    cells = census(40)
    path = write(tmp_path / "by_type", cells.drop_duplicates("cell_type"), index="cell_type")
    assert (
        count_soma(path, ["cell_type"], primary_only=False)["n_cells"].sum() == cells["cell_type"].nunique()
    )
    with pytest.raises(ArgumentError, match="count this experiment whole"):
        count_soma(path, ["cell_type"], shard=(1, 2))


@pytest.mark.soma
def test_the_command_names_a_folder_that_is_no_experiment(written: Path) -> None:
    assert_error(command("count", written / "ms", "--by", "cell_type"), "SOMACollection", "SOMA experiment")


def test_what_is_soma(tmp_path: Path) -> None:
    (tmp_path / "__tiledb_group.tdb").touch()
    assert is_soma(tmp_path)
    assert not is_soma(tmp_path / "cells.h5ad")


def test_donors_of_one_data_set_without_their_own_column() -> None:
    nobody: Counter[str] = Counter()
    found = donors(Coded(np.array([0, 1, -1, 2, 0]), ["D1", "Unknown", " "]), None, nobody)
    assert [found.values[code] for code in found.codes] == ["D1", None, None, None, "D1"]
    assert nobody == {"Unknown": 1}


def test_donors_whose_data_set_is_missing() -> None:
    found = donors(Coded(np.array([0, 0]), ["D1"]), Coded(np.array([0, -1]), ["first"]), Counter())
    assert [found.values[code] for code in found.codes] == ["first:D1", None]


def test_without_tiledbsoma(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def none(name: str, *rest: Any) -> Any:
        if name == "tiledbsoma":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "tiledbsoma", raising=False)
    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(MissingDependencyError, match=r"concentra\[census\]"):
        count_soma("s3://bucket/homo_sapiens", BY)
