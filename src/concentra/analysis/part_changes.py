"""Which parts of a stratum change their share between two groups, and which carry the shift in concentration?

The tables of one stratum from one set of draws: contributions of parts (`concentra.analysis.attribution`), changes of
share with a test for each part, the same summed per lineage, stage and compartment, and the shifts attributed.
A change of share has two readings, kept apart: `sign` is that of the difference of means over donors, `towards`
asks that its interval excludes 0.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from concentra.analysis.attribution import INTERVALS, METRICS, NUMBER_OF_PARTS, ZERO, Attributed
from concentra.analysis.drivers import Drivers, attributed_strata, ranked
from concentra.analysis.lineages import LEVELS, lineage_of
from concentra.design.design import Design
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.tables import Table, column

GAIN, LOSS, UNCLEAR, UNCHANGED = "gain", "loss", "unclear", "unchanged"
TOWARDS = (GAIN, LOSS, UNCLEAR)
SIGNS = (GAIN, LOSS, UNCHANGED)
SHARES = ["share_reference", "share_other", "share_change", "share_change_low", "share_change_high"]
RATIOS = ["clr_change", "clr_change_low", "clr_change_high"]


class PartShift(Table):
    """The change of each cell type's share from young to donors of the other group."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    part: str = column("cell type")
    lineage: str = column("its lineage")
    stage: str = column("its stage within the lineage")
    compartment: str = column("immune or not")
    n_reference: int = column("donors of the reference group", unit="donors", low=1)
    n_other: int = column("donors of the other group", unit="donors", low=1)
    share_reference: float = column("mean share, donors of the reference group", low=0, high=1)
    share_other: float = column("mean share, donors of the other group", low=0, high=1)
    share_change: float = column("difference", low=-1, high=1)
    share_change_low: float = column("interval over donors", nullable=True)
    share_change_high: float = column("interval over donors", nullable=True)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)
    clr_change: float = column("change of the mean centred log-ratio", unit="nats", nullable=True)
    clr_change_low: float = column("interval over donors", unit="nats", nullable=True)
    clr_change_high: float = column("interval over donors", unit="nats", nullable=True)
    p_value: float = column("exact two-sided Mann-Whitney of the shares", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these donors and ties allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    n_family: int = column("tests in the family: the cell types of one tissue of one cohort", low=0)
    sign: str = column("sign of the change", among=SIGNS)
    towards: str = column("the same where the interval excludes 0, else unclear", among=TOWARDS)
    by_analyze: ClassVar[bool] = False

    class Config(Table.Config):
        unique = ["contrast", "stratum", "part"]


class LineageShift(Table):
    """Shares and contributions summed per lineage, stage and compartment."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    level: str = column("what is summed over", among=LEVELS)
    lineage: str = column('lineage, stage or compartment; "(number of parts)" as in `drivers`')
    metric: str = column("column of `concentration`; shares do not depend on it", among=METRICS)
    n_reference: int = column("donors of the reference group", unit="donors", low=1)
    n_other: int = column("donors of the other group", unit="donors", low=1)
    share_reference: float = column(
        "mean share, donors of the reference group", low=0, high=1 + 1e-9, nullable=True
    )
    share_other: float = column("mean share, donors of the other group", low=0, high=1 + 1e-9, nullable=True)
    share_change: float = column("difference", low=-1, high=1, nullable=True)
    share_change_low: float = column("interval over donors", nullable=True)
    share_change_high: float = column("interval over donors", nullable=True)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)
    p_value: float = column("exact two-sided Mann-Whitney of the shares", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p these donors and ties allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    n_family: float = column(
        "tests in the family: one level of one tissue of one cohort", low=0, nullable=True
    )
    sign: str = column("sign of the change of share", among=SIGNS, nullable=True)
    towards: str = column(
        "the same where the interval excludes 0, else unclear", among=TOWARDS, nullable=True
    )
    contribution: float = column("contribution to the shift", unit="metric")
    low: float = column("interval over donors", unit="metric", nullable=True)
    high: float = column("interval over donors", unit="metric", nullable=True)
    fraction_of_shift: float = column("contribution / shift; may leave 0 to 1", nullable=True)
    by_analyze: ClassVar[bool] = False

    class Config(Table.Config):
        unique = ["contrast", "stratum", "level", "lineage", "metric"]


class AttributedShift(Table):
    """The shift that is attributed, beside the published kind, and the compartment that carries most of it."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    n_reference: int = column("donors of the reference group", unit="donors", low=1)
    n_other: int = column("donors of the other group", unit="donors", low=1)
    shift_of_means: float = column(
        "difference of means over donors: what the contributions sum to", unit="metric"
    )
    low: float = column("interval over donors", unit="metric", nullable=True)
    high: float = column("interval over donors", unit="metric", nullable=True)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)
    shift_of_medians: float = column("difference of medians over donors: the published kind", unit="metric")
    shift_of_mean_compositions: float = column("shift between the mean compositions", unit="metric")
    leading_compartment: str = column(
        "compartment with the largest fraction of the shift of means", nullable=True
    )
    leading_fraction: float = column("this fraction", nullable=True)
    by_analyze: ClassVar[bool] = False

    class Config(Table.Config):
        unique = ["contrast", "stratum", "metric"]


class PartChanges(NamedTuple):
    """The tables of all strata from one set of draws.

    Attributes
    ----------
    drivers
        `concentra.analysis.drivers.Drivers`.
    parts
        `PartShift`: the family of its tests is the parts of one stratum.
    lineages
        `LineageShift`: the family is the lineages of one level of one stratum.
    shifts
        `AttributedShift`.
    """

    drivers: pd.DataFrame
    parts: pd.DataFrame
    lineages: pd.DataFrame
    shifts: pd.DataFrame


