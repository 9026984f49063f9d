"""What all charts share: looks, switches, tooltips, axes.

A specification holds plain JSON. Text that comes from the user's data stands in data values, never in an expression,
so that no label can be code. Colours, shapes and their meaning are those of `concentra.pl`; text and axes take the
colour of the page's text, which makes one drawing fit the light page, the dark page and paper.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from concentra.pl import _style as style
from concentra.report.page import jsonable

Row = Mapping[str, Any]
Spec = dict[str, Any]
LETTER, SYMBOL = 6.6, 40
"""Pixels of a legend: a letter of a name, and what stands beside the name."""
LINE, GRID = "#8a8a8a", "#8a8a8a44"
POINT: Spec = {"type": "point", "filled": True, "opacity": 1, "stroke": "white", "strokeWidth": 0.7}
"""A point as it is seen on every page; its edge, the colour of the page, sets it apart from points below it."""
LABELS = "max(120, min(280, (width >= 0 ? containerSize()[0] : 0) * 0.45))"
"""How wide the labels of an axis may be: names of cell types are long; found anew where the width changes."""
CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor", "titleColor": "currentColor", "domainColor": LINE, "tickColor": LINE,
        "gridColor": GRID, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "labelLimit": 190, "symbolSize": 90, "orient": "bottom",
    },
    "text": {"color": "currentColor"},
}  # fmt: skip
"""What all charts share."""
SHAPES = {"cross": "M-0.8,-0.8L0.8,0.8M0.8,-0.8L-0.8,0.8"}
"""Signs that Vega draws otherwise than the tables: its cross is a plus."""
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
"""Of the lines of groups."""
MADE = ("the choice made", "another choice")
"""In the multiverse."""


def cut(room: str) -> Spec:
    """Labels that fit into so many pixels, an expression: long ones without their middle, as names begin alike."""
    most = f"floor(({room}) / {LETTER})"
    ends = f"slice(datum.label, 0, floor({most} / 2)) + '…' + slice(datum.label, -floor(({most} - 1) / 2))"
    return {"labelExpr": f"length(datum.label) > {most} ? {ends} : datum.label",
            "labelLimit": {"expr": f"1.2 * ({room})"}}  # fmt: skip


NAMES: Spec = {"ticks": False, "domain": False, **cut(LABELS)}
"""An axis of names."""


def chart(rows: Sequence[Row], rest: Spec) -> Spec:
    """A specification as wide as its place in the page, with its rows and the common looks."""
    values = [{name: jsonable(value) for name, value in row.items()} for row in rows]
    return {
        "width": "container",
        "data": {"values": values},
        "config": CONFIG,
    } | rest


def ratio_axis(values: Sequence[float]) -> Spec:
    """Ticks of a logarithmic axis: few enough that none is dropped, so that 1 has its number."""
    ticks = style.ratio_ticks(values, 5)
    return {"values": ticks, "format": f".{style.tick_decimals(ticks)}f", "labelOverlap": False}


def line(axis: str, at: float) -> Spec:
    """A layer with a dashed line at a value of the axis "x" or "y", silent to screen readers."""
    mark = {"type": "rule", "aria": False, "color": LINE, "strokeDash": [4, 3]}
    return {"mark": mark, "data": {"values": [{}]}, "encoding": {axis: {"datum": at}}}


def legend(names: Collection[str]) -> Spec:
    """The legend of these names below a chart, in as many columns as they allow, none of them cut where it has room."""
    wide = round(SYMBOL + LETTER * max(map(len, names), default=0))
    return {"title": None, "columns": {"expr": f"max(1, floor(width / {wide}))"},
            **cut(f"max(170, width - {SYMBOL})")}  # fmt: skip


def verdict(rows: Sequence[Row]) -> Spec:
    """Channels of a point for its verdict: colour, shape, and filled where something is established.

    The filling is a scale of the verdict, so that the legend shows the points as they are.
    """
    words = [word for word in style.VERDICTS if any(row["verdict"] == word for row in rows)]
    looks = [style.VERDICTS[word] for word in words]
    known: Spec = {"field": "verdict", "type": "nominal", "legend": legend(words)}
    colour = known | {"scale": {"domain": words, "range": [one.colour for one in looks]}}
    shape = known | {"scale": {"domain": words, "range": [SHAPES.get(one.shape, one.shape) for one in looks]}}
    faces = [one.colour if one.filled else "transparent" for one in looks]
    inside = known | {"scale": {"domain": words, "range": faces}}
    return {"stroke": colour, "fill": inside, "shape": shape}


def tip(field: str, title: str, form: str = "") -> Spec:
    """A line of a tooltip; with `form`, a number in that format of d3."""
    found: Spec = {"field": field, "title": title or field}
    return found | ({"type": "quantitative", "format": form} if form else {"type": "nominal"})


def choice(name: str, labels: Sequence[str], title: str) -> Spec:
    """A menu below the chart whose value is the place of the label chosen."""
    options = list(range(len(labels)))
    bind = {"input": "select", "options": options, "labels": list(labels), "name": title}
    return {"name": name, "value": 0, "bind": bind}


def switches(groups: Collection[str]) -> list[Spec]:
    """A box to tick for each group, where there are several."""
    if len(groups) < 2:
        return []
    return [
        {"name": f"show_{place}", "value": True, "bind": {"input": "checkbox", "name": name}}
        for place, name in enumerate(groups)
    ]


def switched(groups: Collection[str]) -> list[Spec]:
    """The rows of the groups that are ticked."""
    if len(groups) < 2:
        return []
    tests = [f"(datum.slot == {place} && show_{place})" for place in range(len(groups))]
    return [{"filter": " || ".join(tests)}]


def group_colour(groups: Mapping[str, int]) -> Spec:
    """The channel of colour by group; `groups` have their places among all, so that each looks the same everywhere."""
    return {"field": "group", "type": "nominal", "legend": legend(groups) if len(groups) > 1 else None,
            "scale": {"domain": list(groups), "range": looks(style.GROUPS, groups)}}  # fmt: skip


def group_shape(groups: Mapping[str, int]) -> Spec:
    """The channel of shape by group."""
    return group_colour(groups) | {
        "scale": {"domain": list(groups), "range": looks(style.GROUP_SHAPES, groups)}
    }  # fmt: skip


def looks(values: Sequence[Any], groups: Mapping[str, int]) -> list[Any]:
    """The value of each group by its place among all, the last again where there are fewer.

    >>> looks("abc", {"18m": 1, "24m": 5})
    ['b', 'c']
    """
    return [values[min(place, len(values) - 1)] for place in groups.values()]


def zoom(*encodings: str) -> Spec:
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


def domain(values: Sequence[float]) -> list[float]:
    """The ends of a logarithmic axis: all values and 1, with a margin."""
    known = [float(value) for value in values if value is not None and np.isfinite(value) and value > 0]
    low, high = min([1.0, *known]), max([1.0, *known])
    room = max((high / low) ** 0.04, 1.01)
    return [low / room, high * room]


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
