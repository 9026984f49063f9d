"""Charts of the page as Vega-Lite: each function returns one specification, data inside.

A specification holds plain JSON. Text that comes from the user's data stands in data values, never in an expression,
so that no label can be code. Colours, shapes and their meaning are those of `concentra.pl`; text and axes take the
colour of the page's text, which makes one drawing fit the light page, the dark page and paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from concentra.pl import _style as style

Row = Mapping[str, Any]
Spec = dict[str, Any]
LINE, GRID = "#8a8a8a", "#8a8a8a44"
CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor", "titleColor": "currentColor", "domainColor": LINE, "tickColor": LINE,
        "gridColor": GRID, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 150,
    },
    "legend": {
        "labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "labelLimit": 190, "symbolSize": 90, "orient": "bottom",
        "columns": {"expr": "max(1, floor(width / 200))"},
    },
    "text": {"color": "currentColor"},
}  # fmt: skip
"""What all charts share."""
NARROW: Spec = {"title": None, "columns": {"expr": "max(1, floor(width / 100))"}}
"""The legend of groups of donors."""
MADE = ("the choice made", "another choice")
"""In the multiverse."""


def forest(rows: Sequence[Row], *, ratio: bool, title: str, unit: str) -> Spec:
    """The effect of every tissue with its interval; colour, shape and filling are the verdict.

    `rows` have `name`, `effect`, `low`, `high`, `verdict`, `donors`, `filled`.
    """
    ends = [row[key] for row in rows for key in ("effect", "low", "high")]
    scale: Spec = {"type": "log", "nice": False, "padding": 12} if ratio else {"padding": 12, "zero": False}
    axis: Spec = {"title": title, "grid": True} | (
        {"values": style.ratio_ticks(ends), "format": "~g"} if ratio else {"tickCount": 5}
    )
    verdicts = [word for word in style.VERDICTS if any(row["verdict"] == word for row in rows)]
    looks = [style.VERDICTS[word] for word in verdicts]
    legend: Spec = {"title": None, "columns": {"expr": "max(1, floor(width / 150))"}}
    colour = {"field": "verdict", "type": "nominal", "legend": legend,
              "scale": {"domain": verdicts, "range": [one.colour for one in looks]}}  # fmt: skip
    shape = {"field": "verdict", "type": "nominal", "legend": legend,
             "scale": {"domain": verdicts, "range": [one.shape for one in looks]}}  # fmt: skip
    y = {"field": "name", "type": "nominal", "sort": None, "title": None,
         "axis": {"ticks": False, "domain": False, "labelLimit": 150}}  # fmt: skip
    tooltip = [_tip("name", "tissue"), _tip("effect", unit, ".3~f"), _tip("low", "from", ".3~f"),
               _tip("high", "to", ".3~f"), _tip("donors", "donors"), _tip("verdict", "verdict")]  # fmt: skip
    return _chart(
        rows,
        {
            "height": 26 * len(rows),
            "layer": [
                {"mark": {"type": "rule", "color": LINE, "strokeDash": [4, 3]},
                 "data": {"values": [{}]}, "encoding": {"x": {"datum": 1 if ratio else 0}}},
                {"mark": {"type": "rule", "strokeWidth": 2.5},
                 "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"},
                              "y": y, "stroke": colour, "tooltip": tooltip}},
                {"mark": {"type": "point", "size": 90, "strokeWidth": 2, "opacity": 1},
                 "params": [_zoom("x")],
                 "encoding": {"x": {"field": "effect", "type": "quantitative", "scale": scale, "axis": axis},
                              "y": y, "stroke": colour, "shape": shape, "fill": colour,
                              "fillOpacity": {"condition": {"test": "datum.filled", "value": 1}, "value": 0},
                              "tooltip": tooltip}},
            ],
        },
    )  # fmt: skip


def composition(rows: Sequence[Row], *, donors: Sequence[str], parts: Mapping[str, str]) -> Spec:
    """Stacked bars of shares, a bar a donor, the largest part first; one part can be highlighted.

    `rows` have `donor` (as shown), `part`, `place` (that of the part in `parts`), `share`, `n_cells`, `group`.
    """
    names = list(parts)
    pick = {
        "name": "pick", "value": -1,
        "bind": {"input": "select", "options": [-1, *range(len(names))], "labels": ["all", *names],
                 "name": "highlight "},
    }  # fmt: skip
    return _chart(
        rows,
        {
            "params": [pick],
            "height": (17 if len(donors) > 12 else 22) * len(donors),
            "mark": {"type": "bar", "stroke": "#8a8a8a", "strokeWidth": 0.4},
            "encoding": {
                "y": {"field": "donor", "type": "nominal", "title": None, "scale": {"domain": list(donors)},
                      "axis": {"ticks": False, "domain": False, "labelLimit": 140}},
                "x": {"field": "share", "type": "quantitative", "title": "share of the cells", "stack": "zero",
                      "scale": {"domain": [0, 1], "nice": False}, "axis": {"format": "%", "tickCount": 5}},
                "order": {"field": "place", "type": "quantitative"},
                "color": {"field": "part", "type": "nominal", "legend": {"title": None},
                          "scale": {"domain": names, "range": list(parts.values())}},
                "opacity": {"condition": {"test": "pick < 0 || pick == datum.place", "value": 1}, "value": 0.15},
                "tooltip": [_tip("donor", "donor"), _tip("group", "group"), _tip("part", "cell type"),
                            _tip("share", "share", ".1%"), _tip("n_cells", "cells", ",")],
            },
        },
    )  # fmt: skip


def donors(rows: Sequence[Row], *, groups: Sequence[str], title: str) -> Spec:
    """Every donor as a point by group, the median of each group as a line; groups can be switched off.

    `rows` have `donor`, `group`, `slot` (place of the group), `value`, `shift` (sideways, -1 to 1), `n_cells`,
    `labels`.
    """
    return _chart(
        rows,
        {
            "params": _switches(groups),
            "transform": _switched(groups),
            "height": 230,
            "encoding": {
                "x": {"field": "group", "type": "nominal", "title": None, "scale": {"domain": list(groups)},
                      "axis": {"labelAngle": 0, "grid": False, "labelOverlap": True}},
                "y": {"field": "value", "type": "quantitative", "title": title, "axis": {"tickCount": 5},
                      "scale": {"zero": False, "padding": 10}},
            },
            "layer": [
                {"mark": {"type": "tick", "thickness": 2, "size": 70, "orient": "horizontal", "color": "currentColor"},
                 "transform": [{"aggregate": [{"op": "median", "field": "value", "as": "value"},
                                              {"op": "count", "as": "n"}], "groupby": ["group"]}],
                 "encoding": {"xOffset": {"datum": 0, "type": "quantitative"},
                              "tooltip": [_tip("group", "group"), _tip("value", "median", ".3~f"),
                                          _tip("n", "donors")]}},
                {"mark": {"type": "point", "size": 60, "opacity": 0.9, "filled": True},
                 "params": [_zoom("y")],
                 "encoding": {
                     "xOffset": {"field": "shift", "type": "quantitative", "scale": {"domain": [-2, 2]}},
                     "color": _group(groups), "shape": _group_shape(groups),
                     "tooltip": [_tip("donor", "donor"), _tip("group", "group"), _tip("value", title, ".3~f"),
                                 _tip("n_cells", "cells", ","), _tip("labels", "labels")]}},
            ],
        },
    )  # fmt: skip


def strips(rows: Sequence[Row], *, names: Sequence[str]) -> Spec:
    """The effective number of every donor, a strip a tissue, the median as a line.

    `rows` have `donor`, `group` (the tissue as shown), `value`, `n_cells`.
    """
    return _chart(
        rows,
        {
            "height": 24 * len(names),
            "encoding": {
                "y": {"field": "group", "type": "nominal", "title": None, "scale": {"domain": list(names)},
                      "axis": {"ticks": False, "domain": False}},
                "x": {"field": "value", "type": "quantitative", "title": "effective number",
                      "scale": {"zero": False, "padding": 10}},
            },
            "layer": [
                {"mark": {"type": "tick", "thickness": 2, "color": "currentColor"},
                 "transform": [{"aggregate": [{"op": "median", "field": "value", "as": "value"}],
                                "groupby": ["group"]}],
                 "encoding": {"tooltip": [_tip("group", "tissue"), _tip("value", "median", ".3~f")]}},
                {"mark": {"type": "point", "filled": True, "size": 55, "color": style.ACCENT, "opacity": 0.7},
                 "params": [_zoom("x")],
                 "encoding": {"tooltip": [_tip("donor", "donor"), _tip("group", "tissue"),
                                          _tip("value", "effective number", ".3~f"), _tip("n_cells", "cells", ",")]}},
            ],
        },
    )  # fmt: skip


def lorenz(rows: Sequence[Row], *, groups: Sequence[str]) -> Spec:
    """What share of the cells the rarest types hold together, a curve a donor; the diagonal is equality.

    `rows` have `donor`, `group`, `slot`, `population`, `cumulative`.
    """
    ends = [{"population": 0, "cumulative": 0}, {"population": 1, "cumulative": 1}]
    x = {"field": "population", "type": "quantitative", "title": "share of the cell types, rarest first",
         "axis": {"format": "%", "tickCount": 5}, "scale": {"domain": [0, 1]}}  # fmt: skip
    y = {"field": "cumulative", "type": "quantitative", "title": "share of the cells",
         "axis": {"format": "%", "tickCount": 5}, "scale": {"domain": [0, 1]}}  # fmt: skip
    return _chart(
        rows,
        {
            "params": _switches(groups),
            "height": 260,
            "layer": [
                {"data": {"values": ends}, "mark": {"type": "line", "color": LINE, "strokeDash": [4, 3]},
                 "encoding": {"x": x, "y": y}},
                {"transform": _switched(groups), "mark": {"type": "line", "strokeWidth": 1.8, "opacity": 0.8},
                 "encoding": {"x": x, "y": y, "detail": {"field": "donor"}, "color": _group(groups),
                              "strokeDash": {"field": "group", "type": "nominal",
                                             "legend": NARROW if len(groups) > 1 else None,
                                             "scale": {"domain": list(groups), "range": _dashes(len(groups))}},
                              "tooltip": [_tip("donor", "donor"), _tip("group", "group")]}},
            ],
        },
    )  # fmt: skip


def drivers(rows: Sequence[Row], *, metrics: Sequence[tuple[str, str]]) -> Spec:
    """Contribution of each part to the shift of one metric, with its interval; the metric can be chosen.

    `rows` have `part`, `metric` (its place in `metrics`), `contribution`, `low`, `high`, `toward`, `shares`.
    """
    toward = [("toward more concentrated", style.MORE), ("toward less concentrated", style.LESS)]
    return _chart(
        rows,
        {
            "params": [_choice("metric", [label for _, label in metrics], "metric ")],
            "transform": [{"filter": "datum.metric == metric"}],
            "height": 24 * max(Counter(row["metric"] for row in rows).values(), default=1),
            "encoding": {
                "y": {"field": "part", "type": "nominal", "title": None,
                      "sort": {"field": "size", "op": "max", "order": "descending"},
                      "axis": {"ticks": False, "domain": False}},
            },
            "layer": [
                {"mark": {"type": "bar", "opacity": 0.85},
                 "encoding": {"x": {"field": "contribution", "type": "quantitative", "axis": {"tickCount": 5},
                                    "title": "contribution to the shift"},
                              "color": {"field": "toward", "type": "nominal", "legend": {"title": None},
                                        "scale": {"domain": [name for name, _ in toward],
                                                  "range": [colour for _, colour in toward]}},
                              "tooltip": [_tip("part", "cell type"), _tip("contribution", "contribution", "+.3~f"),
                                          _tip("low", "from", "+.3~f"), _tip("high", "to", "+.3~f"),
                                          _tip("shares", "share of the cells"), _tip("toward", "direction")]}},
                {"mark": {"type": "rule", "strokeWidth": 1.6, "color": "currentColor"},
                 "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}}},
            ],
        },
    )  # fmt: skip


def multiverse(rows: Sequence[Row], *, metrics: Sequence[tuple[str, str]]) -> Spec:
    """The shift under every specification, ascending; the choice made is a diamond.

    `rows` have `metric` (place), `rank`, `value`, `made`, `choices`.
    """
    return _chart(
        rows,
        {
            "params": [_choice("metric", [label for _, label in metrics], "metric ")],
            "transform": [{"filter": "datum.metric == metric"}],
            "height": 220,
            "layer": [
                {"mark": {"type": "rule", "color": LINE}, "data": {"values": [{}]}, "encoding": {"y": {"datum": 0}}},
                {"mark": {"type": "point", "filled": True, "opacity": 0.9},
                 "encoding": {
                     "x": {"field": "rank", "type": "quantitative", "title": "specifications, ascending",
                           "axis": {"labels": False, "ticks": False, "grid": False}, "scale": {"padding": 8}},
                     "y": {"field": "value", "type": "quantitative", "title": "shift", "axis": {"tickCount": 5}},
                     "size": {"condition": {"test": "datum.made == 'the choice made'", "value": 140}, "value": 32},
                     "color": {"field": "made", "type": "nominal", "legend": {"title": None},
                               "scale": {"domain": list(MADE), "range": [style.ACCENT, style.GREY]}},
                     "shape": {"field": "made", "type": "nominal", "legend": {"title": None},
                               "scale": {"domain": list(MADE), "range": ["diamond", "circle"]}},
                     "tooltip": [_tip("value", "shift", "+.3~f"), _tip("choices", "choices"), _tip("made", "")]}},
            ],
        },
    )  # fmt: skip


def scales(rows: Sequence[Row], *, ratio: bool, title: str) -> Spec:
    """The effect at every granularity with its interval; colour and shape are the verdict or direction.

    `rows` have `scale` (as shown), `effect`, `low`, `high`, `verdict`, `filled`.
    """
    verdicts = [word for word in style.VERDICTS if any(row["verdict"] == word for row in rows)]
    looks = [style.VERDICTS[word] for word in verdicts]
    ends = [row[key] for row in rows for key in ("effect", "low", "high")]
    axis: Spec = {"title": title} | (
        {"values": style.ratio_ticks(ends), "format": "~g"} if ratio else {"tickCount": 5}
    )
    legend: Spec = {"title": None}
    x = {"field": "scale", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": 0}}
    y = {"field": "effect", "type": "quantitative", "axis": axis,
         "scale": {"type": "log", "nice": False} if ratio else {"zero": False, "padding": 10}}  # fmt: skip
    colour = {"field": "verdict", "type": "nominal", "legend": legend,
              "scale": {"domain": verdicts, "range": [one.colour for one in looks]}}  # fmt: skip
    tooltip = [_tip("scale", "granularity"), _tip("effect", title, ".3~f"), _tip("low", "from", ".3~f"),
               _tip("high", "to", ".3~f"), _tip("verdict", "direction")]  # fmt: skip
    return _chart(
        rows,
        {
            "height": 230,
            "layer": [
                {"mark": {"type": "rule", "color": LINE, "strokeDash": [4, 3]}, "data": {"values": [{}]},
                 "encoding": {"y": {"datum": 1 if ratio else 0}}},
                {"mark": {"type": "rule", "strokeWidth": 2.5},
                 "encoding": {"x": x, "y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"},
                              "stroke": colour, "tooltip": tooltip}},
                {"mark": {"type": "point", "size": 90, "strokeWidth": 2},
                 "encoding": {"x": x, "y": y, "stroke": colour, "fill": colour,
                              "shape": {"field": "verdict", "type": "nominal", "legend": legend,
                                        "scale": {"domain": verdicts, "range": [one.shape for one in looks]}},
                              "fillOpacity": {"condition": {"test": "datum.filled", "value": 1}, "value": 0},
                              "tooltip": tooltip}},
            ],
        },
    )  # fmt: skip


def plane(rows: Sequence[Row], points: Sequence[Row], *, axes: Sequence[str]) -> Spec:
    """Tissues in the plane of the two shifts over the cloud that exchanged labels give; the axes can be chosen.

    `rows` and `points` have `axes` (place), `gini`, `hill_q1`; `rows` also `name`, `verdict`, `filled`.
    """
    verdicts = [word for word in style.VERDICTS if any(row["verdict"] == word for row in rows)]
    looks = [style.VERDICTS[word] for word in verdicts]
    chosen = [{"filter": "datum.axes == axes"}]
    x = {
        "field": "gini",
        "type": "quantitative",
        "title": "shift in Gini coefficient",
        "axis": {"tickCount": 6},
    }
    y = {
        "field": "hill_q1",
        "type": "quantitative",
        "title": "shift in effective number",
        "axis": {"tickCount": 6},
    }
    legend: Spec = {"title": None}
    colour = {"field": "verdict", "type": "nominal", "legend": legend,
              "scale": {"domain": verdicts, "range": [one.colour for one in looks]}}  # fmt: skip
    return _chart(
        rows,
        {
            "params": [_choice("axes", axes, "axes ")],
            "height": 380,
            "layer": [
                {"data": {"values": [dict(one) for one in points]}, "transform": chosen,
                 "mark": {"type": "point", "filled": True, "size": 14, "color": LINE, "opacity": 0.25,
                          "aria": False, "clip": True},
                 "encoding": {"x": x, "y": y}},
                {"mark": {"type": "rule", "color": LINE}, "data": {"values": [{}]}, "encoding": {"x": {"datum": 0}}},
                {"mark": {"type": "rule", "color": LINE}, "data": {"values": [{}]}, "encoding": {"y": {"datum": 0}}},
                {"transform": chosen, "mark": {"type": "point", "size": 110, "strokeWidth": 2}, "params": [_zoom()],
                 "encoding": {"x": x, "y": y, "stroke": colour, "fill": colour,
                              "shape": {"field": "verdict", "type": "nominal", "legend": legend,
                                        "scale": {"domain": verdicts, "range": [one.shape for one in looks]}},
                              "fillOpacity": {"condition": {"test": "datum.filled", "value": 1}, "value": 0},
                              "tooltip": [_tip("name", "tissue"), _tip("gini", "shift in Gini", "+.3~f"),
                                          _tip("hill_q1", "shift in effective number", "+.3~f"),
                                          _tip("verdict", "verdict")]}},
                {"transform": chosen, "mark": {"type": "text", "dy": -12, "fontSize": 11},
                 "encoding": {"x": x, "y": y, "text": {"field": "name"}}},
            ],
        },
    )  # fmt: skip


def trend(rows: Sequence[Row], lines: Sequence[Row], *, title: str, along: str) -> Spec:
    """A metric of every donor along a numeric axis, with its fitted line.

    `rows` have `donor`, `along`, `value`, `n_cells`; `lines` the two ends `along`, `value`.
    """
    x = {"field": "along", "type": "quantitative", "title": along, "scale": {"zero": False, "padding": 10},
         "axis": {"tickCount": 6}}  # fmt: skip
    y = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False, "padding": 10},
         "axis": {"tickCount": 5}}  # fmt: skip
    return _chart(
        rows,
        {
            "height": 230,
            "layer": [
                {"data": {"values": [dict(one) for one in lines]},
                 "mark": {"type": "line", "color": "currentColor", "strokeWidth": 1.5}, "encoding": {"x": x, "y": y}},
                {"mark": {"type": "point", "filled": True, "size": 60, "color": style.ACCENT, "opacity": 0.9},
                 "params": [_zoom()],
                 "encoding": {"x": x, "y": y,
                              "tooltip": [_tip("donor", "donor"), _tip("along", along, "~g"),
                                          _tip("value", title, ".3~f"), _tip("n_cells", "cells", ",")]}},
            ],
        },
    )  # fmt: skip


def spread(values: Sequence[float]) -> list[float]:
    """Sideways places, from -1 to 1, that keep points of near values apart; the same for the same values.

    >>> spread([1.0, 1.0, 5.0])
    [0.0, 0.33, 0.0]
    """
    numbers = np.asarray(values, dtype=float)
    width = (np.nanmax(numbers) - np.nanmin(numbers)) / 16 if len(numbers) else 1.0
    cells = np.floor(numbers / (width or 1.0))
    seen: dict[float, int] = {}
    places = []
    for cell in cells.tolist():
        place = seen[cell] = seen.get(cell, -1) + 1
        aside = 0.33 * ((place + 1) // 2)
        places.append(round(min(aside, 1.0) * (1 if place % 2 else -1), 2) if aside else 0.0)
    return places


def _chart(rows: Sequence[Row], rest: Spec) -> Spec:
    values = [dict(row) for row in rows]
    return {
        "width": "container",
        "data": {"values": values},
        "config": CONFIG,
    } | rest


def _zoom(*encodings: str) -> Spec:
    """Zoom and move with the shift key held, so that the page scrolls under the pointer as it does elsewhere."""
    select: Spec = {
        "type": "interval",
        "zoom": "wheel![event.shiftKey]",
        "translate": "[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!",
    }
    return {
        "name": "zoom",
        "bind": "scales",
        "select": select | ({"encodings": list(encodings)} if encodings else {}),
    }


def _tip(field: str, title: str, form: str = "") -> Spec:
    found: Spec = {"field": field, "title": title or field}
    return found | ({"type": "quantitative", "format": form} if form else {"type": "nominal"})


def _choice(name: str, labels: Sequence[str], title: str) -> Spec:
    options = list(range(len(labels)))
    bind = {"input": "select", "options": options, "labels": list(labels), "name": title}
    return {"name": name, "value": 0, "bind": bind}


def _switches(groups: Sequence[str]) -> list[Spec]:
    if len(groups) < 2:
        return []
    return [
        {"name": f"show_{place}", "value": True, "bind": {"input": "checkbox", "name": name}}
        for place, name in enumerate(groups)
    ]


def _switched(groups: Sequence[str]) -> list[Spec]:
    if len(groups) < 2:
        return []
    tests = [f"(datum.slot == {place} && show_{place})" for place in range(len(groups))]
    return [{"filter": " || ".join(tests)}]


def _group(groups: Sequence[str]) -> Spec:
    legend = NARROW if len(groups) > 1 else None
    return {"field": "group", "type": "nominal", "legend": legend,
            "scale": {"domain": list(groups), "range": _cycle(style.GROUPS, len(groups))}}  # fmt: skip


def _group_shape(groups: Sequence[str]) -> Spec:
    legend = NARROW if len(groups) > 1 else None
    return {"field": "group", "type": "nominal", "legend": legend,
            "scale": {"domain": list(groups), "range": _cycle(style.GROUP_SHAPES, len(groups))}}  # fmt: skip


def _cycle(values: Sequence[Any], n: int) -> list[Any]:
    return [values[min(place, len(values) - 1)] for place in range(n)]


def _dashes(n: int) -> list[list[int]]:
    return [[[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]][min(place, 3)] for place in range(n)]
