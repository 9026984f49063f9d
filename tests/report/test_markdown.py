"""Markdown: labels stay labels, numbers read as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.report import markdown
from definitions_study import HOSTILE

ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>()#+!|~$^&=@-])")
ACTIVE = set("\\`*_{}[]<>()#+!|~$^&=@-")


@given(st.text(max_size=150))
def test_nothing_active_is_left_and_nothing_is_lost(label: str) -> None:
    found = markdown.escape(label)
    assert not set(ESCAPED.sub("", found)) & ACTIVE
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", found)
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", " ", label)
    assert ESCAPED.sub(r"\1", found) == " ".join(plain.split())


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_stays_in_its_cell(label: str) -> None:
    lines = markdown.table([{"tissue": label, "n": 3}, {"tissue": "lung", "n": 4}]).splitlines()
    assert len(lines) == 4
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line.replace(r"\\", ""))) == 3


def test_long_labels_are_cut() -> None:
    assert len(markdown.escape("x" * 10_000)) == markdown.LIMIT
    assert markdown.escape("x" * 10_000).endswith("…")
    assert markdown.escape("x" * markdown.LIMIT) == "x" * markdown.LIMIT
    assert markdown.escape("abcdef", limit=4) == "abc…"


def test_numbers() -> None:
    assert markdown.number(-0.0873, sign=True) == "−0.087"
    assert markdown.number(0.0873, 2, sign=True) == "+0.09"
    assert markdown.number(12.0) == "12.000"
    assert markdown.number(None) == markdown.number(float("nan")) == "–"
    assert markdown.p_text(0.01587) == "0.016"
    assert markdown.p_text(None) == markdown.p_text(float("nan")) == "–"


def test_columns_of_numbers_stand_right() -> None:
    rows = [{"n": 3, "shift": "−0.087", "p": "4e-05", "tissue": "lung", "mixed": 1}]
    rule = markdown.table([*rows, rows[0] | {"mixed": "none"}]).splitlines()[1]
    assert rule == "| ---: | ---: | ---: | --- | --- |"


def test_no_rows_and_joining() -> None:
    assert markdown.table([]) == "*none*"
    assert markdown.join("# A\n", "", "text\n\n", "more") == "# A\n\ntext\n\nmore\n"
