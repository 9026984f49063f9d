"""The effect of every tissue with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.report.charts._shared import (
    NAMES,
    Row,
    Spec,
    chart,
    domain,
    line,
    ratio_axis,
    tip,
    verdict,
    zoom,
)


def forest(rows: Sequence[Row], *, ratio: bool, title: str, unit: str) -> Spec:
    """The effect of every tissue with its interval; colour, shape and filling are the verdict.

    `rows` have `name`, `effect`, `low`, `high`, `verdict`, `donors`.
    """
    ends = [row[key] for row in rows for key in ("effect", "low", "high")]
    axis: Spec = {"title": title, "grid": True, "tickCount": 5}
    scale: Spec = {"padding": 12, "zero": False}
    if ratio:
        axis |= ratio_axis(ends)
        scale = {"type": "log", "nice": False, "domain": domain(ends)}
    looks = verdict(rows)
    y = {"field": "name", "type": "nominal", "sort": None, "title": None,
         "axis": NAMES}  # fmt: skip
    tooltip = [tip("name", "tissue"), tip("effect", unit, ".3~f"), tip("low", "from", ".3~f"),
               tip("high", "to", ".3~f"), tip("donors", "donors"), tip("verdict", "verdict")]  # fmt: skip
    interval = {
        "x": {"field": "low", "type": "quantitative"},
        "x2": {"field": "high"},
        "y": y,
        "tooltip": tooltip,
    }
    point = {
        "x": {"field": "effect", "type": "quantitative", "scale": scale, "axis": axis},
        "y": y,
        "tooltip": tooltip,
    }
    return chart(
        rows,
        {
            "height": 26 * len(rows),
            "layer": [
                line("x", 1 if ratio else 0),
                {"mark": {"type": "rule", "strokeWidth": 2.5}, "encoding": interval | {"stroke": looks["stroke"]}},
                {"mark": {"type": "point", "size": 90, "strokeWidth": 2, "opacity": 1}, "params": [zoom("x")],
                 "encoding": point | looks},
            ],
        },
    )  # fmt: skip
