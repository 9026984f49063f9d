"""What the steps on clusters share: their tables, and the contrast at every level."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.granularity import Granularity, GranularityConcentration, contrast_levels
from concentra.composition.clusters import ANNOTATED as ANNOTATED
from concentra.design import Settings
from concentra.study.declare import OfCohorts, column
from concentra.study.questions import OLD, levels_of

RESOLUTION = "Leiden resolution; 0 for annotated cell types, which were not clustered"
GROUPS = ["young", "old", "treated"]


class UnitTable(OfCohorts, GranularityConcentration):
    """Concentration of one donor over clusters."""

    group: str = column("group in the comparison", among=GROUPS)

    class Config(GranularityConcentration.Config):
        first = ["cohort", "level", "stratum", "donor", "sample", "group"]


class ShiftTable(OfCohorts, Granularity):
    """Old against young donors, one metric at one level."""


def compared(counts: pd.DataFrame, settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Concentration of every donor and old against young ones, at every level of rows of `state_counts`.

    Parameters
    ----------
    counts
        Of one cohort; none: both frames are empty.
    settings
        As for `concentra.design.resolve`.

    Returns
    -------
    The columns of `UnitTable` and of `ShiftTable`, but for the cohort.
    """
    if counts.empty:
        return pd.DataFrame(), pd.DataFrame()
    levels = levels_of(counts)
    found, units = contrast_levels(levels, OLD, settings)
    groups = pd.concat(
        [one.units[["stratum", "donor", "group"]] for one in levels.values()]
    ).drop_duplicates()
    return units.merge(groups, on=["stratum", "donor"], validate="many_to_one"), found
