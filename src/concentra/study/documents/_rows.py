"""Rows of the tables of manuscript and report, made from tables of the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from concentra.report.markdown import HARD, number, p_text
from concentra.study import declare
from concentra.study.claims import Judgement, read_claims
from concentra.study.results import Results
from concentra.study.summaries._shared import contrast_rows, title_of

Rows = list[dict[str, object]]
COMPARED = ("tms_facs", "tms_droplet")


@dataclass(frozen=True)
class Source:
    """What a table is made from."""

    results: Results
    judgements: Sequence[Judgement]


def shift_text(row: Any, decimals: int, names: tuple[str, str, str] = ("shift", "low", "high")) -> str:
    """A shift with its interval, where the table has one.

    >>> shift_text({"shift": 0.087, "low": -0.01, "high": 0.2}, 3)
    '+0.087\\xa0[−0.010,\\xa0+0.200]'
    """
    value, low, high = (row.get(name, None) for name in names)
    text = number(value, decimals, sign=True)
    if low is None or pd.isna(low):
        return text
    return f"{text}{HARD}[{number(low, decimals, sign=True)},{HARD}{number(high, decimals, sign=True)}]"


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
    names = [part.name for claim in read_claims() if claim.id == judgement.id for part in claim.part]
    stated, found = judgement.expected.split("; "), judgement.observed.split("; ")
    if not len(names) == len(stated) == len(found):
        return [Compared("", _signed(judgement.expected), _signed(judgement.observed))]
    return [
        Compared(name, _signed(one.removeprefix(f"{name} ")), _signed(other.removeprefix(f"{name} ")))
        for name, one, other in zip(names, stated, found, strict=True)
    ]


def _signed(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def verdicts(source: Source) -> Rows:
    """Claims beside what was found, one row a part."""
    return [
        {
            "claim": "" if place else one.statement,
            "part": part.name,
            "published": part.published,
            "here": part.here,
            "verdict": "" if place else one.verdict,
        }
        for one in source.judgements
        for place, part in enumerate(parts_of(one))
    ]


def contrast(cohort: str, *, tested: bool = False) -> Callable[[Source], Rows]:
    """Young against old per tissue of one cohort."""
    return lambda source: contrast_rows(source.results.rows("age_contrast", cohort=cohort), tested=tested)


def tested_tissues(source: Source) -> Rows:
    """Tissues of both platforms that can be tested at all."""
    return [
        {"platform": title_of(cohort).rpartition(", ")[2]}
        | {name: value for name, value in row.items() if name != "direction"}
        for cohort in COMPARED
        for row in contrast(cohort, tested=True)(source)
    ]


def sources(source: Source) -> Rows:
    """Cohorts and where their numbers come from."""
    return [
        {
            "cohort": row["title"],
            "numbers from": row["status"],
            "source": row["citation"],
            "licence": row["licence"],
        }
        for _, row in source.results.rows("sources").iterrows()
    ]


def donors_known(source: Source) -> Rows:
    """How the donors of the cells are known."""
    found = source.results.rows("composition").groupby(["cohort", "donor_source"], sort=False)
    return [
        {
            "cohort": title_of(str(cohort)),
            "how the donor is known": how,
            "donors": rows["donor"].nunique(),
            "tissues": rows["stratum"].nunique(),
            "cells": f"{rows['n_cells'].sum():,}",
        }
        for (cohort, how), rows in found
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
    """Age and sex per tissue."""
    frame = source.results.rows("confounding")
    return [
        {
            "cohort": title_of(row["cohort"]).rpartition(", ")[2],
            "tissue": row["stratum"].replace("_", " "),
            "young (female)": f"{row['n_reference']} ({row['n_reference_female']})",
            "old (female)": f"{row['n_other']} ({row['n_other_female']})",
            "age with sex": row["with_sex"],
            "least p": p_text(row["p_attainable"]),
            "males alone": p_text(row["p_attainable_males"]),
        }
        for _, row in frame[(frame["n_reference"] > 0) & (frame["n_other"] > 0)].iterrows()
    ]


def across(source: Source) -> Rows:
    """All tissues of a cohort in one test."""
    return [
        {
            "cohort": title_of(row["cohort"]),
            "metric": row["metric"],
            "tissues": row["n_strata"],
            "donors": f"{row['n_reference']} / {row['n_other']}",
            "mean shift": number(row["mean_shift"], 3, sign=True),
            "tissues up": number(row["share_up"], 2),
            "p": p_text(row["p_value"]),
            "least p": p_text(row["p_attainable"]),
        }
        for _, row in source.results.rows("across_tissues").iterrows()
    ]


def head_shifts(source: Source) -> Rows:
    """First against last checkpoint, per model and definition of importance."""
    return [
        {"importance": row["value"]} | head_shift_row(row)
        for _, row in source.results.rows("head_shift").iterrows()
    ]


def first_checkpoints(source: Source) -> Rows:
    """The shift from every possible first checkpoint."""
    frame = source.results.rows("head_first_checkpoint", value="abs")
    return [head_shift_row(row) for _, row in frame.iterrows()]


def head_shift_row(row: pd.Series) -> dict[str, object]:
    return {
        "model": title_of(row["cohort"]),
        "steps": f"{row['first']:,} to {row['last']:,}",
        "Gini": shift_text(row, 3, ("gini", "gini_low", "gini_high")),
        "eff_N": shift_text(row, 2, ("hill_q1", "hill_q1_low", "hill_q1_high")),
        "direction": row["direction"],
        "verdict": row.get("verdict", "–"),
    }


def influence(source: Source) -> Rows:
    """The five heads of each model that move the shift most."""
    frame = source.results.rows("head_influence", value="abs").groupby("cohort", sort=False).head(5)
    return [
        {
            "model": title_of(row["cohort"]),
            "without layer": row["layer"],
            "head": row["head"],
            "Gini": number(row["gini"], 3, sign=True),
            "eff_N": number(row["hill_q1"], 2, sign=True),
        }
        for _, row in frame.iterrows()
    ]


def planted(source: Source) -> Rows:
    """What was planted in simulated cells, and what was found."""
    found = {str(row["tissue"]): row for row in contrast("simulated")(source)}
    return [
        {
            "tissue": row["stratum"],
            "planted": row["direction"],
            "planted Gini": number(row["gini_shift"], 3, sign=True),
            "found": found[row["stratum"]]["Gini"],
            "planted eff_N": number(row["hill_q1_shift"], 2, sign=True),
            "found ": found[row["stratum"]]["eff_N"],
            "verdict": found[row["stratum"]]["verdict"],
        }
        for _, row in source.results.rows("planted").iterrows()
        if row["stratum"] in found
    ]


def chosen(table: str, names: Mapping[str, str], **where: object) -> Callable[[Source], Rows]:
    """Some columns of a table as they are: `names` maps a column to its heading."""

    def rows(source: Source) -> Rows:
        frame = source.results.rows(table, **where)
        return [
            {heading: _plain(row[name], name) for name, heading in names.items() if name in row}
            for _, row in frame.iterrows()
        ]

    return rows


def _plain(value: Any, name: str) -> object:
    if name == "cohort":
        return title_of(value)
    if value is None or pd.isna(value):
        return "–"
    if isinstance(value, float):
        return p_text(value) if name.startswith("p_") else number(value, 3)
    return str(value).replace("_", " ")


def index(source: Source) -> Rows:
    """Every table of the run."""
    return [
        {
            "table": name,
            "rows": len(source.results.rows(name)),
            "what it holds": (declare.tables()[name].__doc__ or "").split("\n")[0],
        }
        for name in source.results.names
    ]
