"""The report of an analysis in a real browser: what its charts and tables do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concentra.report.document import page as written
from definitions_browser import OVERFLOWS, Opened
from definitions_report import HOSTILE, findings

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser: Any, analysis_path: Path) -> Iterator[Opened]:
    one = Opened(browser, analysis_path)
    yield one
    one.close()


def test_the_answer_is_a_sentence(opened: Opened) -> None:
    assert (
        opened.page.locator("#answer > p")
        .first.inner_text()
        .startswith("Tissue 0 is more concentrated in 24m than in 3m (ratio of effective numbers 0.77")
    )


def test_hover_shows_the_donor(opened: Opened) -> None:
    chart = opened.page.locator("figure", has_text="Effective number of every donor").first
    chart.scroll_into_view_if_needed()
    chart.locator("svg g.mark-symbol.role-mark path").first.hover(force=True)
    tip = opened.page.locator("#vg-tooltip-element")
    tip.wait_for(state="visible")
    assert "m0" in tip.inner_text()
    assert "400" in tip.inner_text()


def test_a_group_of_donors_can_be_switched_off_and_on(opened: Opened) -> None:
    chart = opened.page.locator("figure", has_text="Effective number of every donor").first
    chart.scroll_into_view_if_needed()
    points = chart.locator("svg g.mark-symbol.role-mark path")
    points.first.wait_for()
    assert points.count() == 6
    chart.get_by_label("24m", exact=True).uncheck()
    opened.page.wait_for_timeout(200)
    assert points.count() == 3
    chart.get_by_label("24m", exact=True).check()
    opened.page.wait_for_timeout(200)
    assert points.count() == 6


def test_zoom_moves_the_axis(opened: Opened) -> None:
    chart = opened.page.locator("figure", has_text="Effective number of every donor").first
    chart.scroll_into_view_if_needed()
    chart.locator("svg").wait_for()
    before = chart.locator("svg").text_content()
    box = chart.locator("svg").bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    opened.page.keyboard.down("Shift")
    opened.page.mouse.wheel(0, -400)
    opened.page.keyboard.up("Shift")
    opened.page.wait_for_timeout(300)
    assert chart.locator("svg").text_content() != before


def test_verdicts_are_sorted_by_number_with_the_keyboard(opened: Opened) -> None:
    head = opened.page.locator("#answer thead th", has_text="effective number")
    head.locator("[tabindex='0'], button").first.focus()
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_timeout(100)
    column = opened.page.locator("#answer tbody td:nth-child(4)").all_inner_texts()
    shown = [float(text.split()[0]) for text in column if text != "–"]
    assert shown == sorted(shown)


def test_a_tissue_can_be_named_in_the_address(browser: Any, analysis_path: Path) -> None:
    one = Opened(browser, analysis_path)
    one.page.goto(analysis_path.as_uri() + "#tissue-3")
    one.page.wait_for_selector("#tissue-3[open]")
    one.close()


def test_without_a_contrast_compositions_and_metrics_are_shown(browser: Any, tmp_path: Path) -> None:
    made = tmp_path / "report.html"
    made.write_text(written(findings(compared=False)), encoding="utf-8")
    one = Opened(browser, made)
    one.draw_all()
    assert one.wrong == []
    assert "No groups were compared." in one.page.locator("#answer").inner_text()
    assert one.page.locator("figure", has_text="Composition of every donor").count() == 2
    one.close()


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_hostile_labels_are_harmless(browser: Any, tmp_path: Path, label: str) -> None:
    made = tmp_path / "report.html"
    made.write_text(written(findings(label=label)), encoding="utf-8")
    one = Opened(browser, made, 390)
    one.draw_all()
    one.page.locator("details.whole").last.scroll_into_view_if_needed()
    assert one.wrong == []
    assert one.page.evaluate("window.broken") is None
    assert one.page.evaluate(OVERFLOWS) == []
    one.close()
