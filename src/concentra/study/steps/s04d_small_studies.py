"""Step 04, of a large cohort: what would three, four or six of its donors have shown?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from concentra.analysis.few_donors import FewDonors, few_donors
from concentra.design import Settings, resolve
from concentra.study.declare import OfLevels, step
from concentra.study.questions import stacked
from concentra.study.steps._hierarchy import at_levels, hierarchies, questions


class SmallStudies(OfLevels, FewDonors):
    """How often each rule finds in small studies, drawn from a large one, what all of its donors show."""


@step(SmallStudies)
def small_studies(
    donor_counts: pd.DataFrame,
    type_levels: pd.DataFrame,
    level_concentration: pd.DataFrame,
    *,
    n_donors: Sequence[int],
    n_studies: int,
    **settings: Any,
) -> pd.DataFrame:
    """What a few donors of a large cohort would have shown"""
    chosen, found = Settings(**settings), {}
    for name, whole in hierarchies(donor_counts, type_levels).items():
        units = level_concentration[level_concentration["cohort"] == name]
        found[name] = pd.concat(
            few_donors(
                resolve(one, questions(name)["plain"], chosen),
                units[units["level"] == level],
                sizes=n_donors,
                n_draws=n_studies,
            ).assign(level=level)
            for level, one in at_levels(whole).items()
        )
    return stacked(found)
