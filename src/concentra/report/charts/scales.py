"""The effect at every granularity."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.report.charts._shared import Row, Spec, chart, domain, line, ratio_axis, tip, verdict


def scales(rows: Sequence[Row], *, ratio: bool, title: str) -> Spec:
    """The effect at every granularity with its interval; colour and shape are the verdict or direction.

    `rows` have `scale` (as shown), `effect`, `low`, `high`, `verdict`.
    """
    ends = [row[key] for row in rows for key in ("effect", "low", "high")]
    axis: Spec = {"title": title, "tickCount": 5}
    scale: Spec = {"zero": False, "padding": 10}
    if ratio:
        axis |= ratio_axis(ends)
        scale = {"type": "log", "nice": False, "domain": domain(ends)}
    looks = verdict(rows)
    x = {"field": "scale", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": 0}}
    tooltip = [tip("scale", "granularity"), tip("effect", title, ".3~f"), tip("low", "from", ".3~f"),
               tip("high", "to", ".3~f"), tip("verdict", "verdict")]  # fmt: skip
    interval = {
        "x": x,
        "y": {"field": "low", "type": "quantitative"},
        "y2": {"field": "high"},
        "tooltip": tooltip,
    }
    point = {
        "x": x,
        "y": {"field": "effect", "type": "quantitative", "axis": axis, "scale": scale},
        "tooltip": tooltip,
    }
    return chart(
        rows,
        {
            "height": 230,
            "layer": [
                line("y", 1 if ratio else 0),
                {
                    "mark": {"type": "rule", "strokeWidth": 2.5},
                    "encoding": interval | {"stroke": looks["stroke"]},
                },
                {
                    "mark": {"type": "point", "size": 90, "strokeWidth": 2, "opacity": 1},
                    "encoding": point | looks,
                },
            ],
        },
    )
