"""Markdown: labels stay labels, numbers read as people write them."""

from __future__ import annotations

import json
import re
from typing import Any

import markdown_it
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from concentra.report import markdown
from definitions_study import HOSTILE

CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
ACTIVE = "\\`*_{}[]<>()#+!|~$^&=@-:;.1aiI x"
LABELS = st.one_of(st.text(max_size=80), st.text(ACTIVE, max_size=12))
AWKWARD = [
    "1. a", "12) b", "(1) c", "iv. d", "A. e", "a) f", "#. g", "- h", "+ i", "* j", "-", "---", "***", "===", "> k",
    ": l", "# m", "n #", "_o_", "__p__", "q_r", "_s", "t_", "*u*", "`v`", "[w](x)", "![w](x)", "[^1]", "<b>y</b>",
    "<http://z>", "~~a~~", "H~2~O", "x^2^", "$x$", "a--b", "&amp; &#60;", "AT&T", "@doe", "(@a)", "{.b}", "\\alpha",
    "\\", "a\\", "||", "a|b", "```", "~~~", ":::", "..", "Table: c", "5 - 3", "p = .5 (n = 3)", "10,000",
]  # fmt: skip


def plain(label: str) -> str:
    return " ".join(CONTROL.sub(" ", label).split())


@given(LABELS)
@example("\U000e0000")
def test_a_label_is_its_own_text_in_commonmark(label: str) -> None:
    found = read(f"{markdown.escape(label)}\n")
    assert found == ([plain(label)] if plain(label) else [])
    assert not CONTROL.search(markdown.escape(label))


@given(LABELS)
def test_a_label_is_its_own_text_in_a_heading_and_in_a_list(label: str) -> None:
    assert read(f"## {markdown.escape(label)}\n") == ([plain(label)] if plain(label) else [""])
    assert read(f"- x {markdown.escape(label)}\n") == [f"x {plain(label)}".strip()]


def read(text: str) -> list[str]:
    """The text of every block, where nothing but text is in it."""
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    blocks = [token for token in parser.parse(text) if token.type == "inline"]
    for block in blocks:
        assert {child.type for child in block.children or []} <= {"text", "text_special"}, block.content
    return ["".join(child.content for child in block.children or []) for block in blocks]


def test_awkward_labels_are_their_own_text_in_pandoc() -> None:
    pypandoc = pytest.importorskip("pypandoc")
    text = "\n\n".join(markdown.escape(label) for label in AWKWARD)
    document = json.loads(pypandoc.convert_text(text, "json", format="markdown+pipe_tables-smart"))
    assert [words(block) for block in document["blocks"]] == [plain(label) for label in AWKWARD]
    smart = json.loads(pypandoc.convert_text(markdown.escape("a--b"), "json", format="markdown+smart"))
    assert words(smart["blocks"][0]) == "a--b"


def words(block: dict[str, Any]) -> str:
    assert block["t"] == "Para", block
    assert {one["t"] for one in block["c"]} <= {"Str", "Space"}, block
    return "".join(one["c"] if one["t"] == "Str" else " " for one in block["c"])


@pytest.mark.parametrize(
    "label", ["Limb_Muscle", "CD4-positive, alpha-beta T cell", "age: 3m to 24m (n = 3)", "+0.087"]
)
def test_plain_labels_are_not_escaped(label: str) -> None:
    assert markdown.escape(label) == label


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


@given(
    st.lists(
        st.lists(st.text("abcdef ", min_size=1, max_size=60), min_size=3, max_size=3), min_size=1, max_size=5
    )
)
def test_columns_with_widths_break_no_word_that_fits(cells: list[list[str]]) -> None:
    rows = [dict(zip(("one", "two", "three"), row, strict=True)) for row in cells]
    rule = markdown.table(rows, weighted=True).splitlines()[1]
    widths = [part.count("-") for part in rule.strip("|").split("|")]
    for place, width in enumerate(widths):
        words = [word for row in cells for word in row[place].split()]
        assert width >= markdown.GAP + max(map(len, words), default=0)
    short = sum(max(len(row[place].strip()) for row in cells) for place in range(3)) + 3 * markdown.GAP + 30
    assert short > markdown.ROW or all(
        width >= len(row[place].strip()) for row in cells for place, width in enumerate(widths)
    )
