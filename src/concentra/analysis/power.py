"""Which change would a study of so many donors and cells show? From a pilot data set, or from assumptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from concentra.analysis.concentration import concentration
from concentra.analysis.model import DECIDING, responses
from concentra.composition.composition import Composition
from concentra.design.settings import Settings
from concentra.errors import ArgumentError, DesignError
from concentra.metrics import gini
from concentra.stats.power import (
    assumed_composition,
    cell_variance,
    contrast_of_gini,
    detectable_of_groups,
    donor_error,
    power_of_groups,
)
from concentra.stats.shrinkage import squeeze_variances
from concentra.stats.verdict import readable
from concentra.tables import Table, column

Floats = NDArray[np.float64]
N_DONORS = (3, 4, 6, 8, 10, 15, 20)
N_CELLS = (300, 1_000, 3_000)
RATIO, DIFFERENCE = 0.8, 0.05
"""The changes whose power is given by default: of the effective number, and of the Gini coefficient."""


class Power(Table):
    """The power of the test of one tissue, and the change it detects, for numbers of donors and of cells."""

    stratum: str = column("tissue")
    metric: str = column("metric that decides", among=DECIDING)
    n_donors: int = column("donors of each of the two groups", unit="donors", low=2)
    n_cells: int = column("cells of each donor", unit="cells", low=1)
    effect: float = column("change that is there: ratio of effective numbers, difference of Gini")
    power: float = column("probability that the single test shows it", low=0, high=1)
    detectable: float = column("smallest such change shown with the probability aimed at")
    sd_donors: float = column("standard deviation between donors of ln effective number or logit Gini", low=0)
    sd_cells: float = column("what counting this number of cells adds", low=0)
    n_pilot: int = column("donors of the pilot data; 0: assumed", unit="donors", low=0)
    by_analyze: ClassVar[bool] = False

    class Config(Table.Config):
        unique = ["stratum", "metric", "n_donors", "n_cells"]


@dataclass(frozen=True, slots=True)
class Spread:
    """What the power of one stratum rests on; each pair is for ln effective number and logit Gini.

    Attributes
    ----------
    stratum
        Its name.
    sd
        Standard deviations between donors, of infinitely many cells.
    per_cell
        Variance of counting, times cells: see `concentra.stats.power.cell_variance`.
    centre
        Mean ln effective number and logit Gini.
    n_donors
        Donors of the pilot; 0 where assumed.
    """

    stratum: str
    sd: tuple[float, float]
    per_cell: tuple[float, float]
    centre: tuple[float, float]
    n_donors: int = 0


def spread_of(
    pilot: Composition, *, group: str | None = None, settings: Settings | None = None
) -> list[Spread]:
    r"""The spread between donors in every stratum of a pilot data set.

    The residual variance of a stratum, of donors within their groups, is shrunk over the strata
    (`concentra.stats.shrinkage`); :math:`\sigma^2 = \max(s^2 - \overline{v_i / m_i}, 0)` takes off what counting the
    pilot's :math:`m_i` cells contributed.

    Parameters
    ----------
    pilot
        Counts. Several samples of a donor in one group are averaged.
    group
        The column of the groups; None: all donors are alike.
    settings
        `min_cells` and `depth`; None: the defaults.

    Returns
    -------
    One `Spread` a stratum with at least three donors and a residual degree of freedom.

    Raises
    ------
    ArgumentError
        Amounts are shares: their number of cells is unknown.
    DesignError
        No stratum has enough donors.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = [("lung", donor, part, n) for donor, cells in {"a": (60, 40), "b": (70, 30), "c": (85, 15)}.items()
    ...         for part, n in zip("BT", cells)]
    >>> pilot = spread_of(from_table(pd.DataFrame(rows, columns=["stratum", "donor", "part", "n_cells"])))[0]
    >>> pilot.stratum, pilot.n_donors, [round(float(sd), 2) for sd in pilot.sd]
    ('lung', 3, [0.12, 0.7])
    """
    if pilot.of_shares:
        raise ArgumentError(
            found="shares, whose number of cells is unknown",
            expected="counts of cells: counting is part of the variance",
            fix="give counts, or assume the spread: --effective, --types, --sd",
        )
    units = concentration(pilot, settings or Settings())
    values = responses(units)
    labels = pilot.label(group).astype(str).to_numpy() if group is not None else np.full(len(units), "")
    found = []
    for name in pilot.strata:
        counts, _, rows = pilot.of_stratum(name)
        usable = units["included"].to_numpy()[rows] & np.isfinite(values[rows]).all(axis=1)
        table = pd.DataFrame(values[rows], columns=list(DECIDING)).assign(
            donor=units["donor"].to_numpy()[rows], group=labels[rows]
        )[usable]
        means = table.groupby(["group", "donor"], sort=True)[list(DECIDING)].mean()
        within = means - means.groupby("group").transform("mean")
        df = len(means) - means.index.get_level_values("group").nunique()
        if len(means) >= 3 and df > 0:
            counted = cell_variance(counts[usable])
            cells = np.nanmean(counted / counts[usable].sum(axis=1, keepdims=True), axis=0)
            variance = (within.to_numpy() ** 2).sum(axis=0) / df
            found.append(
                (name, variance, df, cells, np.nanmean(counted, axis=0), means.mean().to_numpy(), len(means))
            )
    if not found:
        raise DesignError(
            found="no tissue with three donors, two of them in one group",
            expected="a pilot from which the spread between donors can be seen",
            fix="lower --min-cells, or assume the spread: --effective, --types, --sd",
        )
    variances = np.array([one[1] for one in found])
    shrunk = np.stack(
        [squeeze_variances(variances[:, m], [one[2] for one in found]).variance for m in range(2)], axis=1
    )
    return [
        Spread(
            name, _pair(np.sqrt(np.maximum(total - cells, 0.0))), _pair(per_cell), _pair(centre), n_donors
        )
        for total, (name, _, _, cells, per_cell, centre, n_donors) in zip(shrunk, found, strict=True)
    ]  # fmt: skip


def assumed_spread(effective: float, n_parts: int, sd: float, sd_gini: float | None = None) -> Spread:
    """The spread of one stratum as assumed: shares in geometric series, and standard deviations between donors.

    Parameters
    ----------
    effective, n_parts
        Effective number and number of parts.
    sd
        Standard deviation between donors of ln effective number; .1 in mouse tissues and blood, .4 in tumours.
    sd_gini
        Of logit Gini; None: 1.3 times `sd` (.9 times in tumours, up to 2.5 times in mouse tissues).

    Examples
    --------
    >>> assumed_spread(6, 15, 0.2).sd
    (0.2, 0.26)
    """
    for name, value in (("sd", sd), ("sd_gini", sd if sd_gini is None else sd_gini)):
        if not 0 < value < 5:
            raise ArgumentError(
                found=f"{name}={value:g}", expected="a standard deviation above 0, of a logarithm",
                fix="0.2 means that donors differ by about 20%",
            )  # fmt: skip
    shares = assumed_composition(effective, n_parts)
    centre = float(np.log(effective)), float(logit(gini(shares, support="stratum")))
    return Spread(
        "assumed", (sd, 1.3 * sd if sd_gini is None else sd_gini), _pair(cell_variance(shares)), centre
    )


def power(
    spreads: Iterable[Spread],
    *,
    n_donors: Sequence[int] = N_DONORS,
    n_cells: Sequence[int] = N_CELLS,
    ratio: float = RATIO,
    difference: float = DIFFERENCE,
    alpha: float = 0.05,
    target: float = 0.8,
) -> pd.DataFrame:
    """The power of two groups of n donors with m cells each, and the change that they show: the columns of `Power`.

    Of the test of a single tissue, without what moderation over a family of tissues adds.

    Parameters
    ----------
    spreads
        `spread_of` a pilot, or `assumed_spread`.
    n_donors, n_cells
        Numbers of donors of each group, and of cells of each donor.
    ratio, difference
        The change of the effective number (a ratio) and of the Gini coefficient whose power is given.
    alpha
        Level of the test.
    target
        The probability of the detectable change.

    Raises
    ------
    ArgumentError
        A number is out of range.

    Examples
    --------
    >>> found = power([assumed_spread(6, 15, 0.2)], n_donors=[4, 12], n_cells=[1000])
    >>> found.loc[found["metric"] == "hill_q1", ["power", "detectable"]].round(2).values.tolist()
    [[0.26, 0.62], [0.73, 0.78]]
    """
    _checked(n_donors, n_cells, ratio, difference)
    grid = [(n, m) for m in n_cells for n in n_donors]
    donors, cells = (np.array(one) for one in zip(*grid, strict=True))
    frames = []
    for spread in spreads:
        contrasts = abs(np.log(ratio)), float(contrast_of_gini(abs(difference), spread.centre[1]))
        for m, metric in enumerate(DECIDING):
            sd = donor_error(spread.sd[m], spread.per_cell[m], cells)
            needed = detectable_of_groups(sd, donors, alpha=alpha, power=target)
            sides = np.stack([-needed, needed], axis=1)
            frames.append(
                pd.DataFrame(
                    {
                        "stratum": spread.stratum, "metric": metric, "n_donors": donors, "n_cells": cells,
                        "effect": (ratio, difference)[m],
                        "power": power_of_groups(contrasts[m], sd, donors, alpha=alpha),
                        "detectable": readable(sides, np.broadcast_to(spread.centre, sides.shape))[:, m],
                        "sd_donors": spread.sd[m], "sd_cells": np.sqrt(spread.per_cell[m] / cells),
                        "n_pilot": spread.n_donors,
                    }
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)[list(Power.columns())] if frames else Power.empty()


def _checked(n_donors: Sequence[int], n_cells: Sequence[int], ratio: float, difference: float) -> None:
    checks = (
        (
            bool(n_donors) and min(n_donors, default=0) >= 2,
            f"donors {list(n_donors)}",
            "two donors a group or more",
        ),
        (
            bool(n_cells) and min(n_cells, default=0) >= 1,
            f"cells {list(n_cells)}",
            "one cell a donor or more",
        ),
        (0 < ratio != 1, f"a ratio of {ratio:g}", "a ratio above 0 that is not 1: 0.8 is a fifth less"),
        (0 < abs(difference) < 1, f"a difference of {difference:g}", "a difference of Gini between 0 and 1"),
    )
    for holds, found, expected in checks:
        if not holds:
            raise ArgumentError(found=found, expected=expected, fix="change the option, or leave it out")


def _pair(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[1])
