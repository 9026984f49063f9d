"""Figure S3: kidney of the atlas and of the validation cohort, clustered in the same way."""

from __future__ import annotations

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _scales as scales
from concentra.study.figures import _style as style


@figure("S3")
def kidney_symmetry(kidney_scale: pd.DataFrame, kidney_granularity: pd.DataFrame) -> Drawing:
    """Kidney of every cohort, clustered in the same way"""
    figure, axes, places = scales.grid(kidney_scale)
    for (cohort, stratum), pair in zip(places, axes, strict=True):
        at = (kidney_scale["cohort"] == cohort) & (kidney_scale["stratum"] == stratum)
        for ax, metric in zip(pair, scales.METRICS, strict=True):
            rows = scales.from_coarse(kidney_scale[at & (kidney_scale["metric"] == metric)])
            scales.panel(ax, rows, range(len(rows)))
            scales.scale_axis(ax, rows["level"].to_list())
        pair[-1].set_xlabel("annotated types, Leiden resolution")
    scales.legend(figure)
    flips = "; ".join(
        f"{style.title_of(row['cohort'])}: {row['direction_annotated']} over types, less concentrated at "
        f"{row['n_less']} of {row['n_resolutions']} resolutions"
        for _, row in kidney_granularity.iterrows()
    )
    caption = (
        "Kidney, shift of medians, old less young, over annotated types and over clusters at five Leiden resolutions, "
        f"all donors clustered together. {flips}. {scales.donors(kidney_scale)}. A cohort called simulated holds no "
        "measurement: a flip was planted in it."
    )
    return Drawing(figure, caption, flips)
