"""The manuscript as a page in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [390, 1440])
def test_the_manuscript_page_is_readable_and_usable(
    browser: Any, axe: Any, tmp_path: Path, width: int
) -> None:
    from concentra.report import pdf

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
