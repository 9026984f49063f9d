"""Do the groups differ over all strata at once? Labels are permuted per donor, over all its strata together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.exact import ALL_UP_TO, Sides
from concentra.design.design import Design, Term
from concentra.stats.permutation import permutation_test, sign_flip_test
from concentra.stats.streams import stream
from concentra.tables import Table, column

Floats = NDArray[np.float64]
Names = NDArray[np.str_]
METRICS = (
    "gini_present", "hill_q1", "gini_stratum", "hill_q0", "hill_q2", "hill_q1_corrected", "gini_rarefied",
    "hill_q1_rarefied",
)  # fmt: skip


class Across(Table):
    """All tissues in one test: labels permuted per donor, over all its tissues together."""

    contrast: str = column("the groups compared")
    metric: str = column("column of `concentration`", among=METRICS)
    n_strata: int = column("tissues with at least two donors of both groups", low=0)
    n_reference: int = column("donors (pairs) of the reference group", unit="donors", low=0)
    n_other: int = column("donors (pairs) of the other group", unit="donors", low=0)
    mean_shift: float = column("mean over tissues of the difference of means", nullable=True)
    share_up: float = column("share of tissues with a shift above 0", low=0, high=1, nullable=True)
    p_value: float = column("permutation of donors' labels, two-sided", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest p the donors allow", low=0, high=1, nullable=True)
    n_arrangements: int = column("arrangements of labels", low=0)
    exact: bool = column("all arrangements were enumerated")

    class Config(Table.Config):
        unique = ["contrast", "metric"]


def across(design: Design, units: pd.DataFrame) -> pd.DataFrame:
    """One test of each metric over all strata.

    The strata of one donor are not independent: its label is permuted in all of them at once.

    Parameters
    ----------
    design
        Two or more groups.
    units
        As `concentra.analysis.concentration.concentration` returns it.

    Returns
    -------
    One row a (term, metric): the columns of `Across`.

    Examples
    --------
    >>> from concentra.analysis.concentration import concentration
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> found = across(design, concentration(design.composition)).set_index("metric")
    >>> found.loc["gini_present", ["mean_shift", "p_value"]].astype(float).round(3).tolist()
    [0.3, 0.333]
    """
    rows = []
    for term in filter(lambda term: term.other, design.terms):
        sides = [Sides(stratum, term) for stratum in design.strata]
        rows += [
            {"contrast": term.name, "metric": metric} | _over_strata(design, units, term, metric, sides)
            for metric in METRICS
            if units[metric].notna().any()
        ]
    return pd.DataFrame(rows, columns=list(Across.columns()))


def _over_strata(
    design: Design, units: pd.DataFrame, term: Term, metric: str, groups: list[Sides]
) -> dict[str, Any]:
    measured = units[metric].to_numpy(dtype=np.float64)
    columns: tuple[list[tuple[Names, Floats]], list[tuple[Names, Floats]]] = ([], [])
    blocks: dict[str, str] = {}
    for stratum, group_of in zip(design.strata, groups, strict=True):
        names = stratum.donor if stratum.pair is None else stratum.pair
        sides = group_of.ends(measured[stratum.rows])
        if min(len(sides[0]), len(sides[1])) < 2:
            continue
        for place, group in enumerate((term.reference, term.other)):
            rows = stratum.of_group(group)
            rows = rows[~np.isnan(measured[stratum.rows][rows])]
            donors = np.unique(names[rows].astype(str))
            if stratum.pair is not None:
                others = stratum.of_group(term.other if place == 0 else term.reference)
                donors = np.intersect1d(donors, names[others].astype(str))
            columns[place].append((donors, np.asarray(sides[place], dtype=np.float64)))
            if stratum.block is not None:
                blocks |= dict(zip(names[rows].astype(str), stratum.block[rows].astype(str), strict=True))
    if not columns[0]:
        empty = {"n_strata": 0, "n_reference": 0, "n_other": 0, "mean_shift": np.nan, "share_up": np.nan}
        return empty | {"p_value": np.nan, "p_attainable": np.nan, "n_arrangements": 0, "exact": True}
    first, second = map(_donors_by_strata, columns)
    return _tested(design, first, second, blocks, stream(design.settings.seed, "across", metric))


def _donors_by_strata(columns: list[tuple[Names, Floats]]) -> pd.DataFrame:
    """One row a donor, sorted, and one column a stratum; NaN where a donor has no value."""
    donors = np.unique(np.concatenate([names for names, _ in columns]))
    values = np.full((len(donors), len(columns)), np.nan)
    for number, (names, some) in enumerate(columns):
        values[np.searchsorted(donors, names), number] = some
    return pd.DataFrame(values, index=donors)


def _tested(
    design: Design,
    first: pd.DataFrame,
    second: pd.DataFrame,
    blocks: dict[str, str],
    rng: np.random.Generator,
) -> dict[str, Any]:
    how: dict[str, Any] = {"rng": rng, "all_up_to": ALL_UP_TO, "n_random": design.settings.n_random}
    if design.question.paired_by:
        second = second.reindex(first.index)
        shifts = (second - first).mean(axis=0)
        test = sign_flip_test(first.to_numpy(), second.to_numpy(), **how)
    else:
        shifts = second.mean(axis=0) - first.mean(axis=0)
        labels = [[blocks.get(str(donor), "") for donor in table.index] for table in (first, second)]
        test = permutation_test(
            first.to_numpy(), second.to_numpy(), strata_reference=labels[0], strata_other=labels[1], **how
        )
    return {
        "n_strata": first.shape[1],
        "n_reference": test.n_reference,
        "n_other": test.n_other,
        "mean_shift": test.statistic,
        "share_up": float((shifts > 0).mean()),
        "p_value": test.p_value,
        "p_attainable": test.p_attainable,
        "n_arrangements": test.n_arrangements,
        "exact": test.exact,
    }
