"""Labels, names and numbers within a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import pandas as pd

from concentra.printable import joined
from concentra.report.markdown import number, p_text

MOST_NAMES = 6
SMALL = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
"""Numbers that are written as words within a sentence."""


def listed(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """Names as a list within a sentence; long lists end with a count, names with commas are set apart by semicolons.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed("abcd", most=2)
    ('a', 'a and b', 'a, b and c', 'a, b and two more')
    >>> listed(["skin, leg", "skin, arm"])
    'skin, leg; and skin, arm'
    """
    found = [plain(name) for name in names]
    if len(found) > most:
        found = [*found[:most], f"{worded(len(found) - most)} more"]
    if len(found) > 1 and any(", " in name for name in found):
        return f"{'; '.join(found[:-1])}; and {found[-1]}"
    return joined(found) or "none"


def counted(n: int, one: str, several: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "tissue"), counted(1200, "tissue"), counted(2, "analysis", "analyses")
    ('1 tissue', '1,200 tissues', '2 analyses')
    """
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def plain(label: object, limit: int = 60) -> str:
    """A label on one line, without control characters, underscores as spaces, long ones with an ellipsis.

    >>> plain("Limb_Muscle"), len(plain("x" * 1000))
    ('Limb Muscle', 60)
    """
    return identifier(str(label).replace("_", " "), limit)


def quantity(column: object, *, unit: bool = True) -> str:
    """A column of numbers as it is shown: a unit of time at the end of its name in brackets, or left out.

    >>> quantity("age_years"), quantity("age_years", unit=False), quantity("age (months)"), quantity("years")
    ('age (years)', 'age', 'age (months)', 'years')
    """
    text = plain(column)
    found = re.fullmatch(r"(.*\w) \(?(hours|days|weeks|months|years)\)?", text)
    return text if not found else f"{found[1]} ({found[2]})" if unit else found[1]


def identifier(label: object, limit: int = 60) -> str:
    """A name that is looked up elsewhere (a donor, a file) on one line, as it is; long ones with an ellipsis.

    >>> identifier("3_10_M"), len(identifier("x" * 1000))
    ('3_10_M', 60)
    """
    text = " ".join("".join(one if one.isprintable() else " " for one in str(label)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def distinct(
    labels: Iterable[object], limit: int = 60, shown_as: Callable[[object, int], str] = plain
) -> dict[str, str]:
    """How each label is shown: long ones that begin alike without their middle; a number where that does not help.

    >>> distinct(["a_b", "a b", "c"])
    {'a_b': 'a b', 'a b': 'a b (2)', 'c': 'c'}
    >>> list(distinct(["naive T cell of the lung", "naive T cell of the skin"], 15).values())
    ['naive T…he lung', 'naive T…he skin']
    """
    shown: dict[str, str] = {}
    used: set[str] = set()
    cut = {label: shown_as(label, limit) for label in map(str, labels)}
    often = Counter(cut.values())
    for label, start in cut.items():
        text, place = start, 2
        if often[start] > 1 and len(whole := shown_as(label, len(label))) > limit:
            text = start = f"{whole[: limit // 2]}…{whole[-((limit - 1) // 2) :]}"
        while text in used:
            text, place = f"{start} ({place})", place + 1
        used.add(text)
        shown[label] = text
    return shown


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries.

    >>> records(pd.DataFrame({"a": [1]}))
    [{'a': 1}]
    """
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def worded(n: int) -> str:
    """A number as a word up to twelve, in figures above.

    >>> worded(9), worded(1200)
    ('nine', '1,200')
    """
    return SMALL[n] if 0 <= n < len(SMALL) else f"{n:,}"


def short(value: float | None) -> str:
    """Three significant digits.

    >>> short(9.301), short(71.02), short(0.7655)
    ('9.30', '71.0', '0.77')
    """
    if value is None or pd.isna(value):
        return "–"
    size = abs(float(value))
    return number(value, 0 if size >= 100 else 1 if size >= 10 else 2)


def p_words(value: float | None) -> str:
    """A p-value in a sentence.

    >>> p_words(0.031), p_words(None)
    ('p = 0.031', 'no p')
    """
    return "no p" if value is None or pd.isna(value) else f"p = {p_text(value)}"


def notes_of(notes: Sequence[object]) -> list[str]:
    """Notes as text, the same one once, in order.

    >>> notes_of(["a", "b", "a"])
    ['a', 'b']
    """
    return list(dict.fromkeys(str(note) for note in notes))
