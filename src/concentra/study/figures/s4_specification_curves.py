"""Figure S4: specification curves of marrow on both platforms and of the published model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from concentra.stats.verdict import DIRECTIONS
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

CURVES = (("tms_facs", "Marrow"), ("tms_droplet", "Marrow"), ("pythia_410m", ""))
METRICS = {"gini": "shift in Gini", "hill_q1": "shift in\neffective number"}
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
    "left_out": lambda head: "none left out" if head == "none" else f"without {style.verbatim(head)}",
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
    drawn, axes = style.canvas(
        3, max(len(curves), 1), width=style.PAGE, height=165, sharex="col", height_ratios=[1, 1, 2.6]
    )
    summary = _together(multiverse_summary, head_multiverse_summary)
    for letter, column, ((cohort, stratum), rows) in zip("abc", axes.T, curves.items(), strict=False):
        _curve(column, rows, named=column[0] is axes[0, 0])
        place = ", ".join(filter(None, (style.readable(stratum).lower(), _short(cohort))))
        style.panel_title(column[0], letter, f"{place}\n{_agreed(summary, cohort, stratum, len(rows))}")
    drawn.align_ylabels(axes[:2, 0])
    _legend(drawn)
    return Drawing(
        drawn,
        _caption({_short(cohort): rows for (cohort, _), rows in curves.items()}, summary),
        f"{len(curves)} sorted curves of shifts, each above a grid that shows the choices behind every point.",
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
    colours = [style.look(word).colour for word in rows["direction"]]
    for ax, (metric, label) in zip(axes, METRICS.items(), strict=False):
        ax.axhline(0, color=style.FAINT, linewidth=0.6, zorder=0)
        ax.scatter(place, rows[metric], s=3, c=colours, linewidth=0, zorder=2)
        ax.scatter(
            [published], [rows[metric].iloc[published]], s=26, marker="o", facecolor="white",
            edgecolor=style.INK, linewidth=0.9, zorder=4,
        )  # fmt: skip
        ax.margins(x=0.02, y=0.1)
        ax.tick_params(bottom=False, labelbottom=False)
        ax.spines["bottom"].set_visible(False)
        if named:
            ax.set_ylabel(label)
    for ax in axes:
        ax.axvline(published, color=style.INK, linewidth=0.5, zorder=1)
    _dashboard(axes[2], rows, rows.iloc[published])


def _agreed(summary: pd.DataFrame, cohort: str, stratum: str, n: int) -> str:
    """How many specifications keep both signs of the published one."""
    here = summary[
        (summary["cohort"] == cohort) & (summary["stratum"] == stratum) & (summary["metric"] == "both")
    ]
    share = "".join(f"\n{100 * one:.0f}% keep both signs" for one in here["share_same_sign"].head(1))
    return f"{n} specifications{share}"


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    kinds: dict[str, dict[str, Any]] = {
        name: {"marker": "o", "color": style.look(name).colour} for name in DIRECTIONS
    }
    kinds["published"] = {"marker": "o", "markerfacecolor": "white", "markeredgecolor": style.INK}
    handles = [
        Line2D([], [], linestyle="", markersize=5 if name == "published" else 3.5, label=name, **look)
        for name, look in kinds.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handletextpad=0.1)


def _dashboard(ax: Any, rows: pd.DataFrame, published: pd.Series) -> None:
    """A row for each value of each choice that varies, a stroke where a specification takes it."""
    ticks: list[float] = []
    labels: list[tuple[str, bool]] = []
    at = 0.0
    for number, name in enumerate(one for one in LABELS if rows[one].nunique() > 1):
        values = _ordered(rows[name])
        if number % 2 == 0:
            ax.axhspan(at - 0.5, at + len(values) - 0.5, color="#f0f0f0", linewidth=0, zorder=0)
        for value in values:
            ax.broken_barh(_runs((rows[name] == value).to_numpy()), (at - 0.36, 0.72), color="#3b3b3b", linewidth=0,
                           zorder=2)  # fmt: skip
            ticks.append(at)
            labels.append((LABELS[name](value), value == published[name]))
            at += 1
        at += 0.35
    ax.set_ylim(at - 0.6, -0.6)
    ax.set_yticks(ticks, [label for label, _ in labels], fontsize=6)
    for tick, (_, bold) in zip(ax.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if bold else "normal")
    ax.tick_params(left=False, bottom=False, labelbottom=False, pad=1)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_xlabel("sorted by shift in Gini")


def _runs(chosen: Any) -> list[tuple[float, float]]:
    """Where each run of specifications that take a value begins, and how long it is.

    >>> _runs(np.array([True, True, False, True]))
    [(-0.5, 2.0), (2.5, 1.0)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(int)))
    return [
        (float(start) - 0.5, float(stop - start)) for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def _ordered(column: pd.Series) -> list[Any]:
    """The values in the order in which they were declared; numbers ascending."""
    if pd.api.types.is_numeric_dtype(column):
        return sorted(column.unique())
    return list(column.loc[column.index.sort_values()].unique())


def _caption(curves: Mapping[str, pd.DataFrame], summary: pd.DataFrame) -> str:
    n_of = "; ".join(f"{name}: {len(rows)}" for name, rows in curves.items())
    both = summary[summary["metric"] == "both"] if len(summary) else summary
    total = int(both["n_specifications"].sum()) if len(both) else 0
    return (
        f"The shift under each distinct specification ({n_of}), sorted by the shift in Gini, above the choices that "
        "it makes. All defensible choices are crossed; combinations that compare the same values are one "
        "specification, and choices that change nothing are not shown. Open circle and line: the published choice, "
        "whose values are bold; for Pythia-410M it is step 512, |change of loss|, all heads measured (144 of 384). "
        "Colour: the direction of both shifts together. Specifications share their donors or heads and often agree "
        "under exchanged labels, too, so that agreement alone is weak evidence. The tables hold all tissues and "
        f"models ({total:,} in all)."
    )
