"""Which parts of a stratum change their share with age, and which of them carry the shift in concentration?

The tables of one stratum from one set of draws: contributions of parts (`concentra.analysis.drivers`), changes of
share with a test for each part, the same summed per lineage, stage and compartment, and the shifts attributed.
A change of share has two readings, kept apart: `sign` is that of the difference of means over donors, `towards`
asks that its interval excludes 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from concentra.analysis.drivers import NUMBER_OF_PARTS, Drivers, pair_donors
from concentra.analysis.lineages import LEVELS, lineage_of
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.multiplicity import benjamini_hochberg

GAIN, LOSS, UNCLEAR, UNCHANGED = "gain", "loss", "unclear", "unchanged"
TOWARDS = (GAIN, LOSS, UNCLEAR)
SIGNS = (GAIN, LOSS, UNCHANGED)
SHARES = ["share_early", "share_late", "share_change", "share_change_low", "share_change_high"]
RATIOS = ["clr_change", "clr_change_low", "clr_change_high"]


class Components(NamedTuple):
    """The tables of one stratum.

    Attributes
    ----------
    contributions
        One row a (metric, part), the largest first: `rank`, `lineage`, `share_early`, `share_late`, `clr_change`,
        `contribution`, `low`, `high`, `fraction_of_shift`.
    parts
        One row a part: `lineage`, `stage`, `compartment`, its shares and their change with interval, log-ratio
        change, `p_value` (exact Mann-Whitney of the shares), `p_attainable`, `p_adjusted` over the parts of the
        stratum, `n_family`, `sign`, `towards`.
    lineages
        One row a (level, lineage, metric): shares and their change, contributions, tests, `sign`, `towards`. The
        family of the tests is the lineages of one level.
    shifts
        One row a metric: the shift attributed with its neighbours, the compartment that carries most of it
        (`leading_compartment`) and the fraction of the shift that this is (`leading_fraction`).
    """

    contributions: pd.DataFrame
    parts: pd.DataFrame
    lineages: pd.DataFrame
    shifts: pd.DataFrame


def components(
    composition: pd.DataFrame,
    *,
    metrics: Sequence[str],
    level: float,
    n_draws: int,
    zero: float,
    rng: np.random.Generator | int,
) -> Components:
    """What carries the shift of one stratum.

    Parameters
    ----------
    composition
        `donor`, `part`, `n_cells`, `age_group` ("early" or "late") of the donors compared.
    metrics
        Metrics whose shift can be attributed.
    level, n_draws, zero, rng
        As for `concentra.analysis.drivers.attribute`.

    Examples
    --------
    >>> cells = pd.DataFrame({"donor": ["a", "a", "b", "b"], "part": ["granulocyte", "naive B cell"] * 2,
    ...                       "n_cells": [50, 50, 75, 25], "age_group": ["early", "early", "late", "late"]})
    >>> found = components(cells, metrics=["hill_q1"], level=0.95, n_draws=100, zero=0.5, rng=1)
    >>> found.parts[["part", "share_change", "sign", "towards"]].values.tolist()
    [['granulocyte', 0.25, 'gain', 'unclear'], ['naive B cell', -0.25, 'loss', 'unclear']]
    """
    drivers = pair_donors(
        composition,
        early="early",
        late="late",
        metrics=metrics,
        n_draws=n_draws,
        level=level,
        zero=zero,
        rng=rng,
    )
    by_part = drivers.by_part().rename(columns={"kind": "interval"})
    by_part["rank"] = by_part.groupby("metric").cumcount() + 1
    lineages = pd.concat([_lineages(drivers, name) for name in LEVELS], ignore_index=True)
    shifts = drivers.shifts().rename(columns={"kind": "interval"})
    leaders = _leading(lineages[lineages["level"] == "compartment"])
    return Components(by_part, _parts(drivers, by_part), lineages, shifts.merge(leaders, on="metric"))


def share_tests(early: np.ndarray, late: np.ndarray) -> pd.DataFrame:
    """The exact test of each column of shares (donors, parts), and its adjustment over the columns.

    Returns
    -------
    Columns `p_value`, `p_attainable`, `p_adjusted`, `n_family`, one row a part; NaN where a group has one donor.

    Examples
    --------
    >>> early, late = np.array([[0.5], [0.6], [0.4]]), np.array([[0.1], [0.2], [0.3]])
    >>> share_tests(early, late)["p_value"].tolist()  # all late shares are lower: 2 of 20
    [0.1]
    """
    tests = [mann_whitney_exact(before, after) for before, after in zip(early.T, late.T, strict=True)]
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


def _shares(drivers: Drivers, membership: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    early, late = (ends / ends.sum(axis=1, keepdims=True) @ membership for ends in drivers.ends[1:])
    return early, late


def _parts(drivers: Drivers, by_part: pd.DataFrame) -> pd.DataFrame:
    first = by_part[by_part["metric"] == by_part["metric"].iloc[0]]
    known = first[first["part"] != NUMBER_OF_PARTS].sort_values("part", ignore_index=True)
    rows = known[["part", *SHARES, *RATIOS, "n_early", "n_late", "interval"]].copy()
    for name in LEVELS:
        rows[name] = lineage_of(rows["part"], level=name)
    tests = share_tests(*_shares(drivers, np.eye(len(drivers.ends.parts))))
    return _directed(pd.concat([rows, tests], axis=1))


def _lineages(drivers: Drivers, level: str) -> pd.DataFrame:
    rows = drivers.by_lineage(level=level).rename(columns={level: "lineage", "kind": "interval"})
    groups = lineage_of(drivers.ends.parts, level=level)
    labels = sorted(set(groups))
    membership = np.array([[group == label for label in labels] for group in groups], dtype=np.float64)
    tests = share_tests(*_shares(drivers, membership)).assign(lineage=labels)
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
