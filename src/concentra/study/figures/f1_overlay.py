"""Figure 1: all cohorts and models as arrows in the plane of the two shifts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style


@figure("1")
def overlay(overlay: pd.DataFrame) -> Drawing:
    """Tissues and models in the plane of the two shifts"""
    figure, axes = style.canvas(1, 2, width=style.PAGE, height=95)
    models, tissues = (overlay[overlay["kind"] == kind] for kind in ("model", "atlas"))
    tissues = tissues[tissues["cohort"] != "simulated"]
    _points(axes.flat[0], models, names=models["cohort"].map(style.title_of), unit="heads")
    _points(axes.flat[1], tissues, names=tissues["stratum"], unit="cell types")
    for ax, title in zip(
        axes.flat, ("models: last - first checkpoint", "tissues: old - young donors"), strict=True
    ):
        ax.set_title(title)
    groups = ", ".join(
        f"{style.title_of(str(name))}: {len(rows)} tissues"
        for name, rows in tissues.groupby("cohort", sort=False)
    )
    caption = (
        "Shift in Gini coefficient against shift in effective number. Left, models along training "
        f"({len(models)}); right, tissues with age ({groups}). Lower right: crystallizes; upper left: disperses. "
        "Points without intervals; the two shifts are almost collinear by arithmetic, so that sharing a quadrant "
        "is weak evidence of sharing a cause."
    )
    return Drawing(figure, caption, "Two scatter plots of shift in Gini against shift in effective number.")


def _points(ax: Any, rows: pd.DataFrame, *, names: pd.Series, unit: str) -> None:
    style.zero_lines(ax)
    for cohort, here in rows.groupby("cohort", sort=False):
        ax.scatter(
            here["gini"], here["hill_q1"], s=14, color=style.colour(str(cohort)), edgecolor="white", linewidth=0.4,
            label=style.title_of(str(cohort)),
        )  # fmt: skip
    far = rows["gini"].abs() / rows["gini"].abs().max() + rows["hill_q1"].abs() / rows["hill_q1"].abs().max()
    for place in far.sort_values(ascending=False).index[:8]:
        ax.annotate(
            style.readable(names[place]), (rows.loc[place, "gini"], rows.loc[place, "hill_q1"]), xytext=(3, 3),
            textcoords="offset points", fontsize=6,
        )  # fmt: skip
    ax.margins(0.15)
    ax.set_xlabel("shift in Gini coefficient")
    ax.set_ylabel(f"shift in effective number ({unit})")
    ax.legend(loc="lower left")
