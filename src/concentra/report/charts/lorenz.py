"""Lorenz curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from concentra.report.charts._shared import (
    DASHES,
    LINE,
    Row,
    Spec,
    chart,
    group_colour,
    legend,
    looks,
    switched,
    switches,
    tip,
)


def lorenz(rows: Sequence[Row], *, groups: Mapping[str, int]) -> Spec:
    """What share of the cells the rarest types hold together, a curve a donor; the diagonal is equality.

    `rows` have `donor`, `group`, `slot`, `population`, `cumulative`.
    """
    ends = [{"population": 0, "cumulative": 0}, {"population": 1, "cumulative": 1}]
    x = {"field": "population", "type": "quantitative", "title": "cell types, rarest first",
         "axis": {"format": "%", "tickCount": 5}, "scale": {"domain": [0, 1]}}  # fmt: skip
    y = {"field": "cumulative", "type": "quantitative", "title": "share of the cells",
         "axis": {"format": "%", "tickCount": 5}, "scale": {"domain": [0, 1]}}  # fmt: skip
    return chart(
        rows,
        {
            "params": switches(groups),
            "height": 260,
            "layer": [
                {"data": {"values": ends}, "mark": {"type": "line", "aria": False, "color": LINE, "strokeDash": [4, 3]},
                 "encoding": {"x": x, "y": y}},
                {"transform": switched(groups), "mark": {"type": "line", "strokeWidth": 1.8},
                 "encoding": {"x": x, "y": y, "detail": {"field": "donor"}, "color": group_colour(groups),
                              "strokeDash": {"field": "group", "type": "nominal",
                                             "legend": legend(groups) if len(groups) > 1 else None,
                                             "scale": {"domain": list(groups), "range": looks(DASHES, groups)}},
                              "tooltip": [tip("donor", "donor"), tip("group", "group")]}},
            ],
        },
    )  # fmt: skip
