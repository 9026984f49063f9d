"""The tables of one comparison of a cohort, stratum by stratum, each from the module that knows the question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from concentra.analysis.ages import numeric_axis
from concentra.analysis.choices import ALL, Choices
from concentra.analysis.compare import Sides, sided
from concentra.analysis.drivers import pair_donors
from concentra.analysis.multiverse import multiverse
from concentra.analysis.plane import plane
from concentra.analysis.question import EARLY, LATE, Comparison
from concentra.analysis.trend import age_trend

N_RANDOM = 999
FOLLOWED = ("gini_present", "hill_q1", "gini_rarefied", "hill_q1_corrected")
"""Metrics that are followed along an axis: as counted, and corrected for depth."""
N_SHOWN = 150
"""Points of each null cloud that are kept for drawing."""


def drivers_of_strata(
    composition: pd.DataFrame,
    comparison: Comparison,
    *,
    min_cells: int,
    level: float = 0.95,
    n_draws: int = 2_000,
    rng: int,
) -> pd.DataFrame:
    """Which parts drive the shift of each stratum: `concentra.analysis.drivers` for every one of them.

    The attribution is of the difference of means over all pairs of an early and a late donor, whatever the
    design; of paired donors and within a covariate its intervals are wide rather than narrow.

    Returns
    -------
    One row a (stratum, metric, part) with the columns of `concentra.analysis.drivers.attribute`; strata with an
    empty group have none.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> comparison = Comparison("age", ("3m",), ("24m",))
    >>> found = drivers_of_strata(rows, comparison, min_cells=50, n_draws=100, rng=0).set_index(["metric", "part"])
    >>> float(found.loc["gini_present"]["contribution"].sum().round(3))  # mean of 0.3 and 0.4, less that of 0 and 0.1
    0.3
    """
    frames = []
    for stratum, rows in sided(composition, comparison).groupby("stratum", sort=True):
        sides = Sides.of(rows, comparison, min_cells)
        if not all(map(len, sides.donors)):
            continue
        parts = sorted(rows["part"].unique())
        long = pd.concat([
            pd.DataFrame(counts, columns=parts).assign(donor=[f"{side} {name}" for name in names], side=side)
            .melt(["donor", "side"], var_name="part", value_name="n_cells")
            for side, counts, names in zip((EARLY, LATE), sides.counts, sides.donors, strict=True)
        ])  # fmt: skip
        found = pair_donors(
            long,
            group="side",
            early=EARLY,
            late=LATE,
            n_draws=n_draws,
            level=level,
            rng=np.random.default_rng(rng),
        ).by_part()
        found.insert(0, "stratum", stratum)
        frames.append(found)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def plane_of(
    composition: pd.DataFrame,
    comparison: Comparison,
    *,
    min_cells: int,
    level: float = 0.95,
    n_draws: int = 2_000,
    rng: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The strata in the plane of the two shifts: tests, and regions and null clouds to be drawn.

    Returns
    -------
    Both frames of `concentra.analysis.plane.plane`; strata with fewer than two donors in a group have no rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> comparison = Comparison("age", ("3m",), ("24m",))
    >>> tests, points = plane_of(rows, comparison, min_cells=50, n_draws=100, rng=0)
    >>> tests.loc[tests["axes"] == "raw", ["gini", "n_arrangements"]].round(3).values.tolist()
    [[0.3, 6.0]]
    """
    kept = _compared(composition, comparison, min_cells)
    units = kept[["stratum", "donor", "side"]].drop_duplicates()
    tests, points = plane(
        units, kept, group="side", n_shown=N_SHOWN, level=level, n_draws=n_draws, n_random=N_RANDOM, seed=rng
    )
    return tests, points


def multiverse_of(
    composition: pd.DataFrame, comparison: Comparison, *, sex: str | None = None, min_cells: int, rng: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every defensible choice of a comparison crossed: which values make the groups, sex, cells, support, depth.

    Parameters
    ----------
    sex
        A column to whose values donors are restricted in turn, or None.
    min_cells
        The choice made; half and twice as many are the others.

    Returns
    -------
    Both frames of `concentra.analysis.multiverse.multiverse`: specifications, and how far they agree.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> found, summary = multiverse_of(rows, Comparison("age", ("3m",), ("24m",)), min_cells=50, rng=0)
    >>> sorted(found["gini"].round(2).unique().tolist())[-1], summary["share_same_sign"].tolist()
    (0.3, [1.0, 1.0, 1.0])
    """
    labels = composition[sex].astype(object) if sex else pd.Series("all donors", index=composition.index)
    rows = composition[["stratum", "donor", "part", "n_cells"]].assign(
        age=composition[comparison.column].astype(object), sex=labels
    )
    sides = comparison.side(composition[comparison.column])
    values = [set(labels[sides == side].dropna()) for side in (EARLY, LATE)]
    shared = sorted(values[0] & values[1]) if sex else []
    choices = Choices(
        early_ages=_groupings(comparison.early),
        late_ages=_groupings(comparison.late),
        sexes=(ALL, *(value for value in shared if value != ALL)),
        min_cells=tuple(dict.fromkeys((min_cells, max(1, min_cells // 2), 2 * min_cells))),
    )
    return multiverse(rows, choices, rng=rng, n_random=N_RANDOM, all_up_to=N_RANDOM)


def _groupings(values: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The values together, then each alone."""
    return [values, *((value,) for value in values)] if len(values) > 1 else [values]


def _compared(composition: pd.DataFrame, comparison: Comparison, min_cells: int) -> pd.DataFrame:
    """Rows of all donors with enough cells, with `side`; those on neither side keep the support whole."""
    rows = sided(composition, comparison)
    totals = rows.groupby(["stratum", "donor"])["n_cells"].transform("sum")
    return rows.assign(side=rows["side"].where(totals >= min_cells, None))


def trend_of(
    units: pd.DataFrame,
    along: str,
    *,
    sex: str | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    rng: int,
) -> pd.DataFrame:
    """The trend of the metrics in `FOLLOWED` along a numeric axis, in every stratum.

    Parameters
    ----------
    units
        One row a unit: `stratum`, the metrics, and the column `along`: numbers, or ages such as "3m".
    along
        Name of the axis.
    sex
        A column that says "male" for some, or None.

    Returns
    -------
    `along` (the axis, with "(months)" where ages were read), then the columns of
    `concentra.analysis.trend.age_trend`; those of males only where `sex` is given.

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "age": ["1m", "3m", "18m", "24m"],
    ...     "gini_present": [0.1, 0.12, 0.27, 0.33], "hill_q1": [6.0, 5.8, 4.3, 3.7]})
    >>> found = trend_of(units, "age", rng=0).set_index("metric")
    >>> found.loc["hill_q1", "along"], float(found.loc["hill_q1", "slope"].round(3))  # a line: 0.1 a month
    ('age (months)', -0.1)
    """
    numbers, title = numeric_axis(units[along], along)
    sexes = units[sex].astype(object) if sex else pd.Series("unknown", index=units.index)
    known = units.drop(columns=[name for name in ("age_months", "sex") if name in units])
    known = known.assign(age_months=numbers, sex=sexes)[numbers.notna()]
    metrics = [name for name in FOLLOWED if name in known and known[name].notna().any()]
    found = age_trend(known, metrics=metrics, alpha=alpha, level=level, n_random=N_RANDOM, seed=rng)
    if not sex:
        found = found.drop(
            columns=[name for name in found if str(name).endswith("_males") or "_males_" in str(name)]
        )
    found.insert(0, "along", title)
    return found
