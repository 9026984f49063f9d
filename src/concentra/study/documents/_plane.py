"""The plane of the two shifts as an interactive chart: arrows, joint regions, null clouds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.report.html import clip
from concentra.report.markdown import number, p_text
from concentra.stats.verdict import DIRECTIONS
from concentra.study.documents._rows import place
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

TITLE = "Shift in Gini coefficient against shift in effective number."
NOTE = (
    "One point a tissue (old minus young donors) or model (last minus first checkpoint). Right and down: more "
    "concentrated; left and up: less. Dots: the null cloud, the same arrow with donors' labels (or checkpoints) "
    "exchanged; outlines: joint 95 % regions. The two numbers measure nearly the same thing, so nearly every pair of "
    "shifts, also of no effect, lies in those two quadrants: an arrow is informative only where it leaves its cloud. "
    "Drag to move once zoomed; Ctrl and the wheel zoom."
)
SLOTS = {"tms_facs": 0, "tms_droplet": 1, "simulated": 2, "pythia_410m": 3, "pythia_160m": 4, "tiny_neox": 5,
         "pythia_1p4b": 6, "olmo2_1b": 7, "blood_ageing": 6}  # fmt: skip
MARKERS = {"tms_facs": "circle", "tms_droplet": "square", "blood_ageing": "circle", "simulated": "cross"}
LABELS = {
    "normalised": ("shift in Gini / (1 − 1/n)", "shift in ln effective number"),
    "raw": ("shift in Gini coefficient", "shift in effective number"),
}
CORNERS = [
    {"text": "more concentrated ↘", "right": True, "bottom": True},
    {"text": "↖ less concentrated", "right": False, "bottom": False},
]


def slot(cohort: str) -> int:
    """The place of a cohort among the colours of the report."""
    return SLOTS.get(cohort, 6)


def marker(cohort: str) -> str:
    """The mark of a cohort: diamonds are models. No triangles, which stand for directions."""
    return MARKERS.get(cohort, "diamond")


def spec(results: Results) -> dict[str, Any]:
    """The specification of the chart; empty where the run has no arrows."""
    arrows = results.rows("overlay")
    if arrows.empty:
        return {}
    names = list(dict.fromkeys(arrows["cohort"]))
    cloud = results.rows("overlay_cloud")
    legend = [_entry(name, name not in results.simulated) for name in names]
    if not cloud.empty:
        legend += [
            {"tag": "null", "label": "null clouds"},
            {"tag": "region", "label": "joint regions", "on": False},
        ]
    views = [_view(results, axes, arrows) for axes in LABELS]
    return {
        "views": [view for view in views if view["series"]],
        "legend": legend,
        "zoom": True,
        "ratio": 0.7,
        "tall": 620,
    }


def _entry(cohort: str, on: bool) -> dict[str, Any]:
    return {
        "tag": cohort,
        "label": title_of(cohort),
        "slot": slot(cohort),
        "marker": marker(cohort),
        "on": on,
    }


def _view(results: Results, axes: str, arrows: pd.DataFrame) -> dict[str, Any]:
    x, y = LABELS[axes]
    null = results.rows("overlay_null", axes=axes)
    if null.empty:
        shown = arrows if axes == "raw" else arrows.iloc[:0]
    else:
        shifts = null[["cohort", "stratum", "gini", "hill_q1"]]
        shown = arrows.drop(columns=["gini", "hill_q1"]).merge(shifts, on=["cohort", "stratum"])
    series = [_clouds(rows) for rows in _groups(results.rows("overlay_cloud", axes=axes))]
    return {
        "name": axes,
        "x": {"label": x, "zero": True},
        "y": {"label": y, "zero": True},
        "corners": CORNERS,
        "series": [*series, *(_arrow(row) for _, row in shown.iterrows())],
    }


def _groups(cloud: pd.DataFrame) -> list[pd.DataFrame]:
    if cloud.empty:
        return []
    return [rows for _, rows in cloud.groupby(["cohort", "stratum", "what"], sort=False)]


def _clouds(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    return {
        "kind": "cloud" if first["what"] == "null" else "region",
        "name": place(first["cohort"], first["stratum"]),
        "tags": [first["cohort"], first["what"]],
        "slot": slot(first["cohort"]),
        "xs": rows["gini"].tolist(),
        "ys": rows["hill_q1"].tolist(),
    }


def _arrow(row: pd.Series) -> dict[str, Any]:
    established = row["verdict"] in DIRECTIONS
    return {
        "kind": "points",
        "name": place(row["cohort"], row["stratum"]),
        "tags": [row["cohort"]],
        "slot": slot(row["cohort"]),
        "marker": marker(row["cohort"]),
        "size": 6,
        "hollow": not established,
        "dims": True,
        "points": [
            {"x": row["gini"], "y": row["hill_q1"], "label": _label(row), "name": clip(_name(row), 24)}
        ],
    }


def _name(row: pd.Series) -> str:
    return title_of(row["cohort"]) if row["kind"] == "model" else str(row["stratum"]).replace("_", " ")


def _label(row: pd.Series) -> str:
    who = (
        "first and last checkpoint"
        if row["kind"] == "model"
        else f"{row['n_reference']} young and {row['n_other']} old donors"
    )
    lines = [
        clip(place(row["cohort"], row["stratum"])),
        who,
        f"Gini {number(row['gini'], 3, sign=True)}, effective number {number(row['hill_q1'], 2, sign=True)}",
        f"{row['direction']}; verdict: {row['verdict']}",
    ]
    if "p_joint" in row and pd.notna(row["p_joint"]):
        lines.append(f"p of both together {p_text(row['p_joint'])}")
    return "\n".join(lines)
