"""Text as people see it: labels that cannot steer a terminal, hide or reverse text, in the order that they expect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the direction of text
    "\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # without width, tags
    "\ud800-\udfff"  # halves of characters, which no encoding holds
    "]"
)
"""Characters that are never shown. Those that join letters (U+200C, U+200D) belong to words and stay."""


def printable(text: object, *, keep: str = "") -> str:
    """The text with a space in place of every character that could steer a terminal or hide or reverse text.

    Parameters
    ----------
    text
        Anything; it is shown as `str` shows it.
    keep
        Control characters that stay, such as line feeds where lines are meant.

    Examples
    --------
    >>> printable("T cell\\x1b[31m\\u202e"), printable("a\\nb", keep="\\n")
    ('T cell [31m ', 'a\\nb')
    """
    return HIDDEN.sub(lambda found: found[0] if found[0] in keep else " ", str(text))


def joined(words: Sequence[str]) -> str:
    """Words, or clauses, with commas between them and a last "and"; empty where there are none.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def natural_key(text: object) -> tuple[list[str | float], str]:
    """A key that sorts labels by the numbers in them.

    >>> sorted(["old_10", "old_2", "old"], key=natural_key)
    ['old', 'old_2', 'old_10']
    """
    pieces = re.split(r"([0-9]+(?:\.[0-9]+)?)", str(text))
    return [float(one) if number % 2 else one for number, one in enumerate(pieces)], str(text)


def natural_order(values: Iterable[object]) -> list[str]:
    """Labels in the order of the numbers in them, where they have any, else as text; missing ones left out.

    >>> natural_order(["24m", "3m", "18m"])
    ['3m', '18m', '24m']
    """
    return sorted((str(value) for value in values if value is not None and value == value), key=natural_key)


def escaped(json: str) -> str:
    """JSON text in which every such character is an escape: the same value, and nothing that a terminal obeys.

    Line feeds stay: in JSON they stand between values only.

    Examples
    --------
    >>> print(escaped('{"label": "\\u202e"}'))
    {"label": "\\u202e"}
    """
    return HIDDEN.sub(lambda found: found[0] if found[0] == "\n" else _escape(found[0]), json)


def _escape(letter: str) -> str:
    pairs = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[place : place + 2].hex()}" for place in range(0, len(pairs), 2))
