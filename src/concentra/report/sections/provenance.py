"""How the numbers were made: options and versions, and what the page itself brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concentra.report import bundle, sentences
from concentra.report.findings import Findings
from concentra.report.page import Page, Section


def provenance(page: Page, found: Findings) -> Section:
    """Options, versions, libraries of the page."""
    rows = [{"option": str(name), "value": _value(value)} for name, value in found.options.items()]
    blocks = [page.table(rows, "Options of this run.", name="options")] if rows else []
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    if versions:
        blocks.append(page.text(f"Versions: {versions}."))
    blocks.append(page.folded("Libraries in this file", page.listing(list(bundle.packages())), aside=True))
    return Section("provenance", "Provenance", tuple(blocks))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items()) or "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(sentences.identifier(one, 200) for one in value) or "–"
    return "–" if value is None else sentences.identifier(value, 300)
