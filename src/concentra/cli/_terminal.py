"""What commands print: one line a result, coloured, readable at 80 columns; no word is ever broken.

Where the output is a terminal, lines are wrapped between words to its width and coloured, unless NO_COLOR is set. In a
pipe or a file there is no colour and every result is one line. Labels are shown as text, without what could steer a
terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from concentra.printable import printable as safe

if TYPE_CHECKING:
    import pandas as pd

UNLIMITED = 1_000_000
LONGEST = 2_000
"""Characters of a cell that are shown."""
NAME = 20
"""Characters of a name that are shown in a line."""
PLAIN_SIGNS = {
    "▲": "^",
    "▼": "v",
    "◆": "*",
    "◇": "+",
    "■": "=",
    "○": "o",
    "×": "x",
    "✓": "+",
    "✗": "x",
    "…": "...",
    "–": "-",
    "−": "-",
}
"""For outputs that are not UTF-8."""


@dataclass(frozen=True)
class Line:
    """One result: its mark, its name, what was found, and the colour of the mark and of what was found."""

    sign: str
    name: str
    text: str
    colour: str = ""


def columns(file: TextIO | None = None) -> int:
    """The width of the output: that of the terminal, or that of COLUMNS; without limit in a pipe."""
    file = file or sys.stdout
    if file.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return max(20, shutil.get_terminal_size((80, 24)).columns)
    return UNLIMITED


def printable(value: object, limit: int = LONGEST) -> str:
    """A value on one line: control characters, which could steer a terminal, as spaces; long ones cut.

    >>> printable("a\\x1b[31m b\\nc"), printable(0.123456), printable(None)
    ('a [31m b c', '0.1235', '')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if value == value else "–"
    text = safe(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of at most `width`, broken between words alone; a longer word keeps its line.

    Spaces at its beginning stay.

    >>> wrapped("more concentrated than before", 12)
    ['more', 'concentrated', 'than before']
    """
    if width >= UNLIMITED:
        return [text]
    words = text.lstrip(" ")
    return textwrap.wrap(
        words, max(width, 1), initial_indent=text[: len(text) - len(words)], subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    ) or [""]  # fmt: skip


def say(text: object, indent: str = "  ", file: TextIO | None = None) -> None:
    """Print a sentence, in lines of the width of the output; all but the first are indented."""
    for line in wrapped(printable(text), columns(file), indent):
        print_text(line, file=file)


def shortened(text: str, width: int) -> str:
    """A text that fits into `width`: cut between words, with an ellipsis, where it is longer.

    >>> shortened("more concentrated than before", 20)
    'more concentrated …'
    """
    if len(text) <= width:
        return text
    first = wrapped(text, width - 2)[0]
    return f"{first} …" if len(first) <= width - 2 else "…"


def print_lines(lines: Sequence[Line], *, whole: bool = True, file: TextIO | None = None) -> None:
    """Print results, one a line: mark, name, what was found.

    Where a line is full, it goes on under the text, or with `whole=False` ends in an ellipsis.
    """
    width = columns(file)
    names = [printable(line.name, NAME if width < UNLIMITED else LONGEST) for line in lines]
    room = max(map(len, names), default=0)
    for line, name in zip(lines, names, strict=True):
        head = f"{line.sign} {name:{room}}  "
        text = printable(line.text)
        first, *rest = wrapped(text if whole else shortened(text, width - len(head)), width - len(head))
        print_text(head, first, colour=line.colour, sign=len(line.sign), file=file)
        for more in rest:
            print_text(" " * len(head), more, file=file)


def print_text(
    head: str, text: str = "", *, colour: str = "", sign: int = 0, file: TextIO | None = None
) -> None:
    """Print a line; its first `sign` letters are coloured."""
    from rich.console import Console
    from rich.text import Text

    file = file or sys.stdout
    whole = encodable(head + text, file)
    shown = Text(whole)
    if colour and sign and len(whole) == len(head + text):
        shown.stylize(f"bold {colour}", 0, sign)
    console = Console(file=file, highlight=False, markup=False, emoji=False, width=max(len(whole), 1))
    console.print(shown, soft_wrap=True, no_wrap=True)


def encodable(text: str, file: TextIO) -> str:
    """The text, with plain letters for signs that the output's encoding lacks."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = "".join(PLAIN_SIGNS.get(letter, letter) for letter in text)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def verdict_lines(contrast: pd.DataFrame) -> dict[str, list[Line]]:
    """One line a tissue, by contrast: the verdict and the ratio of effective numbers with its interval.

    Those that changed come first, those that could not be tested last.
    """
    from concentra.pl._style import look
    from concentra.report import sentences
    from concentra.report.markdown import number
    from concentra.stats.verdict import NOT_TESTABLE

    order = list(sentences.MEANINGS)
    rows = sentences.records(sentences.verdicts(contrast))
    found: dict[str, list[Line]] = {str(row["contrast"]): [] for row in rows}
    rows.sort(key=lambda row: order.index(row["verdict"]) if row["verdict"] in order else len(order))
    for row in rows:
        how = look(row["verdict"])
        text = str(row["verdict"])
        if row["hill_q1_effect"] == row["hill_q1_effect"] and row["hill_q1_effect"] is not None:
            low, high = (row[f"hill_q1_{end}"] for end in ("low", "high"))
            known = low == low and low is not None
            interval = f"({number(low, 2)} to {number(high, 2)})" if known else "without an interval"
            text += f", ratio {number(row['hill_q1_effect'], 2)} {interval}"
        if row["verdict"] == NOT_TESTABLE and isinstance(row["reason"], str) and row["reason"]:
            text += f": {row['reason']}"
        found[str(row["contrast"])].append(Line(how.sign, str(row["stratum"]), text, how.colour))
    return found


def print_rows(rows: Sequence[Mapping[str, Any]], title: str = "", *, file: TextIO | None = None) -> None:
    """Print rows as a table where it fits into the width, else each row as a block of names and values."""
    if title:
        print_text("", file=file)
        for line in wrapped(printable(title), columns(file)):
            print_text(line, file=file)
    if not rows:
        return
    names = [str(name) for name in rows[0]]
    cells = [[printable(value) for value in row.values()] for row in rows]
    widths = [max(len(name), *(len(row[place]) for row in cells)) for place, name in enumerate(names)]
    if sum(widths) + 2 * (len(widths) - 1) <= columns(file):
        right = [all(isinstance(row[name], (int, float)) for row in rows) for name in rows[0]]
        for row in [names, *cells]:
            padded = (
                f"{text:>{n}}" if end else f"{text:<{n}}"
                for text, n, end in zip(row, widths, right, strict=True)
            )
            print_text("  ".join(padded).rstrip(), file=file)
        return
    for row in cells:
        print_block(zip(names, row, strict=True), file=file)


def print_block(pairs: Iterable[tuple[str, str]], *, file: TextIO | None = None) -> None:
    """Print names and values, a line each, the first without an indent; values continue under themselves."""
    for place, (name, value) in enumerate(pairs):
        head = f"{'' if not place else '  '}{name}: "
        indent = "    "
        for line in wrapped(head + printable(value), columns(file), indent):
            print_text(line, file=file)


def print_open(path: Path, *, file: TextIO | None = None) -> None:
    """Print what to open at the end of a run."""
    print_text(f"open {printable(path)}", file=file)
