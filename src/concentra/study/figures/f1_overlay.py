"""Figure 1: tissues, ageing blood and models as arrows in the plane of the two shifts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.analysis.plane import PERMUTED, REGION
from concentra.pl import _style as looks
from concentra.report.markdown import number
from concentra.stats.verdict import DIRECTIONS, LESS, MORE
from concentra.study.cohorts import made_up
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

MARROW, BLOOD = "Marrow", "blood_ageing"
OTHER_LEVELS = ("Blood, 7 types", "Blood, 69 types")  # where one level of blood is enough
RAW, NORMALISED = "raw", "normalised"
LABELS = {
    RAW: ("shift in Gini coefficient", "shift in effective number"),
    NORMALISED: ("shift in Gini / (1 − 1/n)", "shift in ln effective number"),
}
MASS = (0.95, 0.75, 0.5)
"""Shares of the null cloud within the outer and the inner contours."""
BANDWIDTH = 0.25  # of the density, in standard deviations of the cloud
GREYS = ("#e3e3e3", "#cdcdcd", "#b3b3b3")


@figure("1")
def overlay(overlay: pd.DataFrame, overlay_null: pd.DataFrame, overlay_cloud: pd.DataFrame) -> Drawing:
    """Tissues, ageing blood and models in the plane of the two shifts"""
    drawn, axes = style.canvas(2, 2, width=style.PAGE, height=158)
    real = overlay_null[~overlay_null["cohort"].isin(made_up())]
    arrows = real.merge(overlay[["cohort", "stratum", "kind", "verdict"]], on=["cohort", "stratum"])
    arrows = arrows.assign(main=(arrows["kind"] == "model") | arrows["cohort"].eq(BLOOD) | _is_marrow(arrows))
    raw = arrows[arrows["axes"] == RAW]
    tissues, blood = (raw["kind"] == "atlas") & (raw["cohort"] != BLOOD), raw["cohort"] == BLOOD
    panels = [
        ("mouse tissues, old − young", raw[tissues], RAW),
        ("human blood at three levels of types, old − young", raw[blood], RAW),
        ("models, last − first checkpoint", raw[raw["kind"] == "model"], RAW),
        (
            "marrow, blood and models on axes that compare",
            arrows[(arrows["axes"] == NORMALISED) & arrows["main"] & ~arrows["stratum"].isin(OTHER_LEVELS)],
            NORMALISED,
        ),
    ]
    for ax, letter, (title, rows, name) in zip(axes.flat, "abcd", panels, strict=True):
        style.panel_title(ax, letter, title)
        _panel(ax, rows, overlay_cloud[overlay_cloud["axes"] == name])
        ax.set_xlabel(LABELS[name][0])
        ax.set_ylabel(LABELS[name][1])
    drawn.legend(handles=_handles(raw), loc="outside lower center", ncols=5)
    for ax, (_, rows, _) in zip(axes.flat, panels, strict=True):  # once everything else has its place
        names = [_name(row) for row in rows.to_dict("records")]
        style.label_points(
            ax, rows["gini"], rows["hill_q1"], names, starts=[(0.0, 0.0)] * len(rows), lines=_edges(ax)
        )
    return Drawing(drawn, _caption(raw, overlay), _alternative(raw))


def _edges(ax: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The edges of the regions, piece by piece."""
    corners = [[(float(x), float(y)) for x, y in one.get_xy()] for one in ax.patches]
    return [pair for one in corners for pair in pairwise(one)]


def _is_marrow(arrows: pd.DataFrame) -> pd.Series:
    return arrows["stratum"].eq(MARROW)


def _panel(ax: Any, rows: pd.DataFrame, clouds: pd.DataFrame) -> None:
    here = clouds.merge(rows[["cohort", "stratum", "main"]], on=["cohort", "stratum"])
    style.zero_line(ax, horizontal=True)
    _fit(ax, rows)
    _quadrants(ax)
    _density(ax, here[here["what"] == PERMUTED])
    regions = here[(here["what"] == REGION) & here["main"]]
    for (cohort, _), region in regions.groupby(["cohort", "stratum"], sort=False):
        hue, corners = style.colour(str(cohort)), region.sort_values("place")
        ax.fill(corners["gini"], corners["hill_q1"], facecolor="none", edgecolor=hue, linewidth=0.7,
                linestyle=(0, (3, 1.5)), zorder=2)  # fmt: skip
    for row in rows.sort_values("main").to_dict("records"):
        hue, main = style.colour(row["cohort"]), row["main"]
        ax.plot(
            [0, row["gini"]], [0, row["hill_q1"]], color=hue, linewidth=1.5 if main else 0.6, zorder=3 + main
        )
        ax.scatter(
            row["gini"], row["hill_q1"], s=26 if main else 13, marker=style.marker(row["cohort"]),
            color=hue if row["verdict"] in DIRECTIONS else "white", edgecolor=hue, linewidth=0.9, zorder=4 + main,
        )  # fmt: skip


def _fit(ax: Any, rows: pd.DataFrame) -> None:
    """Limits that hold the arrows with a margin; regions and clouds do not stretch them."""
    for values, limit in ((rows["gini"], ax.set_xlim), (rows["hill_q1"], ax.set_ylim)):
        low, high = min(0.0, *values), max(0.0, *values)
        room = 0.35 * (high - low) or 1.0
        limit(low - room, high + room)


