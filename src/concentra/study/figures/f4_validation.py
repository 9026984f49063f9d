"""Figure 4: the direction per tissue in the independent cohort, donor by donor."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.report.markdown import p_text
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _scales as scales
from concentra.study.figures import _style as style

GROUPS = {"young": "n_reference", "old": "n_other"}


@figure("4")
def validation(validation_concentration: pd.DataFrame, validation_contrast: pd.DataFrame) -> Drawing:
    """The direction per tissue in an independent cohort"""
    figure, axes, places = scales.grid(validation_contrast, prefix="")
    for (cohort, stratum), pair in zip(places, axes, strict=True):
        units, found = (
            frame[(frame["cohort"] == cohort) & (frame["stratum"] == stratum)]
            for frame in (validation_concentration, validation_contrast)
        )
        for ax, metric in zip(pair, scales.METRICS, strict=True):
            _drawn(ax, units, found[found["metric"] == metric].iloc[0])
    return Drawing(figure, _caption(validation_contrast), _alternative(validation_contrast))


def _drawn(ax: Any, units: pd.DataFrame, row: pd.Series) -> None:
    hue = style.DIRECTIONS.get(row["direction"], style.INK)
    for place, group in enumerate(GROUPS):
        values = units.loc[units["group"] == group, row["metric"]]
        fill = "white" if group == "young" else hue
        ax.scatter([place] * len(values), values, s=14, color=fill, edgecolor=hue, linewidth=0.8, zorder=3)
    ax.plot(
        [0, 1], [row["median_reference"], row["median_other"]], color=hue, marker="_", markersize=12, zorder=2
    )
    ax.set_xticks([0, 1], [f"{group}\n(n = {row[n]})" for group, n in GROUPS.items()])
    ax.set_xlim(-0.5, 1.5)
    ax.margins(y=0.22)
    words = f"p = {p_text(row['p_exact'])}, smallest {p_text(row['p_exact_attainable'])}"
    ax.annotate(words, (0.5, 1), (0, -1), xycoords="axes fraction", textcoords="offset points", fontsize=5.5,
                ha="center", va="top", color=style.INK)  # fmt: skip


def _caption(rows: pd.DataFrame) -> str:
    at = rows["level"].iloc[0] if len(rows) else "0.8"
    return (
        f"Concentration over Leiden clusters at resolution {at}, every donor a mark (open young, filled old), "
        "medians joined; p: exact two-sided Mann-Whitney, beside it the smallest that so many donors allow. Red: "
        f"more concentrated; blue: less; grey: mixed. {scales.donors(rows)}. The claim, written down "
        "before the data is read, is that lung and spleen become less concentrated. A "
        "cohort called simulated holds no measurement: planted are a less concentrated lung, a flip in kidney, "
        "nothing in spleen."
    )


def _alternative(rows: pd.DataFrame) -> str:
    once = rows[rows["metric"] == "gini_present"]
    return "; ".join(
        f"{row['stratum']} ({style.title_of(row['cohort'])}): {row['direction']}"
        for _, row in once.iterrows()
    )
