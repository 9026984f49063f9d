"""Tissues and models in the plane of the two shifts: joint regions, null clouds, and axes that can be shared.

Raw axes are the published numbers: shift in Gini coefficient and in effective number. The effective number's shift
grows with the number of parts, so cohorts with different numbers of parts share *normalised* axes: Gini / (1 - 1/n),
which a monopoly brings to 1 whatever n, and the natural logarithm of the effective number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.contrast import group_counts, seeded
from concentra.metrics import gini, hill_number
from concentra.metrics.gini import Support
from concentra.stats.bootstrap import bootstrap_shift
from concentra.stats.hull import central_hull
from concentra.stats.joint import JointRegion, joint_region, mahalanobis_test
from concentra.stats.null_cloud import NullCloud, PlaneTest, exchanged_cloud, judge_pair, null_cloud
from concentra.stats.parts import bootstrap_parts

Floats = NDArray[np.float64]
RAW, NORMALISED = "raw", "normalised"
CORNERS = 72


def gini_normalised(amounts: Floats, support: Support = "present") -> Floats:
    """Gini coefficient divided by its maximum 1 - 1/n over the n parts counted; NaN for a single part.

    >>> gini_normalised(np.array([[0.0, 0.0, 3.0, 1.0], [1.0, 0.0, 0.0, 0.0]])).round(3).tolist()
    [0.5, nan]
    """
    n = (
        np.count_nonzero(amounts, axis=-1)
        if support == "present"
        else np.full(amounts.shape[:-1], amounts.shape[-1])
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(n > 1, gini(amounts, support=support, check=False) / (1 - 1 / n), np.nan))


def ln_hill_q1(amounts: Floats) -> Floats:
    """Natural logarithm of the effective number, the entropy.

    >>> ln_hill_q1(np.array([[1.0, 1.0], [1.0, 0.0]])).round(3).tolist()
    [0.693, 0.0]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(hill_number(amounts, 1.0, check=False)))


AXES: Mapping[str, Mapping[str, Any]] = {
    RAW: {"gini": gini, "hill_q1": hill_number},
    NORMALISED: {"gini": gini_normalised, "hill_q1": ln_hill_q1},
}


@dataclass(frozen=True)
class Arrow:
    """One tissue in the plane, on one pair of axes."""

    axes: str
    shift: Floats
    region: JointRegion
    cloud: NullCloud
    test: PlaneTest
    p_joint: float


def arrows(
    units: pd.DataFrame,
    composition: pd.DataFrame,
    *,
    level: float,
    n_draws: int,
    n_random: int,
    seed: int,
    place: str = "",
    group: str = "age_group",
) -> Iterator[tuple[str, Arrow]]:
    """The arrow of every stratum with at least two donors in both groups, on both pairs of axes.

    Parameters
    ----------
    units
        One row a unit: `stratum`, `donor` and the group, "early", "late" or missing.
    composition
        `stratum`, `donor`, `part`, `n_cells`.
    level, n_draws, n_random, seed, place
        Coverage of the joint region, hierarchical draws, arrangements drawn where there are too many to
        enumerate, and what seeds them.

    Yields
    ------
    Stratum and `Arrow`: the shift of medians, its joint region (none at two donors), the null cloud of permuted
    labels, the test of the shift against it, and p of the pair (permutation of Mahalanobis distances).

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "age_group": ["early"] * 2 + ["late"] * 2})
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> name, arrow = next(arrows(units, rows, level=0.95, n_draws=100, n_random=99, seed=0))
    >>> name, arrow.axes, float(arrow.shift[0].round(3)), len(arrow.cloud.shifts)
    ('lung', 'raw', 0.3, 6)
    """
    for stratum, rows in units.groupby("stratum", sort=True):
        counts = group_counts(composition[composition["stratum"] == stratum], rows, group)
        early, late = counts["early"][1], counts["late"][1]
        if min(len(early), len(late)) < 2:
            continue
        for axes, metrics in AXES.items():
            values = [
                np.stack([measure(one) for measure in metrics.values()], axis=1) for one in (early, late)
            ]
            if any(np.isnan(one).any() for one in values):
                continue
            rng = seeded(seed, place, str(stratum))
            draws = bootstrap_shift(early, late, metrics, rng=rng, level=level, n_draws=n_draws)
            cloud = null_cloud(*values, rng=rng, n_random=n_random)
            yield (
                str(stratum),
                Arrow(
                    axes=axes,
                    shift=cloud.observed,
                    region=joint_region(draws, "gini", "hill_q1", level=level, n_points=CORNERS),
                    cloud=cloud,
                    test=judge_pair(cloud),
                    p_joint=mahalanobis_test(*values, rng=rng).p_value,
                ),
            )


def measure_parts(axes: str) -> Any:
    """Both metrics (..., 2) of amounts (..., H) over all parts measured, on these axes.

    >>> measure_parts("raw")(np.array([[1.0, 1.0], [1.0, 0.0]])).tolist()
    [[0.0, 2.0], [0.5, 1.0]]
    """

    def measure(amounts: Floats) -> Floats:
        if axes == RAW:
            return np.stack(
                [gini(amounts, support="stratum", check=False), hill_number(amounts, check=False)], -1
            )
        return np.stack([gini_normalised(amounts, "stratum"), ln_hill_q1(amounts)], -1)

    return measure


