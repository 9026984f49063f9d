"""Multiverse of heads: every defensible choice of the shift along training, crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import pandas as pd

from concentra.analysis import head_multiverse as crossing
from concentra.analysis.multiverse import BOTH, METRICS
from concentra.io.importance import Value
from concentra.stats.verdict import DIRECTIONS
from concentra.study.declare import Table, column, step


class HeadMultiverse(Table):
    """The shift of a model to its last checkpoint under every distinct specification."""

    cohort: str = column("model")
    specification: int = column("place in the crossing of all choices; 0 is the published one", low=0)
    first: int = column("first checkpoint", unit="steps", low=0)
    last: int = column("last checkpoint", unit="steps", low=0)
    value: str = column("what counts as importance", among=get_args(Value))
    parts: str = column("parts of the composition", among=[crossing.HEADS, crossing.LAYERS])
    floor: float = column(
        "parts below this multiple of the checkpoint's mean amount are set to 0", low=0, high=1
    )
    support: str = column("parts that the Gini coefficient counts", among=["present", "stratum"])
    left_out: str = column("head left out, or `none`")
    n_parts: int = column("parts measured", unit="parts", low=1)
    gini: float = column("shift in Gini, last - first", low=-1, high=1)
    hill_q1: float = column("shift in effective number, last - first", unit="parts")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    published: bool = column("the published choice")
    counts_gini: bool = column("the first specification with this comparison of Gini")
    counts_hill_q1: bool = column("the first specification with this comparison of the effective number")

    class Config(Table.Config):
        unique = ["cohort", "specification"]


class HeadMultiverseSummary(Table):
    """How far the specifications of a model agree."""

    cohort: str = column("model")
    metric: str = column("metric, or both together", among=[*METRICS, BOTH])
    n_combinations: int = column("combinations of choices crossed", low=1)
    n_specifications: int = column("distinct specifications: those that can differ in the metric", low=1)
    published: float = column("shift under the published choice; missing for both", nullable=True)
    share_same_sign: float = column(
        "share of distinct specifications with the sign of the published one; for both, with both signs",
        low=0,
        high=1,
    )
    median: float = column("median shift over distinct specifications; missing for both", nullable=True)
    low: float = column("least shift; missing for both", nullable=True)
    high: float = column("greatest shift; missing for both", nullable=True)
    p_value: float = column("always missing: see `reason`", low=0, high=1, nullable=True)
    reason: str = column("why there is no p")

    class Config(Table.Config):
        unique = ["cohort", "metric"]


@step(HeadMultiverse, HeadMultiverseSummary)
def head_multiverse(
    importance: Mapping[str, pd.DataFrame],
    *,
    values: Sequence[Value],
    parts: Sequence[str],
    floors: Sequence[float],
    supports: Sequence[str],
    n_left_out: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The shift of head importance under every defensible choice"""
    choices = crossing.HeadChoices(values, parts, floors, supports, n_left_out)
    found = {name: crossing.head_multiverse(table, choices) for name, table in importance.items()}
    return (
        _stacked({name: frame for name, (frame, _) in found.items()}),
        _stacked({name: summary for name, (_, summary) in found.items()}),
    )


def _stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    named = [frame.assign(cohort=name) for name, frame in frames.items()]
    return pd.concat(named, ignore_index=True) if named else pd.DataFrame()
