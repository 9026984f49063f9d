"""The report in a real browser, from a file: nothing is loaded, nothing overflows, everyone can use all of it."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concentra.report.document import page as written
from concentra.report.sentences import MEANINGS
from definitions_report import HOSTILE, findings

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
OVERFLOWS = """() => {
  const wide = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")]
    .filter(one => !one.closest(".scroll, nav, .skip, svg *, #vg-tooltip-element"))
    .filter(one => one.getBoundingClientRect().right > wide + 1)
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
    made = tmp_path_factory.mktemp("page") / "report.html"
    made.write_text(written(findings(tuple(MEANINGS))), encoding="utf-8")
    return made


class Opened:
    """A page, and what went wrong on it: errors, warnings, requests."""

    def __init__(self, browser: Any, path: Path, width: int = 1440, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda one: one.type in ("error", "warning") and self.wrong.append(one.text))
        self.page.on("pageerror", lambda problem: self.wrong.append(str(problem)))
        self.page.on(
            "request",
            lambda one: one.url.startswith(("file:", "data:", "blob:")) or self.wrong.append(one.url),
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=60_000)

    def draw_all(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for figure in self.page.locator("figure[data-chart]").all():
            figure.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "[...document.querySelectorAll('figure[data-chart]')].every(one => one.querySelector('svg'))"
        )


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Opened]:
    one = Opened(browser, path)
    yield one
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_all_of_it_is_drawn_without_errors_requests_or_overflow(
    browser: Any, path: Path, width: int, scheme: str
) -> None:
    one = Opened(browser, path, width, scheme)
    one.draw_all()
    assert one.wrong == []
    assert one.page.evaluate(OVERFLOWS) == []
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_serious(browser: Any, path: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    one = Opened(browser, path, width, scheme)
    one.draw_all()
    found = axe.run(one.page).response["violations"]
    assert [
        (rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")
    ] == []
    one.context.close()


def test_the_first_screen_answers(opened: Opened) -> None:
    sentence = opened.page.locator("#answer > p").first
    assert sentence.inner_text().startswith(
        "Tissue 0 is more concentrated in 24m than in 3m (effective number 9.30 to 7.12"
    )
    for part in (
        sentence,
        opened.page.locator("#answer .drawn svg").first,
        opened.page.locator("#answer table").first,
    ):
        assert part.bounding_box()["y"] < 900
    assert opened.page.locator("#answer thead th").count() == 6


def test_it_is_painted_within_a_second(opened: Opened) -> None:
    painted = opened.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 1000


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


def download(opened: Opened, button: Any) -> bytes:
    with opened.page.expect_download() as waiting:
        button.click()
    return Path(waiting.value.path()).read_bytes()


def test_charts_are_saved_as_svg_and_png(opened: Opened) -> None:
    chart = opened.page.locator("#answer figure").first
    svg = download(opened, chart.get_by_role("button", name="SVG")).decode("utf-8")
    assert svg.startswith("<svg")
    assert "currentColor" not in svg
    assert "Tissue 0" in svg
    assert download(opened, chart.get_by_role("button", name="PNG"))[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_table_is_sorted_searched_filtered_and_downloaded_with_all_its_rows(opened: Opened) -> None:
    whole = opened.page.locator("#table-composition")
    whole.locator("summary").click()
    rows = whole.locator("tbody tr")
    rows.first.wait_for()
    n_rows = 7 * 6 * 3
    assert rows.count() == 25
    content = download(opened, whole.get_by_role("button", name="Download CSV")).decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(content)))) == n_rows + 1
    whole.get_by_label("Search:").fill("granulocyte")
    assert f"of {n_rows // 3}" in whole.locator(".dt-info").inner_text()
    whole.get_by_label("Search:").fill("")
    whole.locator("thead th", has_text="n_cells").get_by_role("button").first.click()
    opened.page.wait_for_timeout(100)
    values = [int(text) for text in whole.locator("tbody tr td:nth-child(7)").all_inner_texts()]
    assert values == sorted(values)


def test_verdicts_are_sorted_by_number_with_the_keyboard(opened: Opened) -> None:
    head = opened.page.locator("#answer thead th", has_text="effective number")
    head.locator("[tabindex='0'], button").first.focus()
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_timeout(100)
    column = opened.page.locator("#answer tbody td:nth-child(4)").all_inner_texts()
    shown = [float(text.split()[0]) for text in column if text != "–"]
    assert shown == sorted(shown)


def test_the_theme_can_be_switched(opened: Opened) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(colour)
    opened.page.locator("#theme").click()
    assert opened.page.evaluate(colour) != light


def test_printing_opens_sections_draws_all_charts_and_keeps_colours(opened: Opened, tmp_path: Path) -> None:
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    opened.page.wait_for_function(
        "[...document.querySelectorAll('figure[data-chart]')].every(one => one.querySelector('svg'))"
    )
    assert opened.page.locator("details.fold:not([open])").count() == 0
    assert not opened.page.locator("nav").is_visible()
    bar = opened.page.locator("figure svg g.mark-rect.role-mark path").first
    assert bar.evaluate("one => getComputedStyle(one).fill") not in ("none", "rgb(255, 255, 255)")
    assert opened.page.pdf(path=tmp_path / "page.pdf")[:5] == b"%PDF-"
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details.fold:not([open])").count() > 0


def test_a_tissue_can_be_named_in_the_address(browser: Any, path: Path) -> None:
    one = Opened(browser, path)
    one.page.goto(path.as_uri() + "#tissue-3")
    one.page.wait_for_selector("#tissue-3[open]")
    one.context.close()


def test_without_a_contrast_compositions_and_metrics_are_shown(browser: Any, tmp_path: Path) -> None:
    made = tmp_path / "report.html"
    made.write_text(written(findings(compared=False)), encoding="utf-8")
    one = Opened(browser, made)
    one.draw_all()
    assert one.wrong == []
    assert "No groups were compared." in one.page.locator("#answer").inner_text()
    assert one.page.locator("figure", has_text="Composition of every donor").count() == 2
    one.context.close()


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
    one.context.close()
