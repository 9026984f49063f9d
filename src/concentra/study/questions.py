"""The question put to each cohort, and the compositions and designs that rows of a table hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from concentra.composition import Composition, from_table
from concentra.design import Design, Question, Settings, resolve
from concentra.errors import DesignError
from concentra.study.cohorts import Atlas, cohorts

OLD = Question("group", ("young",), (("old",),))
"""Old against young, where the cohort says which cells are of which group."""
RESTRICTED = Question("group", ("young",), (("old",), ("treated",)))
"""Young, old, and old donors under caloric restriction."""
TYPES = "types"
"""The level of annotated cell types; every other level is a Leiden resolution."""


def question_of(cohort: str) -> Question:
    """Old against young donors of an atlas: the ages that its file declares.

    >>> question_of("tms_droplet").name
    'age: 1m+3m to 24m+30m'
    """
    found = cohorts()[cohort]
    assert isinstance(found, Atlas)
    return found.question


def compositions(counts: pd.DataFrame) -> dict[str, Composition]:
    """The composition of every cohort in the table `composition`, by name."""
    return {
        str(name): from_table(rows.drop(columns="cohort"), name=str(name))
        for name, rows in counts.groupby("cohort", sort=False)
    }


def designs(counts: pd.DataFrame, settings: Settings) -> dict[str, Design]:
    """Old against young donors in every cohort of the table `composition`, by name."""
    return {name: resolve(one, question_of(name), settings) for name, one in compositions(counts).items()}


def among(design: Design, column: str, value: str) -> Design | None:
    """The same question of the units with one value of a label; None where a group is then empty."""
    kept = design.composition.kept((design.composition.label(column) == value).to_numpy(dtype=bool))
    try:
        return resolve(kept, design.question, design.settings)
    except DesignError:
        return None


def in_stratum(design: Design, stratum: str) -> Design:
    """The same question of one stratum, whatever its groups are confounded with."""
    question = replace(design.question, accept_confounding=tuple(design.composition.labels))
    return resolve(design.composition.of_strata([stratum]), question, design.settings)


def levels_of(counts: pd.DataFrame) -> dict[str, Composition]:
    """The compositions in rows of the table `state_counts` of one cohort: over types, over clusters at each resolution.

    The stratum of states within a type is "tissue, type".

    >>> counts = pd.DataFrame({"level": "states", "stratum": "Kidney", "part": "podocyte", "resolution": 0.8,
    ...                        "donor": "a", "group": "young", "state": ["0", "1"], "n_cells": [3, 1]})
    >>> {name: one.strata for name, one in levels_of(counts).items()}
    {'0.8': ['Kidney, podocyte']}
    """
    within = counts["stratum"].astype(object) + ", " + counts["part"].astype(object)
    place = counts["stratum"].astype(object).mask(counts["level"] == "states", within)
    rows = counts.assign(stratum=place).drop(columns="part").rename(columns={"state": "part"})
    return {
        TYPES if level == TYPES else f"{resolution:g}": from_table(here, labels=["group"])
        for (resolution, level), here in rows.groupby(["resolution", "level"])
    }


def stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The frames of several cohorts as one, the name of each in `cohort`.

    >>> stacked({"a": pd.DataFrame({"n": [1]}), "b": pd.DataFrame()})["cohort"].tolist()
    ['a']
    """
    named = [frame.assign(cohort=name) for name, frame in frames.items() if len(frame)]
    return pd.concat(named, ignore_index=True) if named else pd.DataFrame()
