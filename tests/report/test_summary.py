"""The report as Markdown: what it says, and that labels stay text."""

from __future__ import annotations

import markdown_it
import pytest

from concentra.report.summary import summary
from definitions_report import HOSTILE, findings


def test_the_answer_stands_before_the_table_and_the_notes() -> None:
    text = summary(findings(), {"figures/forest.svg": "Effects"})
    places = [text.index(part) for part in (
        "# Report", "Tissue 0 is more concentrated in 24m than in 3m", "| Tissue 0 | more concentrated | 3 / 3 |",
        "- a note", "![Effects](figures/forest.svg)", "## Methods", "1. Gini C.",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "\\" not in text.split("## Methods")[0]


def test_without_a_contrast_it_says_what_there_is() -> None:
    assert "6 donors, 2 tissues, 3 cell types, 4,800 cells" in summary(findings(compared=False))


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_labels_stay_text(label: str) -> None:
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])

    def kinds(text: str) -> list[str]:
        tokens = parser.parse(text)
        inner = {child.type for token in tokens for child in token.children or []}
        return [token.type for token in tokens if token.type != "inline"] + sorted(
            inner - {"text_special", "text"}
        )

    assert kinds(summary(findings(label=label))) == kinds(summary(findings(label="z")))
