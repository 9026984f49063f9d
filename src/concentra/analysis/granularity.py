"""Does the direction of a change depend on how finely parts are cut? The same contrast over every composition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import Contrast, contrast
from concentra.analysis.model import EFFECTIVE, GINI
from concentra.composition.composition import Composition
from concentra.design.question import Question
from concentra.design.resolve import resolve
from concentra.design.settings import Settings
from concentra.stats.verdict import DIRECTIONS, LESS, MORE
from concentra.tables import Table, column

FINEST = "finest"


class Granularity(Contrast):
    """The same contrast at every level: annotated types, coarser or finer ones, clusters."""

    level: str = column("how parts are cut: a level of the hierarchy, or a Leiden resolution")
    n_parts: int = column("cell types of the tissue at this level", unit="parts", low=1)

    class Config(Table.Config):
        unique = ["contrast", "level", "stratum", "metric"]
        first = ["contrast", "level", "stratum", "metric", "n_parts"]


class GranularityConcentration(Table):
    """Both metrics of every unit at every level."""

    level: str = column("how parts are cut")
    stratum: str = column("tissue")
    donor: str = column("donor")
    sample: str = column("sample")
    n_cells: int = column("cells of the unit", unit="cells", low=0)
    gini_present: float = column("Gini coefficient over the parts present", low=0, high=1)
    gini_stratum: float = column("Gini coefficient over all cell types of the tissue", low=0, high=1)
    hill_q0: float = column("parts present", unit="parts", low=1)
    hill_q1: float = column("effective number", unit="parts", low=1 - 1e-9)
    hill_q1_corrected: float = column(
        "effective number, corrected for unseen parts", unit="parts", nullable=True
    )

    class Config(Table.Config):
        unique = ["level", "stratum", "donor", "sample"]


class Scales(Table):
    """The direction over one set of parts beside that over another, and whether they are opposite."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    level: str = column("the level compared with the annotated parts")
    direction_annotated: str = column("direction over the annotated parts", nullable=True, among=DIRECTIONS)
    direction: str = column("direction at this level", nullable=True, among=DIRECTIONS)
    opposite: bool = column("one says more, the other less concentrated")
    p_opposite: float = column(
        "largest of the four p-values: all shifts are real at once (intersection-union)",
        low=0,
        high=1,
        nullable=True,
    )

    class Config(Table.Config):
        unique = ["contrast", "stratum", "level"]


def contrast_levels(
    levels: Mapping[str, Composition], question: Question, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same contrast over several compositions of the same cells.

    Parameters
    ----------
    levels
        A composition for each level, by name.
    question, settings
        As for `concentra.design.resolve`. The family of tests is the strata of one level: levels are views of the same
        cells, not further hypotheses.

    Returns
    -------
    contrasts
        One row a (level, term, stratum, metric): the columns of `Granularity`.
    units
        One row a (level, unit): the columns of `GranularityConcentration`.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> found, _ = contrast_levels({"types": from_table(rows)}, Question("age", ("3m",), (("24m",),)), Settings())
    >>> found[["level", "n_parts", "shift"]].round(3).values.tolist()[0]
    ['types', 2, 0.3]
    """
    frames, measured = [], []
    for name, composition in levels.items():
        units = concentration(composition, settings)
        found = contrast(resolve(composition, question, settings), units)
        sizes = {stratum: len(composition.of_stratum(stratum)[1]) for stratum in composition.strata}
        frames.append(found.assign(level=name, n_parts=found["stratum"].map(sizes)))
        measured.append(units.assign(level=name))
    if not frames:
        return Granularity.empty(), GranularityConcentration.empty()
    return (
        pd.concat(frames, ignore_index=True)[list(Granularity.columns())],
        pd.concat(measured, ignore_index=True)[list(GranularityConcentration.columns())],
    )


def compare_levels(annotated: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The direction over annotated parts beside that at every other level.

    Parameters
    ----------
    annotated
        A contrast, as `concentra.analysis.contrast.contrast` returns it.
    others
        The contrast at other levels, as `contrast_levels` returns it.

    Returns
    -------
    One row a (contrast, stratum, level) in both: the columns of `Scales`. `p_opposite`: the largest of the four
    p-values of the model (Berger 1982, Technometrics 24:295); missing where the directions are not opposite.

    Examples
    --------
    >>> rows = {"contrast": "c", "stratum": "kidney", "metric": ["gini_stratum", "hill_q1"]}
    >>> types = pd.DataFrame(rows).assign(p_value=[0.02, 0.03], direction="more concentrated")
    >>> fine = types.assign(level="0.8", direction="less concentrated", p_value=[0.01, 0.04])
    >>> compare_levels(types, fine)[["direction", "opposite", "p_opposite"]].values.tolist()
    [['less concentrated', True, 0.04]]
    """
    first, second = (
        _worst(annotated, ["contrast", "stratum"]),
        _worst(others, ["contrast", "stratum", "level"]),
    )
    both = second.merge(first, on=["contrast", "stratum"], suffixes=("", "_annotated"))
    pairs = zip(both["direction_annotated"], both["direction"], strict=True)
    both["opposite"] = [{one, other} == {MORE, LESS} for one, other in pairs]
    largest = both[["p_value", "p_value_annotated"]].max(axis=1, skipna=False)
    both["p_opposite"] = largest.where(both["opposite"], np.nan)
    return both[list(Scales.columns())].sort_values(["contrast", "stratum", "level"], ignore_index=True)


def _worst(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Direction, and the larger p of both deciding rows."""
    grouped = found[found["metric"].isin([GINI, EFFECTIVE])].groupby(by, observed=True)
    largest = grouped["p_value"].agg(lambda values: values.max(skipna=False))
    return pd.concat([grouped["direction"].first(), largest], axis=1).reset_index()
