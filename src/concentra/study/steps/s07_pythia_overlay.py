"""Step 07: concentration of head importance along training, per model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import pandas as pd

from concentra.analysis.across_models import model_shifts
from concentra.analysis.plane import AXES, PERMUTED, REGION, model_plane
from concentra.analysis.trajectory import LARGE, SMALL, UNKNOWN, WITHHELD, follow
from concentra.errors import AmountError
from concentra.io.importance import Value, importance_values
from concentra.stats.verdict import DIRECTIONS, UNDECIDED
from concentra.study.declare import Table, column, step

VALUES: tuple[Value, ...] = get_args(Value)
VERDICTS = [*DIRECTIONS, UNDECIDED]
NOISE = [SMALL, LARGE, UNKNOWN]
SENSITIVITY = "over resampled heads: sensitivity to single heads"
SAMPLING = "of a sample of the model's heads from all of them; the value itself where all were measured"
JUDGED = (
    "both intervals exclude 0 and no single head bears the sign; withheld unless the noise is known and small"
)


class HeadTrajectory(Table):
    """Concentration of head importance at every checkpoint."""

    cohort: str = column("model")
    value: str = column("what counts as importance", among=VALUES)
    checkpoint: int = column("training step", unit="steps", low=0)
    n_heads: int = column("heads measured", unit="heads", low=1)
    model_heads: float = column("heads of the model", unit="heads", low=1, nullable=True)
    gini: float = column("Gini coefficient over all heads measured", low=0, high=1)
    gini_low: float = column(SENSITIVITY, low=0, high=1)
    gini_high: float = column(SENSITIVITY, low=0, high=1)
    gini_sampling_low: float = column(SAMPLING, low=0, high=1)
    gini_sampling_high: float = column(SAMPLING, low=0, high=1)
    gini_noise: float = column("expected of noise alone, |N(0, 1)|", low=0, high=1)
    gini_without: float = column("without the head that moves the shift most", low=0, high=1)
    hill_q1: float = column("effective number", unit="heads", low=1 - 1e-9)
    hill_q1_low: float = column(SENSITIVITY, unit="heads", low=1 - 1e-9)
    hill_q1_high: float = column(SENSITIVITY, unit="heads", low=1 - 1e-9)
    hill_q1_sampling_low: float = column(SAMPLING, unit="heads", low=1 - 1e-9)
    hill_q1_sampling_high: float = column(SAMPLING, unit="heads", low=1 - 1e-9)
    hill_q1_share: float = column("effective number over the heads measured", low=0, high=1 + 1e-9)
    hill_q1_noise: float = column("expected of noise alone, |N(0, 1)|", unit="heads", low=1 - 1e-9)
    hill_q1_without: float = column("without the head that moves the shift most", unit="heads", low=1 - 1e-9)
    hill_q2: float = column("Hill number of order 2", unit="heads", low=1 - 1e-9)
    top_share: float = column("share of the most important head", low=0, high=1)
    top_head: str = column("the most important head")
    harm_fraction: float = column("share of heads whose ablation raises the loss", low=0, high=1)
    share_above_noise: float = column(
        "share of heads beyond two standard errors of their evaluation", low=0, high=1, nullable=True
    )
    gini_evaluation_noise: float = column(
        "Gini coefficient expected of the errors of evaluation alone", low=0, high=1, nullable=True
    )
    mostly_noise: str = column("fewer than half of the heads stand out", among=["yes", "no", "not known"])

    class Config(Table.Config):
        unique = ["cohort", "value", "checkpoint"]


class HeadShift(Table):
    """The shift from the first to the last checkpoint."""

    cohort: str = column("model")
    value: str = column("what counts as importance", among=VALUES)
    first: int = column("first checkpoint", unit="steps", low=0)
    last: int = column("last checkpoint", unit="steps", low=0)
    n_heads: int = column("heads measured", unit="heads", low=1)
    gini_first: float = column("Gini coefficient, first checkpoint", low=0, high=1)
    gini_last: float = column("Gini coefficient, last checkpoint", low=0, high=1)
    gini: float = column("shift in Gini")
    gini_low: float = column(SENSITIVITY)
    gini_high: float = column(SENSITIVITY)
    gini_sampling_low: float = column(SAMPLING)
    gini_sampling_high: float = column(SAMPLING)
    hill_q1_first: float = column("effective number, first checkpoint", unit="heads")
    hill_q1_last: float = column("effective number, last checkpoint", unit="heads")
    hill_q1: float = column("shift in effective number", unit="heads")
    hill_q1_low: float = column(SENSITIVITY, unit="heads")
    hill_q1_high: float = column(SENSITIVITY, unit="heads")
    hill_q1_sampling_low: float = column(SAMPLING, unit="heads")
    hill_q1_sampling_high: float = column(SAMPLING, unit="heads")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    noise: str = column("noise of the evaluation at either end", among=NOISE)
    verdict: str = column(JUDGED, among=[*VERDICTS, WITHHELD])
    verdict_of_heads: str = column("what the verdict would be without noise", among=VERDICTS)
    most_influential: str = column("the head whose absence moves the two shifts most")

    class Config(Table.Config):
        unique = ["cohort", "value"]


class HeadInfluence(Table):
    """The shift without one head, for every head; the most influential first."""

    cohort: str = column("model")
    value: str = column("what counts as importance", among=VALUES)
    layer: int = column("layer, from 0", low=0)
    head: int = column("head in the layer, from 0", low=0)
    gini: float = column("shift in Gini without the head")
    hill_q1: float = column("shift in effective number without the head", unit="heads")
    influence: float = column("length of the change in both, each in standard deviations over heads", low=0)

    class Config(Table.Config):
        unique = ["cohort", "value", "layer", "head"]


class HeadFirstCheckpoint(Table):
    """The shift to the last checkpoint from each earlier one."""

    cohort: str = column("model")
    value: str = column("what counts as importance", among=VALUES)
    first: int = column("the checkpoint taken as first", unit="steps", low=0)
    last: int = column("last checkpoint", unit="steps", low=0)
    gini: float = column("shift in Gini")
    gini_low: float = column(SENSITIVITY)
    gini_high: float = column(SENSITIVITY)
    gini_sampling_low: float = column(SAMPLING)
    gini_sampling_high: float = column(SAMPLING)
    hill_q1: float = column("shift in effective number", unit="heads")
    hill_q1_low: float = column(SENSITIVITY, unit="heads")
    hill_q1_high: float = column(SENSITIVITY, unit="heads")
    hill_q1_sampling_low: float = column(SAMPLING, unit="heads")
    hill_q1_sampling_high: float = column(SAMPLING, unit="heads")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    noise: str = column("noise of the evaluation at either end", among=NOISE)
    verdict: str = column(JUDGED, among=[*VERDICTS, WITHHELD])
    verdict_of_heads: str = column("what the verdict would be without noise", among=VERDICTS)
    most_influential: str = column("the head whose absence moves the two shifts most")

    class Config(Table.Config):
        unique = ["cohort", "value", "first"]


class HeadModels(Table):
    """The shift of each model from a checkpoint that all published models have, on axes that compare."""

    cohort: str = column("model")
    first: int = column("first checkpoint; the common one where the model has it", unit="steps", low=0)
    last: int = column("last checkpoint", unit="steps", low=0)
    n_heads: int = column("heads measured", unit="heads", low=1)
    model_heads: float = column("heads of the model", unit="heads", low=1, nullable=True)
    gini: float = column("shift in Gini", low=-1, high=1)
    hill_q1: float = column("shift in effective number", unit="heads")
    gini_normalised: float = column("shift in Gini / (1 - 1/n)", low=-1, high=1)
    ln_hill_q1: float = column("shift in the logarithm of the effective number over n")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    included: bool = column("the model has the common checkpoint")

    class Config(Table.Config):
        unique = ["cohort"]


class HeadPlane(Table):
    """The shift of each model in the plane, against its null cloud: each head's two shares exchanged at random."""

    cohort: str = column("model")
    axes: str = column("raw, or normalised: Gini / (1 - 1/n) and ln effective number", among=AXES)
    gini: float = column("shift in Gini on these axes")
    hill_q1: float = column("shift in effective number on these axes")
    correlation: float = column("of the two shifts in the null cloud", low=-1, high=1, nullable=True)
    opposite_share: float = column(
        "share of the null cloud in the quadrants of opposite signs", low=0, high=1
    )
    residual: float = column("distance from the null curve, in units of the second axis")
    p_residual: float = column("share of the null cloud as far from the curve", low=0, high=1)
    p_along: float = column("share of the null cloud with as large a shift in Gini", low=0, high=1)

    class Config(Table.Config):
        unique = ["cohort", "axes"]


