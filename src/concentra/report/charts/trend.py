"""A metric along a numeric axis."""

from __future__ import annotations

from collections.abc import Sequence

from concentra.pl import _style as style
from concentra.report.charts._shared import POINT, Row, Spec, chart, tip, zoom


def trend(rows: Sequence[Row], lines: Sequence[Row], *, title: str, along: str) -> Spec:
    """A metric of every donor along a numeric axis, with its fitted line.

    `rows` have `donor`, `along`, `value`, `n_cells`; `lines` the two ends `along`, `value`.
    """
    x = {"field": "along", "type": "quantitative", "title": along, "scale": {"zero": False, "padding": 10},
         "axis": {"tickCount": 6}}  # fmt: skip
    y = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False, "padding": 10},
         "axis": {"tickCount": 5}}  # fmt: skip
    return chart(
        rows,
        {
            "height": 230,
            "layer": [
                {"data": {"values": [dict(one) for one in lines]},
                 "mark": {"type": "line", "color": "currentColor", "strokeWidth": 1.5}, "encoding": {"x": x, "y": y}},
                {"mark": POINT | {"size": 60, "color": style.ACCENT},
                 "params": [zoom()],
                 "encoding": {"x": x, "y": y,
                              "tooltip": [tip("donor", "donor"), tip("along", along, "~g"),
                                          tip("value", title, ".3~f"), tip("n_cells", "cells", ",")]}},
            ],
        },
    )  # fmt: skip
