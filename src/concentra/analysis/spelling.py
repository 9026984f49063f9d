"""One label, one spelling: what differs only in case or white space is one label; what may mean "none" is said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from concentra.errors import ArgumentError, nearest
from concentra.io.labels import label_text

EXACT = ("donor",)
"""Columns in which case tells labels apart: a donor "m1" may be another than "M1"."""
DOUBTFUL = frozenset({
    "unknown", "unassigned", "unlabelled", "unlabeled", "unannotated", "undefined", "unclassified", "not available",
    "not applicable", "not assigned", "none", "null", "na", "n/a", "n.a.", "nan", "-", "--", "?", "missing",
})  # fmt: skip
"""Labels that may say that there is none."""
SHOWN = 3

Spellings = Mapping[str, Mapping[str, str | None]]


def spellings(
    counted: pd.DataFrame, columns: Sequence[str], *, missing: Collection[str] = ()
) -> tuple[Spellings, list[str]]:
    """The spelling of every label of these columns, and one sentence on each thing that was mended or is doubtful.

    Of spellings that differ only in case or white space the one that most cells have is taken; of donors, only white
    space is mended. White space at the ends goes, and what then says "NA" is missing.

    Parameters
    ----------
    counted
        The columns, as text (missing: None), and `n_cells`.
    missing
        Labels that mean that there is none, in whatever case; one that no column holds is an error.

    Examples
    --------
    >>> counted = pd.DataFrame({"part": ["T cell", "T CELL ", "B"], "n_cells": [5, 1, 2]})
    >>> found, said = spellings(counted, ["part"])
    >>> respelled(counted, found)["part"].tolist(), said
    (['T cell', 'T cell', 'B'], ["part: case and white space apart, 'T CELL ' is 'T cell', and counted with it"])
    """
    none = {_key(label): label for label in missing}
    used: set[str] = set()
    found: dict[str, dict[str, str | None]] = {}
    said: list[str] = []
    for column in columns:
        cells = (
            counted.groupby(column, sort=True)["n_cells"].sum().sort_values(ascending=False, kind="stable")
        )
        chosen: dict[str, str] = {}
        found[column] = {}
        for label in map(str, cells.index):
            key = " ".join(label.split()) if column in EXACT else _key(label)
            chosen.setdefault(key, label.strip())
            is_none = _key(label) in none
            found[column][label] = None if is_none or label_text(label.strip()) is None else chosen[key]
            used |= {_key(label)} if is_none else set()
        said += [*_merged(column, found[column]), *_doubtful(column, found[column], cells)]
    for key in sorted(set(none) - used):
        known = {str(label) for column in columns for label in found[column]}
        raise ArgumentError(
            found=f"missing label {none[key]!r}, which no cell has in the columns read",
            expected="a label that means that there is none",
            fix=nearest(none[key], known),
        )
    return found, said


def respelled(frame: pd.DataFrame, found: Spellings) -> pd.DataFrame:
    """The frame with labels as `spellings` found them; missing ones None.

    >>> frame = pd.DataFrame({"part": ["T CELL", "n/a"]})
    >>> respelled(frame, {"part": {"T CELL": "T cell", "n/a": None}})["part"].tolist()
    ['T cell', None]
    """
    columns = {}
    for name, spelling in found.items():
        values = frame[name].map(spelling).astype(object)
        columns[name] = values.where(values.notna(), None)
    return frame.assign(**columns)


def _key(label: str) -> str:
    return " ".join(label.split()).casefold()


def _merged(column: str, spelling: Mapping[str, str | None]) -> list[str]:
    counts = pd.Series(list(spelling.values())).value_counts()
    other = [
        (label, name) for label, name in spelling.items()
        if name is not None and label != name and counts[name] > 1
    ]  # fmt: skip
    if not other:
        return []
    shown = ", ".join(f"{label!r} is {name!r}" for label, name in other[:SHOWN])
    more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
    return [f"{column}: case and white space apart, {shown}{more}, and counted with it"]


def _doubtful(column: str, spelling: Mapping[str, str | None], cells: pd.Series) -> list[str]:
    totals: dict[str, int] = {}
    for label, name in spelling.items():
        if name is not None and _key(name) in DOUBTFUL:
            totals[name] = totals.get(name, 0) + int(cells[label])
    if not totals:
        return []
    shown = ", ".join(f"{name!r} ({count:,} cells)" for name, count in totals.items())
    first = next(iter(totals))
    return [
        f"{column}: {shown} counted as labels like others; if they say that there is none, --missing {first!r}"
    ]
