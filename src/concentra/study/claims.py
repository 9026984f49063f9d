"""The published numbers and directions, each looked up in one cell of one table.

A claim is decided by its parts, a part by the cell it names:

- *reproduced*: a number equal at the rounding at which it was stated, or the stated direction;
- *close*: a number of the same sign and within 5 per cent;
- *differs*: anything else;
- *data absent*: the raw data is not on this machine and not in the archive;
- *not yet computed*: the data is there, the table is not;
- *altered*: the table is not what its step wrote, and nothing is read from it.

The verdict of a claim is the worst of its parts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pydantic

from concentra.errors import ColumnError, DataAbsentError, nearest
from concentra.printable import joined
from concentra.study import raw
from concentra.study.cohorts import cohorts
from concentra.study.declare import AlteredError, table_path, tables
from concentra.study.robustness import robustness

Verdict = Literal["reproduced", "close", "differs", "not yet computed", "data absent", "altered"]
ORDER: tuple[Verdict, ...] = (
    "reproduced",
    "close",
    "differs",
    "not yet computed",
    "data absent",
    "altered",
)
CLOSE = 0.05  # relative difference within which a number of the same sign is close
SOURCES = "sources"
NUMBER = re.compile(r"[+−-]?\d")
"""How the text of a number begins."""
COUNT = re.compile(r" \d+ of \d+$")


class Part(pydantic.BaseModel, extra="forbid", frozen=True):
    """One stated number or word, and the cell of ours that answers it."""

    name: str
    table: str
    where: dict[str, str | int]
    column: str
    expected: str
    unit: str = ""
    show: tuple[str, ...] = ()

    def written(self, text: str) -> str:
        """A value with its unit, where it has one."""
        if not self.unit or not text:
            return text
        gap = "" if self.unit == "%" else " "
        return f"{COUNT.sub(lambda found: f' at{found[0]}', text)}{gap}{self.unit}"


class Claim(pydantic.BaseModel, extra="forbid", frozen=True):
    """One statement of the published analysis, or (`published` false) a prediction from it or an extension of it."""

    id: str
    published: bool = True
    statement: str
    source: str
    cohorts: tuple[str, ...]
    stated: str = ""
    note: str = ""
    part: tuple[Part, ...]


@dataclass(frozen=True)
class Answer:
    """What was found for one part."""

    part: Part
    verdict: Verdict
    observed: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """A claim with its verdict, as `concentra verify` prints it.

    `verdict` compares numbers and directions as they were stated; `established` is what the inference over donors or
    heads says of the same tissues and models.
    """

    id: str
    published: bool
    statement: str
    expected: str
    observed: str
    verdict: Verdict
    established: str
    robustness: str
    note: str

    def as_dict(self) -> dict[str, str | bool]:
        """The fields by name."""
        return asdict(self)


def read_claims() -> list[Claim]:
    """Every claim of `claims.toml`."""
    text = resources.files("concentra.study").joinpath("claims.toml").read_text(encoding="utf-8")
    return [Claim.model_validate(entry) for entry in tomllib.loads(text)["claim"]]


def hypotheses(claim: str) -> dict[str, str]:
    """The direction that a claim states for each stratum, by its name in small letters; set before data is read.

    >>> hypotheses("kimmel-directions")
    {'lung': 'less concentrated', 'spleen': 'less concentrated'}
    """
    parts = [part for one in read_claims() if one.id == claim for part in one.part]
    return {str(part.where["stratum"]).casefold(): COUNT.sub("", part.expected) for part in parts}


def compare(expected: str, observed: float | str) -> Verdict:
    """The verdict on one observed value.

    >>> compare("+0.145", 0.1449), compare("-2.19", -2.18), compare("0.5", -0.5)
    ('reproduced', 'close', 'differs')
    >>> compare("less concentrated", "mixed")
    'differs'
    """
    stated = _number(expected)
    if stated is None or isinstance(observed, str):
        return "reproduced" if observed == expected else "differs"
    if round(float(observed), _decimals(expected)) == stated:
        return "reproduced"
    same_sign = stated * observed > 0
    return "close" if same_sign and abs(observed - stated) <= CLOSE * abs(stated) else "differs"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def judge(out: Path) -> list[Judgement]:
    """The verdict on every claim, from the tables below the output folder."""
    if not table_path(SOURCES, out).exists():
        raise DataAbsentError(
            found=f"no results in {out}",
            expected="an output folder that `concentra reproduce` has filled",
            fix=f"run `concentra reproduce --out {out}`, or name the folder with --out",
        )
    found = tables()[SOURCES].read(out)
    sources = dict(zip(found["cohort"], found["status"], strict=True))
    return [
        _judgement(claim, [_answer(claim, part, out, sources) for part in claim.part], out)
        for claim in read_claims()
    ]


def _answer(claim: Claim, part: Part, out: Path, sources: Mapping[str, str]) -> Answer:
    wanted = [str(part.where["cohort"])] if "cohort" in part.where else list(claim.cohorts)
    if any(sources.get(cohort, "absent") in ("absent", "simulated") for cohort in wanted):
        return Answer(part, "data absent")
    if part.table not in tables() or not table_path(part.table, out).exists():
        return Answer(part, "not yet computed")
    try:
        frame = tables()[part.table].read(out)
    except AlteredError:
        return Answer(part, "altered")
    for name in (*part.where, part.column, *part.show):
        if name not in frame:
            raise ColumnError(
                found=f"claim {claim.id!r} names the column {name!r} of table {part.table}",
                expected="a column of that table",
                fix=nearest(name, frame.columns),
            )
    for name, value in part.where.items():
        frame = frame[frame[name] == value]
    if len(frame) != 1 or pd.isna(frame[part.column].iloc[0]):
        return Answer(part, "not yet computed")
    row = frame.iloc[0]
    value = row[part.column]
    return Answer(
        part,
        compare(part.expected, value),
        part.written(_shown(part, value, row)),
        {str(name): one for name, one in row.items()},
    )


def _shown(part: Part, value: Any, row: pd.Series) -> str:
    if isinstance(value, str):
        return value
    decimals = _decimals(part.expected) + 1
    text = f"{value:{'+' if part.expected[0] in '+-' else ''}.{decimals}f}"
    beside = " to ".join(f"{row[name]:.{decimals}f}" for name in part.show)
    return f"{text} ({beside})" if beside else text


def _judgement(claim: Claim, answers: list[Answer], out: Path) -> Judgement:
    verdict = max((answer.verdict for answer in answers), key=ORDER.index)
    return Judgement(
        id=claim.id,
        published=claim.published,
        statement=claim.statement,
        expected="; ".join(f"{part.name} {part.written(part.expected)}" for part in claim.part),
        observed="; ".join(f"{answer.part.name} {answer.observed or answer.verdict}" for answer in answers),
        verdict=verdict,
        established=established(answers),
        robustness="; ".join(_robust(answers, out)),
        note="; ".join(_notes(claim, answers, verdict)),
    )


def gathered(parts: Sequence[tuple[str, str]]) -> str:
    """Named parts in as few words as they need: one text for all, or the names of those that share a text.

    >>> gathered([("FACS", "gain"), ("Droplet", "gain")])
    'gain'
    >>> gathered([("FACS", "gain"), ("Droplet", "loss"), ("both", "loss")])
    'gain: FACS; loss: Droplet, both'
    >>> gathered([("Gini", "+0.145"), ("effective number", "−45.5")])
    'Gini +0.145; effective number −45.5'
    >>> gathered([("p of Gini", "0.016"), ("p of effective number", "0.016")])
    'p of Gini and p of effective number 0.016 each'
    """
    names: dict[str, list[str]] = {}
    for name, text in parts:
        names.setdefault(text, []).append(name)
    if any(NUMBER.match(text) for text in names):
        return "; ".join(
            f"{joined(those)} {text}{' each' if len(those) > 1 else ''}" for text, those in names.items()
        )
    if len(names) < 2:
        return "".join(names)
    if len(names) == len(parts):
        return "; ".join(f"{name} {text}" for name, text in parts)
    return "; ".join(f"{text}: {', '.join(folded(those))}" for text, those in names.items())


def folded(names: Sequence[str]) -> list[str]:
    """Names that differ in their last word alone as one.

    >>> folded(["lung FACS", "B cells FACS", "B cells Droplet"])
    ['lung FACS', 'B cells (FACS, Droplet)']
    """
    ends: dict[str, list[str]] = {}
    for name in names:
        start, _, end = name.rpartition(" ")
        ends.setdefault(start, []).append(end)
    whole = [(start, those) for start, those in ends.items() if start and len(those) > 1]
    once = {start: f"{start} ({', '.join(those)})" for start, those in whole}
    return list(dict.fromkeys(once.get(name.rpartition(" ")[0], name) for name in names))


def established(answers: Sequence[Answer]) -> str:
    """What the inference establishes about the parts, in as few words as it takes.

    >>> part = read_claims()[0].part[0]
    >>> established([Answer(part, "close", "", {"verdict": "undecided"})])
    'undecided'
    """
    return gathered([(one.part.name, str(one.row["verdict"])) for one in answers if "verdict" in one.row])


def _robust(answers: list[Answer], out: Path) -> list[str]:
    found = [
        (one.part.name, robustness(one.part.table, one.part.column, one.row, out))
        for one in answers
        if one.row
    ]
    return [f"{name}: {text}" for name, text in found if text]


def _notes(claim: Claim, answers: list[Answer], verdict: Verdict) -> list[str]:
    notes = [claim.note] if claim.note else []
    if verdict == "differs":
        agree = [answer.part.name for answer in answers if answer.verdict in ("reproduced", "close")]
        notes.append(f"holds for {', '.join(agree)} only" if agree else "holds for none of its parts")
    if verdict == "altered":
        names = sorted({answer.part.table for answer in answers if answer.verdict == "altered"})
        notes.append(f"{', '.join(names)}: not what was written; run `concentra reproduce` again")
    if verdict == "data absent":
        known = [cohorts()[name] for name in claim.cohorts if name in cohorts()]
        notes += [cohort.obtain for cohort in known if raw.status(cohort, None) == "absent"]
    return notes
