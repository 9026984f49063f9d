"""One self-contained page: charts, tables and text in one file that loads nothing and sends nothing.

Jinja2 escapes every label and shows none of its hidden characters. Charts, long tables and pictures stand in the page
as compressed JSON, which the page's script unpacks; labels in it become text nodes or values of data, never markup and
never code, and a picture is an image, in which no script runs. A content security policy lets no other script run than
those of this package, without `eval`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from concentra.pl import _style as looks
from concentra.printable import natural_order, printable
from concentra.report import bundle, colours
from concentra.report.markdown import HARD, POWER, p_text

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
SOURCES = (
    *(TEMPLATES / name for name in ("page.html", "blocks.html", "page.css", "page.js")),
    bundle.SCRIPT,
    bundle.STYLE,
)
"""What the page is made from, beside the code."""
LIMIT = 600
FIRST, LONG = 10, 13
"""Of a table with at least so many rows (the second), so many stand on paper and, at first, on a telephone."""
NUMBER = rf"[+−<]?\d[\d.,]*(e[-−]?\d+|{POWER})?%?"
NUMBERS = re.compile(rf"{NUMBER}(( /|,) [\d.,–]+)*([ \xa0]to[ \xa0]{NUMBER})?( \({NUMBER} to {NUMBER}\))?")
"""A number as it is shown, or several: 0.043, 1,200, 5 / 4, 3, 22.4, 0.80 (0.68 to 0.95); no label such as 3m."""


@dataclass(frozen=True)
class Section:
    """A part of the page: where links point, its title, and its content."""

    id: str
    title: str
    blocks: tuple[Markup, ...]


@dataclass(frozen=True)
class Cell:
    """A cell that reads as text and is sorted as a number."""

    text: str
    order: float

    def __str__(self) -> str:
        return self.text


def p_cell(value: float | None) -> str | Cell:
    """A p-value as it is printed, sorted as the number it is.

    >>> print(p_cell(0.02), p_cell(None), p_cell(0.00004).order)
    0.020 – 4e-05
    """
    text = p_text(value)
    return Cell(text, float(value)) if value is not None and not pd.isna(value) else text


@dataclass(frozen=True)
class Marked:
    """A verdict on something named, shown with the sign of the verdict."""

    name: str
    verdict: str

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict}"


@dataclass
class Page:
    """What is collected while sections are written: the charts, tables and pictures that the script draws.

    Examples
    --------
    >>> page = Page("Results")
    >>> print(page.text("a < b"))
    <p>a &lt; b</p>
    """

    title: str
    charts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    meanings: dict[str, Mapping[str, str]] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)

    def chart(self, spec: Mapping[str, Any], title: str, note: str = "", *, width: str = "") -> Markup:
        """A chart of Vega-Lite with its title and a note; `width` in a grid is one column, "double", or "full"."""
        key = f"chart-{len(self.charts) + 1}"
        self.charts[key] = spec
        return _macro("chart")(key, title, note, width)

    def table(
        self,
        rows: Sequence[Mapping[str, Any]],
        caption: str,
        *,
        name: str = "table",
        verdict: str = "",
        stacks: bool | None = None,
        entire: bool = False,
    ) -> Markup:
        """A short table: in the page as it is, sortable, searchable and downloadable where scripts run.

        Of a long one, the first rows stand on paper and, until the others are asked for, on a telephone.

        Parameters
        ----------
        rows
            Mappings with the same keys; the first column names the row. A tuple is a cell of several lines.
        caption
            What the table shows.
        name
            Of the file that a download writes.
        verdict
            The column of verdicts, which are shown with their marks.
        stacks
            On a telephone each row is a block, one cell below the other; None: where there are more than three columns.
        entire
            All rows stand on paper, however many: the answer.
        """
        names = list(rows[0]) if rows else []
        stacks = len(names) > 3 if stacks is None else stacks
        right = {name for name in names if rows and all(_numeric(row[name]) for row in rows)}
        first = FIRST if len(rows) >= LONG else 0
        return _macro("table")(
            names, rows, caption, name, right, verdict, looks.VERDICTS, stacks, first, entire
        )

    def picture(self, svg: str, title: str, caption: str, alternative: str) -> Markup:
        """A drawn figure, as it is on paper: on white also where the page is dark.

        Parameters
        ----------
        svg
            The drawing.
        title, caption
            Shown below it.
        alternative
            What it shows, for those who do not see it.
        """
        key = f"picture-{len(self.pictures) + 1}"
        self.pictures[key] = svg
        return _macro("picture")(key, title, caption, alternative)

    def whole(
        self, name: str, frame: pd.DataFrame, description: str = "", meanings: Mapping[str, str] | None = None
    ) -> Markup:
        """A whole table, drawn when it is opened; `meanings` are those of its columns, shown at their heads."""
        self.tables[name] = _naturally(frame)
        self.meanings[name] = meanings or {}
        return _macro("whole")(name, description, len(frame), list(map(str, frame.columns)))

    def text(self, words: str, style: str = "") -> Markup:
        """A paragraph; `style` is "lead" for the answer, "note" for small print."""
        return _macro("text")(unbroken(words), style)

    def heading(self, words: str) -> Markup:
        """A heading within a section."""
        return _macro("heading")(words)

    def listing(self, items: Sequence[str], *, ordered: bool = False) -> Markup:
        """A list."""
        return _macro("listing")(items, ordered)

    def grid(self, *blocks: Markup) -> Markup:
        """Blocks beside each other where there is room."""
        return _macro("grid")(blocks)

    def folded(
        self,
        title: str,
        *blocks: Markup,
        verdict: str = "",
        note: str = "",
        id: str = "",
        opened: bool = False,
        aside: bool = False,
    ) -> Markup:
        """Blocks behind a line that opens them; printed, but those `aside` only where the reader has opened them."""
        look = looks.VERDICTS.get(verdict)
        return _macro("folded")(title, blocks, look, note, id, opened, aside)

    def terms(self, meanings: Mapping[str, str]) -> Markup:
        """Verdicts and what each means."""
        return _macro("terms")(meanings, looks.VERDICTS)

    def finish(self, sections: Sequence[Section], *, foot: str) -> str:
        """The file as text."""
        scripts = {"bundle": bundle.script(), "script": (TEMPLATES / "page.js").read_text(encoding="utf-8")}
        tables = {name: columns(one) | {"meanings": self.meanings[name]} for name, one in self.tables.items()}
        return _environment().get_template("page.html").render(
            title=self.title,
            sections=sections,
            foot=foot,
            data=pack({"charts": self.charts, "tables": tables, "pictures": self.pictures}),
            style=_safe(bundle.style() + _style()),
            hashes=[base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts.values()],
            **{name: _safe(text) for name, text in scripts.items()},
        )  # fmt: skip


def _naturally(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with donors and samples in the order of the numbers in them, within what stands left of their columns.

    >>> rows = pd.DataFrame({"stratum": ["b", "b", "a", "a"], "donor": ["d10", "d9", "d10", "d2"]})
    >>> _naturally(rows).values.tolist()
    [['b', 'd9'], ['b', 'd10'], ['a', 'd2'], ['a', 'd10']]
    """
    names = [name for name in ("donor", "sample") if name in frame]
    if not names:
        return frame
    left = list(frame.columns[: min(map(list(frame.columns).index, names))])
    blocks = frame.groupby(left, sort=False, dropna=False).ngroup() if left else np.zeros(len(frame))
    places = [frame[name].astype(str).map(_places(frame[name])) for name in names]
    return frame.iloc[np.lexsort([*reversed(places), blocks])]


