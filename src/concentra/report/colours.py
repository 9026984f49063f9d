"""Charts and signs on the dark page: the colours of `concentra.pl`, lighter where they are too dark to be seen on it.

A drawing holds the colours of paper; rules of the page's style show others on the dark page, so that a saved or printed
picture is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from concentra.pl import _style as style

PAGES = {"light": "#ffffff", "dark": "#141414"}
"""The grounds of the page, as in its style sheet."""
LEAST = 4.5
"""Contrast of every mark with the dark page, that of text: lines are as thin as letters."""


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG, from 1 to 21.

    >>> round(contrast("#ffffff", "#000000"), 1), contrast("#123456", "#123456")
    (21.0, 1.0)
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def on_dark(colour: str) -> str:
    """The colour on the dark page: with so much white that it is seen.

    >>> on_dark("#00745a"), on_dark("#88ccee")
    ('#2e8d78', '#88ccee')
    """
    steps = (_mixed(colour, part / 100) for part in count())
    return next(one for one in steps if contrast(one, PAGES["dark"]) >= LEAST)


def rules() -> str:
    """The rules of the style sheet that make marks lighter on the dark page; none of them on paper."""
    marks = {*(one.colour for one in style.VERDICTS.values()), *style.GROUPS, *style.PARTS, style.ACCENT}
    changed = {colour: on_dark(colour) for colour in sorted(marks) if on_dark(colour) != colour}
    return f"@media screen {{ {' '.join(_rules(changed))} }}"


def _rules(changed: dict[str, str]) -> Iterator[str]:
    for colour, lighter in changed.items():
        for channel in ("fill", "stroke"):
            yield f':root.dark :is(.drawn, .sign) [{channel}="{colour}"] {{ {channel}: {lighter}; }}'


def _channels(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def _mixed(colour: str, white: float) -> str:
    return "#" + "".join(f"{round(one + (255 - one) * white):02x}" for one in _channels(colour))


def _luminance(colour: str) -> float:
    parts = [one / 255 for one in _channels(colour)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
