"""Every donor as a point: by group, by tissue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from concentra.pl import _style as style
from concentra.report.charts._shared import (
    NAMES,
    POINT,
    Row,
    Spec,
    chart,
    cut,
    group_colour,
    group_shape,
    switched,
    switches,
    tip,
    zoom,
)

SHORT = 34
"""Letters of all names of groups together that fit along the axis, which then needs no legend."""


def donors(rows: Sequence[Row], *, groups: Mapping[str, int], title: str) -> Spec:
    """Every donor as a point by group, the median of each group as a line; groups can be switched off.

    `rows` have `donor`, `group`, `slot` (place of the group), `value`, `shift` (sideways, -1 to 1), `n_cells`,
    `labels`.
    """
    labels = [tip("labels", "other columns")] if any(row["labels"] for row in rows) else []
    scale: Spec = {"zero": False, "padding": 10}
    if len(values := {float(row["value"]) for row in rows}) == 1:
        (only,) = values
        scale["domain"] = [only - (room := abs(only) / 10 or 0.1), only + room]
    bare = {"legend": None} if sum(map(len, groups)) <= SHORT else {}
    return chart(
        rows,
        {
            "params": switches(groups),
            "transform": switched(groups),
            "height": 280,
            "encoding": {
                "x": {"field": "group", "type": "nominal", "title": None, "scale": {"domain": list(groups)},
                      "axis": {"labelAngle": 0, "grid": False, **cut(f"width / {len(groups)} - 14")}},
                "y": {"field": "value", "type": "quantitative", "title": title, "axis": {"tickCount": 5},
                      "scale": scale},
            },
            "layer": [
                {"mark": {"type": "tick", "thickness": 2, "size": 70, "orient": "horizontal", "color": "currentColor"},
                 "transform": [{"aggregate": [{"op": "median", "field": "value", "as": "value"},
                                              {"op": "count", "as": "n"}], "groupby": ["group"]}],
                 "encoding": {"xOffset": {"datum": 0, "type": "quantitative"},
                              "tooltip": [tip("group", "group"), tip("value", "median", ".3~f"),
                                          tip("n", "donors")]}},
                {"mark": POINT | {"size": 60},
                 "params": [zoom("y")],
                 "encoding": {
                     "xOffset": {"field": "shift", "type": "quantitative", "scale": {"domain": [-2, 2]}},
                     "color": group_colour(groups) | bare, "shape": group_shape(groups) | bare,
                     "tooltip": [tip("donor", "donor"), tip("group", "group"), tip("value", title, ".3~f"),
                                 tip("n_cells", "cells", ","), *labels]}},
            ],
        },
    )  # fmt: skip


def strips(rows: Sequence[Row], *, names: Sequence[str]) -> Spec:
    """The effective number of every donor, a strip a tissue, the median as a line.

    `rows` have `donor`, `group` (the tissue as shown), `value`, `n_cells`.
    """
    return chart(
        rows,
        {
            "height": 24 * len(names),
            "encoding": {
                "y": {"field": "group", "type": "nominal", "title": None, "scale": {"domain": list(names)},
                      "axis": NAMES},
                "x": {"field": "value", "type": "quantitative", "title": "effective number", "axis": {"tickCount": 6},
                      "scale": {"zero": False, "padding": 10}},
            },
            "layer": [
                {"mark": {"type": "tick", "thickness": 2, "color": "currentColor"},
                 "transform": [{"aggregate": [{"op": "median", "field": "value", "as": "value"}],
                                "groupby": ["group"]}],
                 "encoding": {"tooltip": [tip("group", "tissue"), tip("value", "median", ".3~f")]}},
                {"mark": POINT | {"size": 55, "color": style.ACCENT},
                 "params": [zoom("x")],
                 "encoding": {"tooltip": [tip("donor", "donor"), tip("group", "tissue"),
                                          tip("value", "effective number", ".3~f"), tip("n_cells", "cells", ",")]}},
            ],
        },
    )  # fmt: skip
