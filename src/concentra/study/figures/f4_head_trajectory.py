"""Figure 4: concentration of head importance along training."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {"gini": "Gini coefficient over all heads measured", "hill_q1": "effective number (heads)"}
VALUE = "abs"


@figure("4")
def head_trajectory(head_trajectory: pd.DataFrame, head_shift: pd.DataFrame) -> Drawing:
    """Concentration of head importance along training"""
    figure, axes = style.canvas(1, 2, width=style.PAGE, height=85)
    shown = head_trajectory[(head_trajectory["value"] == VALUE) & (head_trajectory["checkpoint"] > 0)]
    shifts = head_shift[head_shift["value"] == VALUE].set_index("cohort")
    for ax, (metric, label) in zip(axes.flat, METRICS.items(), strict=True):
        for cohort, rows in shown.groupby("cohort", sort=False):
            _lines(ax, rows, metric, str(cohort), str(shifts["most_influential"].get(cohort, "")))
        style.log_steps(ax)
        ax.set_ylabel(label)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return Drawing(figure, _caption(shown, shifts), _alternative(shifts))


def _lines(ax: Any, rows: pd.DataFrame, metric: str, cohort: str, head: str) -> None:
    hue, steps = style.colour(cohort), rows["checkpoint"]
    ax.fill_between(steps, rows[f"{metric}_low"], rows[f"{metric}_high"], color=hue, alpha=0.12, linewidth=0)
    ax.plot(
        steps,
        rows[metric],
        color=hue,
        marker=style.marker(cohort),
        markersize=4,
        label=style.title_of(cohort),
    )
    noise = rows[rows["mostly_noise"] == "yes"]
    ax.scatter(
        noise["checkpoint"], noise[metric], s=26, marker="o", facecolor="white", edgecolor=hue, zorder=4
    )
    without = f"{style.title_of(cohort)} without {head}"
    ax.plot(
        steps, rows[f"{metric}_without"], color=hue, linestyle=(0, (2, 1.5)), linewidth=0.9, label=without
    )


def _caption(shown: pd.DataFrame, shifts: pd.DataFrame) -> str:
    models = "; ".join(
        f"{style.title_of(str(name))}: {rows['n_heads'].iloc[0]} heads at {len(rows)} checkpoints, "
        f"{shifts['verdict'].get(name, 'no verdict')}"
        for name, rows in shown.groupby("cohort", sort=False)
    )
    return (
        f"Concentration of head importance, the size of the relative change of loss when a head is ablated, along "
        f"training ({models}). Bands: 95 % over resampled heads, the same at every checkpoint; all measured heads "
        "being known, this is sensitivity to single heads, not sampling error. Dashed: without the head that moves the "
        "shift from first to last checkpoint most. Open circles: checkpoints at which fewer than half of the heads "
        "stand out of the noise of their evaluation, where its errors are known."
    )


def _alternative(shifts: pd.DataFrame) -> str:
    return "; ".join(
        f"{style.title_of(str(name))} from step {row['first']} to {row['last']}: Gini {row['gini_first']:.3f} to "
        f"{row['gini_last']:.3f}, effective number {row['hill_q1_first']:.1f} to {row['hill_q1_last']:.1f}"
        for name, row in shifts.iterrows()
    )
