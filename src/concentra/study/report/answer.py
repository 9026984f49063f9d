"""The first screen: what is reproduced and what is established, in a sentence, two pictures and a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.analysis.trajectory import WITHHELD
from concentra.printable import joined
from concentra.report import sentences
from concentra.report.markdown import number
from concentra.report.page import Marked, Page, Section
from concentra.report.sections.granularity import effect_chart
from concentra.stats.verdict import DIRECTIONS, UNDECIDED, VERDICTS
from concentra.study.claims import Judgement, gathered
from concentra.study.documents._rows import parts_of
from concentra.study.report.hierarchy import level_contrast
from concentra.study.report.plane import plane
from concentra.study.results import Results
from concentra.study.summaries._shared import readable, title_of

REPRODUCED = ("reproduced", "close")
UNKNOWN = ("data absent", "not yet computed", "altered")
CHANGE = "change established"
KNOWN = (*VERDICTS, WITHHELD)
"""Every verdict, on donors and on heads."""


def answer(page: Page, results: Results, judgements: Sequence[Judgement]) -> Section:
    """The answer, the plane beside the powered cohort, and every statement with its outcome."""
    blocks = [page.text(" ".join([tally(judgements), *powered(results)]), "lead")]
    blocks += _pictures(page, results)
    caption = (
        "Every statement beside what was found. Reproduced: equal at the stated rounding; close: the same sign and "
        "within 5%. That a number is reproduced does not mean that the change is established: the verdict is that of "
        "the model over donors, or of the resampled heads."
    )
    blocks.append(page.table(claim_rows(judgements), caption, name="claims", verdict="verdict", entire=True))
    noted = [
        {"statement": one.statement, "robustness": _clauses(one.robustness),
         "note": _clauses(one.note.replace("`", ""))}
        for one in judgements if one.robustness or one.note
    ]  # fmt: skip
    if noted:
        blocks.append(page.folded("Robustness and notes of every statement",
                                  page.table(noted, "Intervals, and how other choices of analysis agree.",
                                             name="robustness"), aside=True))  # fmt: skip
    return Section("answer", "Answer", tuple(blocks))


def _clauses(text: str) -> tuple[str, ...] | str:
    """Each clause on a line of its own, what stands in brackets whole.

    >>> _clauses("get a file (not this one; that is another); name it")
    ('get a file (not this one; that is another)', 'name it')
    """
    return tuple(re.split(r"; (?![^(]*\))", text)) if text else "–"


def tally(judgements: Sequence[Judgement]) -> str:
    """How many published statements are reproduced, and behind how many of them a change is established.

    >>> tally([])
    'No published statement was judged.'
    """
    stated = [one for one in judgements if one.published]
    if not stated:
        return "No published statement was judged."
    same = [one for one in stated if one.verdict in REPRODUCED]
    absent = [one for one in stated if one.verdict in UNKNOWN]
    firm = [one for one in same if outcome(one).endswith(CHANGE)]
    n_differ = len(stated) - len(same) - len(absent)
    words = [
        f"Of {sentences.counted(len(stated), 'published statement')}, {_are(len(same))} reproduced (exactly or within "
        "5%)",
        f"{sentences.worded(n_differ)} {'differs' if n_differ == 1 else 'differ'}",
    ]
    if absent:
        words.append(f"{sentences.worded(len(absent))} {'lacks' if len(absent) == 1 else 'lack'} data")
    first = joined(words)
    if not same:
        return f"{first}."
    which = f" ({'; '.join(one.statement for one in firm)})" if 0 < len(firm) <= 2 else ""
    return (
        f"{first}; a change is established behind {sentences.worded(len(firm))} of those reproduced{which}."
    )


def _are(n: int) -> str:
    return f"{sentences.worded(n)} {'is' if n == 1 else 'are'}" if n else "none is"


def powered(results: Results) -> list[str]:
    """What the cohorts with a hierarchy of cell types show, a sentence each."""
    made = []
    for cohort, rows in level_contrast(results, "adjusted").groupby("cohort", sort=False):
        effective = sentences.records(rows[rows["metric"] == "hill_q1"])
        clauses = []
        for verdict in VERDICTS:
            here = [row for row in effective if row["verdict"] == verdict]
            if here:
                clauses.append(_clause(verdict, here))
        first = effective[0]
        made.append(
            f"In {title_of(str(cohort))}, with enough donors to decide ({first['n_reference']} young, "
            f"{first['n_other']} old; {adjustment(str(first['contrast']))}), composition {joined(clauses)}."
        )
    return made


def adjustment(contrast: str) -> str:
    """What a comparison is adjusted for, from its name.

    >>> adjustment("group: young to old, adjusted (~ sex + cmv)"), adjustment("group: young to old")
    ('adjusted for sex and CMV', 'not adjusted')
    """
    formula = re.search(r"adjusted \(~ (.*)\)", contrast)
    if not formula:
        return "not adjusted"
    return f"adjusted for {sentences.listed(map(readable, formula[1].split(' + ')))}"


def _clause(verdict: str, rows: Sequence[Mapping[str, Any]]) -> str:
    levels = sentences.listed(row["n_parts"] for row in rows)
    known = [row for row in rows if not pd.isna(row["effect"])]
    if verdict in DIRECTIONS and known:
        sizes = [number(row["effect"], 2) for row in known]
        alike = len(sizes) > 1 and len(set(sizes)) == 1
        times = (
            f"{sizes[0] if alike else sentences.listed(sizes)} times that of young donors{' at each' * alike}"
        )
        ends = sentences.listed(f"{number(row['low'], 2)} to {number(row['high'], 2)}" for row in known)
        word = "changes in both metrics" if verdict == "mixed" else f"is {verdict} in old donors"
        return (
            f"{word} at {levels} cell types (effective number {times}; 95% "
            f"{'interval' if len(known) == 1 else 'intervals'} {ends})"
        )
    return f"{sentences.PREDICATES[verdict][0] if verdict in sentences.PREDICATES else f'is {verdict}'} at {levels}"


def claim_rows(judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """One row a statement: what was stated and found, the outcome, and what the model establishes of each part."""
    made = []
    for one in judgements:
        parts = parts_of(one)
        made.append({
            "statement": one.statement if one.published else f"{one.statement} (not stated by the source)",
            "published": _lines([(part.name, part.published) for part in parts]),
            "found here": "–" if one.verdict == "data absent" else _lines([(part.name, part.here) for part in parts]),
            "outcome": outcome(one),
            "verdict": tuple(_marked(*part) for part in verdict_parts(one.established)) or "–",
        })  # fmt: skip
    return made


def verdict_parts(established: str) -> list[tuple[str, str]]:
    """Names of parts and the verdict on them, from the text of a judgement.

    >>> verdict_parts("FACS more concentrated; Droplet undecided"), verdict_parts("undecided: FACS, Droplet")
    ([('FACS', 'more concentrated'), ('Droplet', 'undecided')], [('FACS, Droplet', 'undecided')])
    >>> verdict_parts("withheld"), verdict_parts("")
    ([('', 'withheld')], [])
    """
    found = []
    for part in established.split("; ") if established else []:
        before, colon, after = part.partition(": ")
        verdict = before if colon else next((word for word in KNOWN if part.endswith(word)), part)
        found.append((after if colon else part.removesuffix(verdict).strip(), verdict))
    return found


def _marked(name: str, verdict: str) -> str | Marked:
    return Marked(name, verdict) if name else verdict


def _lines(parts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What was stated or found, in as few lines as it takes."""
    return tuple(gathered(parts).split("; "))


