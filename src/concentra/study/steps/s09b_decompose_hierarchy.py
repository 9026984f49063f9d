"""Step 09, of a cohort with a hierarchy: on which level does concentration change, and does the answer depend on it?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.levels import Levels, LevelTerms, Nested, contrast_within, decompose_levels
from concentra.design import Settings, resolve
from concentra.stats.verdict import LESS, MORE
from concentra.study.declare import OfCohorts, Table, column, step
from concentra.study.questions import stacked
from concentra.study.steps._hierarchy import hierarchies, named, questions
from concentra.study.steps.s04c_contrast_hierarchy import ALL, SUMMED

ASKED = ("plain", "adjusted")


class LevelShift(OfCohorts, Levels):
    """Old less young donors over fine types, as an exact sum of terms between and within coarse types."""

    asked: str = column("groups alone, or adjusted", among=ASKED)
    leading = ("cohort", "asked")


class DonorTerms(OfCohorts, LevelTerms):
    """The terms between and within coarse types in every donor."""


class LevelNested(OfCohorts, Nested):
    """Old against young donors within each coarse type."""

    asked: str = column("groups alone, or adjusted", among=ASKED)
    leading = ("cohort", "asked")


class LevelJudged(Table):
    """Whether the verdict on old against young donors depends on the level of the cell types."""

    cohort: str = column("cohort")
    asked: str = column("groups alone, or adjusted", among=ASKED)
    stratum: str = column("tissue")
    verdicts: str = column("the verdict at each level, coarse first")
    depends: str = column("a direction is established at one level and not at another", among=["yes", "no"])
    flips: str = column("opposite directions are established at two levels", among=["yes", "no"])
    n_within: int = column("coarse types within which a direction is established, all pairs of levels", low=0)
    n_within_tested: int = column("coarse types within which it could be tested", low=0)

    class Config(Table.Config):
        unique = ["cohort", "asked", "stratum"]


@step(LevelShift, DonorTerms, LevelNested, LevelJudged)
def decompose_hierarchy(
    donor_counts: pd.DataFrame, type_levels: pd.DataFrame, level_contrast: pd.DataFrame, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """On which level of a hierarchy concentration changes"""
    chosen = Settings(**settings)
    shifts, terms, nested = {}, {}, {}
    for name, whole in hierarchies(donor_counts, type_levels).items():
        designs = {asked: resolve(whole, questions(name)[asked], chosen) for asked in ASKED}
        found = {asked: decompose_levels(design) for asked, design in designs.items()}
        within = [contrast_within(design).assign(asked=asked) for asked, design in designs.items()]
        shifts[name] = named(
            pd.concat(one[0].assign(asked=asked) for asked, one in found.items()), name, "fine"
        )
        terms[name] = named(found["plain"][1], name, "fine")
        nested[name] = named(pd.concat(within), name, "fine")
    inside = stacked(nested)
    return stacked(shifts), stacked(terms), inside, judged(level_contrast, inside)


def judged(contrasts: pd.DataFrame, nested: pd.DataFrame) -> pd.DataFrame:
    """Whether the verdict depends on the level, one row a (cohort, question, stratum); levels in the order of rows."""
    whole = contrasts[
        (contrasts["donors"] == ALL) & (contrasts["values"] == SUMMED) & contrasts["asked"].isin(ASKED)
    ]
    rows = []
    keys = ["cohort", "asked", "stratum"]
    for place, here in whole.drop_duplicates([*keys, "level"]).groupby(keys, sort=False):
        verdicts = dict(zip(here["level"], here["verdict"], strict=True))
        directions = [one for one in verdicts.values() if one in (MORE, LESS)]
        inside = nested[(nested[keys] == pd.Series(place, index=keys)).all(axis=1)].drop_duplicates(
            ["fine", "coarse", "part"]
        )
        rows.append(
            dict(zip(keys, place, strict=True))
            | {
                "verdicts": "; ".join(f"{level}: {verdict}" for level, verdict in verdicts.items()),
                "depends": "yes" if directions and len(set(verdicts.values())) > 1 else "no",
                "flips": "yes" if len(set(directions)) > 1 else "no",
                "n_within": int(inside["verdict"].isin([MORE, LESS]).sum()),
                "n_within_tested": int((inside["verdict"] != "not testable").sum()),
            }
        )
    return pd.DataFrame(rows)