def _quadrants(ax: Any) -> None:
    """The quadrants of the two directions, tinted and named."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for word, x, y, corner, how in (
        (MORE, (0, right), (bottom, 0), (0.98, 0.02), {"ha": "right", "va": "bottom"}),
        (LESS, (left, 0), (0, top), (0.02, 0.98), {"ha": "left", "va": "top"}),
    ):
        ax.fill_between(x, *y, color=looks.look(word).colour, alpha=0.09, linewidth=0, zorder=-1)
        ax.text(*corner, word, transform=ax.transAxes, fontsize=6, fontstyle="italic", color=style.INK, **how)


def _density(ax: Any, null: pd.DataFrame) -> None:
    """Contours of the density of the null clouds, around given shares of their points."""
    from scipy.stats import gaussian_kde

    if len(null) < 10:
        return
    points = null[["gini", "hill_q1"]].to_numpy().T
    found = gaussian_kde(points, bw_method=BANDWIDTH)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    grid = np.meshgrid(np.linspace(left, right, 100), np.linspace(bottom, top, 100))
    height = found(np.vstack([one.ravel() for one in grid])).reshape(grid[0].shape)
    levels = np.quantile(found(points), [1 - share for share in MASS])
    ax.contourf(*grid, height, levels=[*levels, height.max() * 1.01], colors=GREYS, zorder=1)


def _name(row: dict[Any, Any]) -> str:
    if row["kind"] == "model":
        return style.title_of(row["cohort"])
    if row["cohort"] == BLOOD:
        return style.readable(row["stratum"]).lower()
    name = tissue_name(row["stratum"])
    platform = style.title_of(row["cohort"]).rpartition(", ")[2]
    return f"{name}, {platform}" if row["main"] or row["cohort"] != "tms_facs" else name


def _handles(arrows: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    look: dict[str, Any] = {"color": style.INK, "linestyle": "", "markersize": 4.5}
    cells = arrows.loc[arrows["kind"] == "atlas", "cohort"].drop_duplicates()
    handles: list[Any] = [
        Line2D([], [], color=style.colour(name), marker=style.marker(name), markersize=4.5, label=style.title_of(name))
        for name in cells
    ]  # fmt: skip
    handles += [
        Line2D([], [], **look, marker="o", label="established"),
        Line2D([], [], **look, marker="o", markerfacecolor="white", label="not established"),
        Patch(color=GREYS[1], label="null cloud"),
        Line2D([], [], color=style.INK, linewidth=0.7, linestyle=(0, (3, 1.5)), label="joint 95% region"),
    ]
    return handles


def _caption(raw: pd.DataFrame, overlay: pd.DataFrame) -> str:
    tissues = raw[(raw["kind"] == "atlas") & (raw["cohort"] != BLOOD)]
    groups = ", ".join(
        f"{style.title_of(str(name)).rpartition(', ')[2]} {len(rows)}"
        for name, rows in tissues.groupby("cohort", sort=False)
    )
    named = overlay[(overlay["stratum"] == MARROW) & ~overlay["cohort"].isin(made_up())]
    donors = ", ".join(
        f"{style.title_of(row['cohort']).rpartition(', ')[2]} {row['n_reference']} young and {row['n_other']} old mice"
        for _, row in named.iterrows()
    )
    established = raw["verdict"].isin(DIRECTIONS).sum()
    return (
        "An arrow ends at the shift of medians (models: of values), in Gini coefficient across and in effective "
        f"number upwards. a, tissues with two mice or more in both groups ({groups}; marrow: {donors}). b, "
        f"{_blood(overlay)}, over 7, 27 and 69 types of the same cells. c, models; of Pythia-410M and 1.4B a sample "
        "of 144 of 384 heads was measured, and the noise of the published importances is not known, so that no "
        "verdict on models is given. d, marrow, blood at 27 types and models on axes that do not grow with the "
        "number of parts. Grey: where labels of donors, or shares of heads, exchanged at random put half, three "
        "quarters and 95% of all arrows of the panel; dashed: joint 95% regions over donors, or over resampled "
        "heads; both are cut at the edge. The two shifts are almost collinear by arithmetic: in the median tissue "
        f"{100 * tissues['opposite_share'].median():.0f}% of the null cloud lies in the two tinted quadrants. The "
        f"direction of {established} of {len(raw)} arrows is established (filled)."
    )


def _blood(overlay: pd.DataFrame) -> str:
    rows = overlay[overlay["cohort"] == BLOOD]
    if rows.empty:
        return "ageing blood (absent)"
    return f"blood of {rows['n_reference'].iloc[0]} young and {rows['n_other'].iloc[0]} old donors"


def _alternative(raw: pd.DataFrame) -> str:
    return "; ".join(
        f"{style.title_of(row['cohort'])}{', ' + row['stratum'] if row['kind'] == 'atlas' else ''}: Gini "
        f"{number(row['gini'], 3, sign=True)}, effective number {number(row['hill_q1'], 2, sign=True)}, "
        f"{row['verdict']}"
        for _, row in raw.iterrows()
    )
