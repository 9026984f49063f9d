"""Steps 02 to 04, of a cohort with a hierarchy: old against young donors and along age, at every level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from concentra.analysis import concentration as measuring
from concentra.analysis.contrast import contrast
from concentra.analysis.granularity import Granularity
from concentra.analysis.trend import Trend, trend
from concentra.composition import Composition
from concentra.design import Question, Settings, resolve
from concentra.study.declare import OfLevels, column, step
from concentra.study.questions import among, stacked
from concentra.study.steps._hierarchy import at_levels, hierarchies, questions
from concentra.study.steps.s01b_count_samples import METRICS

SUMMED, MEAN = "cells of all samples", "mean over samples"
ALL = "all"


class LevelConcentration(OfLevels, measuring.Concentration):
    """How concentrated each donor is, all its samples together, at every level."""


class LevelContrast(Granularity):
    """Old against young donors at every level: each donor counts once, however many samples it gave."""

    cohort: str = column("cohort")
    asked: str = column(
        "groups alone, adjusted, or along age (the effect is that over the ages of the donors)",
        among=["plain", "adjusted", "trend"],
    )
    donors: str = column("all, or those with one label")
    values: str = column("a donor's value", among=[SUMMED, MEAN])

    class Config(Granularity.Config):
        unique = ["cohort", "asked", "donors", "values", "level", "stratum", "metric"]
        first = ["cohort", "asked", "donors", "values", *Granularity.Config.first]


class LevelTrend(OfLevels, Trend):
    """The trend of each metric along age at every level, donors as units."""


@step(LevelConcentration, LevelContrast, LevelTrend)
def contrast_hierarchy(
    donor_counts: pd.DataFrame, type_levels: pd.DataFrame, sample_concentration: pd.DataFrame, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Old against young donors and along age, at every level of a hierarchy"""
    chosen = Settings(**settings)
    measured, contrasts, trends = {}, {}, {}
    for name, whole in hierarchies(donor_counts, type_levels).items():
        samples = sample_concentration[sample_concentration["cohort"] == name]
        levels = at_levels(whole)
        units = {level: measuring.concentration(one, chosen) for level, one in levels.items()}
        measured[name] = pd.concat([frame.assign(level=level) for level, frame in units.items()])
        contrasts[name] = pd.concat(
            [
                found.assign(level=level, n_parts=len(one.parts))
                for level, one in levels.items()
                for found in _contrasts(
                    one, units[level], samples[samples["level"] == level], questions(name), chosen
                )
            ]
        )
        along = Question(trend="age_years")
        trends[name] = pd.concat(
            [
                trend(resolve(one, along, chosen), units[level]).assign(level=level)
                for level, one in levels.items()
            ]
        )
    return stacked(measured), stacked(contrasts), stacked(trends)


def _contrasts(
    composition: Composition,
    units: pd.DataFrame,
    samples: pd.DataFrame,
    asked: dict[str, Question],
    settings: Settings,
) -> Iterator[pd.DataFrame]:
    means = samples.groupby(["stratum", "donor"])[METRICS].mean().reset_index()
    averaged = units.drop(columns=METRICS).merge(means, on=["stratum", "donor"], validate="one_to_one")
    for question, known in (("plain", units), ("adjusted", units), ("trend", units), ("adjusted", averaged)):
        design = resolve(composition, asked[question], settings)
        values = MEAN if known is averaged else SUMMED
        yield contrast(design, known).assign(asked=question, donors=ALL, values=values)
    design = resolve(composition, asked["plain"], settings)
    for value in sorted(composition.units["cmv"].unique()):
        part = among(design, "cmv", value)
        if part is not None:
            yield contrast(part, units).assign(asked="plain", donors=f"cmv {value}", values=SUMMED)
