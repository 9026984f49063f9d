"""The page: nothing that is a label is ever markup, and nothing is loaded."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.printable import printable
from concentra.report import html
from definitions_documents import HOSTILE


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(label: str) -> str:
    return html.page(
        title=label,
        lead=label,
        cards=[html.Card(label, label, "good")],
        sections=[
            html.Section(
                "one",
                label,
                (
                    html.table(
                        [{"name": label, "n": 3, "words": [label]}], label, badges={"name": {label: "good"}}
                    ),
                    html.chart("plane", label, label),
                    html.folded(label, html.listing([label]), html.paragraph(label), html.heading(label)),
                    html.picture(b"png", label, label, "figure-1"),
                ),
                note=label,
            )
        ],
        data={"plane": {"label": label}},
        foot=label,
    )


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_labels_are_never_markup(label: str) -> None:
    plain, hostile = Elements(page("label")), Elements(page(label))
    assert hostile.names == plain.names
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]


def test_labels_are_shown() -> None:
    assert "a <b> & c" in " ".join(Elements(page("a <b> & c")).text)


@given(st.text())
def test_embedded_json_is_read_back_and_ends_no_element(label: str) -> None:
    text = str(html.embed({"label": label}))
    assert "<" not in text
    assert json.loads(text) == {"label": printable(label, keep="\n\t")}


def test_the_page_loads_nothing() -> None:
    text = page("label")
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)[^\"']*", text)
    assert "default-src 'none'" in text
    assert not re.findall(r"url\((?!#)", text)


def test_only_the_package_s_script_may_run() -> None:
    import base64
    import hashlib

    text = page("label")
    script = re.findall(r"<script>(.*?)</script>", text, flags=re.S)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_missing_and_infinite_numbers_are_null() -> None:
    assert html.plain([np.nan, np.inf, np.float32(0.5), np.arange(2)]) == [None, None, 0.5, [0, 1]]


def test_numbers_keep_five_digits() -> None:
    assert html.plain(0.123456789) == 0.12346


def test_long_labels_are_cut() -> None:
    assert "x" * 301 not in str(html.table([{"a": "x" * 10_000}], ""))


def test_an_empty_table_says_so() -> None:
    assert "none" in str(html.table([], "caption"))
