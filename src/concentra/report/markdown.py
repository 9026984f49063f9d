"""Tables and text as Markdown. Labels are escaped: none of them is ever markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

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
LONGEST = 600  # letters of a cell where columns have widths
ROW = 140  # letters of small print in a line as wide as a table
GAP = 2  # between columns
POWER = r"\xa0×\xa010⁻[⁰¹²³⁴-⁹]+"
"""The end of a small number as it is printed."""
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_NARROW = re.compile(r"[\s.,;:\[\]()⁻⁰¹²³⁴-⁹]")


def escape(label: object, limit: int = LIMIT) -> str:
    """A label as literal text, in CommonMark, GitHub's dialect and Pandoc's: only what would be markup is escaped.

    Control characters become spaces, long labels end in an ellipsis.

    >>> print(escape("<script>|x_y"), escape("Limb_Muscle (n = 3)"), escape("_x_"), escape("1. a"))
    \\<script>\\|x_y Limb_Muscle (n = 3) \\_x\\_ 1\\. a
    """
    text = " ".join(printable(label).split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", text))


def number(value: float | None, decimals: int = 3, *, sign: bool = False, more: int = 3) -> str:
    """A number as people read it; "–" where there is none; a true minus sign.

    A sign never stands before zeros: a signed number that would be all zeros has up to `more` decimals more, and is
    plain zero where that is not enough.

    >>> number(-0.0873, sign=True), number(float("nan"))
    ('−0.087', '–')
    >>> number(-0.0002), number(0.00001, sign=True), number(-1e-12)
    ('−0.0002', '+0.00001', '0.000')
    """
    if value is None or pd.isna(value):
        return "–"
    form = "+" if sign else ""
    text = f"{value:{form}.{decimals}f}"
    if float(text) == 0 and (sign or value < 0):
        longer = (f"{value:{form}.{decimals + extra}f}" for extra in range(1, more + 1))
        text = next((one for one in longer if float(one) != 0), f"{0:.{decimals}f}")
    return text.replace("-", "−")


def decimals_for(values: Iterable[float | None], decimals: int = 3) -> int:
    """How many decimals numbers of one column or interval have: one more where some would otherwise read as zero.

    >>> decimals_for([0.0429, -0.0001]), decimals_for([0.0009, 0.00002]), decimals_for([0.5, 0.0])
    (4, 3, 3)
    """
    known = [float(value) for value in values if value is not None and not pd.isna(value) and value]
    return next(
        (some for some in (decimals, decimals + 1) if all(round(value, some) for value in known)), decimals
    )


def together(
    values: Iterable[float | None], decimals: int = 3, *, sign: bool = False, fixed: bool = False
) -> list[str]:
    """Numbers of one interval as people read them, all with the same number of decimals.

    With `fixed`, their column has decided how many.

    >>> together([0.0429, -0.0001, 0.0862], sign=True), together([0.0009, 0.00002], sign=True)
    (['+0.0429', '−0.0001', '+0.0862'], ['+0.001', '0.000'])
    """
    given = list(values)
    common = decimals if fixed else decimals_for(given, decimals)
    return [number(value, common, sign=sign, more=0) for value in given]


def p_text(value: float | None) -> str:
    """A p-value with two significant digits, zeros among them, a power of ten below .001; "–" where there is none.

    >>> p_text(0.01587), p_text(0.3), p_text(1.0), p_text(2.6e-7), p_text(None)
    ('0.016', '0.30', '1.0', '2.6\\xa0×\\xa010⁻⁷', '–')
    """
    if value is None or pd.isna(value):
        return "–"
    if not 0 < value < 0.001:
        return f"{value:#.2g}"
    digits, exponent = f"{value:.1e}".split("e-")
    return f"{digits}{HARD}×{HARD}10⁻{exponent.lstrip('0').translate(RAISED)}"


def table(rows: Sequence[Mapping[str, object]], *, weighted: bool = False, marked_up: bool = False) -> str:
    """Rows as a pipe table, in the order of the first row's keys; every cell escaped. Numbers stand right.

    With `weighted`, columns are so wide that no word is broken where that is possible, and long texts share what is
    left; Pandoc reads the widths off the dashes. With `marked_up`, cells are Markdown of ours, in which only the bar is
    escaped.

    >>> print(table([{"tissue": "a|b", "n": 3}]))
    | tissue | n |
    | --- | ---: |
    | a\\|b | 3 |
    """
    if not rows:
        return "*none*"
    names = list(rows[0])
    right = [all(_is_number(row[name]) for row in rows) for name in names]
    widths = _widths(rows, names) if weighted else [3] * len(names)
    rules = [
        "-" * width + ":" if flag else ":" * weighted + "-" * width
        for width, flag in zip(widths, right, strict=True)
    ]
    lines = ["| " + " | ".join(escape(name) for name in names) + " |", "| " + " | ".join(rules) + " |"]
    limit = LONGEST if weighted else LIMIT
    for row in rows:
        cells = (_marked_up(row[name]) if marked_up else _cell(row[name], limit) for name in names)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _widths(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[int]:
    """Widths of columns in letters: the longest word of each, and what is left, first to those that need least."""
    least, most = [], []
    for name in names:
        texts = [name, *(str(row[name]) for row in rows)]
        words = [_letters(word) for text in texts for word in re.split(r"[ \n]+", text)]
        least.append(GAP + max(3, min(LIMIT, max(words))))
        most.append(max(least[-1], GAP + min(LIMIT, max(_letters(text) for text in texts))))
    widths, spare = list(least), max(0, ROW - sum(least))
    order = sorted(range(len(names)), key=lambda place: most[place] - least[place])
    for done, place in enumerate(order):
        widths[place] += min(most[place] - least[place], spare // (len(order) - done))
        spare -= widths[place] - least[place]
    return widths


def _letters(text: str) -> int:
    """The width of a text in letters: signs are about half as wide."""
    return len(text) - len(_NARROW.findall(text)) * 2 // 5


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
        isinstance(value, str) and bool(re.fullmatch(rf"[−+]?[\d.,e–-]+({POWER})?", value))
    )


def _marked_up(value: object) -> str:
    return str(value).replace("|", "\\|")


def _cell(value: object, limit: int) -> str:
    text = str(value)
    return text if _is_number(value) else HARD.join(escape(piece, limit) for piece in text.split(HARD))


def join(*blocks: str) -> str:
    """Blocks with an empty line between them and a line break at the end."""
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"
