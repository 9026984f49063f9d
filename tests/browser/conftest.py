"""The browser, and both reports: that of an analysis and that of the study."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from definitions_browser import ARGUMENTS, Opened

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        assert not os.environ.get("CONCENTRA_REQUIRE_DATA"), "chromium is required here and not installed"
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> Any:
    return pytest.importorskip("axe_playwright_python.sync_playwright").Axe()


@pytest.fixture(scope="session")
def analysis_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of an analysis with every verdict and every section."""
    from concentra.report.document import page
    from concentra.report.sentences import MEANINGS
    from definitions_report import findings

    made = tmp_path_factory.mktemp("analysis") / "report.html"
    made.write_text(page(findings(tuple(MEANINGS))), encoding="utf-8")
    return made


@pytest.fixture(scope="session")
def study_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small study: one tissue, a hierarchy, a model, a figure."""
    from concentra.study.documents.report import report
    from concentra.study.results import Results
    from definitions_documents import layered, picture, small

    out = layered(small(tmp_path_factory.mktemp("study")))
    picture(out, "figure_1_overlay")
    made = out / "report.html"
    made.write_text(report(Results(out))["report.html"], encoding="utf-8")
    return made


@pytest.fixture(params=["analysis", "study"])
def path(request: pytest.FixtureRequest) -> Path:
    """Both reports in turn."""
    found: Path = request.getfixturevalue(f"{request.param}_path")
    return found


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Opened]:
    """Both reports in turn, opened on a desk."""
    one = Opened(browser, path)
    yield one
    one.close()
