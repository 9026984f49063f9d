"""Step 14: all cohorts and models as arrows in the plane of the two shifts, with joint regions and null clouds."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.contrast import DIRECTIONS
from concentra.analysis.plane import AXES, plane
from concentra.study.declare import Table, column, step


class Overlay(Table):
    """One arrow a tissue or model: where it starts, where it ends, and what can be said of it."""

    cohort: str = column("cohort")
    stratum: str = column("tissue; the model's name for models")
    kind: str = column("what is composed", among=["atlas", "model"])
    n_early: int = column("young donors; 1 checkpoint", low=0)
    n_late: int = column("old donors; 1 checkpoint", low=0)
    gini_early: float = column("Gini coefficient at the start", low=0, high=1)
    gini_late: float = column("Gini coefficient at the end", low=0, high=1)
    gini: float = column("shift in Gini")
    hill_q1_early: float = column("effective number at the start", unit="parts")
    hill_q1_late: float = column("effective number at the end", unit="parts")
    hill_q1: float = column("shift in effective number", unit="parts")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    verdict: str = column("verdict on the arrow")
    excludes_zero: bool = column("the joint region of both shifts excludes no shift at all")
    p_joint: float = column(
        "permutation of donors' labels, both metrics at once", low=0, high=1, nullable=True
    )
    p_residual: float = column(
        "share of the null cloud as far from the null curve", low=0, high=1, nullable=True
    )

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


class OverlayNull(Table):
    """Every arrow against its own null cloud, on raw and on normalised axes."""

    cohort: str = column("cohort")
    stratum: str = column("tissue; the model's name for models")
    axes: str = column("raw, or normalised: Gini / (1 - 1/n) and ln effective number", among=AXES)
    gini: float = column("shift in Gini on these axes")
    hill_q1: float = column("shift in effective number on these axes")
    region: bool = column("there is a joint region: more than two donors in both groups")
    excludes_zero: bool = column("the region excludes no shift at all")
    p_joint: float = column(
        "permutation of donors' labels, both metrics at once", low=0, high=1, nullable=True
    )
    n_arrangements: int = column("arrangements in the null cloud", low=1)
    exact: bool = column("all arrangements were enumerated")
    correlation: float = column("of the two shifts in the null cloud", low=-1, high=1, nullable=True)
    opposite_share: float = column(
        "share of the null cloud in the quadrants of opposite signs", low=0, high=1
    )
    residual: float = column("distance from the null curve, in units of the second axis")
    p_residual: float = column("share of the null cloud as far from the curve", low=0, high=1)
    p_along: float = column("share of the null cloud with as large a shift in Gini", low=0, high=1)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "axes"]


class OverlayCloud(Table):
    """Regions and null clouds of every arrow, to be drawn."""

    cohort: str = column("cohort")
    stratum: str = column("tissue; the model's name for models")
    axes: str = column("raw or normalised", among=AXES)
    what: str = column("corner of the joint region, or point of the null cloud", among=["region", "null"])
    place: int = column("number of the corner or point", low=0)
    gini: float = column("shift in Gini on these axes")
    hill_q1: float = column("shift in effective number on these axes")

    class Config(Table.Config):
        unique = ["cohort", "stratum", "axes", "what", "place"]


@step(Overlay, OverlayNull, OverlayCloud)
def overlay_with_ci(
    concentration: pd.DataFrame,
    composition: pd.DataFrame,
    age_contrast: pd.DataFrame,
    head_shift: pd.DataFrame,
    head_plane: pd.DataFrame,
    head_cloud: pd.DataFrame,
    *,
    value: str,
    level: float,
    n_draws: int,
    n_random: int,
    n_shown: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """All cohorts and models as arrows in the plane, with joint regions and null clouds"""
    n_null = (
        head_cloud[head_cloud["what"] == "null"].groupby(["cohort", "axes"]).size().rename("n_arrangements")
    )
    tests = [
        head_plane.merge(n_null.reset_index()).assign(stratum=head_plane["cohort"], exact=False, region=True)
    ]
    clouds = [head_cloud.assign(stratum=head_cloud["cohort"])]
    tests[0] = tests[0].assign(
        excludes_zero=_models_exclude(tests[0], head_shift, value), p_joint=float("nan")
    )
    units = concentration[concentration["included"]]
    for cohort, rows in units.groupby("cohort", sort=False):
        counts = composition[composition["cohort"] == cohort]
        found = plane(
            rows, counts, n_shown=n_shown, level=level, n_draws=n_draws, n_random=n_random, seed=seed,
            place=str(cohort),
        )  # fmt: skip
        tests.append(found[0].assign(cohort=cohort))
        clouds.append(found[1].assign(cohort=cohort))
    null = pd.concat([frame for frame in tests if len(frame)], ignore_index=True)
    raw = null.loc[null["axes"] == "raw", ["cohort", "stratum", "excludes_zero", "p_joint", "p_residual"]]
    arrows = pd.concat([_models(head_shift, value), _tissues(age_contrast)], ignore_index=True)
    arrows = arrows.merge(raw, on=["cohort", "stratum"], how="left", validate="one_to_one")
    arrows["excludes_zero"] = arrows["excludes_zero"].eq(True)
    return arrows, null, pd.concat([frame for frame in clouds if len(frame)], ignore_index=True)


def _models_exclude(tests: pd.DataFrame, head_shift: pd.DataFrame, value: str) -> pd.Series:
    """For models: whether both intervals over resampled heads exclude 0."""
    shifts = head_shift[head_shift["value"] == value].set_index("cohort")
    apart = (shifts["gini_low"] * shifts["gini_high"] > 0) & (
        shifts["hill_q1_low"] * shifts["hill_q1_high"] > 0
    )
    return tests["cohort"].map(apart)


def _tissues(age_contrast: pd.DataFrame) -> pd.DataFrame:
    place = ["cohort", "stratum", "n_early", "n_late", "direction", "verdict"]
    found = [
        rows[[*place, "early", "late", "shift"]].rename(
            columns={"early": f"{name}_early", "late": f"{name}_late", "shift": name}
        )
        for metric, name in (("gini_present", "gini"), ("hill_q1", "hill_q1"))
        for rows in [age_contrast[age_contrast["metric"] == metric]]
    ]
    both = found[0].merge(found[1], on=place, validate="one_to_one")
    return both.dropna(subset=["gini", "hill_q1"]).assign(kind="atlas")


def _models(head_shift: pd.DataFrame, value: str) -> pd.DataFrame:
    shown = head_shift[head_shift["value"] == value]
    names = {
        f"{metric}_{end}": f"{metric}_{other}"
        for metric in ("gini", "hill_q1")
        for end, other in ENDS.items()
    }
    kept = ["cohort", "gini", "hill_q1", "direction", "verdict", *names]
    return (
        shown[kept].rename(columns=names).assign(stratum=shown["cohort"], n_early=1, n_late=1, kind="model")
    )


ENDS = {"first": "early", "last": "late"}
