"""Tissues and models in the plane of the two shifts."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.report.charts._labels import sides
from concentra.report.charts._shared import (
    LINE,
    Row,
    Spec,
    chart,
    choice,
    line,
    switched,
    switches,
    tip,
    verdict,
    zoom,
)
from concentra.stats.verdict import DIRECTIONS

EDGE = 44
"""Pixels of the picture left and right of all points, for their labels."""
WIDTHS = {"narrow": 220, "middle": 480, "wide": 900}
"""Of the picture, at least, on a telephone, in half a page, in a whole one: labels are placed for each."""
SIDE = "datum[width < 480 ? 'narrow' : width < 900 ? 'middle' : 'wide']"
"""The offset of a label in the picture as it is."""


def plane(
    rows: Sequence[Row],
    points: Sequence[Row],
    *,
    axes: Sequence[str],
    sources: Sequence[str] = (),
    hidden: int = 0,
    height: int = 380,
) -> Spec:
    """Shifts in the plane over the cloud that exchanged labels give; the axes can be chosen.

    Labels that would lie on others are left out, those of established changes last; the tooltip names every point.

    Parameters
    ----------
    rows
        With `axes` (place), `gini`, `hill_q1`, `name`, `label` (what is written beside the point), `verdict` (its
        look), `words` (the verdict as it is shown); where it is needed, `slot` (place in `sources`).
    points
        The cloud: `axes`, `gini`, `hill_q1`, and `slot`.
    axes
        Names of the axes.
    sources
        Where shifts come from, each with a box to tick.
    hidden
        The last so many of `sources` are off at first.
    height
        Of the picture.
    """
    params = [choice("axes", axes, "axes "), *switches(sources)]
    for param in params[len(params) - hidden :]:
        param["value"] = False
    chosen = [{"filter": "datum.axes == axes"}, *switched(sources)]
    x = {
        "field": "gini",
        "type": "quantitative",
        "title": "shift in Gini coefficient",
        "scale": {"padding": EDGE},
        "axis": {"tickCount": 6},
    }
    y = {
        "field": "hill_q1",
        "type": "quantitative",
        "title": "shift in effective number",
        "scale": {"padding": 18},
        "axis": {"tickCount": 6},
    }
    dot = {
        "type": "point",
        "filled": True,
        "size": 6,
        "color": LINE,
        "opacity": 1,
        "aria": False,
        "clip": True,
    }
    about = [tip("source", "from")] if sources else []
    tooltip = [tip("name", "tissue"), *about, tip("gini", "shift in Gini", "+.3~f"),
               tip("hill_q1", "shift in effective number", "+.3~f"), tip("words", "verdict")]  # fmt: skip
    return chart(
        _placed(rows, points, height),
        {
            "params": params,
            "height": height,
            "layer": [
                {"data": {"values": [dict(one) for one in points]}, "transform": chosen, "mark": dot,
                 "encoding": {"x": x, "y": y}},
                line("x", 0),
                line("y", 0),
                {"transform": chosen, "params": [zoom()],
                 "mark": {"type": "point", "size": 110, "strokeWidth": 2, "opacity": 1},
                 "encoding": {"x": x, "y": y, "tooltip": tooltip} | verdict(rows)},
                {"transform": chosen,
                 "mark": {"type": "text", "dy": {"expr": SIDE}, "fontSize": 11,
                          "text": {"expr": f"{SIDE} == null ? '' : datum.label"}},
                 "encoding": {"x": x, "y": y}},
            ],
        },
    )  # fmt: skip


def _placed(rows: Sequence[Row], points: Sequence[Row], height: int) -> list[Row]:
    """The rows with the offset of their label at each of `WIDTHS`, None where it is left out."""
    found: list[Row] = []
    for axes in dict.fromkeys(row["axes"] for row in rows):
        here = sorted((row for row in rows if row["axes"] == axes), key=_importance)
        x, y = ([float(row[metric]) for row in here] for metric in ("gini", "hill_q1"))
        cloud = [one for one in points if one["axes"] == axes]
        wide = [0.0, *x, *(one["gini"] for one in cloud)]
        reach = (_length(wide), _length([0.0, *y, *(one["hill_q1"] for one in cloud)]))
        labels = [str(row["label"]) for row in here]
        placed = {}
        for name, width in WIDTHS.items():
            inner = width - 2 * EDGE
            aside = EDGE * reach[0] / inner
            placed[name] = sides(
                labels,
                x,
                y,
                reach=reach,
                size=(inner, height - 36),
                within=(min(wide) - aside, max(wide) + aside),
            )
        found += [
            {**row, **{name: offsets[place] for name, offsets in placed.items()}}
            for place, row in enumerate(here)
        ]
    return found


def _importance(row: Row) -> tuple[bool, float]:
    """Established changes first, then the points farthest from zero."""
    return row["verdict"] not in DIRECTIONS, -abs(float(row["hill_q1"]))


def _length(values: Sequence[float]) -> float:
    return (max(values) - min(values)) or 1.0
