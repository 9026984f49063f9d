"""Labels as numbers: plain numbers, ages as people write them, ranges, dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError, nearest
from concentra.io.labels import label_text

MONTHS = {"day": 12 / 365.25, "week": 12 * 7 / 365.25, "month": 1.0, "year": 12.0}
_SHORT = {
    "d": "day",
    "w": "week",
    "wk": "week",
    "m": "month",
    "mo": "month",
    "mon": "month",
    "y": "year",
    "yr": "year",
}
_AGE = re.compile(
    r"(?i)^\s*(\d+(?:\.\d+)?)[\s_-]*(days?|weeks?|months?|years?|d|wk|w|mon|mo|m|yr|y)s?\b[\s_-]*(.*)$"
)
_ISO = re.compile(r"(?i)^\s*P(?=\d+[YMWD])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?\s*$")
_AFTER = re.compile(r"(?i)^(old)?[\s_-]*([a-z]+[\s_-]*)?(stage|old)?[\s_-]*$")
_RANGE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(\d+(?:\.\d+)?)\s*(.*)$")
_DATE = re.compile(r"^\s*\d{4}-\d{2}-\d{2}\s*$")
_STAGES = {
    "embryonic day": re.compile(r"(?i)^\s*E\s*(\d+(?:\.\d+)?)\s*$"),
    "postnatal day": re.compile(r"(?i)^\s*PN?D?\s*(\d+(?:\.\d+)?)\s*$"),
    "gestational week": re.compile(r"(?i)^\s*(?:GW|PCW)\s*(\d+(?:\.\d+)?)\s*$"),
    "day": re.compile(r"(?i)^\s*D(?:ay)?\s*[_-]?\s*(\d+(?:\.\d+)?)\s*$"),
    "week": re.compile(r"(?i)^\s*W(?:eek)?\s*[_-]?\s*(\d+(?:\.\d+)?)\s*$"),
    "month": re.compile(r"(?i)^\s*M(?:onth)?\s*[_-]?\s*(\d+(?:\.\d+)?)\s*$"),
}


def months(label: object) -> float:
    """The age that a label states, in months; NaN where it states none.

    Parameters
    ----------
    label
        Such as "3m", "24 months", "18-month-old stage", "6w", "65-year-old human stage" (the wording of
        ``development_stage`` in the CELLxGENE schema), "P90D" (ISO 8601). A bare number states no unit and is none;
        an age before birth ("Carnegie stage 12", "E12.5") is none.

    Examples
    --------
    >>> months("3m"), months("20-month-old stage"), months("65-year-old human stage"), months("adult")
    (3.0, 20.0, 780.0, nan)
    >>> months("P1Y6M"), round(months("P90D"), 2)
    (18.0, 2.96)
    """
    iso = _ISO.match(str(label))
    if iso:
        units = ("year", "month", "week", "day")
        return sum(float(n) * MONTHS[unit] for n, unit in zip(iso.groups(), units, strict=True) if n)
    found = _AGE.match(str(label))
    if not found or not _AFTER.match(found[3]):
        return float("nan")
    unit = found[2].lower()
    unit = _SHORT.get(unit, unit.removesuffix("s"))
    return float(found[1]) * MONTHS[unit]


def _plain(text: str) -> float:
    value = pd.to_numeric(text.strip(), errors="coerce")
    return float(value) if np.isfinite(value) else float("nan")


def _middle(text: str) -> float:
    """The middle of a range such as "25-30", in months where a unit follows."""
    found = _RANGE.match(text)
    if not found or float(found[1]) >= float(found[2]):
        return float("nan")
    middle = (float(found[1]) + float(found[2])) / 2
    return months(f"{middle} {found[3]}") if found[3].strip() else middle


def _date(text: str) -> float:
    """Days since 1970-01-01."""
    if not _DATE.match(text):
        return float("nan")
    moment = pd.to_datetime(text.strip(), errors="coerce")
    return float("nan") if pd.isna(moment) else float((moment - pd.Timestamp(0)).days)


def _stage(pattern: re.Pattern[str]) -> Callable[[str], float]:
    def number(text: str) -> float:
        found = pattern.match(text)
        return float(found[1]) if found else float("nan")

    return number


READINGS: tuple[tuple[str, Callable[[str], float]], ...] = (
    ("", _plain),
    ("months", months),
    *((name, _stage(pattern)) for name, pattern in _STAGES.items()),
    ("middle of the range", _middle),
    ("days", _date),
)
"""What the numbers are, and how a label is read; the first reading that fits every label is taken."""


def _read(texts: list[str]) -> tuple[dict[str, float], str] | None:
    for title, reading in READINGS:
        values = {text: reading(text) for text in texts}
        if not any(np.isnan(value) for value in values.values()):
            return values, title
    return None


def _mapped(labels: pd.Series, values: dict[str, float]) -> pd.Series:
    """The number of every label, whether it is stored as text or as a number; NaN of a missing one."""
    return (
        labels.astype(object)
        .map(lambda label: np.nan if pd.isna(label) else values[str(label)])
        .astype(float)
    )


def numeric_values(labels: pd.Series) -> pd.Series | None:
    """The labels as numbers where each is one (or an age, a range, a date), else None; missing ones stay missing.

    >>> numeric_values(pd.Series(["P7", "P21", None])).tolist(), numeric_values(pd.Series(["f", "m"]))
    ([7.0, 21.0, nan], None)
    """
    texts = [str(text) for text in labels.dropna().unique()]
    found = _read(texts)
    if found is None or not texts:
        return None
    return _mapped(labels, found[0])


def parse_trend(text: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The column that ``COLUMN`` or ``COLUMN:FIRST:SECOND...`` names, and the order of its labels where one is given.

    >>> parse_trend("stage:I:II:III", ["stage", "sex"]), parse_trend("age", ["age"])
    (('stage', ('I', 'II', 'III')), ('age', ()))
    """
    pieces = text.split(":")
    for count in range(len(pieces), 0, -1):
        head = ":".join(pieces[:count])
        if head in known:
            return head, tuple(pieces[count:])
    return (text, ()) if len(pieces) < 3 else (pieces[0], tuple(pieces[1:]))


