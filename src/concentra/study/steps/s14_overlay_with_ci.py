"""Step 14: all cohorts and models as arrows in the plane of the two shifts, with joint regions and null clouds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.plane import PERMUTED, Plane, PlanePoints, plane
from concentra.design import Settings, resolve
from concentra.stats.verdict import DIRECTIONS
from concentra.study.declare import OfCohorts, Table, column, step
from concentra.study.questions import designs, stacked
from concentra.study.steps._hierarchy import at_levels, hierarchies, questions
from concentra.study.steps.s04c_contrast_hierarchy import ALL, SUMMED


class Overlay(Table):
    """One arrow a tissue or model: where it starts, where it ends, and what can be concluded."""

    cohort: str = column("cohort")
    stratum: str = column(
        "tissue, with the level of its cell types where there are several; the model's name"
    )
    kind: str = column("what is composed", among=["atlas", "model"])
    n_reference: int = column("young donors; 1 checkpoint", low=0)
    n_other: int = column("old donors; 1 checkpoint", low=0)
    gini_reference: float = column("Gini coefficient at the start", low=0, high=1)
    gini_other: float = column("Gini coefficient at the end", low=0, high=1)
    gini: float = column("shift in Gini")
    hill_q1_reference: float = column("effective number at the start", unit="parts")
    hill_q1_other: float = column("effective number at the end", unit="parts")
    hill_q1: float = column("shift in effective number", unit="parts")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    verdict: str = column("verdict on the arrow; of levels, that of the adjusted comparison")
    excludes_zero: bool = column("the joint region of both shifts excludes no shift at all")
    p_joint: float = column(
        "permutation of donors' labels, both metrics at once", low=0, high=1, nullable=True
    )
    p_residual: float = column(
        "share of the null cloud as far from the null curve", low=0, high=1, nullable=True
    )

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


class OverlayNull(OfCohorts, Plane):
    """Every arrow against its own null cloud, on raw and on normalised axes."""


class OverlayCloud(OfCohorts, PlanePoints):
    """Regions and null clouds of every arrow, to be drawn."""


@step(Overlay, OverlayNull, OverlayCloud)
def overlay_with_ci(
    composition: pd.DataFrame,
    donor_counts: pd.DataFrame,
    type_levels: pd.DataFrame,
    age_contrast: pd.DataFrame,
    level_contrast: pd.DataFrame,
    head_shift: pd.DataFrame,
    head_plane: pd.DataFrame,
    head_cloud: pd.DataFrame,
    *,
    value: str,
    **settings: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """All cohorts and models as arrows in the plane, with joint regions and null clouds"""
    chosen = Settings(**settings)
    found = {name: plane(one) for name, one in designs(composition, chosen).items()}
    found |= _planes_of_levels(donor_counts, type_levels, chosen)
    shifts = head_shift[head_shift["value"] == value]
    null = _stack(
        _tested(head_plane, head_cloud, shifts), stacked({name: one[0] for name, one in found.items()})
    )
    cloud = _stack(_placed(head_cloud, shifts), stacked({name: one[1] for name, one in found.items()}))
    raw = null.loc[null["axes"] == "raw", ["cohort", "stratum", "excludes_zero", "p_joint", "p_residual"]]
    arrows = _stack(_models(shifts), _tissues(age_contrast), _tissues(_of_levels(level_contrast)))
    arrows = arrows.merge(raw, on=["cohort", "stratum"], how="left", validate="one_to_one")
    return arrows.assign(excludes_zero=arrows["excludes_zero"].eq(True)), null, cloud


def _planes_of_levels(
    donor_counts: pd.DataFrame, type_levels: pd.DataFrame, settings: Settings
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Every level of the cohorts with a hierarchy of types: labels permuted among all donors, as in the tissues."""
    found = {}
    for name, whole in hierarchies(donor_counts, type_levels).items():
        planes = {
            level: plane(resolve(one, questions(name)["plain"], settings))
            for level, one in at_levels(whole).items()
        }
        found[name] = tuple(
            pd.concat([_at_level(planes[level][which], level) for level in planes]) for which in (0, 1)
        )
    return found  # type: ignore[return-value]


def _at_level(frame: pd.DataFrame, level: str | pd.Series) -> pd.DataFrame:
    """The rows with the level in the name of the tissue."""
    return frame.assign(stratum=frame["stratum"].astype(object) + ", " + level)


def _of_levels(level_contrast: pd.DataFrame) -> pd.DataFrame:
    """Old against young donors at every level, adjusted, all samples of a donor together."""
    rows = level_contrast[
        (level_contrast["asked"] == "adjusted")
        & (level_contrast["donors"] == ALL)
        & (level_contrast["values"] == SUMMED)
    ]
    return _at_level(rows, rows["level"].astype(object))


def _stack(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def _placed(frame: pd.DataFrame, shifts: pd.DataFrame) -> pd.DataFrame:
    """Rows of models with the checkpoints compared, and the model as its only stratum."""
    steps = {row.cohort: f"step: {row.first} to {row.last}" for row in shifts.itertuples()}
    return frame.assign(contrast=frame["cohort"].map(steps), stratum=frame["cohort"])


def _tested(tests: pd.DataFrame, cloud: pd.DataFrame, shifts: pd.DataFrame) -> pd.DataFrame:
    """The tests of models in the plane; both intervals over resampled heads must exclude 0."""
    n_null = cloud[cloud["what"] == PERMUTED].groupby(["cohort", "axes"]).size().rename("n_arrangements")
    ends = shifts.set_index("cohort")
    apart = (ends["gini_low"] * ends["gini_high"] > 0) & (ends["hill_q1_low"] * ends["hill_q1_high"] > 0)
    found = _placed(tests, shifts).merge(n_null.reset_index(), on=["cohort", "axes"])
    return found.assign(
        exact=False, region=True, excludes_zero=found["cohort"].map(apart), p_joint=float("nan")
    )


def _tissues(contrast: pd.DataFrame) -> pd.DataFrame:
    place = ["cohort", "stratum", "n_reference", "n_other", "direction", "verdict"]
    found = [
        rows[[*place, "median_reference", "median_other", "shift"]].rename(
            columns={"median_reference": f"{name}_reference", "median_other": f"{name}_other", "shift": name}
        )
        for metric, name in (("gini_present", "gini"), ("hill_q1", "hill_q1"))
        for rows in [contrast[contrast["metric"] == metric]]
    ]
    both = found[0].merge(found[1], on=place, validate="one_to_one")
    return both.dropna(subset=["gini", "hill_q1"]).assign(kind="atlas")


def _models(shifts: pd.DataFrame) -> pd.DataFrame:
    names = {
        f"{metric}_{end}": f"{metric}_{other}"
        for metric in ("gini", "hill_q1")
        for end, other in (("first", "reference"), ("last", "other"))
    }
    kept = ["cohort", "gini", "hill_q1", "direction", "verdict", *names]
    return (
        shifts[kept]
        .rename(columns=names)
        .assign(stratum=shifts["cohort"], n_reference=1, n_other=1, kind="model")
    )
