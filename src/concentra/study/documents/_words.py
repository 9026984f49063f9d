"""Words of the manuscript that the results decide: verdicts, directions, figures and tables that are there or not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from concentra import __version__
from concentra.design import Settings
from concentra.errors import ArgumentError, nearest
from concentra.report import markdown
from concentra.study.claims import Judgement
from concentra.study.declare import all_parameters
from concentra.study.documents import _tables
from concentra.study.numbers import UNCOMPUTED, Number, in_words
from concentra.study.results import Picture, Results

IN_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HIGH = 1.15  # height of a picture, relative to its width, above which it is set narrower


def functions(results: Results, judgements: Sequence[Judgement]) -> dict[str, Callable[..., Any]]:
    """What the manuscript may call, by name."""
    figures = _Figures(results.pictures)
    claims = _Claims(judgements)
    tables = _tables.Tables(results, judgements)
    return {
        "version": lambda: __version__,
        "figure": figures.place,
        "other_figures": figures.others,
        "table": tables.table,
        "label": tables.label,
        "supplement": tables.supplement,
        "verdict": claims.verdict,
        "tally": claims.tally,
        "found": claims.found,
        "parameter": parameter,
        "setting": setting,
        "absent": lambda: absent(results),
        "count": count,
        "capital": capital,
        "of": of,
        "was": was,
        "each_in": each_in,
        "share_of": share_of,
        "includes": includes,
        "sign": sign,
        "rises": rises,
        "agreement": agreement,
        "shown": shown,
    }


class _Figures:
    """The figures of the manuscript; those that the text does not place are shown at its end."""

    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        self.pictures, self.placed = pictures, set[str]()

    def place(self, label: str) -> str:
        """The figure of this label, or a line that says it is absent."""
        self.placed.add(label)
        if label not in self.pictures:
            return f"*Figure {label} is absent: no step of this run draws it, or its data is not here.*"
        one = self.pictures[label]
        words = one.caption[:1].upper() + one.caption[1:]
        caption = f"**Figure {label}. {markdown.escape(one.title)}.** {markdown.escape(words, 4000)}"
        return markdown.picture(f"figure_{label}.png", caption, one.alternative, _width(one.png))

    def others(self) -> str:
        """Every figure that the text has not placed."""
        return "\n\n".join(self.place(label) for label in self.pictures if label not in self.placed)


def _width(png: Path) -> int:
    """A picture that is too tall for a page with its caption is set narrower."""
    wide, high = struct.unpack(">II", png.read_bytes()[16:24])
    return 100 if high < HIGH * wide else max(40, round(100 * HIGH * wide / high))


class _Claims:
    def __init__(self, judgements: Sequence[Judgement]) -> None:
        self.judgements = {one.id: one for one in judgements}
        self.published = [one for one in judgements if one.published]

    def verdict(self, claim: str) -> str:
        """The verdict on one claim."""
        return self._judgement(claim).verdict

    def found(self, claim: str) -> str:
        """What was observed of one claim."""
        return markdown.escape(self._judgement(claim).observed, 2000)

    def _judgement(self, claim: str) -> Judgement:
        if claim not in self.judgements:
            raise ArgumentError(
                found=f"the manuscript asks for the verdict on {claim!r}",
                expected="the id of a claim in claims.toml",
                fix=nearest(claim, self.judgements),
            )
        return self.judgements[claim]

    def tally(self, *verdicts: str) -> int:
        """How many published statements have one of these verdicts; without any, how many there are."""
        return sum(not verdicts or one.verdict in verdicts for one in self.published)


def parameter(node: str, name: str) -> str:
    """A parameter of the study, as `parameters.toml` has it."""
    section = all_parameters().get(node, {})
    if name not in section:
        raise ArgumentError(
            found=f"the manuscript asks for the parameter {name!r} of {node!r}",
            expected="a parameter of parameters.toml",
            fix=nearest(name, section),
        )
    return f"{section[name]:,}" if isinstance(section[name], int) else f"{section[name]}"


def setting(name: str) -> str:
    """A number that every comparison shares: of the study's parameters, or the library's default.

    >>> setting("margin_ratio")
    '0.9'
    """
    given = all_parameters()["settings"]
    known = {field.name: field.default for field in fields(Settings)}
    if name not in known:
        raise ArgumentError(
            found=f"the manuscript asks for the setting {name!r}",
            expected="a field of concentra.design.Settings",
            fix=nearest(name, known),
        )
    return f"{given.get(name, known[name])}"


def absent(results: Results) -> str:
    """The cohorts whose data this run lacks, with semicolons between them; empty where it lacks none."""
    titles = results.rows("sources", status="absent").get("title", ())
    return "; ".join(markdown.escape(title) for title in titles)


def count(number: float | Number, one: str, more: str = "") -> str:
    """A number of things, in words up to nine.

    >>> count(1, "tissue"), count(12, "tissue"), count(0, "mouse", "mice")
    ('one tissue', '12 tissues', 'no mice')
    """
    found = number.value if isinstance(number, Number) else number
    if found is None:
        return f"{number} {more or one + 's'}"
    return f"{_small(found)} {one if found == 1 else more or one + 's'}"


def _small(number: float) -> str:
    return IN_WORDS[int(number)] if 0 <= number < len(IN_WORDS) else f"{number:,.0f}"


def capital(words: object) -> str:
    """Words with a capital letter at the beginning of a sentence.

    >>> capital("none of the 14")
    'None of the 14'
    """
    text = str(words)
    return text[:1].upper() + text[1:]


def of(part: float | Number, whole: float | Number) -> str:
    """A part of a whole number of things.

    >>> of(0, 14), of(2, 14), of(3, 3), of(2, 2), of(1, 1)
    ('none of the 14', 'two of the 14', 'all three', 'both', 'the only')
    """
    some, everything = (one.value if isinstance(one, Number) else one for one in (part, whole))
    if some is None or everything is None:
        return UNCOMPUTED
    if some == everything and some:
        return {1: "the only", 2: "both"}.get(int(some), f"all {_small(some)}")
    return f"{'none' if not some else _small(some)} of the {_small(everything)}"


def was(some: Number) -> str:
    """The verb of so many things.

    >>> was(Number("0", 0)), was(Number("2", 2))
    ('was', 'were')
    """
    return "was" if some.value in (0, 1) else "were"


def each_in(one: str, more: str, *places: tuple[str, Number]) -> str:
    """How many things several places have, those with the same number together.

    >>> each_in("mouse", "mice", ("kidney", Number("2", 2)), ("lung", Number("1", 1)), ("spleen", Number("1", 1)))
    'two mice in kidney and one each in lung and spleen'
    """
    if _values(*(number for _, number in places)) is None:
        return UNCOMPUTED
    names: dict[int, list[str]] = {}
    for name, number in places:
        names.setdefault(int(number.value), []).append(name)
    return in_words([
        f"{_small(n) if place else count(n, one, more)}{' each' if len(those) > 1 else ''} in {in_words(those)}"
        for place, (n, those) in enumerate(names.items())
    ])  # fmt: skip


def share_of(share: Number, whole: Number) -> str:
    """A share of a whole number of things.

    >>> share_of(Number("61%", 0.61), Number("866", 866)), share_of(Number("100%", 1.0), Number("24", 24))
    ('61% of the 866', 'all 24')
    """
    if share.value in (0, 1):
        return of(share.value * (whole.value or 0), whole)
    return f"{share} of the {whole}"


def _values(*numbers: Number) -> list[float] | None:
    found = [one.value for one in numbers]
    return None if any(value is None for value in found) else found


def includes(*intervals: tuple[Number, Number, float]) -> str:
    """Do two intervals include the value of no change that stands behind their limits?

    >>> low, high, zero = Number("1", 1.0), Number("3", 3.0), Number("0", 0.0)
    >>> includes((zero, high, 1.0), (zero, high, 0.0))
    'both intervals include no change'
    >>> includes((low, high, 0.0), (zero, high, 0.0))
    'only the second interval includes no change'
    """
    if not all(_values(low, high) for low, high, _ in intervals):
        return UNCOMPUTED
    inside = [low.value <= nothing <= high.value for low, high, nothing in intervals]
    if inside[0] == inside[1]:
        return "both intervals include no change" if inside[0] else "both intervals exclude no change"
    return f"only the {'first' if inside[0] else 'second'} interval includes no change"


def sign(first: Number, second: Number) -> str:
    """Does a second number keep the sign of a first?

    >>> sign(Number("1", 1.0), Number("-2", -2.0))
    'changes sign'
    """
    found = _values(first, second)
    if found is None:
        return UNCOMPUTED
    return "keeps its sign" if found[0] * found[1] > 0 else "changes sign"


def rises(shift: Number) -> str:
    """Does a shift go up?

    >>> rises(Number("-1", -1.0))
    'falls'
    """
    found = _values(shift)
    if found is None:
        return UNCOMPUTED
    return "rises" if found[0] > 0 else "falls" if found[0] < 0 else "stays"


def agreement(*places: tuple[str, Number, Number]) -> str:
    """Where two sources agree in direction and where they do not, each place named once.

    >>> up, down = Number("more", "more"), Number("less", "less")
    >>> agreement(("kidney", up, down), ("lung", up, down))
    'disagree in direction in kidney and lung'
    >>> agreement(("kidney", up, up), ("lung", up, down))
    'agree in direction in kidney and disagree in lung'
    """
    if any(_values(one, other) is None for _, one, other in places):
        return UNCOMPUTED
    alike, apart = (
        in_words([name for name, one, other in places if (one.value == other.value) is same])
        for same in (True, False)
    )
    if not alike or not apart:
        return f"{'agree' if alike else 'disagree'} in direction in {alike or apart}"
    return f"agree in direction in {alike} and disagree in {apart}"


def shown(p_value: Number, alpha: float | None = None) -> str:
    """Does a p-value show a difference at the level of the study?

    >>> shown(Number("0.2", 0.2), 0.05)
    'do not show'
    """
    found = _values(p_value)
    if found is None:
        return UNCOMPUTED
    return "show" if found[0] <= (alpha or all_parameters()["settings"]["alpha"]) else "do not show"
