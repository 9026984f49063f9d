"""Lineages: the declaration is complete for the atlas, says nothing twice, and guesses nothing."""

from __future__ import annotations

import copy

import pandas as pd
import pytest

from concentra.analysis import lineages
from concentra.analysis.lineages import LEVELS, UNASSIGNED, lineage_of, lineage_table, tissue_name
from concentra.errors import ArgumentError, LabelError


def test_every_part_is_declared_once_and_completely():
    table = lineage_table()
    assert table["part"].is_unique
    assert table["part"].is_monotonic_increasing
    assert table.notna().all().all()
    assert (table["compartment"] == table["immune"].map({True: "immune", False: "non-immune"})).all()


@pytest.mark.parametrize(
    "part, expected",
    [
        ("late pro-B cell", ("B", "B-lineage intermediates", "immune")),
        ("naive B cell", ("B", "mature B cells", "immune")),
        ("plasma cell", ("B", "plasma cells", "immune")),
        ("pancreatic B cell", ("epithelial", "epithelial", "non-immune")),
        ("granulocytopoietic cell", ("myeloid", "myeloid precursors", "immune")),
        ("granulocyte", ("myeloid", "mature myeloid cells", "immune")),
        ("mature NK T cell", ("T", "T", "immune")),
        ("proerythroblast", ("erythroid and megakaryocytic",) * 2 + ("non-immune",)),
        ("hepatocyte", ("epithelial", "epithelial", "non-immune")),
    ],
)
def test_cell_types_are_where_a_haematologist_looks_for_them(part, expected):
    assert tuple(lineage_of([part], level=level)[0] for level in LEVELS) == expected


def test_stages_split_lineages_and_never_join_two():
    assert (lineage_table().groupby("stage")["lineage"].nunique() == 1).all()


def test_every_myeloid_and_b_cell_has_a_stage_of_its_own():
    table = lineage_table()
    assert not table.loc[table["lineage"].isin(["B", "myeloid"]), "stage"].isin(["B", "myeloid"]).any()


def test_the_unknown_is_unassigned_and_order_is_kept():
    assert lineage_of(["7", "T cell", "t cell", ""]) == [UNASSIGNED, "T", UNASSIGNED, UNASSIGNED]
    assert lineage_of([]) == []
    assert lineage_of(["7", "8"], lineages={"7": "x"}) == ["x", UNASSIGNED]


def test_the_table_is_a_copy():
    lineage_table().drop(lineage_table().index, inplace=True)
    assert len(lineage_table()) > 150


def test_an_unknown_level_is_refused():
    with pytest.raises(ArgumentError, match="did you mean 'stage'"):
        lineage_of(["T cell"], level="stages")


@pytest.mark.parametrize(
    "where, change, message",
    [
        ("lineages", lambda d: d["lineages"]["T"]["parts"].append("NK cell"), "'NK cell' more than once"),
        (
            "stages",
            lambda d: d["stages"]["plasma cells"].append("naive B cell"),
            "'naive B cell' more than once",
        ),
        ("stages", lambda d: d["stages"]["plasma cells"].append("plasmacell"), "did you mean 'plasma cell'"),
    ],
)
def test_a_contradictory_declaration_is_refused(where, change, message):
    declared = copy.deepcopy(lineages._declared())
    change(declared)
    with pytest.raises(LabelError, match=message):
        lineages._read(declared)


@pytest.mark.parametrize(
    "tissue, name",
    [
        ("Marrow", "marrow"),
        ("Heart_and_Aorta", "heart and aorta"),
        ("Brain_Non-Myeloid", "brain (non-myeloid)"),
        ("SCAT", "subcutaneous adipose (SCAT)"),
        ("left_toe", "left toe"),
    ],
)
def test_tissues_read_well(tissue, name):
    assert tissue_name(tissue) == name


@pytest.mark.data
@pytest.mark.parametrize("method", ["facs", "droplet"])
def test_every_label_and_tissue_of_the_atlas_is_declared(data, method):
    cells = pd.read_csv(
        data / "tms" / f"tms_{method}_cells.csv.gz", usecols=["tissue", "cell_ontology_class"], dtype=str
    )
    parts = cells["cell_ontology_class"].dropna().unique()
    assert UNASSIGNED not in lineage_of(parts)
    assert set(cells["tissue"].dropna()) <= set(lineages._declared()["tissues"])
    immune = lineage_of(
        cells.loc[cells["tissue"] == "Spleen", "cell_ontology_class"].dropna(), level="compartment"
    )
    assert immune.count("immune") / len(immune) > 0.9
