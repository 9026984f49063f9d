"""Concentration of head importance along training."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.pl import _style as style
from concentra.report.charts._shared import LINE, POINT, Row, Spec, chart, choice, tip


def trajectory(rows: Sequence[Row], *, importances: Sequence[str], title: str) -> Spec:
    """A metric at every checkpoint with its band; what counts as importance can be chosen.

    Dotted: what noise of the same size in every head would show. `rows` have `checkpoint`, `importance` (its place in
    `importances`), `value`, `low`, `high`, `noise`, `n_heads`, `top_head`, `top_share`.
    """
    steps = sorted({row["checkpoint"] for row in rows})
    x = {"field": "checkpoint", "type": "quantitative", "title": "training step",
         "scale": {"type": "log" if steps and steps[0] else "symlog", "nice": False, "padding": 10},
         "axis": {"format": "~s", "values": steps, "labelOverlap": True}}  # fmt: skip
    y = {"field": "value", "type": "quantitative", "title": title, "axis": {"tickCount": 5},
         "scale": {"zero": False, "padding": 10}}  # fmt: skip
    tooltip = [tip("checkpoint", "training step", ","), tip("value", title, ".3~f"), tip("low", "from", ".3~f"),
               tip("high", "to", ".3~f"), tip("n_heads", "heads measured", ","), tip("top_head", "largest head"),
               tip("top_share", "its share", ".0%")]  # fmt: skip
    return chart(
        rows,
        {
            "params": [choice("importance", importances, "importance ")] if len(importances) > 1 else [],
            "transform": [{"filter": "datum.importance == importance"}] if len(importances) > 1 else [],
            "height": 240,
            "layer": [
                {"mark": {"type": "area", "color": style.ACCENT, "opacity": 1, "fillOpacity": 0.22,
                          "stroke": style.ACCENT, "strokeWidth": 0.8, "aria": False},
                 "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}}},
                {"mark": {"type": "line", "color": LINE, "strokeDash": [2, 4], "strokeWidth": 1.5, "aria": False},
                 "encoding": {"x": x, "y": y | {"field": "noise"}}},
                {"mark": {"type": "line", "color": style.ACCENT, "strokeWidth": 1.8, "aria": False},
                 "encoding": {"x": x, "y": y}},
                {"mark": POINT | {"size": 55, "color": style.ACCENT},
                 "encoding": {"x": x, "y": y, "tooltip": tooltip}},
            ],
        },
    )  # fmt: skip
