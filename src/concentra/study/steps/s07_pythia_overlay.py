"""Step 07: concentration of head importance along training, per model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import pandas as pd

from concentra.analysis import trajectory as along
from concentra.analysis.contrast import direction
from concentra.io.importance import Value
from concentra.study.declare import Table, column, step

VALUES: tuple[Value, ...] = get_args(Value)


class HeadTrajectory(Table):
    """Concentration of head importance at every checkpoint."""

    cohort: str = column("model")
    value: str = column("what counts as importance", among=VALUES)
    checkpoint: int = column("training step", unit="steps", low=0)
    n_heads: int = column("heads measured", unit="heads", low=1)
    gini: float = column("Gini coefficient over all heads measured", low=0, high=1)
    hill_q1: float = column("effective number", unit="heads", low=1 - 1e-9)
    hill_q2: float = column("Hill number of order 2", unit="heads", low=1 - 1e-9)
    top_share: float = column("share of the most important head", low=0, high=1)
    top_head: str = column("the most important head")
    harm_fraction: float = column("share of heads whose ablation raises the loss", low=0, high=1)

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
    hill_q1_first: float = column("effective number, first checkpoint", unit="heads")
    hill_q1_last: float = column("effective number, last checkpoint", unit="heads")
    hill_q1: float = column("shift in effective number", unit="heads")
    direction: str = column("quadrant of the two shifts")

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
    hill_q1: float = column("shift in effective number", unit="heads")
    direction: str = column("quadrant of the two shifts")

    class Config(Table.Config):
        unique = ["cohort", "value", "first"]


@step(HeadTrajectory, HeadShift, HeadInfluence, HeadFirstCheckpoint)
def pythia_overlay(
    importance: Mapping[str, pd.DataFrame],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Concentration of head importance along training"""
    paths = _each(importance, along.trajectory)
    firsts = _each(importance, lambda table, value: along.first_checkpoints(along.trajectory(table, value)))
    influence = _each(importance, along.influence)
    if firsts.empty:
        return paths, firsts, influence, firsts
    firsts["direction"] = [direction(*pair) for pair in zip(firsts["gini"], firsts["hill_q1"], strict=True)]
    shifts = firsts.groupby(["cohort", "value"], sort=False).head(1)
    for which in ("first", "last"):
        ends = paths.rename(
            columns={"checkpoint": which, "gini": f"gini_{which}", "hill_q1": f"hill_q1_{which}"}
        )[["cohort", "value", which, f"gini_{which}", f"hill_q1_{which}"]]
        shifts = shifts.merge(ends, on=["cohort", "value", which], validate="one_to_one")
    counts = paths.groupby(["cohort", "value"])["n_heads"].first().reset_index()
    return paths, shifts.merge(counts, on=["cohort", "value"]), influence, firsts


def _each(
    importance: Mapping[str, pd.DataFrame], ask: Callable[[pd.DataFrame, Value], pd.DataFrame]
) -> pd.DataFrame:
    frames = [
        ask(table, value).assign(cohort=name, value=value)
        for name, table in importance.items()
        for value in VALUES
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
