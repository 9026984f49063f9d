"""One label, one spelling: labels that differ only in case or white space are one; doubtful ones are reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from concentra.errors import ArgumentError, nearest
from concentra.io.labels import label_text, one_spelling
from concentra.notes import Note

EXACT = ("donor",)
"""Columns in which case distinguishes labels: a donor "m1" may be another than "M1"."""
DOUBTFUL = frozenset({
    "unknown", "unassigned", "unlabelled", "unlabeled", "unannotated", "undefined", "unclassified", "not available",
    "not applicable", "not assigned", "none", "null", "na", "n/a", "n.a.", "nan", "-", "--", "\N{EN DASH}",
    "\N{EM DASH}", "?", ".", "missing", "n.d.", "not determined",
    "#n/a", "#value!", "#ref!", "#div/0!", "#name?", "#null!", "#num!",
})  # fmt: skip
"""Labels that may stand for a missing value."""
SHOWN = 3

Spellings = Mapping[str, Mapping[str, str | None]]


def spellings(
    cells: Mapping[str, pd.Series], *, missing: Collection[str] = ()
) -> tuple[Spellings, list[Note]]:
    """The spelling of every label of these columns, and a note on each that was repaired or is doubtful.

    Of spellings that differ only in case, white space, characters that cannot be seen, or whether accents are
    characters of their own, the one that most cells have is taken; of donors, case is kept. White space at the ends is
    removed, and "NA" is then missing.

    Parameters
    ----------
    cells
        For each column the number of cells (values) of every label (index, text).
    missing
        Labels that stand for a missing value, in whatever case; one that no column holds is an error.

    Examples
    --------
    >>> cells = {"part": pd.Series({"T cell": 5, "T CELL ": 1, "B": 2})}
    >>> found, notes = spellings(cells)
    >>> found["part"]["T CELL "], str(notes[0])
    ('T cell', "part: 'T CELL ' is counted as 'T cell' (they differ in case, white space or invisible characters)")
    """
    none = {_key(label): label for label in missing}
    used: set[str] = set()
    found: dict[str, dict[str, str | None]] = {}
    notes: list[Note] = []
    for column, of_labels in cells.items():
        ordered = of_labels.sort_index().sort_values(ascending=False, kind="stable")
        chosen: dict[str, str] = {}
        found[column] = {}
        for label in map(str, ordered.index):
            key = one_spelling(label) if column in EXACT else _key(label)
            chosen.setdefault(key, label.strip())
            is_none = _key(label) in none
            found[column][label] = None if is_none or label_text(label.strip()) is None else chosen[key]
            used |= {_key(label)} if is_none else set()
        notes += [*_merged(column, found[column]), *_doubtful(column, found[column], ordered)]
    for key in sorted(set(none) - used):
        known = {str(label) for spelling in found.values() for label in spelling}
        raise ArgumentError(
            found=f"missing label {none[key]!r}, which no cell has in the columns read",
            expected="a label that means that there is none",
            fix=nearest(none[key], known),
        )
    return found, notes


def _key(label: str) -> str:
    return one_spelling(label).casefold()


def _merged(column: str, spelling: Mapping[str, str | None]) -> list[Note]:
    counts = pd.Series(list(spelling.values())).value_counts()
    other = [
        (label, name) for label, name in spelling.items()
        if name is not None and label != name and counts[name] > 1
    ]  # fmt: skip
    if not other:
        return []
    shown = ", ".join(f"{label!r} is counted as {name!r}" for label, name in other[:SHOWN])
    more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
    return [
        Note(
            "repaired", f"{column}: {shown}{more} (they differ in case, white space or invisible characters)"
        )
    ]


def _doubtful(column: str, spelling: Mapping[str, str | None], cells: pd.Series) -> list[Note]:
    totals: dict[str, int] = {}
    for label, name in spelling.items():
        if name is not None and _key(name) in DOUBTFUL:
            totals[name] = totals.get(name, 0) + int(cells[label])
    if not totals:
        return []
    shown = ", ".join(f"{name!r} ({count:,} cells)" for name, count in totals.items())
    first = next(iter(totals))
    return [
        Note(
            "limits",
            f"{column}: {shown} counted as a label; --missing {first!r} if it stands for a missing value",
        )
    ]
