"""The report in a real browser, from a file: no error, no request, no overflow, usable by keyboard and by all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concentra.study.documents.report import report
from concentra.study.results import Results
from definitions_documents import HOSTILE, picture, small

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
WIDTHS = [390, 1440]
OVERFLOWS = """() => {
  const wide = document.documentElement.clientWidth;
  const inside = ".wide, nav, .hidden, .skip, svg *";
  return [...document.querySelectorAll("body *")]
    .filter(one => !one.closest(inside) && one.getBoundingClientRect().right > wide + 1)
    .map(one => one.tagName + "." + one.className)
    .concat(document.documentElement.scrollWidth > wide ? ["page"] : []);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        assert not os.environ.get("CONCENTRA_REQUIRE_DATA"), "chromium is required here and not installed"
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = small(tmp_path_factory.mktemp("report"))
    picture(out, "figure_1_overlay")
    made = out / "report.html"
    made.write_text(report(Results(out))["report.html"], encoding="utf-8")
    return made


class Opened:
    """A page, and what went wrong on it."""

    def __init__(self, browser: Any, path: Path, width: int = 1440, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on(
            "console", lambda said: said.type in ("error", "warning") and self.wrong.append(said.text)
        )
        self.page.on("pageerror", lambda problem: self.wrong.append(str(problem)))
        self.page.on(
            "request", lambda one: one.url.startswith(("file:", "data:")) or self.wrong.append(one.url)
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("[data-chart] svg[role=application]")


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Opened]:
    one = Opened(browser, path)
    yield one
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_loads_without_errors_requests_or_overflow(browser: Any, path: Path, width: int, scheme: str) -> None:
    one = Opened(browser, path, width, scheme)
    assert one.wrong == []
    assert one.page.evaluate(OVERFLOWS) == []
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    one = Opened(browser, path, 1440, scheme)
    for summary in one.page.query_selector_all("summary"):
        summary.click()
    found = axe.run(one.page).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []
    one.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_manuscript_page_is_readable_and_usable(browser: Any, tmp_path: Path, width: int) -> None:
    from concentra.report import pdf

    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    cells = " | ".join(["a long heading"] * 12)
    table = f"| {cells} |\n| {' | '.join([':--'] * 12)} |\n| {cells} |\n\n: A table.\n"
    sums = "$$G = " + " + ".join(f"x_{{{place}}}" for place in range(60)) + "$$"
    text = f"---\ntitle: A title\nshort-title: s\nauthor:\n- Nobody\nversion: '0'\n---\n\n# One\n\n{table}\n\n{sums}\n"
    made = tmp_path / "manuscript.html"
    made.write_bytes(pdf.MAKERS["html"](_with_text(tmp_path, text)))
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.goto(made.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = axe.run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
    page.context.close()


def _with_text(folder: Path, text: str) -> Path:
    (folder / "text.md").write_text(text, encoding="utf-8")
    (folder / "references.bib").write_text("", encoding="utf-8")
    return folder


def points(opened: Opened) -> int:
    return int(opened.page.locator("[data-chart=plane] path.mark").count())


def test_the_first_screen_answers(opened: Opened) -> None:
    for word in ("Holds", "Does not hold", "Established", "Not judged"):
        assert opened.page.locator(".card", has_text=word).first.bounding_box()["y"] < 900


def test_a_cohort_can_be_switched_off_and_on(opened: Opened) -> None:
    assert points(opened) == 2
    box = opened.page.locator("[data-chart=plane] label", has_text="Pythia-410M").locator("input")
    box.uncheck()
    assert points(opened) == 1
    box.check()
    assert points(opened) == 2


def test_hover_shows_the_donor(opened: Opened) -> None:
    chart = opened.page.locator(".chosen figure.chart").first
    chart.locator("path.mark").first.hover()
    tip = chart.locator(".tip")
    assert tip.is_visible()
    assert re.match(r"donor m[0-9]\n.*\n[01]\.[0-9]+ from 10[0-9] cells", tip.inner_text())


def test_arrow_keys_read_point_after_point(opened: Opened) -> None:
    chart = opened.page.locator("[data-chart=plane]")
    chart.locator("svg[role=application]").focus()
    opened.page.keyboard.press("ArrowRight")
    first = chart.locator("[aria-live]").inner_text()
    opened.page.keyboard.press("ArrowRight")
    second = chart.locator("[aria-live]").inner_text()
    assert {"Marrow" in first, "Marrow" in second} == {True, False}
    opened.page.keyboard.press("Escape")
    assert not chart.locator(".tip").is_visible()


def test_zoom_and_back(opened: Opened) -> None:
    chart = opened.page.locator("[data-chart=plane]")
    ticks = chart.locator("text.tick").all_inner_texts()
    chart.get_by_role("button", name="zoom in").click()
    assert chart.locator("text.tick").all_inner_texts() != ticks
    chart.get_by_role("button", name="show all").click()
    assert chart.locator("text.tick").all_inner_texts() == ticks


def test_points_can_be_read_as_a_list(opened: Opened) -> None:
    chart = opened.page.locator("[data-chart=plane]")
    chart.locator("summary").click()
    opened.page.wait_for_selector("[data-chart=plane] details li")
    assert chart.locator("details li").count() == 2


def test_a_tissue_can_be_named_in_the_address(browser: Any, path: Path) -> None:
    one = Opened(browser, path)
    one.page.goto(path.as_uri() + "#tissue=Marrow")
    assert one.page.locator("#choose-tissue").input_value() == "Marrow"
    one.context.close()


def test_it_prints(opened: Opened) -> None:
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("nav").is_visible()
    assert opened.page.locator("#verdicts table").is_visible()


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_hostile_labels_are_harmless(browser: Any, tmp_path: Path, label: str) -> None:
    out = small(tmp_path, tissue=label, donor=label)
    made = out / "report.html"
    made.write_text(report(Results(out))["report.html"], encoding="utf-8")
    one = Opened(browser, made, 390)
    assert one.wrong == []
    assert one.page.evaluate("window.broken") is None
    assert one.page.evaluate(OVERFLOWS) == []
    one.context.close()