def outcome(one: Judgement) -> str:
    """Whether a statement is reproduced and, where that is known, whether a change is established.

    Examples
    --------
    >>> one = Judgement("a", True, "Marrow", "Gini +0.09", "Gini +0.09", "reproduced", "undecided", "", "")
    >>> outcome(one)
    'number reproduced; change undecided'
    """
    if one.verdict in UNKNOWN:
        return one.verdict
    stated = [part.published for part in parts_of(one)]
    direction = any(text.endswith(DIRECTIONS) for text in stated)
    kind = (
        "number"
        if any(text.removesuffix("%")[-1:].isdigit() for text in stated)
        else "direction"
        if direction
        else "statement"
    )
    first = f"{kind} {one.verdict}" if one.verdict in REPRODUCED else one.verdict
    words = change(one.established)
    return f"{first}; {words}" if words and one.verdict in REPRODUCED else first


def change(established: str) -> str:
    """What the model establishes of all parts together; empty where nothing was tested.

    >>> change("FACS more concentrated; Droplet undecided"), change("withheld"), change("")
    ('change established in part', 'verdict withheld', '')
    """
    verdicts = [verdict for _, verdict in verdict_parts(established)]
    firm = [verdict in DIRECTIONS for verdict in verdicts]
    if not verdicts:
        return ""
    if all(firm):
        return CHANGE
    if any(firm):
        return f"{CHANGE} in part"
    if len(verdicts) == 1:
        return (
            "verdict withheld"
            if verdicts == [WITHHELD]
            else f"change {verdicts[0]}".replace("change no", "no")
        )
    return f"change {UNDECIDED}"


def _pictures(page: Page, results: Results) -> list[Markup]:
    blocks = [*plane(page, results)]
    for cohort, rows in level_contrast(results, "adjusted").groupby("cohort", sort=False):
        name = f"{title_of(str(cohort))}, {adjustment(str(rows['contrast'].iloc[0]))}"
        blocks.append(effect_chart(page, rows, name, "hill_q1"))
    return [page.grid(*blocks)] if blocks else []
