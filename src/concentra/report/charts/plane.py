"""Tissues and models in the plane of the two shifts."""

from __future__ import annotations

from collections.abc import Sequence

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

    Parameters
    ----------
    rows
        With `axes` (place), `gini`, `hill_q1`, `name`, `label` (what is written beside the point), `verdict` (its
        look), `words` (the verdict as it is shown); where they are needed, `slot` (place in `sources`) and
        `below` (the label stands below its point).
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
        "scale": {"padding": 44},
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
        "size": 14,
        "color": LINE,
        "opacity": 0.25,
        "aria": False,
        "clip": True,
    }
    about = [tip("source", "from")] if sources else []
    tooltip = [tip("name", "tissue"), *about, tip("gini", "shift in Gini", "+.3~f"),
               tip("hill_q1", "shift in effective number", "+.3~f"), tip("words", "verdict")]  # fmt: skip
    return chart(
        rows,
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
                 "mark": {"type": "text", "dy": {"expr": "datum.below ? 18 : -12"}, "fontSize": 11},
                 "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
            ],
        },
    )  # fmt: skip