def model_plane(
    amounts: Floats, *, rng: int, n_draws: int, n_null: int, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One model in the plane: its shift against its null cloud, and its region over resampled heads.

    Parameters
    ----------
    amounts
        Checkpoints by heads (C, H), as `concentra.io.importance.importance_values` returns them.
    rng
        A seed.
    n_draws, n_null, level
        Samples of heads of the region, exchanges of the null cloud, share of the draws within the region.

    Returns
    -------
    tests
        One row a pair of axes: `axes`, the shifts `gini` and `hill_q1` from first to last checkpoint, and what
        `concentra.stats.null_cloud.PlaneTest` says of them.
    cloud
        `axes`, `what` ("region" or "null"), `place`, `gini`, `hill_q1`.

    Examples
    --------
    >>> tests, cloud = model_plane(np.array([[1.0, 1, 1, 1], [1, 1, 1, 5]]), rng=0, n_draws=50, n_null=20, level=0.95)
    >>> tests["gini"].round(3).tolist()[0]  # 3/8: shares 1/8, 1/8, 1/8, 5/8
    0.375
    """
    draws = bootstrap_parts(amounts[[0, -1]], rng=rng, n_draws=n_draws, support="stratum")
    tests, clouds = [], []
    for axes in AXES:
        null = exchanged_cloud(amounts[0], amounts[-1], measure_parts(axes), rng=rng, n_random=n_null)
        tests.append(
            {"axes": axes, "gini": null.observed[0], "hill_q1": null.observed[1]}
            | _judgement(judge_pair(null))
        )
        scale = 1 - 1 / amounts.shape[1] if axes == NORMALISED else 1.0
        effective = np.log(draws.hill_q1_draws) if axes == NORMALISED else draws.hill_q1_draws
        shifts = np.stack([np.diff(draws.gini_draws / scale)[:, 0], np.diff(effective)[:, 0]], axis=1)
        clouds += [
            points_frame(axes, "region", central_hull(shifts, level=level)),
            points_frame(axes, "null", null.shifts),
        ]
    return pd.DataFrame(tests), pd.concat(clouds, ignore_index=True)


def points_frame(axes: str, what: str, points: Floats) -> pd.DataFrame:
    """Points (M, 2) of the plane as rows: `axes`, `what`, `place`, `gini`, `hill_q1`.

    >>> points_frame("raw", "null", np.array([[0.1, -1.0]])).values.tolist()
    [['raw', 'null', 0, 0.1, -1.0]]
    """
    return pd.DataFrame(
        {
            "axes": axes,
            "what": what,
            "place": np.arange(len(points)),
            "gini": points[:, 0],
            "hill_q1": points[:, 1],
        }
    )


def _judgement(test: PlaneTest) -> dict[str, float]:
    names = ("correlation", "opposite_share", "residual", "p_residual", "p_along")
    return {name: getattr(test, name) for name in names}


def plane(
    units: pd.DataFrame, composition: pd.DataFrame, *, n_shown: int, **how: Any
) -> tuple[pd.DataFrame, ...]:
    """The arrows of `arrows` as frames: tests, and regions and null clouds to be drawn.

    Parameters
    ----------
    n_shown
        Points of each null cloud that are kept, evenly spaced over the arrangements.
    **how
        As for `arrows`.

    Returns
    -------
    tests
        One row a (stratum, axes): the shifts `gini`, `hill_q1`, `region` (whether there is one), `excludes_zero`,
        `p_joint`, `n_arrangements`, `exact`, and what `concentra.stats.null_cloud.PlaneTest` says.
    cloud
        `stratum`, `axes`, `what` ("region" or "null"), `place`, `gini`, `hill_q1`.

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "age_group": ["early"] * 2 + ["late"] * 2})
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> tests, cloud = plane(units, rows, n_shown=6, level=0.95, n_draws=100, n_random=99, seed=0)
    >>> tests["axes"].tolist(), tests["gini"].round(3).tolist()[0], int((cloud["what"] == "null").sum())
    (['raw', 'normalised'], 0.3, 12)
    """
    tests, clouds = [], []
    for stratum, arrow in arrows(units, composition, **how):
        tests.append(
            {
                "stratum": stratum,
                "axes": arrow.axes,
                "gini": arrow.shift[0],
                "hill_q1": arrow.shift[1],
                "region": bool(len(arrow.region.polygon)),
                "excludes_zero": not arrow.region.contains_zero,
                "p_joint": arrow.p_joint,
                "n_arrangements": len(arrow.cloud.shifts),
                "exact": arrow.cloud.exact,
            }
            | _judgement(arrow.test)
        )
        kept = np.unique(np.linspace(0, len(arrow.cloud.shifts) - 1, n_shown).round().astype(int))
        for what, points in (("region", arrow.region.polygon), ("null", arrow.cloud.shifts[kept])):
            clouds.append(points_frame(arrow.axes, what, points).assign(stratum=stratum))
    return pd.DataFrame(tests), pd.concat(clouds, ignore_index=True) if clouds else pd.DataFrame()