class HeadCloud(Table):
    """Points and regions of each model in the plane, to be drawn."""

    cohort: str = column("model")
    axes: str = column("raw or normalised", among=AXES)
    what: str = column(
        "region: a corner of that over resampled heads; permuted: a point of the null cloud",
        among=[REGION, PERMUTED],
    )
    place: int = column("number of the corner or point", low=0)
    gini: float = column("shift in Gini on these axes")
    hill_q1: float = column("shift in effective number on these axes")

    class Config(Table.Config):
        unique = ["cohort", "axes", "what", "place"]


@step(
    HeadTrajectory,
    HeadShift,
    HeadInfluence,
    HeadFirstCheckpoint,
    HeadModels,
    HeadPlane,
    HeadCloud,
)
def pythia_overlay(
    importance: Mapping[str, pd.DataFrame],
    *,
    seed: int,
    n_draws: int,
    level: float,
    n_null: int,
    common_first: int,
) -> tuple[pd.DataFrame, ...]:
    """Concentration of head importance along training"""
    found = {
        (name, value): follow(table, value, rng=seed, n_draws=n_draws, level=level)
        for name, table in importance.items()
        for value in VALUES
        if defined(table, value)
    }
    paths = _stacked({key: one.path for key, one in found.items()})
    firsts = _stacked({key: one.firsts for key, one in found.items()})
    influence = _stacked({key: one.influence for key, one in found.items()})
    shifts = firsts.groupby(["cohort", "value"], sort=False).head(1) if found else firsts
    planes = {
        name: model_plane(importance_values(table)[2], rng=seed, n_draws=n_draws, n_null=n_null, level=level)
        for name, table in importance.items()
    }
    tests = [frame.assign(cohort=name) for name, (frame, _) in planes.items()]
    clouds = [frame.assign(cohort=name) for name, (_, frame) in planes.items()]
    return (
        paths,
        _with_ends(shifts, paths) if found else shifts,
        influence,
        firsts,
        model_shifts(importance, first=common_first).rename(columns={"model": "cohort"}),
        pd.concat(tests) if tests else pd.DataFrame(),
        pd.concat(clouds) if clouds else pd.DataFrame(),
    )


def defined(table: pd.DataFrame, value: Value) -> bool:
    """Whether every checkpoint has a head with importance of this kind; without one there is no composition."""
    try:
        importance_values(table, value)
    except AmountError:
        return False
    return True


def _stacked(frames: Mapping[tuple[str, Value], pd.DataFrame]) -> pd.DataFrame:
    labelled = [frame.assign(cohort=name, value=value) for (name, value), frame in frames.items()]
    return pd.concat(labelled, ignore_index=True) if labelled else pd.DataFrame()


def _with_ends(shifts: pd.DataFrame, paths: pd.DataFrame) -> pd.DataFrame:
    """The shifts with the values at both ends and the number of heads."""
    for which in ("first", "last"):
        names = {"checkpoint": which, "gini": f"gini_{which}", "hill_q1": f"hill_q1_{which}"}
        ends = paths.rename(columns=names)[["cohort", "value", *names.values()]]
        shifts = shifts.merge(ends, on=["cohort", "value", which], validate="one_to_one")
    counts = paths.groupby(["cohort", "value"])["n_heads"].first().reset_index()
    return shifts.merge(counts, on=["cohort", "value"])
