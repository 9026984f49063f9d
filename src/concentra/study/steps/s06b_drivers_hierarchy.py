"""Step 06, of a cohort with a hierarchy: which cell types drive the shift, at every level."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.drivers import Drivers, drivers
from concentra.design import Settings, resolve
from concentra.study.declare import OfLevels, step
from concentra.study.questions import stacked
from concentra.study.steps._hierarchy import at_levels, hierarchies, questions


class LevelDrivers(OfLevels, Drivers):
    """The contribution of each cell type to the shift of means over donors, at every level."""


@step(LevelDrivers)
def drivers_hierarchy(donor_counts: pd.DataFrame, type_levels: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    """Which cell types drive the shift at every level of a hierarchy"""
    chosen, found = Settings(**settings), {}
    for name, whole in hierarchies(donor_counts, type_levels).items():
        plain = questions(name)["plain"]
        found[name] = pd.concat(
            drivers(resolve(one, plain, chosen)).assign(level=level)
            for level, one in at_levels(whole).items()
        )
    return stacked(found)
