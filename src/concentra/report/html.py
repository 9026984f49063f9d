"""One self-contained HTML file: tables, interactive charts, pictures; no network, no label that is markup.

Jinja2 escapes every label; data for the charts is JSON in which no `<` is left, so that no label can end the element
it stands in; a content security policy lets no other script run than the one that is part of this package, and
nothing be loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from concentra.errors import MissingDependencyError
from concentra.printable import printable

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
SOURCES = tuple(TEMPLATES / name for name in ("report.html", "report.css", "report.js"))
DIGITS = 5  # significant digits of numbers in charts
LIMIT = 300


@dataclass(frozen=True)
class Section:
    """One part of the page: a title and blocks of safe markup."""

    id: str
    title: str
    blocks: tuple[Markup, ...]
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One answer of the first screen: a large word, what it means, and its kind (good, fair, poor, none)."""

    word: str
    meaning: str
    kind: str = "none"


def page(
    *,
    title: str,
    lead: str,
    cards: Sequence[Card],
    sections: Sequence[Section],
    data: Mapping[str, Any],
    foot: str = "",
) -> str:
    """The whole page as text."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    return _environment().get_template("report.html").render(
        title=title,
        lead=lead,
        cards=cards,
        sections=sections,
        data=embed(data),
        foot=foot,
        style=_safe((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=_safe(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip


def table(
    rows: Sequence[Mapping[str, Any]],
    caption: str,
    *,
    badges: Mapping[str, Mapping[str, str]] | None = None,
    more: str = "",
    stacks: bool = False,
) -> Markup:
    """Rows as a table that scrolls by itself where it is wide.

    Parameters
    ----------
    rows
        Mappings with the same keys; the first column names the row.
    caption
        What the table shows.
    badges
        Per column, words that are shown as a badge, each with its kind (good, fair, poor, none).
    more
        A sentence below it, for instance how many rows are not shown.
    stacks
        On a narrow screen each row is shown as a block, one cell below the other.
    """
    names = list(rows[0]) if rows else []
    right = {name for name in names if rows and all(_numeric(row[name]) for row in rows)}
    return _macro("table")(names, rows, caption, badges or {}, right, more, stacks)


def chart(key: str, title: str, description: str) -> Markup:
    """The place of a chart whose specification is `data[key]`."""
    return _macro("chart")(key, title, description)


def chooser(key: str, title: str, description: str) -> Markup:
    """The place of pages, one of which is shown at a time: `data[key]` maps a name to its blocks."""
    return _macro("chooser")(key, title, description)


def paragraph(text: str) -> Markup:
    """Text as a paragraph."""
    return _macro("paragraph")(text)


def heading(text: str) -> Markup:
    """A heading within a section."""
    return _macro("heading")(text)


def listing(items: Sequence[str]) -> Markup:
    """Items as a list."""
    return _macro("listing")(items)


def folded(title: str, *blocks: Markup) -> Markup:
    """Blocks that are shown on demand."""
    return _macro("folded")(title, blocks)


def picture(png: bytes, caption: str, alternative: str, id: str) -> Markup:
    """A picture within the page."""
    return _macro("picture")(base64.b64encode(png).decode(), caption, alternative, id)


def embed(value: Any) -> Markup:
    """A value as JSON that can stand in a script element: no label ends the element.

    >>> print(embed({"label": "</script><b>"}))
    {"label":"\\u003c/script\\u003e\\u003cb\\u003e"}
    """
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return _safe(text)


def plain(value: Any) -> Any:
    """A value in the types of JSON: rounded numbers, None where a number is missing or infinite.

    >>> plain({"a": np.float64(1 / 3), "b": float("nan"), "c": (np.int64(2), True)})
    {'a': 0.33333, 'b': None, 'c': [2, True]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return printable(value, keep="\n\t") if isinstance(value, str) else value


def clip(label: object, limit: int = LIMIT) -> str:
    """A label on one line, long ones cut with an ellipsis.

    >>> clip("a\\nb  c", 4)
    'a b…'
    """
    text = " ".join(str(label).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _numeric(value: object) -> bool:
    text = str(value)
    return (
        isinstance(value, (int, float))
        or text in ("–", "")
        or (text.lstrip("+−")[:1].isdigit() and len(text) < 9)
    )


@cache
def _environment() -> jinja2.Environment:
    try:
        import jinja2
    except ImportError:
        raise MissingDependencyError(
            found="jinja2 is not installed",
            expected="the packages of the study",
            fix='pip install "concentra[study]"',
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clip"] = clip
    return environment


def _shown(value: object) -> object:
    """What a template shows of a value: markup of this module as it is, anything else without hidden characters."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value, keep="\n\t")
    return value


def _macro(name: str) -> Any:
    return getattr(_environment().get_template("report.html").module, name)


def _safe(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)
