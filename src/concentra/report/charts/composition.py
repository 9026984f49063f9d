"""Stacked bars of every donor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from concentra.report.charts._shared import LINE, NAMES, Row, Spec, chart, legend, tip

HEIGHTS = {12: 22, 30: 17, 60: 12, 100: 9, float("inf"): 4}
"""Of a bar, by the number of donors: a hundred fit on a sheet of paper; of low bars only some are named."""


def composition(rows: Sequence[Row], *, donors: Sequence[str], parts: Mapping[str, str]) -> Spec:
    """Stacked bars of shares, a bar a donor, the largest part first; one part can be highlighted.

    `rows` have `donor` (as shown), `part`, `place` (that of the part in `parts`), `share`, `n_cells`, `group`.
    """
    names = list(parts)
    height = next(height for most, height in HEIGHTS.items() if len(donors) <= most)
    pick = {
        "name": "pick", "value": -1,
        "bind": {"input": "select", "options": [-1, *range(len(names))], "labels": ["all", *names],
                 "name": "highlight "},
    }  # fmt: skip
    return chart(
        rows,
        {
            "params": [pick],
            "height": height * len(donors),
            "mark": {"type": "bar", "stroke": LINE, "strokeWidth": 0.6},
            "encoding": {
                "y": {"field": "donor", "type": "nominal", "title": None, "scale": {"domain": list(donors)},
                      "axis": NAMES | {"labelOverlap": True,
                               "labelFontSize": 12 if height > 12 else 9 if height > 9 else 8}},
                "x": {"field": "share", "type": "quantitative", "title": "share of the cells", "stack": "zero",
                      "scale": {"domain": [0, 1], "nice": False},
                      "axis": {"format": "%", "tickCount": {"expr": "width < 260 ? 2 : 5"}}},
                "order": {"field": "place", "type": "quantitative"},
                "color": {"field": "part", "type": "nominal", "legend": legend(names),
                          "scale": {"domain": names, "range": list(parts.values())}},
                "opacity": {"condition": {"test": "pick < 0 || pick == datum.place", "value": 1}, "value": 0.15},
                "tooltip": [tip("donor", "donor"), tip("group", "group"), tip("part", "cell type"),
                            tip("share", "share", ".1%"), tip("n_cells", "cells", ",")],
            },
        },
    )  # fmt: skip
