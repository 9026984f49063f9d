"""Tissues and models in the plane of the two shifts: joint regions, null clouds, and axes that can be shared.

Raw axes are the published numbers: shift in Gini coefficient and in effective number. The effective number's shift
grows with the number of parts, so cohorts with different numbers of parts share *normalised* axes: Gini / (1 - 1/n),
which a monopoly brings to 1 whatever n, and the natural logarithm of the effective number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.drivers import amounts_of_donors
from concentra.design.design import Design, Term
from concentra.metrics import gini, hill_number
from concentra.metrics.gini import Support
from concentra.progress import counted
from concentra.stats.bootstrap import bootstrap_shift
from concentra.stats.hull import central_hull
from concentra.stats.joint import JointRegion, joint_region, mahalanobis_test
from concentra.stats.null_cloud import NullCloud, PlaneTest, exchanged_cloud, judge_pair, null_cloud
from concentra.stats.parts import bootstrap_parts
from concentra.stats.streams import stream
from concentra.tables import Table, column

Floats = NDArray[np.float64]
RAW, NORMALISED = "raw", "normalised"
REGION, PERMUTED = "region", "permuted"
CORNERS = 72
N_RANDOM = 2_000
"""Arrangements of labels drawn for a null cloud, where there are too many to enumerate."""
N_SHOWN = 150
"""Points of each null cloud that are kept for drawing."""


class Plane(Table):
    """Every tissue against its own null cloud, on raw and on normalised axes."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    axes: str = column(
        "raw: Gini, effective number; normalised: Gini / (1 - 1/n), its logarithm", among=[RAW, NORMALISED]
    )
    gini: float = column("shift of medians in the Gini coefficient")
    hill_q1: float = column("shift of medians in the effective number, or in its logarithm")
    region: bool = column("there is a joint region")
    excludes_zero: bool = column("the joint region excludes no change")
    p_joint: float = column(
        "permutation of donors' labels, both metrics at once", low=0, high=1, nullable=True
    )
    n_arrangements: int = column("arrangements in the null cloud", low=0)
    exact: bool = column("all arrangements were enumerated")
    correlation: float = column(
        "of the two shifts in the null cloud", low=-1 - 1e-9, high=1 + 1e-9, nullable=True
    )
    opposite_share: float = column(
        "share of the null cloud in the quadrants of opposite signs", low=0, high=1
    )
    residual: float = column("distance of the second shift from the null line", nullable=True)
    p_residual: float = column(
        "share of the null cloud as far from the null line", low=0, high=1, nullable=True
    )
    p_along: float = column(
        "share of the null cloud as far along the null line", low=0, high=1, nullable=True
    )

    class Config(Table.Config):
        unique = ["contrast", "stratum", "axes"]


class PlanePoints(Table):
    """Joint regions and null clouds, to be drawn."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    axes: str = column("pair of axes", among=[RAW, NORMALISED])
    what: str = column(
        "region: a corner of it; permuted: a point of the null cloud", among=[REGION, PERMUTED]
    )
    place: int = column("place in order", low=0)
    gini: float = column("shift in the Gini coefficient")
    hill_q1: float = column("shift in the effective number, or in its logarithm")

    class Config(Table.Config):
        unique = ["contrast", "stratum", "axes", "what", "place"]


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


def arrows(design: Design) -> Iterator[tuple[Term, str, Arrow]]:
    """The arrow of every stratum with at least two donors in both groups, on both pairs of axes.

    Yields
    ------
    Term, stratum and `Arrow`: the shift of medians, its joint region (none at two donors), the null cloud of permuted
    labels, the test of the shift against it, and p of the pair (permutation of Mahalanobis distances).

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, Settings, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)), Settings(n_draws=100))
    >>> term, name, arrow = next(arrows(design))
    >>> name, arrow.axes, float(arrow.shift[0].round(3)), len(arrow.cloud.shifts)
    ('lung', 'raw', 0.3, 6)
    """
    settings = design.settings
    for term, stratum in counted(design.two_sided()):
        first, second = (amounts_of_donors(stratum, group).round().astype(np.int64)
                         for group in (term.reference, term.other))  # fmt: skip
        if min(len(first), len(second)) < 2:
            continue
        values = {axes: _values(first, second, metrics) for axes, metrics in AXES.items()}
        known = [axes for axes, both in values.items() if not any(np.isnan(one).any() for one in both)]
        if not known:
            continue
        every = {f"{axes} {name}": AXES[axes][name] for axes in known for name in AXES[axes]}
        start = stream(settings.seed, "plane", stratum.name)
        draws = bootstrap_shift(
            first, second, every, rng=start, level=settings.level, n_draws=settings.n_draws
        )
        for axes in known:
            rng = deepcopy(start)  # both pairs of axes see the same arrangements
            cloud = null_cloud(*values[axes], rng=rng, n_random=N_RANDOM)
            yield (
                term,
                stratum.name,
                Arrow(
                    axes=axes,
                    shift=cloud.observed,
                    region=joint_region(
                        draws, f"{axes} gini", f"{axes} hill_q1", level=settings.level, n_points=CORNERS
                    ),
                    cloud=cloud,
                    test=judge_pair(cloud),
                    p_joint=mahalanobis_test(*values[axes], rng=rng).p_value,
                ),
            )


def _values(first: NDArray[Any], second: NDArray[Any], metrics: Mapping[str, Any]) -> list[Floats]:
    """The metrics of the donors of each group, (n, 2)."""
    return [np.stack([measure(one) for measure in metrics.values()], axis=1) for one in (first, second)]


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
        `axes`, `what` ("region" or "permuted"), `place`, `gini`, `hill_q1`.

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
            points_frame(axes, REGION, central_hull(shifts, level=level)),
            points_frame(axes, PERMUTED, null.shifts),
        ]
    return pd.DataFrame(tests), pd.concat(clouds, ignore_index=True)


def points_frame(axes: str, what: str, points: Floats) -> pd.DataFrame:
    """Points (M, 2) of the plane as rows: `axes`, `what`, `place`, `gini`, `hill_q1`.

    >>> points_frame("raw", "permuted", np.array([[0.1, -1.0]])).values.tolist()
    [['raw', 'permuted', 0, 0.1, -1.0]]
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


def plane(design: Design) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The strata in the plane of the two shifts: tests, and regions and null clouds to be drawn.

    Parameters
    ----------
    design
        Two groups without pairs or blocks: labels are permuted among all donors.

    Returns
    -------
    tests
        One row a (term, stratum, axes): the columns of `Plane`.
    points
        The columns of `PlanePoints`; of each null cloud 150 points, evenly spaced over the arrangements.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, Settings, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)), Settings(n_draws=100))
    >>> tests, points = plane(design)
    >>> tests["axes"].tolist(), tests["gini"].round(3).tolist()[0], int((points["what"] == "permuted").sum())
    (['raw', 'normalised'], 0.3, 12)
    """
    tests, clouds = [], []
    for term, stratum, arrow in arrows(design):
        place = {"contrast": term.name, "stratum": stratum}
        tests.append(
            place
            | {
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
        kept = np.unique(np.linspace(0, len(arrow.cloud.shifts) - 1, N_SHOWN).round().astype(int))
        for what, points in ((REGION, arrow.region.polygon), (PERMUTED, arrow.cloud.shifts[kept])):
            clouds.append(points_frame(arrow.axes, what, points).assign(**place))
    columns = list(PlanePoints.columns())
    points = pd.concat(clouds, ignore_index=True)[columns] if clouds else PlanePoints.empty()
    return pd.DataFrame(tests, columns=list(Plane.columns())), points
