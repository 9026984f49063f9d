"""Figure S4: specification curves, and how far the specifications of every tissue and model agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

CURVES = (("tms_facs", "Marrow"), ("tms_droplet", "Marrow"), ("pythia_410m", ""))
METRICS = {"gini": "shift in Gini", "hill_q1": "shift in\neffective number"}
SHARES = {
    "gini": ("Gini", "o", "#0072B2"),
    "hill_q1": ("effective number", "s", "#E69F00"),
    "both": ("both at once", "D", style.INK),
}
LABELS: Mapping[str, Callable[[Any], str]] = {
    "reference": lambda ages: "young " + _ages(ages),
    "other": lambda ages: "old " + _ages(ages),
    "restricted_to": lambda sex: {"all": "both sexes"}.get(sex, f"{sex}s only"),
    "min_cells": lambda cells: f"≥ {int(cells)} cells",
    "first": lambda step: f"from step {int(step):,}",
    "value": lambda value: {"abs": "|change of loss|", "harm": "harm only"}.get(value, value),
    "parts": lambda parts: f"parts: {parts}",
    "floor": lambda floor: f"floor {floor:g} × mean" if floor else "no floor",
    "support": lambda support: {"present": "parts present"}.get(support, "all parts"),
    "depth": lambda depth: {"observed": "as counted"}.get(depth, depth),
    "average": str,
    "left_out": lambda head: "no head left out" if head == "none" else f"without {head}",
}


@figure("S4")
def specification_curves(
    multiverse: pd.DataFrame,
    multiverse_summary: pd.DataFrame,
    head_multiverse: pd.DataFrame,
    head_multiverse_summary: pd.DataFrame,
) -> Drawing:
    """The shift under every defensible choice"""
    every = _together(multiverse, head_multiverse)
    curves = {
        (cohort, stratum): rows.sort_values(["gini", "specification"])
        for cohort, stratum in CURVES
        if len(rows := every[(every["cohort"] == cohort) & (every["stratum"] == stratum)])
    }
    drawn, axes = style.canvas(1, 1, width=style.PAGE, height=215)
    axes[0, 0].remove()
    halves: Any = drawn.subfigures(2, 1, height_ratios=[2.0, 1])
    above, below = halves
    grid = above.subplots(
        3, max(len(curves), 1), squeeze=False, sharex="col", gridspec_kw={"height_ratios": [1, 1, 2.4]}
    )
    for column, ((cohort, stratum), rows) in zip(grid.T, curves.items(), strict=False):
        _curve(column, rows, named=column[0] is grid[0, 0])
        place = ", ".join(filter(None, (style.readable(stratum), _short(cohort))))
        column[0].set_title(f"{place} (n = {len(rows)})")
    above.align_ylabels(grid[:2, 0])
    summary = _together(multiverse_summary, head_multiverse_summary)
    dots, numbers = below.subplots(1, 2, width_ratios=[2, 1])
    _shares(dots, numbers, summary)
    return Drawing(
        drawn,
        _caption({_short(cohort): rows for (cohort, _), rows in curves.items()}, summary),
        "Three sorted curves of shifts, each above a grid that shows the choices behind every point; below them, "
        "for each tissue and model, the share of specifications that agree with the published one.",
    )


def _together(tissues: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    frames = [frame for frame in (tissues, models.assign(stratum="")) if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else tissues


def _short(cohort: str) -> str:
    """The last part of a cohort's name."""
    return style.title_of(cohort).rsplit(", ", 1)[-1]


def _ages(ages: str) -> str:
    return ages.replace("m", "").replace("+", "/") + " m"


def _curve(axes: Any, rows: pd.DataFrame, *, named: bool) -> None:
    """Sorted shifts of both metrics in the order of the first, and the choices behind each below."""
    place = np.arange(len(rows))
    published = int(np.flatnonzero(rows["published"])[0])
    colours = rows["direction"].map(style.DIRECTIONS)
    for ax, (metric, label) in zip(axes, METRICS.items(), strict=False):
        ax.axhline(0, color=style.FAINT, linewidth=0.6, zorder=0)
        ax.scatter(place, rows[metric], s=3, c=colours, linewidth=0, zorder=2)
        ax.scatter(
            [published], [rows[metric].iloc[published]], s=26, marker="D", facecolor="white",
            edgecolor=style.INK, linewidth=0.9, zorder=4,
        )  # fmt: skip
        ax.margins(x=0.02, y=0.1)
        ax.tick_params(bottom=False, labelbottom=False)
        ax.spines["bottom"].set_visible(False)
        if named:
            ax.set_ylabel(label)
    if named:
        _legend(axes[0])
    for ax in axes:
        ax.axvline(published, color=style.INK, linewidth=0.5, zorder=1)
    _dashboard(axes[2], rows, rows.iloc[published])


def _legend(ax: Any) -> None:
    from matplotlib.lines import Line2D

    kinds: dict[str, dict[str, Any]] = {
        name: {"marker": "o", "color": colour} for name, colour in style.DIRECTIONS.items()
    }
    kinds["published"] = {"marker": "D", "markerfacecolor": "white", "markeredgecolor": style.INK}
    handles = [
        Line2D([], [], linestyle="", markersize=3.5, label=name, **look) for name, look in kinds.items()
    ]
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handletextpad=0.1)


