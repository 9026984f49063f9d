"""Rows of the tables of manuscript and report, made from tables of the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.printable import natural_key
from concentra.report.markdown import HARD, decimals_for, number, p_text, together
from concentra.stats.verdict import NOT_TESTABLE
from concentra.study.claims import Claim, Judgement, gathered, read_claims
from concentra.study.results import Results
from concentra.study.summaries._shared import contrast_rows, effect_column, title_of

Rows = list[dict[str, object]]
COMPARED = ("tms_facs", "tms_droplet")
MANY = 6  # parts of a claim that a table lists one by one


@dataclass(frozen=True)
class Source:
    """What a table is made from."""

    results: Results
    judgements: Sequence[Judgement]


SHIFT = ("shift", "low", "high")


def shift_column(rows: Iterable[Any], decimals: int, names: tuple[str, str, str] = SHIFT) -> list[str]:
    """Shifts with their intervals, where the table has them, all with the same number of decimals.

    >>> shift_column([{"shift": 0.087, "low": -0.01, "high": 0.2}, {"shift": 0.5, "low": None, "high": None}], 3)
    ['+0.087\\xa0[−0.010,\\xa0+0.200]', '+0.500']
    """
    found = [[row[name] for name in names] for row in rows]
    common = decimals_for((value for values in found for value in values), decimals)
    texts = [together(values, common, sign=True, fixed=True) for values in found]
    return [value if low == "–" else f"{value}{HARD}[{low},{HARD}{high}]" for value, low, high in texts]


def place(cohort: str, stratum: str) -> str:
    """A tissue of a cohort, or a model, as people read it.

    >>> place("tms_facs", "Limb_Muscle")
    'Limb Muscle, FACS'
    """
    title = title_of(cohort)
    return title if stratum == cohort else f"{str(stratum).replace('_', ' ')}, {title.rpartition(', ')[2]}"


@dataclass(frozen=True)
class Compared:
    """One part of a claim: what was stated and what was found, as text."""

    name: str
    published: str
    here: str


def parts_of(judgement: Judgement) -> list[Compared]:
    """The parts of a claim in words, minus signs as such."""
    claim = _claims().get(judgement.id)
    names = [part.name for part in claim.part] if claim else []
    stated, found = judgement.expected.split("; "), judgement.observed.split("; ")
    if not len(names) == len(stated) == len(found):
        return [Compared("", _signed(judgement.expected), _signed(judgement.observed))]
    return [
        Compared(
            name, _said(one.removeprefix(f"{name} "), STATED), _said(other.removeprefix(f"{name} "), FOUND)
        )
        for name, one, other in zip(names, stated, found, strict=True)
    ]


STATED = {"yes": "as in the statement"}
FOUND = {"yes": "holds", "no": "does not hold"}
"""What stands for the words of a table that says whether a statement is true."""


def _claims() -> dict[str, Claim]:
    return {claim.id: claim for claim in read_claims()}


def _said(text: str, words: Mapping[str, str]) -> str:
    return words.get(text, _signed(text))


def _signed(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def verdicts(source: Source) -> Rows:
    """Claims beside what was found, one row a claim; what the published analysis does not state comes last."""
    claims = _claims()
    return [
        {
            "statement": one.statement + ("" if one.published else " (not stated by the published analysis)"),
            "stated": stated,
            "found": "–" if one.verdict == "data absent" else found,
            "numbers": one.verdict,
            "established": one.established or "–",
        }
        for one in sorted(source.judgements, key=lambda one: not one.published)
        for stated, found in [_stated_and_found(parts_of(one), claims[one.id].stated)]
    ]


def _stated_and_found(parts: Sequence[Compared], words: str) -> tuple[str, str]:
    """What was stated and found; of many parts, what is stated in `words`, and those that are as stated."""
    if len(parts) <= MANY:
        published, here = (
            gathered([(part.name, text) for part, text in zip(parts, texts, strict=True)])
            for texts in ([part.published for part in parts], [part.here for part in parts])
        )
        where = f" ({parts[0].name})" if len(parts) == 1 and here.isalpha() else ""
        return published, here + where
    kept = [part.name for part in parts if part.published == part.here]
    return words, f"{len(kept)} of {len(parts)} parts as stated" + (f": {', '.join(kept)}" if kept else "")


def contrast(cohort: str) -> Callable[[Source], Rows]:
    """Young against old per tissue of one cohort."""
    return lambda source: contrast_rows(source.results.rows("age_contrast", cohort=cohort))


def tested_tissues(source: Source) -> Rows:
    """Tissues of both platforms that can be tested at all: the published shifts, the effects, the verdict."""
    frame = source.results.rows("age_contrast")
    keyed: dict[str, dict[Any, Any]] = {
        metric: frame[frame["metric"] == metric].set_index(["cohort", "stratum"]).to_dict("index")
        for metric in ("gini_present", "hill_q1", "gini_stratum")
    }
    shown = [
        (cohort, tissue, row)
        for (cohort, tissue), row in keyed["hill_q1"].items()
        if cohort in COMPARED and row["verdict"] != NOT_TESTABLE
    ]
    ratios = effect_column((row for *_, row in shown), 2)
    differences = effect_column(
        (keyed["gini_stratum"].get((cohort, tissue), NO_EFFECT) for cohort, tissue, _ in shown), 3, sign=True
    )
    return [
        {
            "tissue": f"{tissue_name(tissue)}, {title_of(cohort).rpartition(', ')[2]}",
            "donors": f"{row['n_reference']}{HARD}/{HARD}{row['n_other']}",
            "Gini (p)": _shift_p(keyed["gini_present"][cohort, tissue], 3),
            "eff_N (p)": _shift_p(row, 2),
            "ratio of eff_N": ratio,
            "difference in Gini": difference,
            "q": p_text(row["p_adjusted"]),
            "verdict": row["verdict"],
        }
        for (cohort, tissue, row), ratio, difference in zip(shown, ratios, differences, strict=True)
    ]


NO_EFFECT = {"effect": float("nan"), "low": float("nan"), "high": float("nan")}


def _shift_p(row: Mapping[Any, Any], decimals: int) -> str:
    """A shift with its exact p, where there is a test."""
    p_value = "" if pd.isna(row["p_exact"]) else f"{HARD}({p_text(row['p_exact'])})"
    return f"{number(row['shift'], decimals, sign=True)}{p_value}"


def donors_known(source: Source) -> Rows:
    """Cells of both platforms by how their donor is known, or why they were left out."""
    rows: Rows = []
    for cohort in COMPARED:
        kept, lost = (source.results.rows(name, cohort=cohort) for name in ("composition", "left_out"))
        if len(kept):
            rows += [
                _cells(cohort, f"kept; donor from {KNOWN.get(str(how), how)}", found["n_cells"].sum(), found)
                for how, found in kept.groupby("donor_source", sort=False)
            ]
        if len(lost):
            gone = lost.groupby("reason", sort=False)["n_cells"].sum()
            rows += [_cells(cohort, f"left out; {reason}", cells) for reason, cells in gone.items()]
    return rows


KNOWN = {"inferred": "inference", "read": "the annotation"}


def _cells(cohort: str, how: str, cells: float, found: pd.DataFrame | None = None) -> dict[str, object]:
    return {
        "cohort": title_of(cohort).rpartition(", ")[2],
        "cells": f"{cells:,.0f}",
        "fate of the cells": how,
        "donors": "–" if found is None else str(found["donor"].nunique()),
        "tissues": "–" if found is None else str(found["stratum"].nunique()),
    }


def mouse_totals(source: Source) -> Rows:
    """Cells of the mice whose identity was inferred, against the official totals."""
    frame = source.results.rows("mouse_totals", compared=True)
    return [
        {
            "mouse": row["donor"],
            "official cells": f"{row['n_official']:,}",
            "cells assigned here": f"{row['n_assigned']:,}",
            "difference": number(row["difference"], 0, sign=bool(row["difference"])),
            "difference, %": number(
                100 * row["difference"] / row["n_official"], 1, sign=bool(row["difference"])
            ),
        }
        for row in sorted((row for _, row in frame.iterrows()), key=lambda row: natural_key(row["donor"]))
    ]


def cells_left_out(source: Source) -> Rows:
    """Cells that belong to no unit."""
    kept = source.results.rows("composition").groupby("cohort")["n_cells"].sum()
    found = source.results.rows("left_out").groupby(["cohort", "reason"], sort=False)["n_cells"].sum()
    return [
        {
            "cohort": title_of(row["cohort"]),
            "reason": row["reason"],
            "cells left out": f"{row['n_cells']:,}",
            "cells kept": f"{kept.get(row['cohort'], 0):,}",
        }
        for _, row in found.reset_index().iterrows()
    ]


def confounding(source: Source) -> Rows:
    """Age and sex per tissue of the measured cohorts."""
    frame = source.results.rows("confounding")
    frame = frame[~frame["cohort"].isin(source.results.simulated)]
    return [
        {
            "cohort": title_of(row["cohort"]).rpartition(", ")[2],
            "tissue": tissue_name(row["stratum"]),
            "young (female)": f"{row['n_reference']} ({row['n_reference_female']})",
            "old (female)": f"{row['n_other']} ({row['n_other_female']})",
            "age with sex": row["with_sex"],
            "least p": p_text(row["p_attainable"]),
            "least p, males alone": p_text(row["p_attainable_males"]),
        }
        for _, row in frame[(frame["n_reference"] > 0) & (frame["n_other"] > 0)].iterrows()
    ]
