"""Figure S7: how much of the shift with age caloric restriction undoes, and how much chance would."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.pl import _style as looks
from concentra.report.markdown import p_text
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _scales as scales
from concentra.study.figures import _style as style

GROUPS = {"young": "young", "old": "old", "treated": "old,\nrestricted"}
HUES = looks.group_colours(GROUPS)
RANGES = [
    ("rescue_donor_low", "rescue_donor_high", "range over choices of one library per group", style.INK, "-"),
    ("rescue_cell_low", "rescue_cell_high", "95% of draws of cells alone", "#b0b0b0", "-"),
]


@figure("S7")
def rescue(rescue: pd.DataFrame, rescue_units: pd.DataFrame) -> Drawing:
    """Simulated caloric restriction in marrow: the share of the shift undone"""
    names = list(rescue["cohort"].unique())
    figure, axes = style.canvas(max(1, len(names)), 3, width=style.PAGE, height=max(1, len(names)) * 66 + 8)
    if not names:
        for ax in axes.flat:
            scales.empty(ax)
    for line, cohort in zip(axes, names, strict=False):
        found = rescue[rescue["cohort"] == cohort].set_index("metric")
        units = rescue_units[rescue_units["cohort"] == cohort]
        for ax, (metric, label) in zip(line, scales.METRICS.items(), strict=False):
            _levels(ax, units, found.loc[metric], label)
        style.panel_title(line[0], "a", style.title_of(str(cohort)))
        style.panel_title(line[1], "b")
        style.panel_title(line[2], "c")
        _shares(line[2], found)
    if names:
        handles, labels = axes[0, 2].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=4)
    return Drawing(figure, _caption(rescue), _alternative(rescue))


def _levels(ax: Any, units: pd.DataFrame, found: pd.Series, label: str) -> None:
    for place, group in enumerate(GROUPS):
        values = units.loc[units["group"] == group, str(found.name)]
        ax.scatter([place] * len(values), values, s=18, color=HUES[group], marker=looks.GROUP_MARKERS[place],
                   linewidth=0, zorder=2)  # fmt: skip
        ax.hlines(found[group], place - 0.25, place + 0.25, color=style.INK, linewidth=1.2)
    ax.set_xticks(range(len(GROUPS)), list(GROUPS.values()))
    ax.set_xlim(-0.5, 2.5)
    ax.set_ylabel(f"{label} over cell types")


def _shares(ax: Any, found: pd.DataFrame) -> None:
    for place, metric in enumerate(scales.METRICS):
        row = found.loc[metric]
        for offset, (low, high, label, hue, line) in zip((-0.12, 0.12), RANGES, strict=True):
            ax.vlines(
                place + offset, 100 * row[low], 100 * row[high], color=hue, linestyle=line, linewidth=2,
                label=label if place == 0 else None,
            )  # fmt: skip
        ax.scatter(place, row["rescued_percent"], s=22, color="white", edgecolor=style.INK, zorder=3,
                   label="share found" if place == 0 else None)  # fmt: skip
        ax.hlines(
            100 * row["null_rescue_median"], place - 0.3, place + 0.3, color=style.FAINT, linestyle=":", linewidth=1.2,
            label="median with labels exchanged" if place == 0 else None,
        )  # fmt: skip
    ax.axhline(0, color=style.FAINT, linewidth=0.6, zorder=0)
    ax.set_xticks([0, 1], ["Gini", "eff_N"])
    ax.set_xlim(-0.5, 1.5)
    ax.set_ylabel("share of the shift undone (%)")


def _caption(rescue: pd.DataFrame) -> str:
    words = "; ".join(_in_words(row) for row in rescue.to_dict("records"))
    sizes = rescue[["n_young", "n_old", "n_treated"]].drop_duplicates().to_numpy().tolist()
    n = "; ".join(" / ".join(str(one) for one in row) for row in sizes)
    return (
        f"Bone marrow, every library a mark (n = {n} young / old / old restricted), lines are medians. a, Gini "
        "coefficient. b, effective number. c, the share of the shift with age that restriction undoes, over all "
        "choices of one library per group, and when cells alone are resampled, which says nothing of other animals. "
        "The old group stands in both contrasts: each number is to be judged against exchanged labels. Found: "
        f"{words}. A cohort called simulated holds no "
        "measurement."
    )


def _in_words(row: dict[Any, Any]) -> str:
    name = "Gini" if row["metric"] == "gini_present" else "eff_N"
    return (
        f"{style.title_of(row['cohort'])}, {name}: {row['rescued_percent']:.0f}% (labels exchanged: "
        f"{100 * row['null_rescue_median']:.0f}% in the median, positive in {100 * row['null_positive']:.0f}%), p = "
        f"{p_text(row['p_permutation'])}, smallest possible {p_text(row['p_attainable'])}"
    )


def _alternative(rescue: pd.DataFrame) -> str:
    return "; ".join(
        f"{style.title_of(row['cohort'])} {row['metric']}: young {row['young']:.2f}, old {row['old']:.2f}, restricted "
        f"{row['treated']:.2f}"
        for _, row in rescue.iterrows()
    )
