"""Step 04b, of a cohort with a hierarchy: every defensible choice of the comparison crossed, at every level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from concentra.analysis.choices import OBSERVED, Choices
from concentra.analysis.multiverse import Agreement, Multiverse, multiverse
from concentra.design import Settings, resolve
from concentra.study.declare import OfLevels, step
from concentra.study.questions import stacked
from concentra.study.steps._hierarchy import at_levels, hierarchies, questions


class LevelMultiverse(OfLevels, Multiverse):
    """The shift under every distinct specification, at every level; the first of each choice is the published one."""


class LevelAgreement(OfLevels, Agreement):
    """How far the specifications of a level agree, and the joint test of the median shift."""


@step(LevelMultiverse, LevelAgreement)
def multiverse_hierarchy(
    donor_counts: pd.DataFrame,
    type_levels: pd.DataFrame,
    *,
    restricted_by: str,
    restrictions: Sequence[str],
    least_cells: Sequence[int],
    **settings: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Old against young donors under every defensible choice, at every level of a hierarchy"""
    chosen = Settings(**settings)
    found: dict[str, list[tuple[pd.DataFrame, pd.DataFrame]]] = {}
    for name, whole in hierarchies(donor_counts, type_levels).items():
        question = questions(name)["plain"]
        choices = Choices(
            [question.reference], list(question.others), restrictions, least_cells, depths=[OBSERVED]
        )
        found[name] = [
            (rows.assign(level=level), agreement.assign(level=level))
            for level, one in at_levels(whole).items()
            for rows, agreement in [
                multiverse(resolve(one, question, chosen), choices, restricted_by=restricted_by)
            ]
        ]
    every, agreed = (
        stacked({name: pd.concat([pair[place] for pair in pairs]) for name, pairs in found.items()})
        for place in (0, 1)
    )
    return every, agreed
