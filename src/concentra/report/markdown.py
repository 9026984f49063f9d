"""Tables and text as Markdown. Labels are escaped: none of them is ever markup."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from concentra.printable import printable

_SPECIAL = re.compile(
    r"""
    [\\`*\[\]<|~$^@{]                                     # markup wherever it stands
    | (?<![^\W_])_ | _(?![^\W_])                          # an underscore, but within a word
    | (?<!\S)\#                                           # of headings
    | -(?=-) | (?<=-)-                                    # a dash by Pandoc's rules
    | &(?=\#?\w+;)                                        # an entity
    | \A[>:=]                                             # quotations, definitions, underlines
    | \A[-+](?=\s|\Z) | \A\(                             # items of lists
    """,
    re.VERBOSE,
)
_NUMBERED = re.compile(r"\A(\d+|[ivxlcdmIVXLCDM]+|[A-Za-z])([.)])(?=\s|\Z)")
HARD = "\N{NO-BREAK SPACE}"  # kept in cells, where an interval stays on one line
LIMIT = 200


def escape(label: object, limit: int = LIMIT) -> str:
    """A label as literal text, in CommonMark, GitHub's dialect and Pandoc's: only what would be markup is escaped.

    Control characters become spaces, long labels end in an ellipsis.

    >>> print(escape("<script>|x_y"), escape("Limb_Muscle (n = 3)"), escape("_x_"), escape("1. a"))
    \\<script>\\|x_y Limb_Muscle (n = 3) \\_x\\_ 1\\. a
    """
    text = " ".join(printable(label).split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", text))


def number(value: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """A number as people read it; "–" where there is none; a true minus sign.

    >>> number(-0.0873, sign=True), number(float("nan"))
    ('−0.087', '–')
    """
    if value is None or pd.isna(value):
        return "–"
    return f"{value:{'+' if sign else ''}.{decimals}f}".replace("-", "−")


def p_text(value: float | None) -> str:
    """A p-value with two significant digits; "–" where there is none.

    >>> p_text(0.01587), p_text(1.0), p_text(0.00004)
    ('0.016', '1', '4e-05')
    """
    return "–" if value is None or pd.isna(value) else f"{value:.2g}"


def table(rows: Sequence[Mapping[str, object]], *, weighted: bool = False, marked_up: bool = False) -> str:
    """Rows as a pipe table, in the order of the first row's keys; every cell escaped. Numbers stand right.

    With `weighted`, columns are as wide as their longest word asks for, which Pandoc reads off the dashes. With
    `marked_up`, cells are Markdown of ours, in which only the bar is escaped.

    >>> print(table([{"tissue": "a|b", "n": 3}]))
    | tissue | n |
    | --- | ---: |
    | a\\|b | 3 |
    """
    if not rows:
        return "*none*"
    names = list(rows[0])
    right = [all(_is_number(row[name]) for row in rows) for name in names]
    lines = [
        "| " + " | ".join(escape(name) for name in names) + " |",
        "| "
        + " | ".join(_rule(rows, name, flag, weighted) for name, flag in zip(names, right, strict=True))
        + " |",
    ]
    cell = _marked_up if marked_up else _cell
    lines += ["| " + " | ".join(cell(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _rule(rows: Sequence[Mapping[str, object]], name: str, right: bool, weighted: bool) -> str:
    width = 3
    if weighted:
        texts = [name, *(str(row[name]) for row in rows)]
        word = max(len(word) for text in texts for word in re.split(r"[ \n]+", text))
        width = 2 + max(3, min(LIMIT, word), min(max(len(text) for text in texts), 36))
    return "-" * width + ":" if right else ":" * weighted + "-" * width


def picture(name: str, caption: str, alternative: str, width: int = 100) -> str:
    """A figure of Pandoc's Markdown, `width` per cent of the text wide.

    The caption is Markdown; the alternative is text for who cannot see it.

    >>> print(picture("a.png", "**Figure 1.** Shares.", 'bars of "a"'))
    ![**Figure 1.** Shares.](a.png){alt="bars of 'a'" width=100%}
    """
    words = " ".join(alternative.split()).replace('"', "'").replace("\\", "/")
    return f'![{" ".join(caption.split())}]({name}){{alt="{words}" width={width}%}}'


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) or (
        isinstance(value, str) and bool(re.fullmatch(r"[−+]?[\d.,e–-]+", value))
    )


def _marked_up(value: object) -> str:
    return str(value).replace("|", "\\|")


def _cell(value: object) -> str:
    text = str(value)
    return text if _is_number(value) else HARD.join(escape(piece) for piece in text.split(HARD))


def join(*blocks: str) -> str:
    """Blocks with an empty line between them and a line break at the end."""
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"
