"""The parts that drive a shift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from concentra.pl import _style as style
from concentra.report.charts._shared import NAMES, Row, Spec, chart, choice, legend, tip

ENDS = {"low": "from", "high": "to", "joint_low": "jointly from", "joint_high": "jointly to"}
"""Ends of the lines, as the hover text names them."""


def drivers(rows: Sequence[Row], *, metrics: Sequence[tuple[str, str]]) -> Spec:
    """Contribution of each part to the shift of one metric, with its interval; the metric can be chosen.

    `rows` have `part`, `metric` (its place in `metrics`), `contribution`, `low`, `high`, `joint_low`, `joint_high`,
    `size`, `toward`, `shares`, `p`.
    """
    ends = [
        tip(name, words, "+.3~f")
        for name, words in ENDS.items()
        if any(row[name] is not None for row in rows)
    ]
    toward = [("toward more concentrated", style.MORE), ("toward less concentrated", style.LESS)]
    return chart(
        rows,
        {
            "params": [choice("metric", [label for _, label in metrics], "metric ")],
            "transform": [{"filter": "datum.metric == metric"}],
            "height": 24 * max(Counter(row["metric"] for row in rows).values(), default=1),
            "encoding": {
                "y": {"field": "part", "type": "nominal", "title": None,
                      "sort": {"field": "size", "op": "max", "order": "descending"},
                      "axis": NAMES},
            },
            "layer": [
                {"mark": "bar",
                 "encoding": {"x": {"field": "contribution", "type": "quantitative",
                                    "axis": {"tickCount": {"expr": "width < 250 ? 3 : 5"}},
                                    "title": "contribution to the shift"},
                              "color": {"field": "toward", "type": "nominal",
                                        "legend": legend([name for name, _ in toward]),
                                        "scale": {"domain": [name for name, _ in toward],
                                                  "range": [colour for _, colour in toward]}},
                              "tooltip": [tip("part", "cell type"), tip("contribution", "contribution", "+.3~f"),
                                          *ends,
                                          tip("shares", "share of the cells"), tip("p", "adjusted p of the share"),
                                          tip("toward", "direction")]}},
                {"mark": {"type": "rule", "aria": False, "strokeWidth": 0.8, "color": "currentColor"},
                 "encoding": {"x": {"field": "joint_low", "type": "quantitative"}, "x2": {"field": "joint_high"}}},
                {"mark": {"type": "rule", "aria": False, "strokeWidth": 2.4, "color": "currentColor"},
                 "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}}},
            ],
        },
    )  # fmt: skip
