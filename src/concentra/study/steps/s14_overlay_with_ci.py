"""Step 14: all cohorts and models as arrows in the plane of the two shifts."""

from __future__ import annotations

import pandas as pd

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
    direction: str = column("quadrant of the two shifts")
    verdict: str = column("verdict on the arrow", nullable=True)

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


@step(Overlay)
def overlay_with_ci(age_contrast: pd.DataFrame, head_shift: pd.DataFrame, *, value: str) -> pd.DataFrame:
    """All cohorts and models as arrows in the plane of the two shifts"""
    place = ["cohort", "stratum", "n_early", "n_late", "direction", "verdict"]
    metrics = {"gini_present": "gini", "hill_q1": "hill_q1"}
    found = [
        rows[[*place, "early", "late", "shift"]].rename(
            columns={"early": f"{name}_early", "late": f"{name}_late", "shift": name}
        )
        for metric, name in metrics.items()
        for rows in [age_contrast[age_contrast["metric"] == metric]]
    ]
    tissues = found[0].merge(found[1], on=place, validate="one_to_one").dropna(subset=["gini", "hill_q1"])
    models = head_shift[head_shift["value"] == value].rename(
        columns=lambda name: name.replace("_first", "_early").replace("_last", "_late")
    )
    models = models.assign(stratum=models["cohort"], n_early=1, n_late=1, verdict=None, kind="model")
    return pd.concat([models, tissues.assign(kind="atlas")], ignore_index=True)
