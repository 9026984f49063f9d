"""The built site: without warnings, without the network, with every public name and every figure."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
import urllib.parse
from functools import cache
from pathlib import Path

import pytest

from definitions_docs import DOCS, ROOT

pytest.importorskip("sphinx")
pytestmark = pytest.mark.docs

PUBLIC = ("metrics", "stats", "clustering", "heads", "simulate", "datasets", "run", "pp", "tl", "get", "pl")
"""Packages whose public names are those of `__all__`."""
FIGURES = {"start": 1, "marrow": 6, "anndata": 1, "report": 4, "granularity": 1, "heads": 1}


@pytest.fixture(scope="session")
def site() -> Path:
    """The site where `make site` builds it, and as it does: what is up to date is not built again."""
    out = ROOT / "site" / "html"
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", str(DOCS), str(out)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return out


@cache
def anchors(page: Path) -> set[str]:
    """What a link to the page may name after `#`."""
    return set(re.findall(r"\bid=\"([^\"]+)\"", page.read_text(encoding="utf-8")))


def known(site: Path) -> set[str]:
    """Every Python name that the site documents."""
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    return {name for kind, found in inventory.items() if kind.startswith("py:") for name in found}


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_in_the_api(site: Path, package: str) -> None:
    module = importlib.import_module(f"concentra.{package}")
    found = known(site)
    assert module.__all__
    for name in module.__all__:
        if callable(getattr(module, name)):
            assert f"concentra.{package}.{name}" in found
        else:  # a constant is listed by the module that defines it
            assert any(
                one.startswith(f"concentra.{package}.") and one.endswith(f".{name}") for one in found
            ), name


def test_every_module_of_questions_and_files_is_in_the_api(site: Path) -> None:
    found = known(site)
    for package in ("analysis", "composition", "io"):
        folder = Path(importlib.import_module(f"concentra.{package}").__file__ or "").parent
        for path in folder.glob("[a-z]*.py"):
            name = f"concentra.{package}.{path.stem}"
            assert name in found
            for member, value in vars(importlib.import_module(name)).items():
                if inspect.isfunction(value) and value.__module__ == name and not member.startswith("_"):
                    assert f"{name}.{member}" in found


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    page = (site / "api" / "generated" / "concentra.metrics.html").read_text(encoding="utf-8")
    assert page.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') > 5
    assert "mathjax" not in page.lower()


def test_nothing_is_fetched(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"(?:https?:)?//[^\"]+", text), (
            page
        )


def test_every_picture_is_in_the_gallery_and_in_the_api(site: Path) -> None:
    for page in (site / "gallery.html", site / "api" / "generated" / "concentra.pl.html"):
        text = page.read_text(encoding="utf-8")
        for name in importlib.import_module("concentra.pl").__all__:
            assert f"_images/{name}.png" in text, f"{page}: {name}"


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for link, anchor in set(re.findall(r"<a [^>]*href=\"([^\":#]*)(?:#([^\"]*))?\"", text)):
            target = page.parent / urllib.parse.unquote(link) if link else page
            assert target.exists(), f"{page}: {link}"
            if anchor:
                assert urllib.parse.unquote(anchor) in anchors(target), f"{page}: {link}#{anchor}"


@pytest.mark.parametrize(("name", "figures"), FIGURES.items())
def test_tutorials_show_their_figures(site: Path, name: str, figures: int) -> None:
    (page,) = [path for path in site.rglob(f"{name}.html") if "generated" not in path.parts]
    text = page.read_text(encoding="utf-8")
    pictures = re.findall(r"<img[^>]+src=\"([^\"]+_images[^\"]+)\"", text) + re.findall(
        r"<img[^>]+src=\"(_images[^\"]+)\"", text
    )
    assert len(set(pictures)) >= figures
    assert "Traceback" not in text
