"""Declarations: tables, their columns, parameters, and that hostile labels come back as they were written."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concentra.design import Settings
from concentra.errors import ArgumentError, TableError
from concentra.outputs import table_text
from concentra.study import declare, raw
from concentra.study.declare import Table, all_parameters, column, nodes, tables
from definitions_study import HOSTILE
from definitions_tables import taken_for_missing


class TinyTable(Table):
    """A table for these tests alone; no step writes it."""

    label: str = column("a label")
    group: str = column("one of two, or missing", nullable=True, among=["young", "old"])
    n_cells: int = column("cells", unit="cells", low=1)
    share: float = column("share", low=0, high=1, nullable=True)

    class Config(Table.Config):
        unique = ["label"]


def tiny(**changed: object) -> pd.DataFrame:
    rows = {"label": ["a", "b"], "group": ["young", None], "n_cells": [1, 2], "share": [0.1, None]}
    return pd.DataFrame(rows | changed)


def test_round_trip(tmp_path: Path) -> None:
    path = TinyTable.write(tiny()[["share", "n_cells", "group", "label"]].assign(more=1), tmp_path)
    assert path == tmp_path / "tables" / "tiny_table.csv"
    again = TinyTable.read(tmp_path)
    assert list(again) == ["label", "group", "n_cells", "share"]
    assert again["share"].tolist()[0] == 0.1
    assert again.isna().sum().to_dict() == {"label": 0, "group": 1, "n_cells": 0, "share": 1}


def test_hostile_labels_round_trip(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": HOSTILE, "group": None, "n_cells": 1, "share": 0.5})
    TinyTable.write(frame, tmp_path)
    assert TinyTable.read(tmp_path)["label"].tolist() == list(HOSTILE)


@settings(max_examples=60)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1),
        min_size=1,
        unique=True,
    ),
    st.floats(0, 1),
)
def test_any_label_and_number_round_trips(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], share: float
) -> None:
    out = tmp_path_factory.mktemp("tables")
    TinyTable.write(pd.DataFrame({"label": labels, "group": "old", "n_cells": 3, "share": share}), out)
    again = TinyTable.read(out)
    assert again["label"].tolist() == labels
    assert again["share"].tolist() == [share] * len(labels)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (tiny(n_cells=[0, 2]), "n_cells"),
        (tiny(share=[1.5, None]), "share"),
        (tiny(group=["young", "middle"]), "group"),
        (tiny(label=["a", "a"]), "unique|label"),
        (tiny(label=["a", None]), "label"),
        (tiny(n_cells=["few", "many"]), "n_cells"),
        (tiny().drop(columns="share"), "has no column share"),
    ],
)
def test_wrong_frames_are_refused_and_nothing_is_written(
    tmp_path: Path, frame: pd.DataFrame, words: str
) -> None:
    with pytest.raises(TableError, match=words):
        TinyTable.write(frame, tmp_path)
    assert not (tmp_path / "tables" / "tiny_table.csv").exists()


def test_a_wrong_file_is_refused_on_reading(tmp_path: Path) -> None:
    path = TinyTable.write(tiny(), tmp_path)
    path.write_text(path.read_text().replace("0.1", "7"))
    with pytest.raises(TableError, match="share"):
        TinyTable.read(tmp_path)


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    TinyTable.write(pd.DataFrame(), tmp_path)
    again = TinyTable.read(tmp_path)
    assert again.empty
    assert list(again) == list(TinyTable.columns())


@pytest.mark.parametrize("name", sorted(tables()))
def test_every_table_is_described(name: str) -> None:
    table = tables()[name]
    assert (table.__doc__ or "").strip().endswith(".")
    assert table.key(), "a table has a key"
    assert set(table.key()) <= set(table.columns())
    for label, found in table.columns().items():
        assert found.description, f"{name}.{label}"
        assert label == label.lower()
        assert "eff_n" not in label
        words = pd.DataFrame({"word": [str(one) for one in found.among or ()]})
        assert not taken_for_missing(table_text(words)), f"{name}.{label}"


def test_no_text_of_a_run_reads_as_missing(archive_run: Any) -> None:
    """By a reader of CSV that knows nothing of the tables."""
    found = {path.name: taken_for_missing(path.read_text("utf-8")) for path in archive_run.out.rglob("*.csv")}
    assert len(found) > len(tables()) / 2
    assert not {name: lost for name, lost in found.items() if lost}


@pytest.mark.parametrize("name", list(nodes()))
def test_parameters_match_the_signature(name: str) -> None:
    node = nodes()[name]
    signature = inspect.signature(node.function).parameters.values()
    wanted = {one.name for one in signature if one.kind is one.KEYWORD_ONLY}
    if any(one.kind is one.VAR_KEYWORD for one in signature):
        wanted |= set(all_parameters()["settings"])
    assert set(node.parameters()) == wanted
    assert node.title
    for read in node.reads if node.kind != "document" else ():  # a document reads the results as a whole
        assert read in raw.RAW or read in tables(), read


def test_no_section_of_parameters_is_left_over() -> None:
    assert set(all_parameters()) <= {*nodes(), "settings"}


def test_a_node_may_override_the_settings_that_all_share() -> None:
    shared = all_parameters()["settings"]
    assert nodes()["summary"].parameters() == shared
    assert nodes()["substate_analysis"].parameters() == shared | {"min_cells": 30, "depth": 30}
    assert Settings(**shared).depth == 100


def test_parameters_of_another_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = all_parameters() | {"compute_proportions": {"poolt_mark": "/"}}
    monkeypatch.setattr(declare, "all_parameters", lambda: wrong)
    with pytest.raises(ArgumentError, match=r"\[compute_proportions\]: poolt_mark"):
        nodes()["compute_proportions"].parameters()


def test_no_file_is_written_twice() -> None:
    written = [
        str(path) for node in nodes().values() for path in (*node.outputs(Path()), *node.provenance(Path()))
    ]
    assert len(written) == len(set(written))
    assert len({path.lower() for path in written}) == len(written)
