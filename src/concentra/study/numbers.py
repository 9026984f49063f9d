"""Numbers of the manuscript: each looked up in the tables by a declared key, none of them typed.

`paper/numbers.toml` declares groups of numbers; a group names a table and the rows it means, and `show` says which
columns are quoted and how. The text writes `{{ group.name }}`::

    [marrow_facs]
    table = "age_contrast"
    where = { cohort = "tms_facs", stratum = "Marrow", metric = "gini_present" }
    show = { shift = "+3", p = { column = "p_value", format = "p" } }

Formats: `"3"` decimals, `"+3"` with a sign, `","` whole number with thousands, `"%"` a share in per cent and `"%1"`
with one decimal (one more where a small share would read as zero), `"+%"` its change in percentage points, `"p"` a
p-value, `"text"` a label; tissues and cohorts by the names that people read. Reductions of several rows: `sum`, `min`,
`max`, `largest` (in size), `median`, `count` (rows), `unique` (different values), `list` (these in words), `first`, in
the order of the column `by` where one is named. Without a reduction, exactly one row is meant.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pydantic

from concentra.analysis.lineages import tissue_name
from concentra.errors import ColumnError, TableError, nearest
from concentra.report import markdown
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

Scalar = str | int | float | bool
Reduction = Literal["sum", "min", "max", "largest", "median", "count", "unique", "list", "first"]
CODE = re.compile(r" \([A-Z]+\)$")  # of a kind of adipose tissue
ABSENT, UNCOMPUTED, NONE = "[data absent]", "[not computed]", "[none]"


class Shown(pydantic.BaseModel, extra="forbid", frozen=True):
    """One number of a group: its column, how rows become one value and in which order, how the value is written."""

    format: str = pydantic.Field(pattern=r"^(\+?\d|,|\+?%|%1|p|text)$")
    column: str = ""
    reduce: Reduction | None = None
    by: str = ""


class Group(pydantic.BaseModel, extra="forbid", frozen=True):
    """Numbers from the same rows of one table."""

    table: str
    where: dict[str, Scalar | tuple[Scalar, ...]] = {}
    show: dict[str, Shown]

    @pydantic.field_validator("show", mode="before")
    @classmethod
    def _short(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return {key: {"format": one} if isinstance(one, str) else one for key, one in given.items()}


@dataclass(frozen=True)
class Number:
    """One value as the text shows it; `value` is None where there is none, and the text states it.

    >>> str(Number("+0.145", 0.1449)), bool(Number("[data absent]", None))
    ('+0.145', False)
    """

    text: str
    value: Any

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return self.value is not None


class Numbers(dict[str, Number]):
    """The numbers of one group by name; the group is true where any of them is there."""

    def __bool__(self) -> bool:
        return any(self.values())


def read_groups(path: Path) -> dict[str, Group]:
    """The declared groups by name, or a `TableError` that names the entry."""
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Group.model_validate(entry) for name, entry in declared.items()}
    except (tomllib.TOMLDecodeError, pydantic.ValidationError) as problem:
        raise TableError(
            found=f"{path.name}: {' '.join(str(problem).split())}",
            expected="groups with table, where and show, as the docstring of concentra.study.numbers says",
            fix=f"correct that entry of {path.name}",
        ) from None


def look_up(groups: Mapping[str, Group], results: Results) -> dict[str, Numbers]:
    """Every declared number, by group and name."""
    return {
        name: Numbers({key: _number(f"{name}.{key}", group, key, results) for key in group.show})
        for name, group in groups.items()
    }


def _number(key: str, group: Group, name: str, results: Results) -> Number:
    shown = group.show[name]
    column = shown.column or name
    frame = results.table(group.table)
    if frame is None:
        return Number(UNCOMPUTED, None)
    for needed in (*group.where, column, *([shown.by] if shown.by else [])):
        if needed not in frame:
            raise ColumnError(
                found=f"the number {key!r} names the column {needed!r} of table {group.table}",
                expected="a column of that table",
                fix=nearest(needed, frame.columns),
            )
    rows = _rows(frame, group.where)
    if rows.empty and shown.reduce not in ("count", "unique", "sum"):
        return Number(_why_empty(group, results), None)
    if shown.reduce is None and len(rows) > 1:
        raise TableError(
            found=f"the number {key!r} means {len(rows)} rows of table {group.table}",
            expected="one row, or a reduction",
            fix="narrow its `where`, or add `reduce`",
        )
    ordered = rows.sort_values(shown.by, kind="stable") if shown.by else rows
    return _written(_reduced(ordered[column], shown.reduce), shown.format, column)


def _rows(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    for name, wanted in where.items():
        frame = frame[frame[name].isin(list(wanted) if isinstance(wanted, tuple) else [wanted])]
    return frame


def _why_empty(group: Group, results: Results) -> str:
    sources = results.rows("sources")
    if "cohort" not in group.where or sources.empty:
        return NONE
    here = sources[sources["cohort"] == group.where["cohort"]]
    return ABSENT if here.empty or (here["status"] == "absent").all() else NONE


REDUCTIONS: Mapping[str, Callable[[pd.Series], Any]] = {
    "sum": lambda values: values.sum(),
    "min": lambda values: values.min(),
    "max": lambda values: values.max(),
    "largest": lambda values: values.abs().max(),
    "median": lambda values: values.median(),
    "count": len,
    "unique": lambda values: values.nunique(),
    "list": lambda values: list(dict.fromkeys(values.dropna())),
    "first": lambda values: values.iloc[0],
}


def _reduced(values: pd.Series, how: Reduction | None) -> Any:
    return REDUCTIONS[how or "first"](values)


def _written(value: Any, form: str, column: str) -> Number:
    if isinstance(value, list):
        words = [_label(one, column) for one in value]
        return Number(in_words(words), value) if words else Number("none", None)
    if pd.isna(value):
        return Number(NONE, None)
    value = value.item() if hasattr(value, "item") else value
    if form == "text":
        return Number(_label(value, column), value)
    if form == "p":
        return Number(markdown.p_text(value), value)
    if form == "+%":
        return Number(markdown.number(100 * value, 0, sign=True), value)
    if form.startswith("%"):
        decimals = markdown.decimals_for([100 * value], int(form[1:] or 0))
        return Number(f"{100 * value:.{decimals}f}%", value)
    if form == ",":
        return Number(f"{value:,.0f}", value)
    return Number(markdown.number(value, int(form[-1]), sign=form.startswith("+")), value)


def _label(value: object, column: str) -> str:
    text = str(value)
    if column == "stratum":
        text = CODE.sub(" tissue", tissue_name(text))
    if column == "cohort":
        text = title_of(text).rpartition(", ")[2]
    return markdown.escape(text.replace("_", " "))


def in_words(words: list[str]) -> str:
    """Words as a list that people read.

    >>> in_words(["lung", "liver", "spleen"]), in_words(["lung"])
    ('lung, liver and spleen', 'lung')
    """
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
