"""A page opened from a file in Chromium, and what goes wrong on it."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
OVERFLOWS = """() => {
  const wide = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")]
    .filter(one => !one.closest(".scroll, nav, .skip, svg *, #vg-tooltip-element"))
    .filter(one => one.getBoundingClientRect().right > wide + 1)
    .map(one => one.tagName + "." + one.className)
    .concat(document.documentElement.scrollWidth > wide ? ["page"] : []);
}"""
PALE = Path(__file__).with_name("pale.js").read_text(encoding="utf-8")
"""What is too pale against its ground."""
DRAWN = """[...document.querySelectorAll("figure[data-chart]")].every(one => one.querySelector("svg")) &&
  [...document.querySelectorAll("figure[data-picture] img")].every(one => one.complete && one.naturalWidth)"""


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
        """Open every part and draw every chart, picture and table."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for one in self.page.locator("figure[data-chart], figure[data-picture], table.data").all():
            one.scroll_into_view_if_needed()
        self.until(DRAWN)

    def until(self, expression: str, seconds: float = 30) -> Any:
        """The value of an expression once it is true.

        The page's own policy forbids evaluation of strings, which `Page.wait_for_function` needs where
        the expression is not true at once; `Page.evaluate` does not."""
        return self.when(lambda: self.page.evaluate(expression), expression, seconds)

    def when(self, value_of: Callable[[], Any], what: str, seconds: float = 30) -> Any:
        """What a function gives once it is true."""
        end = time.monotonic() + seconds
        while not (value := value_of()):
            if time.monotonic() > end:
                raise TimeoutError(f"not true within {seconds:g} s: {what}")
            self.page.wait_for_timeout(20)
        return value

    def close(self) -> None:
        """Close the page."""
        self.context.close()

    def download(self, button: Any) -> bytes:
        """What a button saves."""
        with self.page.expect_download() as waiting:
            button.click()
        return Path(waiting.value.path()).read_bytes()

    def rows_of(self, button: Any) -> list[list[str]]:
        """The rows of the CSV that a button saves, the names first."""
        return list(csv.reader(io.StringIO(self.download(button).decode("utf-8-sig"))))

    def serious(self, axe: Any) -> list[tuple[str, str]]:
        """What the accessibility checker calls serious or critical: the rule, and the first place."""
        found = axe.run(self.page).response["violations"]
        return [
            (rule["id"], rule["nodes"][0]["html"])
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]
