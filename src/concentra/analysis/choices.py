"""The choices of a comparison of donors, and what each combination of them compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import ArgumentError, nearest
from concentra.metrics import gini, hill_number
from concentra.metrics.depth import hill_q1_corrected
from concentra.metrics.gini import as_support
from concentra.metrics.rarefaction import rarefied_gini, rarefied_hill
from concentra.stats.specifications import Comparisons

ALL, NONE = "all", "none"
OBSERVED, CORRECTED, RAREFIED = "observed", "corrected", "rarefied"
MEDIAN, MEAN = "median", "mean"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of each dimension; the first of each is the published choice.

    Attributes
    ----------
    references, others
        Sets of labels that make the reference and the other group.
    restrictions
        "all", or a value (a sex) to which donors are restricted.
    min_cells
        Units with fewer cells are left out.
    supports
        "present" or "stratum": which parts the Gini coefficient counts. It never matters to the effective number.
    depths
        "observed": as counted. "rarefied": both metrics expected at the number of cells of the smallest donor
        that is eligible. "corrected": effective number of Chao, Wang & Jost (2013), and Gini as rarefied, since
        there is no estimator of the Gini coefficient of the population.
    averages
        "median" or "mean" over donors.
    left_out
        "none", or a donor without whom the groups are compared.
    """

    references: Sequence[Sequence[str]]
    others: Sequence[Sequence[str]]
    restrictions: Sequence[str] = (ALL,)
    min_cells: Sequence[int] = (50,)
    supports: Sequence[str] = ("present", "stratum")
    depths: Sequence[str] = (OBSERVED, CORRECTED, RAREFIED)
    averages: Sequence[str] = (MEDIAN, MEAN)
    left_out: Sequence[str] = (NONE,)

    def __post_init__(self) -> None:
        for name, known in (("depths", (OBSERVED, CORRECTED, RAREFIED)), ("averages", (MEDIAN, MEAN))):
            for value in getattr(self, name):
                if value not in known:
                    raise ArgumentError(
                        found=f"{value!r} among {name}",
                        expected=f"some of {', '.join(map(repr, known))}",
                        fix=nearest(value, known),
                    )
        for support in self.supports:
            as_support(support)
        for field in fields(self):
            if not getattr(self, field.name):
                raise ArgumentError(
                    found=f"no value for {field.name}",
                    expected="at least one value a dimension, the published one first",
                    fix=f"name a value of {field.name}",
                )

    def crossed(self) -> pd.DataFrame:
        """Every combination, the published one first: one row each, one column a dimension."""
        names = [field.name for field in fields(self)]
        frame = pd.DataFrame(list(product(*(getattr(self, name) for name in names))), columns=names)
        singular = {
            "restrictions": "restricted_to",
            "references": "reference",
            "others": "other",
            "supports": "support",
            "depths": "depth",
            "averages": "average",
        }
        return frame.rename(columns=singular)


def comparisons_of(
    choices: Choices,
    counts: Floats,
    donors: NDArray[np.str_],
    restricting: NDArray[np.str_],
    labels: Sequence[str],
) -> tuple[pd.DataFrame, Comparisons]:
    """Combinations that differ for some labels of the donors, and what they compare.

    Parameters
    ----------
    choices
        The dimensions.
    counts
        Cells of each part in each donor, shape (n, K).
    donors
        Their names, shape (n,).
    restricting
        The value of each donor that a restriction may name, shape (n,).
    labels
        Names of the labels, in the order of their numbers.

    Returns
    -------
    rows
        The first of the combinations that are the same whatever the labels, with `specification`, its place in
        `choices.crossed()`, and `common_cells`, at which its values are rarefied.
    comparisons
        Of these rows, in this order; metrics are the Gini coefficient and the effective number.

    Examples
    --------
    >>> choices = Choices(references=[["3m"]], others=[["24m"]], min_cells=(50,), depths=("observed",))
    >>> counts = np.array([[50.0, 50], [60, 40], [90, 10], [80, 20]])
    >>> rows, found = comparisons_of(choices, counts, np.array(list("abcd")), np.array(["male"] * 4), ["3m", "24m"])
    >>> len(rows), found.values.round(2).tolist()[0]  # mean or median, of the Gini coefficient here
    (4, [0.0, 0.1, 0.4, 0.3])
    """
    n_cells = counts.sum(axis=1)
    groups: dict[tuple[bytes, tuple[str, ...]], int] = {}
    columns: dict[tuple[str, str, str, int], int] = {}
    places: dict[tuple[int, ...], tuple[int, int | None]] = {}
    rows = choices.crossed()
    for number, row in enumerate(rows.to_dict("records")):
        eligible = (n_cells >= row["min_cells"]) & (donors != row["left_out"])
        if row["restricted_to"] != ALL:
            eligible &= restricting == row["restricted_to"]
        if not eligible.any():
            continue
        cells = int(n_cells[eligible].min())
        depth = OBSERVED if row["depth"] == OBSERVED else RAREFIED
        for_gini = ("gini", depth, str(row["support"]), 0 if depth == OBSERVED else cells)
        for_hill = ("hill_q1", str(row["depth"]), "", cells if row["depth"] == RAREFIED else 0)
        sides = [
            groups.setdefault((eligible.tobytes(), tuple(side)), len(groups))
            for side in (row["reference"], row["other"])
        ]
        used = [columns.setdefault(one, len(columns)) for one in (for_gini, for_hill)]
        key = (*sides, *used, int(row["average"] == MEAN))
        places.setdefault(key, (number, None if row["depth"] == OBSERVED else cells))
    table = np.array(list(places), dtype=np.int64)
    numbers, cells_of = zip(*places.values(), strict=True)
    rows = rows.iloc[list(numbers)].assign(specification=list(numbers), common_cells=list(cells_of))
    comparisons = Comparisons(
        values=np.array([_measured(counts, *column) for column in columns]),
        eligible=np.array([np.frombuffer(eligible, dtype=bool) for eligible, _ in groups]),
        member=np.array([[label in side for label in labels] for _, side in groups]),
        reference=table[:, 0],
        other=table[:, 1],
        columns=table[:, 2:4].T,
        mean=table[:, 4].astype(bool),
    )
    return rows.reset_index(drop=True), comparisons


def _measured(counts: Floats, metric: str, depth: str, support: str, cells: int) -> Floats:
    """One metric of every donor (n,); NaN where a donor has fewer cells than the common number."""
    if metric == "gini":
        which = as_support(support)
        values = (
            gini(counts, support=which) if depth == OBSERVED else rarefied_gini(counts, cells, support=which)
        )
    elif depth == OBSERVED:
        values = hill_number(counts, 1.0)
    else:
        values = hill_q1_corrected(counts) if depth == CORRECTED else rarefied_hill(counts, cells, q=1)
    return np.asarray(values, dtype=np.float64)
