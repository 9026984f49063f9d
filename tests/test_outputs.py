"""Folders of results: recorded, inside, and harmless in a spreadsheet."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.errors import ArgumentError, FileFormatError
from concentra.files import sha256
from concentra.outputs import (
    altered,
    confirm,
    digest,
    disarmed,
    rearmed,
    recorded,
    refuse_links,
    remove_own,
    table_text,
    write_recorded,
)

SIGNS = st.sampled_from(["=", "+", "-", "@", "\t", "\r", "'", "1", ".5", "e3", "a", " ", "é"])
LABELS = st.lists(SIGNS, max_size=6).map("".join)


def opens_as_a_formula(cell: str) -> bool:
    """A slow second definition: the first sign is one that starts a formula, and the cell is no number."""
    if not cell or cell[0] not in "=+-@\t\r":
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return bool(re.search("[^0-9.eE+-]", cell))


@given(st.lists(LABELS | st.none(), min_size=1, max_size=8))
def test_every_label_comes_back_and_none_is_a_formula(labels: list[str | None]) -> None:
    frame = pd.DataFrame({"type": pd.Series(labels, dtype=object), "n": range(len(labels))})
    harmless = disarmed(frame)
    assert not any(opens_as_a_formula(one) for one in harmless["type"] if one is not None)
    pd.testing.assert_frame_equal(rearmed(harmless), frame)
    text = table_text(frame)
    read = pd.read_csv(
        io.StringIO(text, newline=""), keep_default_na=False, na_values=[], dtype={"type": str}
    )
    assert rearmed(read)["type"].to_list() == [one or "" for one in labels]


def test_ordinary_labels_and_numbers_stay() -> None:
    frame = pd.DataFrame(
        {"type": ["CD4+ T", "-0.5", "+3", "1e5", "'quoted'", ""], "x": [-1.0, 2, 3, 4, 5, 6]}
    )
    assert disarmed(frame) is frame
    assert rearmed(frame) is frame
    categories = pd.DataFrame({"type": pd.Categorical(["=1", "b"])})
    assert disarmed(categories)["type"].to_list() == ["'=1", "b"]
    assert disarmed(pd.DataFrame({"=cmd": [1]})).columns.to_list() == ["'=cmd"]


def test_links_on_the_way_are_refused_and_the_folder_itself_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    refuse_links(tmp_path / "out", ["tables/a.csv", "report.html"])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "real" / "tables").symlink_to(tmp_path / "elsewhere")
    for write in (refuse_links, lambda out, names: write_recorded(out, dict.fromkeys(names, "x"), {})):
        with pytest.raises(ArgumentError, match="tables is a symbolic link"):
            write(tmp_path / "out", ["tables/a.csv"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").symlink_to(mine)
    write_recorded(tmp_path / "out", {"a.csv": "new"}, {})
    assert mine.read_text() == "mine"
    assert (tmp_path / "out" / "a.csv").read_text() == "new"
    assert not (tmp_path / "out" / "a.csv").is_symlink()


def test_only_what_was_written_is_removed(tmp_path: Path) -> None:
    texts = {"tables/own.csv": "own", "tables/edited.csv": "as written", "tables/gone.csv": "gone"}
    record = write_recorded(tmp_path, texts, {})
    assert record == {name: digest(text) for name, text in texts.items()}
    assert altered(tmp_path, record) == []
    (tmp_path / "tables" / "edited.csv").write_text("my notes")
    (tmp_path / "tables" / "gone.csv").unlink()
    (tmp_path / "outside.csv").write_text("outside")
    crafted = record | {"../outside.csv": digest("outside"), "/etc/hostname": "0" * 64}
    assert altered(tmp_path, record) == ["tables/edited.csv", "tables/gone.csv"]
    assert remove_own(tmp_path / "tables" / "..", recorded(crafted)) == ["tables/own.csv"]
    assert (tmp_path / "tables" / "edited.csv").read_text() == "my notes"
    assert (tmp_path / "outside.csv").exists()
    link = tmp_path / "out"
    link.mkdir()
    (link / "tables").symlink_to(tmp_path / "tables")
    assert remove_own(link, {"tables/edited.csv": sha256(tmp_path / "tables" / "edited.csv")}) == []


@pytest.mark.parametrize(
    "found", [None, [], "x", {"a": None}, {1: "0"}, {"": "0"}, {"../a": "0"}, {"/a": "0"}, {"a\0": "0"}]
)
def test_what_is_no_record_is_empty(found: object) -> None:
    assert recorded(found) == {}


def test_a_folder_that_vanishes_is_an_error(tmp_path: Path) -> None:
    record = write_recorded(tmp_path / "out", {"a.csv": "a"}, {})
    (tmp_path / "out" / "a.csv").unlink()
    with pytest.raises(FileFormatError, match="not there, or not what was written"):
        confirm(tmp_path / "out", record)
