"""Cohorts with a hierarchy of cell types: their donors' compositions, at every level."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from concentra.analysis.granularity import FINEST
from concentra.composition import Composition, from_table
from concentra.design import Question
from concentra.study.cohorts import Samples, cohorts

LABELS = ("group", "sex", "cmv", "age_years")


def cohort_of(name: str) -> Samples:
    """The cohort of samples with this name."""
    found = cohorts()[name]
    assert isinstance(found, Samples)
    return found


def hierarchies(donor_counts: pd.DataFrame, type_levels: pd.DataFrame) -> dict[str, Composition]:
    """The donors of every cohort over the finest types, with the coarser ones as levels."""
    found = {}
    for name, rows in donor_counts.groupby("cohort", sort=False):
        labelled = rows.assign(age_years=rows["age_years"].map("{:.2f}".format))
        columns = ["stratum", "donor", *LABELS, "part", "n_cells"]
        levels = type_levels[type_levels["cohort"] == name]
        order = list(dict.fromkeys(levels["level"]))
        wide = levels.pivot(index="part", columns="level", values="coarser")[order]
        found[str(name)] = from_table(labelled[columns], name=str(name)).with_levels(
            wide.rename_axis(columns=None)
        )
    return found


def at_levels(composition: Composition) -> dict[str, Composition]:
    """The composition at every level, coarse first, by the name of the level as people call it."""
    finest = cohort_of(composition.name).finest
    coarser = [str(level) for level in composition.parts.columns]
    return {level: composition.at_level(level) for level in reversed(coarser)} | {finest: composition}


def questions(name: str) -> dict[str, Question]:
    """The questions put to a cohort: old against young donors plainly and adjusted, and along age."""
    adjusted = cohort_of(name).adjusted
    return {
        "plain": replace(adjusted, formula=None),
        "adjusted": adjusted,
        "trend": Question(trend="age_years", formula=adjusted.formula),
    }


def named(frame: pd.DataFrame, cohort: str, *columns: str) -> pd.DataFrame:
    """The rows with the finest level called as people call it."""
    return frame.assign(**{name: frame[name].replace(FINEST, cohort_of(cohort).finest) for name in columns})
