"""Step 07c: do models concentrate as they train? The models are the units."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.across_models import over_models
from concentra.stats.verdict import DIRECTIONS
from concentra.study.declare import Table, column, step


class HeadAcrossModels(Table):
    """Do models concentrate as they train? The mean shift over models, from a checkpoint that all have."""

    metric: str = column("metric, on axes that compare", among=["gini_normalised", "ln_hill_q1"])
    first: int = column("the common first checkpoint", unit="steps", low=0)
    n_models: int = column("models, the units of this question", unit="models", low=1)
    mean: float = column("mean shift over models")
    low: float = column("Student's t interval over models; missing for one model", nullable=True)
    high: float = column("Student's t interval over models; missing for one model", nullable=True)
    p_value: float = column("t-test over models, two-sided", low=0, high=1, nullable=True)
    n_up: int = column("models whose shift is upwards", unit="models", low=0)
    direction: str = column("quadrant of the two means", among=DIRECTIONS)

    class Config(Table.Config):
        unique = ["metric"]


@step(HeadAcrossModels)
def across_models(head_models: pd.DataFrame, *, level: float) -> pd.DataFrame:
    """Mean shift of head importance over models, from a checkpoint that all published ones have"""
    return over_models(head_models, level=level)
