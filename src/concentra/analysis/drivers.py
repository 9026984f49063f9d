"""Which parts drive a stratum's shift? Contributions that add up, beside changes and tests of every part's share.

The attribution of each stratum is that of `concentra.analysis.attribution`, the tests of log-ratios are those of
`concentra.analysis.part_tests`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.attribution import INTERVALS, METRICS, ZERO, Attributed, pair_donors
from concentra.analysis.part_tests import part_tests
from concentra.design.design import Design, Stratum, Term
from concentra.progress import counted
from concentra.stats.streams import stream
from concentra.tables import Table, column

Floats = NDArray[np.float64]


class Drivers(Table):
    """The contribution of each part to the shift of means over donors: with "(number of parts)" they sum to it."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    part: str = column('cell type; "(number of parts)": the appearance and loss of types')
    lineage: str = column("lineage of the cell type, where its name tells", nullable=True)
    rank: int = column("place by size of the contribution; the number of parts is last", low=1)
    share_reference: float = column("mean share, reference group", low=0, high=1, nullable=True)
    share_other: float = column("mean share, other group", low=0, high=1, nullable=True)
    share_change: float = column("difference", low=-1, high=1, nullable=True)
    share_change_low: float = column("interval over donors", nullable=True)
    share_change_high: float = column("interval over donors", nullable=True)
    clr_change: float = column("change of the mean centred log-ratio", unit="nats", nullable=True)
    clr_change_low: float = column("interval over donors", unit="nats", nullable=True)
    clr_change_high: float = column("interval over donors", unit="nats", nullable=True)
    p_value: float = column("moderated t-test of the centred log-ratio", low=0, high=1, nullable=True)
    p_adjusted: float = column(
        "Benjamini-Hochberg over the cell types of the tissue", low=0, high=1, nullable=True
    )
    contribution: float = column("contribution to the shift", unit="metric")
    low: float = column("interval over donors", unit="metric", nullable=True)
    high: float = column("interval over donors", unit="metric", nullable=True)
    low_adjusted: float = column(
        "interval that holds for all cell types of the tissue together", unit="metric", nullable=True
    )
    high_adjusted: float = column(
        "interval that holds for all cell types of the tissue together", unit="metric", nullable=True
    )
    fraction_of_shift: float = column("contribution / shift; may leave 0 to 1", nullable=True)
    n_reference: int = column("donors of the reference group", unit="donors", low=1)
    n_other: int = column("donors of the other group", unit="donors", low=1)
    interval: str = column("what low and high are: a range at two donors", among=INTERVALS)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "metric", "part"]


def drivers(design: Design, *, zero: float | None = None) -> pd.DataFrame:
    """Contribution of each part to the shift of every stratum, beside plain and log-ratio changes of its share.

    Attributed is the difference of means over all pairs of a reference and an other donor, whatever the design; of
    paired donors and within a covariate its intervals are wide rather than narrow. Several samples of a donor in one
    group are summed as mean shares.

    Parameters
    ----------
    design
        Of groups.
    zero
        The amount that stands for an absent part in log-ratios; None: as `absent_amount` chooses it.

    Returns
    -------
    One row a (term, stratum, metric, part): the columns of `Drivers`, those of one metric by size of contribution.
    The contributions of a metric add up to its shift of means. Strata with an empty group have no rows.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> found = drivers(resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))).set_index("metric")
    >>> float(found.loc["gini_present", "contribution"].sum().round(3))  # mean of 0.3 and 0.4, less that of 0 and 0.1
    0.3
    """
    amount = absent_amount(design) if zero is None else zero
    frames, places = [], []
    for term, stratum, attributed in attributed_strata(design, zero=amount):
        frames.append(ranked(attributed, stratum, term, zero=amount))
        places.append((term.name, stratum.name))
    if not frames:
        return Drivers.empty()
    contrasts, strata = zip(*places, strict=True)
    sizes = list(map(len, frames))
    named = {"contrast": np.repeat(contrasts, sizes), "stratum": np.repeat(strata, sizes)}
    return pd.concat(frames, ignore_index=True).assign(**named)[list(Drivers.columns())]


def absent_amount(design: Design) -> float:
    """The amount that stands for an absent part: half a cell, or half the smallest share that was seen.

    Less where so many parts are absent that they would hold more than half of a unit.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aab"), "part": list("BTB"), "g": list("xxy"),
    ...                      "n_cells": [50, 40, 60]})
    >>> absent_amount(resolve(from_table(rows), Question("g", ("x",), (("y",),))))
    0.5
    """
    amount = ZERO
    for stratum in design.strata:
        counts = stratum.counts[:, stratum.counts.sum(axis=0) > 0]
        if design.composition.of_shares and (counts > 0).any():
            amount = min(amount, float(counts[counts > 0].min()) / 2)
        totals, absent = counts.sum(axis=1), (counts == 0).sum(axis=1)
        some = (totals > 0) & (absent > 0)
        amount = min([amount, *(totals[some] / (2 * absent[some]))])
    return float(amount)


def ranked(attributed: Attributed, stratum: Stratum, term: Term, *, zero: float = ZERO) -> pd.DataFrame:
    """One row a (metric, part), the largest contributions first, with the test of each part's log-ratio.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> term, stratum, attributed = next(attributed_strata(design))
    >>> ranked(attributed, stratum, term)[["metric", "part"]].iloc[0].tolist()
    ['gini_present', 'T']
    """
    found = attributed.by_part()
    found["rank"] = found.groupby("metric").cumcount() + 1
    tests = part_tests(stratum, term, zero=zero)[["part", "p_value", "p_adjusted"]]
    return found.merge(tests, on="part", how="left")


def attributed_strata(design: Design, *, zero: float = ZERO) -> Iterator[tuple[Term, Stratum, Attributed]]:
    """The attributions of every stratum with donors in both groups, from which tables are made.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> [(term.other, stratum.name, attributed.parts) for term, stratum, attributed in attributed_strata(design)]
    [('24m', 'lung', ('B', 'T'))]
    """
    settings = design.settings
    for term, stratum in counted(design.two_sided()):
        sides = [amounts_of_donors(stratum, group) for group in (term.reference, term.other)]
        if all(map(len, sides)):
            rng = stream(settings.seed, "drivers", stratum.name)
            yield (
                term,
                stratum,
                pair_donors(
                    stratum.parts,
                    sides[0],
                    sides[1],
                    n_draws=settings.n_draws,
                    level=settings.level,
                    zero=zero,
                    rng=rng,
                ),
            )


def amounts_of_donors(stratum: Stratum, group: str) -> Floats:
    """Cells (n, K) of the donors of a group; of a donor with several samples the mean share, times its mean cells.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "g": list("xxyy"), "part": "T", "n_cells": 60})
    >>> design = resolve(from_table(rows), Question("g", ("x",), (("y",),)))
    >>> amounts_of_donors(design.strata[0], "x").tolist()
    [[60.0], [60.0]]
    """
    rows = stratum.of_group(group)
    counts = stratum.counts[rows].astype(np.float64)
    donors, place = np.unique(stratum.donor[rows].astype(str), return_inverse=True)
    if len(donors) == len(rows):
        return counts
    shares = np.zeros((len(donors), counts.shape[1]))
    np.add.at(shares, place, counts / counts.sum(axis=1, keepdims=True))
    sizes = np.bincount(place)
    cells = np.bincount(place, weights=counts.sum(axis=1)) / sizes
    return np.asarray(shares / sizes[:, None] * cells[:, None])
