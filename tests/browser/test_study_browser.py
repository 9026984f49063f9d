"""The study's report in a real browser: what its charts do, and labels that try to break it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concentra.study.documents.report import report
from concentra.study.results import Results
from definitions_browser import OVERFLOWS, Opened
from definitions_documents import HOSTILE, small

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser: Any, study_path: Path) -> Iterator[Opened]:
    one = Opened(browser, study_path)
    yield one
    one.close()


def test_no_statement_is_said_to_hold(opened: Opened) -> None:
    table = opened.page.locator("#answer table").first
    row = table.locator("tbody tr", has_text="Pythia-410M concentrates").inner_text()
    assert "number reproduced; change undecided" in row
    assert "Holds" not in opened.page.locator("#answer").inner_text()


def test_a_cohort_can_be_switched_off_and_on(opened: Opened) -> None:
    chart = opened.page.locator("#answer figure").first
    points = chart.locator("svg g.mark-symbol.role-mark path[aria-label*='verdict']")
    points.first.wait_for()
    assert points.count() == 2
    chart.get_by_label("models", exact=True).uncheck()
    opened.page.wait_for_timeout(200)
    assert points.count() == 1
    chart.get_by_label("models", exact=True).check()
    opened.page.wait_for_timeout(200)
    assert points.count() == 2


def test_figures_are_pictures_on_white(browser: Any, study_path: Path) -> None:
    one = Opened(browser, study_path, scheme="dark")
    figure = one.page.locator("#figure-1")
    image = figure.locator("img")
    drawn = "(document.querySelector('#figure-1 img').getAttribute('src') ?? '').startsWith('blob:')"
    one.until(drawn)  # before anybody scrolls to it
    figure.locator("summary").click()
    one.until("document.querySelector('#figure-1 img').naturalWidth")
    assert image.get_attribute("alt") == 'grey "pixel"'
    assert image.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    assert one.download(figure.get_by_role("button", name="SVG")).startswith(b"<svg")
    one.close()


def test_a_level_can_be_named_in_the_address(browser: Any, study_path: Path) -> None:
    one = Opened(browser, study_path)
    one.page.goto(study_path.as_uri() + "#blood_ageing-tissue-2")
    one.page.wait_for_selector("#blood_ageing-tissue-2[open]")
    one.close()


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_hostile_labels_are_harmless(browser: Any, tmp_path: Path, label: str) -> None:
    made = small(tmp_path, tissue=label, donor=label) / "report.html"
    made.write_text(report(Results(tmp_path))["report.html"], encoding="utf-8")
    one = Opened(browser, made, 390)
    one.draw_all()
    assert one.wrong == []
    assert one.page.evaluate("window.broken") is None
    assert one.page.evaluate(OVERFLOWS) == []
    one.close()
