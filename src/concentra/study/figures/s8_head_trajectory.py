"""Figure S8: concentration of head importance along training."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {"gini": "Gini coefficient over all heads measured", "hill_q1": "effective number (heads)"}
LINES = {"abs": "-", "harm": "--"}
WORDS = {"abs": "|change of loss|", "harm": "harm only"}


@figure("S8")
def head_trajectory(head_trajectory: pd.DataFrame) -> Drawing:
    """Concentration of head importance along training"""
    figure, axes = style.canvas(1, 2, width=style.PAGE, height=75)
    shown = head_trajectory[head_trajectory["value"].isin(LINES)]
    for ax, (metric, label) in zip(axes.flat, METRICS.items(), strict=True):
        for (cohort, value), rows in shown.groupby(["cohort", "value"], sort=False):
            _line(ax, rows, metric, str(cohort), str(value))
        style.log_steps(ax)
        ax.set_ylabel(label)
    axes.flat[0].legend(loc="best")
    models = "; ".join(
        f"{style.title_of(str(name))}: {rows['n_heads'].iloc[0]} heads at {len(rows)} checkpoints"
        for name, rows in shown[shown["value"] == "abs"].groupby("cohort", sort=False)
    )
    caption = (
        f"Concentration of head importance along training ({models}). Solid: importance is the size of the relative "
        "change of loss when the head is ablated; dashed: only what ablation harms counts."
    )
    return Drawing(
        figure, caption, "Two line charts: Gini and effective number of head importance by training step."
    )


def _line(ax: Any, rows: pd.DataFrame, metric: str, cohort: str, value: str) -> None:
    rows = rows[rows["checkpoint"] > 0].sort_values("checkpoint")
    label = f"{style.title_of(cohort)}, {WORDS[value]}"
    ax.plot(
        rows["checkpoint"], rows[metric], LINES[value], color=style.colour(cohort), marker="o", markersize=3,
        markerfacecolor=style.colour(cohort) if value == "abs" else "white", label=label,
    )  # fmt: skip
