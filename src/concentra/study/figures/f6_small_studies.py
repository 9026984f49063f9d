"""Figure 6: what a few donors of a large cohort would have shown."""

from __future__ import annotations

import pandas as pd

from concentra import pl
from concentra.study.declare import Drawing, all_parameters, figure
from concentra.study.figures import _style as style


@figure("6")
def small_studies(small_studies: pd.DataFrame) -> Drawing:
    """What small studies, drawn from a large cohort, conclude by each rule"""
    levels = list(dict.fromkeys(small_studies["level"]))
    figure, axes = style.canvas(1, len(levels), width=style.PAGE, height=88, sharey=True)
    for ax, level in zip(axes.flat, levels, strict=True):
        rows = small_studies[small_studies["level"] == level]
        truth = rows["all_donors"].iloc[0]
        pl.few_donors(rows, title=f"{level}\nall donors: {truth}", ax=ax)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    first = small_studies.iloc[0]
    alpha = all_parameters()["settings"]["alpha"]
    caption = (
        f"Small studies drawn from {style.title_of(first['cohort'])}: {first['n_draws']:,} of each size, with equal "
        "numbers of young and old donors, without replacement. Bars: share of studies that conclude a direction; the "
        "open space is undecided. The published rule reads the signs of both shifts of medians; the exact tests ask "
        f"for p ≤ {alpha} in the effective number or in both measures; the verdict is that of the linear model. "
        "Percentages of 6 and more are written into the bars; their standard error is at most "
        f"{50 / first['n_draws'] ** 0.5:.1f} percentage points."
    )
    return Drawing(figure, caption, _alternative(small_studies))


def _alternative(rows: pd.DataFrame) -> str:
    return "; ".join(
        f"{row['level']}, {row['n_donors']} against {row['n_donors']} donors, {row['rule']}: {row['more']:.0%} more, "
        f"{row['less']:.0%} less concentrated"
        for row in rows.to_dict("records")
    )
