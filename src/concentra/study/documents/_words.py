"""Words of the manuscript that the results decide: verdicts, directions, figures and tables that are there or not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from concentra import __version__
from concentra.errors import ArgumentError, nearest
from concentra.report import markdown
from concentra.study.claims import Judgement
from concentra.study.declare import all_parameters
from concentra.study.documents import _tables
from concentra.study.numbers import UNCOMPUTED, Number, in_words
from concentra.study.results import Picture, Results

HIGH = 1.15  # height of a picture, relative to its width, above which it is set narrower


def functions(results: Results, judgements: Sequence[Judgement]) -> dict[str, Callable[..., Any]]:
    """What the manuscript may call, by name."""
    figures = _Figures(results.pictures)
    claims = _Claims(judgements)
    supplement = _tables.Supplement(results, judgements)
    return {
        "version": lambda: __version__,
        "figure": figures.place,
        "other_figures": figures.others,
        "table": supplement.table,
        "label": supplement.label,
        "supplement": supplement.everything,
        "verdict": claims.verdict,
        "tally": claims.tally,
        "claims_that": claims.named,
        "found": claims.found,
        "parameter": parameter,
        "absent": lambda: absent(results, judgements),
        "covers": covers,
        "sign": sign,
        "rises": rises,
        "same": same,
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

    def named(self, verdict: str) -> str:
        """The ids of the published statements with this verdict, as a list in words."""
        return in_words([f"*{one.id}*" for one in self.published if one.verdict == verdict]) or "none"


def parameter(node: str, name: str) -> str:
    """A parameter of the study, as `parameters.toml` has it."""
    section = all_parameters().get(node, {})
    if name not in section:
        raise ArgumentError(
            found=f"the manuscript asks for the parameter {name!r} of {node!r}",
            expected="a parameter of parameters.toml",
            fix=nearest(name, section),
        )
    return f"{section[name]}"


def absent(results: Results, judgements: Sequence[Judgement]) -> str:
    """A list of the cohorts whose data is not here and of how to get it, and of the statements that need others."""
    sources = results.rows("sources", status="absent")
    lines = [
        f"- {markdown.escape(row['title'])}: {markdown.escape(row['obtain'], 400)}"
        for _, row in sources.iterrows()
    ]
    waiting = [markdown.escape(one.statement) for one in judgements if one.verdict == "data absent"]
    lines += [f"- needed for: {'; '.join(waiting)}"] if waiting else []
    return "\n".join(lines) or "- none"


def _values(*numbers: Number) -> list[float] | None:
    found = [one.value for one in numbers]
    return None if any(value is None for value in found) else found


def covers(low: Number, high: Number, nothing: float = 0.0) -> str:
    """Does an interval include 0, or another value that means no change?

    >>> covers(Number("-1", -1.0), Number("2", 2.0)), covers(Number("1", 1.0), Number("2", 2.0))
    ('includes', 'excludes')
    """
    found = _values(low, high)
    if found is None:
        return UNCOMPUTED
    return "includes" if found[0] <= nothing <= found[1] else "excludes"


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


def same(*words: Number) -> str:
    """Do words agree?

    >>> same(Number("mixed", "mixed"), Number("less", "less"))
    'disagree'
    """
    found = {one.value for one in words}
    if None in found:
        return UNCOMPUTED
    return "agree" if len(found) == 1 else "disagree"


def shown(p_value: Number, alpha: float | None = None) -> str:
    """Does a p-value show a difference at the level of the study?

    >>> shown(Number("0.2", 0.2), 0.05)
    'do not show'
    """
    found = _values(p_value)
    if found is None:
        return UNCOMPUTED
    return "show" if found[0] <= (alpha or all_parameters()["settings"]["alpha"]) else "do not show"