def numeric_axis(labels: pd.Series, name: str, order: Sequence[str] = ()) -> tuple[pd.Series, str]:
    """A label column as numbers along an axis, and what the axis is called.

    Parameters
    ----------
    labels
        Texts; missing ones stay missing. Numbers; ages ("3m", "65-year-old"), in months; stages ("E12.5", "P7",
        "GW20", "D0"), each kind by itself; ranges ("25-30"), by their middle; dates ("2024-05-31"), in days. Ordered
        categories are numbered 1, 2, ....
    name
        The column's name, for the title and the message.
    order
        The labels in their order, numbered 1, 2, ...; others are missing.

    Returns
    -------
    numbers
        NaN where missing.
    title
        The name, with the unit where one was read.

    Raises
    ------
    ArgumentError
        The labels are no numbers of one kind, or all are the same; a label of the order does not occur.

    Examples
    --------
    >>> numbers, title = numeric_axis(pd.Series(["3m", "24m", None]), "age")
    >>> numbers.tolist(), title
    ([3.0, 24.0, nan], 'age (months)')
    >>> numeric_axis(pd.Series(["25-30", "60-70"]), "age")[0].tolist()
    [27.5, 65.0]
    >>> numeric_axis(pd.Series(["high", "low", "other"]), "dose", ["low", "high"])[0].tolist()
    [2.0, 1.0, nan]
    """
    if order:
        return _ranked(labels, name, order), f"{name} (rank)"
    if isinstance(labels.dtype, pd.CategoricalDtype) and labels.cat.ordered:
        ranks = labels.cat.codes.astype(float).where(labels.notna())
        return ranks + 1, f"{name} (rank)"
    texts = [str(text) for text in labels.dropna().unique()]
    found = _read(texts)
    if found is None or len(set(found[0].values())) < 2:
        strange = next((text for text in texts if _read([text]) is None), texts[0] if texts else "")
        several = found is None and all(_read([text]) is not None for text in texts)
        what = (
            f"column {name!r} with {len(texts)} value(s)" if found is not None
            else f"labels of several kinds in column {name!r}, such as {texts[0]!r} and {texts[-1]!r}" if several
            else f"{strange!r} in column {name!r}"
        )  # fmt: skip
        raise ArgumentError(
            found=what,
            expected="two or more different numbers, or ages such as '3m' and '24 months', all of one kind",
            fix=f"name a numeric column, give the order of the labels (--trend {_in_order(name, texts)}), or compare "
            "groups with --contrast",
        )
    values, unit = found
    return _mapped(labels, values), f"{name} ({unit})" if unit else name


def _in_order(name: str, texts: Sequence[str]) -> str:
    """How an order of labels is written, with the labels at hand."""
    shown = sorted(texts)[:3] if len(texts) > 1 else ["FIRST", "SECOND"]
    return ":".join([name, *shown]) + (":..." if len(texts) > len(shown) else "")


def _ranked(labels: pd.Series, name: str, order: Sequence[str]) -> pd.Series:
    texts = labels.astype(object).map(lambda label: None if pd.isna(label) else label_text(label))
    absent = [label for label in order if label not in set(texts.dropna())]
    if absent or len(set(order)) < max(2, len(order)):
        raise ArgumentError(
            found=f"{absent[0]!r}, which no cell has in column {name!r}" if absent
            else f"the order {', '.join(map(repr, order))} of column {name!r}",
            expected="two or more different labels of that column, the first one first",
            fix=nearest(absent[0], texts.dropna().unique()) if absent else "name each label once",
        )  # fmt: skip
    return texts.map({label: float(place) for place, label in enumerate(order, start=1)}).astype(float)
