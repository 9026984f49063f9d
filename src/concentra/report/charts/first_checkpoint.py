"""The shift to the last checkpoint from every earlier one."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.report.charts._shared import Row, Spec, chart, line, tip, verdict


def first_checkpoint(rows: Sequence[Row], *, title: str) -> Spec:
    """The shift by the checkpoint that is taken as the first, with its interval; colour and shape are the direction.

    `rows` have `first`, `last`, `shift`, `low`, `high`, `verdict` (of the heads), `direction`.
    """
    looks = verdict(rows)
    steps = sorted({row["first"] for row in rows})
    x = {"field": "first", "type": "quantitative", "title": "checkpoint taken as the first",
         "scale": {"type": "log" if steps and steps[0] else "symlog", "nice": False, "padding": 10},
         "axis": {"format": "~s", "values": steps, "labelOverlap": True}}  # fmt: skip
    y = {"field": "shift", "type": "quantitative", "title": title, "axis": {"tickCount": 5},
         "scale": {"padding": 10}}  # fmt: skip
    tooltip = [tip("first", "from step", ","), tip("last", "to step", ","), tip("shift", "shift", "+.3~f"),
               tip("low", "from", "+.3~f"), tip("high", "to", "+.3~f"), tip("direction", "direction"),
               tip("verdict", "verdict of the heads")]  # fmt: skip
    return chart(
        rows,
        {
            "height": 220,
            "layer": [
                line("y", 0),
                {"mark": {"type": "rule", "strokeWidth": 2},
                 "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "stroke": looks["stroke"],
                              "tooltip": tooltip}},
                {"mark": {"type": "point", "size": 80, "strokeWidth": 2, "opacity": 1},
                 "encoding": {"x": x, "y": y, "tooltip": tooltip} | looks},
            ],
        },
    )  # fmt: skip
