"""Figure S1: the direction in the independent cohort at five resolutions."""

from __future__ import annotations

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _scales as scales
from concentra.study.figures import _style as style


@figure("S1")
def validation_robustness(
    validation_resolutions: pd.DataFrame, validation_robustness: pd.DataFrame
) -> Drawing:
    """The direction in the independent cohort at five resolutions"""
    figure, axes, places = scales.grid(validation_resolutions)
    for (cohort, stratum), pair in zip(places, axes, strict=True):
        at = (validation_resolutions["cohort"] == cohort) & (validation_resolutions["stratum"] == stratum)
        for ax, metric in zip(pair, scales.METRICS, strict=True):
            rows = validation_resolutions[at & (validation_resolutions["metric"] == metric)]
            scales.panel(ax, rows, range(len(rows)))
            scales.scale_axis(ax, rows["level"].to_list())
        pair[-1].set_xlabel("Leiden resolution")
    scales.legend(figure)
    agreed = "; ".join(
        f"{style.readable(row['stratum'])} ({style.title_of(row['cohort'])}) {row['agreement']}"
        for _, row in validation_robustness.iterrows()
    )
    caption = (
        "Shift of medians, old less young, over clusters at each Leiden resolution, all from one neighbour graph of "
        f"all donors. Resolutions with one direction: {agreed}. {scales.donors(validation_resolutions)}. Resolutions "
        "are views of the same cells: their agreement is not replication. A cohort called simulated "
        "holds no measurement."
    )
    return Drawing(figure, caption, agreed)