def _dashboard(ax: Any, rows: pd.DataFrame, published: pd.Series) -> None:
    """A row for each value of each choice that varies, a stroke where a specification takes it."""
    places = np.arange(len(rows), dtype=np.float64)
    ticks: list[float] = []
    labels: list[tuple[str, bool]] = []
    at = 0.0
    for number, name in enumerate(one for one in LABELS if rows[one].nunique() > 1):
        values = _ordered(rows[name])
        if number % 2 == 0:
            ax.axhspan(at - 0.5, at + len(values) - 0.5, color="#f0f0f0", linewidth=0, zorder=0)
        for value in values:
            chosen = places[(rows[name] == value).to_numpy()]
            strokes = np.repeat(chosen, 3)
            heights = np.tile([at - 0.36, at + 0.36, np.nan], chosen.size)
            ax.plot(strokes, heights, color="#3b3b3b", linewidth=min(1.0, 60 / len(rows)), zorder=2)
            ticks.append(at)
            labels.append((LABELS[name](value), value == published[name]))
            at += 1
        at += 0.35
    ax.set_ylim(at - 0.6, -0.6)
    ax.set_yticks(ticks, [label for label, _ in labels], fontsize=5.5)
    for tick, (_, bold) in zip(ax.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if bold else "normal")
    ax.tick_params(left=False, bottom=False, labelbottom=False, pad=1)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_xlabel("sorted by shift in Gini")


def _ordered(column: pd.Series) -> list[Any]:
    """The values in the order in which they were declared; numbers ascending."""
    if pd.api.types.is_numeric_dtype(column):
        return sorted(column.unique())
    return list(column.loc[column.index.sort_values()].unique())


def _shares(ax: Any, beside: Any, summary: pd.DataFrame) -> None:
    """The share of specifications with the published sign, with the numbers it needs to be judged by."""
    pairs = summary[["stratum", "cohort"]].drop_duplicates().itertuples(index=False, name=None)
    order = list(dict.fromkeys(summary["stratum"]))
    keys = sorted(pairs, key=lambda key: order.index(key[0]))
    beside.set(xlim=(0, 1), ylim=(len(keys) - 0.5, -0.6))
    beside.set_axis_off()
    heads = ["distinct\nchoices", "p,\nGini", "p, effective\nnumber"]
    for row, (stratum, cohort) in enumerate(keys):
        here = summary[(summary["stratum"] == stratum) & (summary["cohort"] == cohort)].set_index("metric")
        ax.axhline(row, color="#e4e4e4", linewidth=0.6, zorder=0)
        for shift, (metric, (_, marker, colour)) in zip((-0.28, 0, 0.28), SHARES.items(), strict=True):
            ax.scatter(
                here.loc[metric, "share_same_sign"], row + shift, s=9, marker=marker, color=colour,
                linewidth=0, clip_on=False, zorder=3,
            )  # fmt: skip
        texts = [f"{here.loc['both', 'n_specifications']:,}"]
        texts += [_p(here.loc[metric, "p_value"]) for metric in METRICS]
        for place, text in enumerate(texts):
            beside.text(0.15 + place * 0.34, row, text, ha="center", va="center", fontsize=6)
    for place, text in enumerate(heads):
        beside.annotate(
            text, (0.15 + place * 0.34, 1), xytext=(0, 3), xycoords="axes fraction", textcoords="offset points",
            ha="center", va="bottom", fontsize=6,
        )  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(len(keys) - 0.5, -0.6))
    ax.axvline(0.5, color=style.FAINT, linewidth=0.6, zorder=0)
    names = [", ".join(filter(None, (style.readable(stratum), _short(cohort)))) for stratum, cohort in keys]
    ax.set_yticks(range(len(keys)), names)
    ax.tick_params(left=False)
    ax.set_xlabel("share of distinct specifications with the sign of the published one")
    for label, marker, colour in SHARES.values():
        ax.scatter([], [], s=13, marker=marker, color=colour, linewidth=0, label=label)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2, handletextpad=0.1)


def _p(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}" if value >= 0.001 else f"{value:.4f}"


def _caption(curves: Mapping[str, pd.DataFrame], summary: pd.DataFrame) -> str:
    n_of = "; ".join(f"{name}: {len(rows)}" for name, rows in curves.items())
    both = summary[summary["metric"] == "both"] if len(summary) else summary
    total = int(both["n_specifications"].sum()) if len(both) else 0
    return (
        f"Every defensible choice crossed. Above, the shift under each distinct specification ({n_of}), sorted by the "
        "shift in Gini; combinations that compare the same values are one specification, and choices that change "
        "nothing are not shown. Diamond and line: the published choice, whose values are bold; for Pythia-410M it is "
        "step 512, |change of loss|, all heads. Red: more concentrated, blue: less, grey: mixed. Below, the share of "
        f"specifications ({total:,} in all) with the published sign, and joint permutation p of their median shift "
        "(ages exchanged among donors, all specifications computed again); a dash where a group has fewer than two "
        "donors, and for models, whose heads were all measured, so that nothing was sampled. Agreement alone is weak "
        "evidence: specifications share their donors, and often agree under exchanged ages too."
    )
