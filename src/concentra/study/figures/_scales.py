"""Shifts at every scale: one panel a tissue and metric, the null behind each shift."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.stats.verdict import DIRECTIONS
from concentra.study.figures import _style as style
from concentra.study.questions import TYPES

METRICS = {"gini_present": "Gini coefficient", "hill_q1": "effective number"}
SHORT = {"gini_present": "Gini", "hill_q1": "eff_N"}
PER_LINE = 4


def panel(ax: Any, rows: pd.DataFrame, places: Sequence[float]) -> None:
    """Each shift at its place with the exact interval of the difference; mark and colour are those of the direction."""
    ax.axhline(0, color=style.FAINT, linewidth=0.6, zorder=0)
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        low, high = row["hodges_lehmann_low"], row["hodges_lehmann_high"]
        if pd.notna(low):
            ax.vlines(place, low, high, color=style.INK, linewidth=0.6, zorder=1)
        how = style.look(row["direction"])
        ax.scatter(place, row["shift"], s=16, color=how.face, marker=how.marker, edgecolor=how.colour,
                   linewidth=0.6, zorder=3)  # fmt: skip


def level_name(level: str) -> str:
    """A level as its axis names it: annotated types, or a resolution with one decimal.

    >>> level_name("types"), level_name("1")
    ('types', '1.0')
    """
    return level if level == TYPES else f"{float(level):.1f}"


def scale_axis(ax: Any, names: Sequence[str]) -> None:
    """Places of annotated types and of each resolution."""
    ax.set_xticks(range(len(names)), [level_name(name) for name in names])
    ax.set_xlim(-0.6, len(names) - 0.4)


def legend(figure: Any) -> None:
    """What marks, colours and bars mean."""
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], linestyle="", marker=how.marker, color=how.colour, markersize=4.5, label=name)
        for name, how in ((name, style.look(name)) for name in DIRECTIONS)
    ]
    handles.append(Line2D([], [], color=style.INK, linewidth=0.6, marker="", label="exact 95% interval"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def title(cohort: str, stratum: str) -> str:
    """A panel's title: the tissue, and below it the cohort, if one is named."""
    lines = textwrap.wrap(style.title_of(cohort), 30) if cohort else []
    return "\n".join([tissue_name(stratum), *lines])


def donors(rows: pd.DataFrame) -> str:
    """The cohorts with their numbers of young and old donors."""
    found = []
    for cohort, of_cohort in rows.groupby("cohort", sort=False):
        counts = [_range(of_cohort[name]) for name in ("n_reference", "n_other")]
        found.append(f"{style.title_of(str(cohort))}: {counts[0]} young, {counts[1]} old donors")
    return "; ".join(found)


def words(rows: pd.DataFrame) -> str:
    """The directions of each tissue in words, for who cannot see the picture."""
    found = []
    for (cohort, stratum), here in rows.groupby(["cohort", "stratum"], sort=False):
        counts = here.drop_duplicates("level")["direction"].value_counts()
        listed = ", ".join(f"{name} at {count}" for name, count in counts.items())
        found.append(f"{style.readable(str(stratum))} ({style.title_of(str(cohort))}): {listed} scales")
    return "; ".join(found)


def from_coarse(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one tissue and metric with annotated types first, then by growing resolution."""
    order = rows["level"].replace(TYPES, "0").astype(float)
    return rows.assign(order=order).sort_values("order").drop(columns="order")


def places_of(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """The (cohort, stratum) of the rows, in their order."""
    return list(rows[["cohort", "stratum"]].drop_duplicates().itertuples(index=False, name=None))


def empty(ax: Any) -> None:
    """A panel that says that there is nothing to draw."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, "no cohort with these data", ha="center", va="center", transform=ax.transAxes)


def grid(
    rows: pd.DataFrame, *, height: float = 46, prefix: str = "shift in "
) -> tuple[Any, Any, list[tuple[str, str]]]:
    """A figure with a row a metric and a column a (cohort, tissue), at most four columns; titles and labels set."""
    lines = -(-len(places_of(rows)) // PER_LINE) or 1
    n_rows = len(METRICS) * lines
    height = min(height, (style.TALLEST - 12) / n_rows)
    figure, axes = style.canvas(1, 1, width=style.PAGE, height=n_rows * height + 12)
    axes[0, 0].remove()
    return figure, *grid_in(figure, rows, prefix=prefix)


def grid_in(
    figure: Any,
    rows: pd.DataFrame,
    *,
    prefix: str = "shift in ",
    labels: Mapping[str, str] = METRICS,
    cohorts: bool = True,
) -> tuple[Any, list[tuple[str, str]]]:
    """The axes of each (cohort, tissue) in a figure or a part of it, one a metric; titles and labels set.

    `labels` are those of the metrics; `cohorts` says whether a title names the cohort below the tissue.
    """
    places = places_of(rows)
    per_line = min(len(places), PER_LINE) or 1
    lines = -(-len(places) // per_line) or 1
    axes = figure.subplots(len(METRICS) * lines, per_line, squeeze=False)
    if not places:
        for ax in axes.flat:
            empty(ax)
    for index in range(len(places), lines * per_line):
        for row in range(len(METRICS)):
            axes[index // per_line * len(METRICS) + row, index % per_line].set_axis_off()
    for index, (cohort, stratum) in enumerate(places):
        for row in range(len(METRICS)):
            ax = axes[index // per_line * len(METRICS) + row, index % per_line]
            if row == 0:
                ax.set_title(title(cohort if cohorts else "", stratum), fontsize=6.5)
            if index % per_line == 0:
                ax.set_ylabel(prefix + list(labels.values())[row])
    return _arranged(axes, len(places), per_line), places


def _arranged(axes: Any, n_places: int, per_line: int) -> list[list[Any]]:
    """The axes of each place, one a metric."""
    return [
        [axes[index // per_line * len(METRICS) + row, index % per_line] for row in range(len(METRICS))]
        for index in range(n_places)
    ]


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