def part_changes(design: Design, *, zero: float = ZERO) -> PartChanges:
    """Contributions of parts, changes of share with a test for each part, the same per lineage, and the shifts.

    Parameters
    ----------
    design
        Two groups.
    zero
        Cells that stand for an absent part, in log-ratios only.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> cells = pd.DataFrame({"stratum": "marrow", "donor": ["a", "a", "b", "b"], "age": ["3m", "3m", "24m", "24m"],
    ...     "part": ["granulocyte", "naive B cell"] * 2, "n_cells": [50, 50, 75, 25]})
    >>> found = part_changes(resolve(from_table(cells), Question("age", ("3m",), (("24m",),))))
    >>> found.parts[["part", "share_change", "sign", "towards"]].values.tolist()
    [['granulocyte', 0.25, 'gain', 'unclear'], ['naive B cell', -0.25, 'loss', 'unclear']]
    """
    made: list[tuple[pd.DataFrame, ...]] = []
    for term, stratum, attributed in attributed_strata(design, zero=zero):
        by_part = ranked(attributed, stratum, term, zero=zero)
        lineages = pd.concat([_lineages(attributed, name) for name in LEVELS], ignore_index=True)
        leaders = _leading(lineages[lineages["level"] == "compartment"])
        frames = (
            by_part,
            _parts(attributed, by_part),
            lineages,
            attributed.shifts().merge(leaders, on="metric"),
        )
        made.append(tuple(frame.assign(contrast=term.name, stratum=stratum.name) for frame in frames))
    tables = (Drivers, PartShift, LineageShift, AttributedShift)
    return PartChanges(*(
        pd.concat([frames[place] for frames in made], ignore_index=True)[list(table.columns())] if made
        else table.empty()
        for place, table in enumerate(tables)
    ))  # fmt: skip


def share_tests(reference: np.ndarray, other: np.ndarray) -> pd.DataFrame:
    """The exact test of each column of shares (donors, parts), and its adjustment over the columns.

    Returns
    -------
    Columns `p_value`, `p_attainable`, `p_adjusted`, `n_family`, one row a part; NaN where a group has one donor.

    Examples
    --------
    >>> reference, other = np.array([[0.5], [0.6], [0.4]]), np.array([[0.1], [0.2], [0.3]])
    >>> share_tests(reference, other)["p_value"].tolist()  # all other shares are lower: 2 of 20
    [0.1]
    """
    tests = [mann_whitney_exact(before, after) for before, after in zip(reference.T, other.T, strict=True)]
    p_values, attainable = ([getattr(test, name) for test in tests] for name in ("p_value", "p_attainable"))
    family = benjamini_hochberg(p_values, attainable)
    return pd.DataFrame(
        {
            "p_value": p_values,
            "p_attainable": attainable,
            "p_adjusted": family.p_adjusted,
            "n_family": family.n_tested,
        }
    )


def _shares(attributed: Attributed, membership: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reference, other = (
        ends / ends.sum(axis=1, keepdims=True) @ membership
        for ends in (attributed.reference, attributed.other)
    )
    return reference, other


def _parts(attributed: Attributed, by_part: pd.DataFrame) -> pd.DataFrame:
    first = by_part[by_part["metric"] == by_part["metric"].iloc[0]]
    known = first[first["part"] != NUMBER_OF_PARTS].sort_values("part", ignore_index=True)
    rows = known[["part", *SHARES, *RATIOS, "n_reference", "n_other", "interval"]].copy()
    for name in LEVELS:
        rows[name] = lineage_of(rows["part"], level=name)
    tests = share_tests(*_shares(attributed, np.eye(len(attributed.parts))))
    return _directed(pd.concat([rows, tests], axis=1))


def _lineages(attributed: Attributed, level: str) -> pd.DataFrame:
    rows = attributed.by_lineage(level=level).rename(columns={level: "lineage"})
    groups = lineage_of(attributed.parts, level=level)
    labels = sorted(set(groups))
    membership = np.array([[group == label for label in labels] for group in groups], dtype=np.float64)
    tests = share_tests(*_shares(attributed, membership)).assign(lineage=labels)
    found = rows.merge(tests, on="lineage", how="left").assign(level=level)
    return _directed(found.assign(n_family=found["n_family"].fillna(0).astype(int)))


def _directed(rows: pd.DataFrame) -> pd.DataFrame:
    change = rows["share_change"]
    certain = rows["interval"] == "interval"
    sign = np.select([change > 0, change < 0, change == 0], [GAIN, LOSS, UNCHANGED], default="")
    towards = np.select(
        [certain & (rows["share_change_low"] > 0), certain & (rows["share_change_high"] < 0)],
        [GAIN, LOSS],
        default=UNCLEAR,
    )
    unnamed = change.isna().to_numpy()  # the row for the number of parts has no share
    return rows.assign(
        sign=pd.Series(sign, index=rows.index).mask(unnamed),
        towards=pd.Series(towards, index=rows.index).mask(unnamed),
    )


def _leading(compartments: pd.DataFrame) -> pd.DataFrame:
    """The compartment with the largest fraction of each metric's shift; none where there is no shift."""
    rows = []
    for metric, of_metric in compartments.groupby("metric", sort=False):
        known = of_metric.dropna(subset=["fraction_of_shift"]).sort_values("fraction_of_shift")
        leader = known.iloc[-1] if len(known) else None
        rows.append(
            {
                "metric": metric,
                "leading_compartment": None if leader is None else leader["lineage"],
                "leading_fraction": np.nan if leader is None else leader["fraction_of_shift"],
            }
        )
    return pd.DataFrame(rows)