def _places(labels: pd.Series) -> dict[str, int]:
    return {label: place for place, label in enumerate(natural_order(labels.unique()))}


def _style() -> str:
    """The style sheet of the page, in which FIRST stands for that number, and the colours of the dark page."""
    sheet = (TEMPLATES / "page.css").read_text(encoding="utf-8").replace("FIRST + 1", str(FIRST + 1))
    return sheet + colours.rules()


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """A table as the page's script reads it: names, and rows as lists.

    >>> columns(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    {'names': ['a', 'b'], 'rows': [[1, 'x'], [2, None]]}
    """
    lists = [[jsonable(value) for value in frame[name].tolist()] for name in frame.columns]
    return {
        "names": [str(name) for name in frame.columns],
        "rows": [list(row) for row in zip(*lists, strict=True)],
    }


def pack(value: Any) -> str:
    """A value as compressed JSON in letters, the same for the same value.

    >>> import gzip, base64
    >>> gzip.decompress(base64.b64decode(pack({"a": 0.5}))).decode()
    '{"a":0.5}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=jsonable)
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)).decode("ascii")


def jsonable(value: Any) -> Any:
    """A value in the types of JSON; None where it is missing or infinite.

    >>> jsonable(np.int64(3)), jsonable(float("nan")), jsonable(pd.NA)
    (3, None, None)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return None if value is pd.NA or value is pd.NaT else str(value)


def clip(label: object, limit: int = LIMIT) -> str:
    """A label on one line, long ones cut with an ellipsis.

    >>> clip("a\\nb  c", 4)
    'a b…'
    """
    text = " ".join(str(label).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def stopped(words: str) -> str:
    """A caption or a note with its full stop.

    >>> stopped("Verdicts"), stopped("Every donor.")
    ('Verdicts.', 'Every donor.')
    """
    return words if words.endswith((".", "…", "?", "!")) else words + "."


def unbroken(words: str) -> str:
    """A text in which no line ends beside the sign of a relation to a number.

    >>> unbroken("fell by 0.02 (permutation p = 0.34)").split(" ")
    ['fell', 'by', '0.02', '(permutation', 'p\\xa0=\\xa00.34)']
    """
    return re.sub(r"(?<=\w) ([=<>≤≥]) (?=[\d.−+-])", rf"{HARD}\1{HARD}", words)


def _numeric(value: object) -> bool:
    text = str(value)
    return not isinstance(value, tuple) and (
        isinstance(value, (int, float)) or text in ("–", "") or NUMBERS.fullmatch(text) is not None
    )


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clip": clip, "stopped": stopped}
    return environment


def _shown(value: object) -> object:
    """What a template shows of a value: markup of this module as it is, anything else without hidden characters."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value, keep="\n\t")
    return value


def _macro(name: str) -> Any:
    return getattr(_environment().get_template("blocks.html").module, name)


def _safe(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)
