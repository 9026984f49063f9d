"""Ages as people write them, as months; any label column as a numeric axis."""

from __future__ import annotations

import re

import pandas as pd

from concentra.errors import ArgumentError

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
_ISO = re.compile(r"(?i)^\s*P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?\s*$")
_AFTER = re.compile(r"(?i)^(old)?[\s_-]*([a-z]+[\s_-]*)?(stage|old)?[\s_-]*$")


def months(label: object) -> float:
    """The age that a label says, in months; NaN where it says none.

    Parameters
    ----------
    label
        Such as "3m", "24 months", "18-month-old stage", "6w", "65-year-old human stage" (the wording of
        ``development_stage`` in the CELLxGENE schema), "P90D" (ISO 8601). A bare number says no unit and is none;
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


def numeric_axis(labels: pd.Series, name: str) -> tuple[pd.Series, str]:
    """A label column as numbers along an axis, and what the axis is called.

    Parameters
    ----------
    labels
        Texts; missing ones stay missing.
    name
        The column's name, for the title and the message.

    Returns
    -------
    numbers
        The numbers themselves where every label is one, else ages in months (`months`); NaN where missing.
    title
        The name, with "(months)" where ages were read.

    Raises
    ------
    ArgumentError
        A label is neither, or all are the same.

    Examples
    --------
    >>> numbers, title = numeric_axis(pd.Series(["3m", "24m", None]), "age")
    >>> numbers.tolist(), title
    ([3.0, 24.0, nan], 'age (months)')
    """
    texts = list(labels.dropna().unique())
    plain = {text: pd.to_numeric(str(text), errors="coerce") for text in texts}
    title = name
    if any(pd.isna(value) for value in plain.values()):
        plain, title = {text: months(text) for text in texts}, f"{name} (months)"
    strange = [text for text, value in plain.items() if pd.isna(value) or abs(value) == float("inf")]
    if strange or len(set(plain.values())) < 2:
        what = (
            f"{strange[0]!r} in column {name!r}" if strange else f"column {name!r} with {len(texts)} value(s)"
        )
        raise ArgumentError(
            found=what,
            expected="two or more different numbers, or ages such as '3m' and '24 months'",
            fix="name a numeric column, or ask for a contrast of two groups instead",
        )
    return labels.astype(object).map(plain).astype(float), title
