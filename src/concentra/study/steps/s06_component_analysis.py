"""Step 06: which cell types drive each tissue's shift, by an attribution that adds up to it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis import drivers as attribution
from concentra.analysis import part_changes as changes
from concentra.design import Settings
from concentra.study.declare import OfCohorts, step
from concentra.study.questions import designs, stacked


class Drivers(OfCohorts, attribution.Drivers):
    """The contribution of each cell type to the shift of means over donors: with "(number of parts)" they sum to it."""


class PartShift(OfCohorts, changes.PartShift):
    """The change of each cell type's share from young to old donors."""


class LineageShift(OfCohorts, changes.LineageShift):
    """Shares and contributions summed per lineage, stage and compartment."""


class AttributedShift(OfCohorts, changes.AttributedShift):
    """The shift that is attributed, beside the published kind, and the compartment that carries most of it."""


@step(Drivers, PartShift, LineageShift, AttributedShift)
def attribute_drivers(
    composition: pd.DataFrame, *, zero: float, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Which cell types drive each tissue's shift"""
    found = {
        name: changes.part_changes(one, zero=zero)
        for name, one in designs(composition, Settings(**settings)).items()
    }
    contributions, parts, lineages, shifts = (
        stacked({name: one[place] for name, one in found.items()})
        for place in range(len(changes.PartChanges._fields))
    )
    return contributions, parts, lineages, shifts
