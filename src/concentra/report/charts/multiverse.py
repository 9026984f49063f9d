"""The shift under every specification."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.pl import _style as style
from concentra.report.charts._shared import MADE, POINT, Row, Spec, chart, choice, legend, line, tip


def multiverse(rows: Sequence[Row], *, metrics: Sequence[tuple[str, str]]) -> Spec:
    """The shift under every specification, ascending; the choice made is a diamond.

    `rows` have `metric` (place), `rank`, `value`, `made`, `choices`.
    """
    return chart(
        rows,
        {
            "params": [choice("metric", [label for _, label in metrics], "metric ")],
            "transform": [{"filter": "datum.metric == metric"}],
            "height": 220,
            "layer": [
                line("y", 0),
                {"mark": POINT,
                 "encoding": {
                     "x": {"field": "rank", "type": "quantitative", "title": "combinations, in ascending order",
                           "axis": {"labels": False, "ticks": False, "grid": False}, "scale": {"padding": 8}},
                     "y": {"field": "value", "type": "quantitative", "title": "shift in the metric",
                           "axis": {"tickCount": 5}, "scale": {"padding": 8}},
                     "size": {"condition": {"test": "datum.made == 'the choice made'", "value": 140}, "value": 32},
                     "color": {"field": "made", "type": "nominal", "legend": legend(MADE),
                               "scale": {"domain": list(MADE), "range": [style.ACCENT, style.GREY]}},
                     "shape": {"field": "made", "type": "nominal", "legend": legend(MADE),
                               "scale": {"domain": list(MADE), "range": ["diamond", "circle"]}},
                     "tooltip": [tip("value", "shift", "+.3~f"), tip("choices", "choices"),
                                 tip("made", "this point")]}},
            ],
        },
    )  # fmt: skip
