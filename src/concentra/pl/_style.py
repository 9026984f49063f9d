"""The one style of every picture: what a colour, a marker and a sign mean, and labels made harmless.

Colours are those of Okabe & Ito 2008 and Tol 2021 or near them, chosen so that each has a contrast of at least 3:1
with white and with the dark page, and so that what must be distinguished also differs in lightness or marker.
Orange-red, a triangle up: more concentrated. Blue, a triangle down: less concentrated. Violet: mixed. Grey: nothing
established. Green and pink: the groups of donors. No picture uses one of them for anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import ArgumentError, nearest
from concentra.printable import natural_order, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Look:
    """How a verdict looks: its colour, Matplotlib's marker, the shape of Vega, the sign in text."""

    colour: str
    marker: str
    shape: str
    sign: str
    filled: bool = True

    @property
    def face(self) -> str:
        """The colour inside the marker."""
        return self.colour if self.filled else "white"


INK, FAINT, GREY = "#222222", "#8a8a8a", "#7a7a7a"
MORE, LESS, MIXED = "#c8401f", "#4a9bd4", "#8a6bbe"
ACCENT = "#00745a"
VERDICTS = {
    "more concentrated": Look(MORE, "^", "triangle-up", "▲"),
    "less concentrated": Look(LESS, "v", "triangle-down", "▼"),
    "mixed": Look(MIXED, "D", "diamond", "◆"),
    "one metric only": Look(MIXED, "D", "diamond", "◇", filled=False),
    "no change beyond the margin": Look(GREY, "s", "square", "■"),
    "undecided": Look(GREY, "o", "circle", "○", filled=False),
    "not testable": Look(GREY, "x", "cross", "×"),
}
"""Every verdict, in the order in which they are listed."""
REPEATABLE: Any = {"svg.hashsalt": "concentra"}
"""Rules of Matplotlib under which the same figure is written as the same bytes."""
TIMELESS: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None},
}  # fmt: skip
"""By the ending of a file, what leaves out of it when, and by which version, it was drawn."""
OTHER_WORDS = {
    "crystallizes": "more concentrated",
    "disperses": "less concentrated",
    "unresolved": "undecided",
    "cannot reach": "not testable",
    "no test": "not testable",
}
"""The words of the published analysis and of version 0.1."""
GROUPS = ("#00745a", "#c46fa8", "#8c6d00", "#5b6bbf", "#a0522d", "#7a7a7a")
"""The groups of donors, the reference first."""
GROUP_MARKERS = ("o", "s", "D", "P", "X", "*")
GROUP_SHAPES = ("circle", "square", "diamond", "cross", "triangle-right", "triangle-left")
SERIES = ("#1a1a1a", "#3f7fbf", "#9c4a1a", "#6f8f1f", "#a63a6e", "#7a7a7a")
"""Lines that are neither groups nor directions."""
PARTS = (
    "#5a4fc4", "#88ccee", "#2a8a4a", "#ddcc77", "#a63a6e", "#5bc0ae", "#9c4a1a", "#e59aab", "#6f8f1f", "#c9a0dc",
    "#3f7fbf",
)  # fmt: skip
"""The largest parts, dark and light in turn; all others together are `REST`."""
REST = "#bdbdbd"
REST_NAME = "all other types"
TICKS = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4, 5, 10, 20, 50, 100,
)  # fmt: skip
"""Ratios at which a logarithmic axis may have a tick."""
SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
"""Where a label may stand beside its point."""
REACHES = (4, 8, 13, 19, 26, 34)
"""How far from it, in points; from the third on a thin line joins them."""
METRIC_LABELS = {
    "gini": "Gini coefficient",
    "gini_present": "Gini coefficient",
    "gini_stratum": "Gini coefficient, absent parts counted",
    "gini_rarefied": "Gini coefficient, rarefied",
    "hill_q0": "number of parts",
    "hill_q1": "effective number",
    "hill_q2": "effective number of order 2",
    "hill_q1_corrected": "effective number, corrected for depth",
    "hill_q1_rarefied": "effective number, rarefied",
}


def look(word: object) -> Look:
    """How a verdict or a direction looks; that of "undecided" where the word is none of them.

    >>> look("more concentrated").marker, look("crystallizes").marker, look(None).sign
    ('^', '^', '○')
    """
    name = str(word)
    return VERDICTS.get(OTHER_WORDS.get(name, name), VERDICTS["undecided"])


def group_colours(groups: Iterable[object]) -> dict[str, str]:
    """The colour of each group of donors, by name, in the order given.

    >>> group_colours(["3m", "24m"])
    {'3m': '#00745a', '24m': '#c46fa8'}
    """
    return {str(name): GROUPS[min(place, len(GROUPS) - 1)] for place, name in enumerate(groups)}


def part_colours(shares: pd.Series, most: int = len(PARTS)) -> dict[str, str]:
    """The colour of the largest parts, by name, the largest first; `shares` is indexed by part.

    >>> part_colours(pd.Series({"B": 0.2, "T": 0.7, "NK": 0.1}), most=2)
    {'T': '#5a4fc4', 'B': '#88ccee'}
    """
    order = shares.sort_values(ascending=False, kind="stable").index[:most]
    return dict(zip(map(str, order), PARTS, strict=False))


def metric_label(name: str) -> str:
    """A metric as people read it."""
    return METRIC_LABELS.get(name, readable(name))


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    made: Axes = plt.subplots(layout="constrained")[1]
    return made


def frame_of(data: Any, getter: Callable[..., pd.DataFrame], **how: Any) -> pd.DataFrame:
    """The frame itself, the table of that name of an `Analysis` (of its first question), or what the getter finds."""
    if isinstance(data, pd.DataFrame):
        return data
    tables = getattr(data, "tables", None)
    if tables is None:
        if not hasattr(data, "uns") and not hasattr(data, "mod"):
            raise ArgumentError(
                found=f"data of type {type(data).__name__}",
                expected="an Analysis, an AnnData or a table",
                fix="pass what concentra.analyze returns, or one of its tables",
            )
        return getter(data, **how)
    name = getter.__name__
    if name not in tables:
        raise ArgumentError(
            found=f"no table {name!r} in the analysis",
            expected=f"one of {', '.join(tables)}",
            fix="ask the question that writes it, see concentra.analyze",
        )
    frame = tables[name]
    return (
        frame[frame["contrast"] == frame["contrast"].iloc[0]] if "contrast" in frame and len(frame) else frame
    )


def readable(label: object, limit: int = 32) -> str:
    """A label for a picture: underscores as spaces, line breaks gone, cut with an ellipsis, never mathematics.

    >>> readable("Limb_Muscle"), readable("$x$")
    ('Limb Muscle', '\\\\$x\\\\$')
    """
    return verbatim(printable(label).replace("_", " "), limit)


def verbatim(name: object, limit: int = 32) -> str:
    """The name of a donor for a picture: as `readable`, its underscores kept.

    >>> verbatim("3_9_M")
    '3_9_M'
    """
    text = " ".join(printable(name).split())
    return (text if len(text) <= limit else text[: limit - 1] + "…").replace("$", r"\$")


def only(frame: pd.DataFrame, column: str, value: str | None) -> tuple[pd.DataFrame, str]:
    """The rows with this value of the column, and the value; None: the only one there is, or the first."""
    values = list(dict.fromkeys(frame[column].astype(str))) if column in frame else []
    if value is None:
        if not values:
            raise ArgumentError(
                found="no rows to draw", expected="a result with rows", fix="look at the table"
            )
        value = values[0]
    if value not in values:
        raise ArgumentError(
            found=f"{column}={value!r}", expected=f"a {column} of the result", fix=nearest(value, values)
        )
    return frame[frame[column].astype(str) == value], value


def mark(ax: Axes, x: float, y: float, word: object, *, size: float = 5) -> None:
    """Draw the marker of a verdict or direction; hollow where nothing is established."""
    how = look(word)
    ax.plot(x, y, how.marker, color=how.colour, markerfacecolor=how.face, markersize=size, zorder=3)


def groups_of(frame: pd.DataFrame, column: str | None) -> Mapping[str, str]:
    """The group of every donor by the values of a label column; one nameless group without a column."""
    if column is None:
        return dict.fromkeys(frame["donor"].astype(str), "")
    if column not in frame.columns:
        raise ArgumentError(
            found=f"group={column!r}",
            expected="a label column of the donors",
            fix=nearest(column, map(str, frame.columns)),
        )
    return dict(zip(frame["donor"].astype(str), frame[column].astype(str), strict=True))


def in_order(groups: Iterable[str]) -> dict[str, int]:
    """The place of every group among the others: by the numbers in their names.

    >>> in_order(["24m", "3m", "24m"]), in_order(["young", "old"])
    ({'3m': 0, '24m': 1}, {'old': 0, 'young': 1})
    """
    return {name: place for place, name in enumerate(natural_order(set(groups)))}


def ratio_ticks(values: Iterable[float], most: int = 8) -> list[float]:
    """Ticks of a logarithmic axis that holds these ratios and 1, far enough apart for about `most` of them.

    >>> ratio_ticks([0.64, 0.92]), ratio_ticks([0.5, 1.8]), ratio_ticks([0.64, 0.92], 3)
    ([0.6, 0.7, 0.8, 0.9, 1.0], [0.5, 0.6, 0.8, 1.0, 1.25, 1.5], [0.6, 0.8, 1.0])
    """
    here = [one for one in values if one is not None and math.isfinite(one) and one > 0] or [1.0]
    low, high = min(*here, 1.0), max(*here, 1.0)
    apart = math.log(high / low) / most
    kept = [1.0]
    for tick in sorted(TICKS, key=lambda one: abs(math.log(one))):
        inside = low / 1.08 <= tick <= high * 1.08
        if inside and all(abs(math.log(tick / other)) >= apart for other in kept):
            kept.append(tick)
    return sorted({float(tick) for tick in kept})


def tick_decimals(ticks: Iterable[float]) -> int:
    """How many decimals all numbers of an axis have.

    >>> tick_decimals([0.9, 1]), tick_decimals([1, 2])
    (1, 0)
    """
    return max((len(f"{value:g}".partition(".")[2]) for value in ticks), default=0)


def ratio_axis(axis: Any, values: Iterable[float]) -> None:
    """Make an axis logarithmic, with ticks that people read as ratios."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    given = list(values)
    axis.set_major_locator(FixedLocator(ratio_ticks(given)))
    axis.set_minor_locator(NullLocator())
    decimals = tick_decimals(ratio_ticks(given))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.{decimals}f}"))


def label_points(
    ax: Axes,
    x: Iterable[float],
    y: Iterable[float],
    labels: Sequence[str],
    hues: Sequence[str] | None = None,
    size: float = 6,
    starts: Sequence[tuple[float, float]] = (),
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]] = (),
) -> None:
    """Write a label beside each point, at the nearest place where it covers no label, no point, and no edge.

    `starts` are the places from which a line runs to each point, which labels avoid, too, as they do other `lines`.
    Limits that are not set yet are made wide enough first.
    """
    from matplotlib.transforms import Bbox

    points = list(zip(x, y, strict=True))
    ax.margins(0.18)
    ax.autoscale_view()
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()  # type: ignore[union-attr]
    dpi = figure.dpi  # type: ignore[union-attr]
    ends = [*points, *(start for start in dict.fromkeys(starts) if start not in points and any(start))]
    corners = [ax.transData.transform(point) - 4 for point in ends]
    taken = [(Bbox.from_bounds(float(left), float(bottom), 8, 8), 1.0) for left, bottom in corners]
    for start, point in [*zip(starts, points, strict=False), *lines]:
        taken += [(box, 0.3) for box in _along(ax, start, point)]
    frame = ax.get_window_extent().padded(-3)
    for point, label, hue in zip(points, labels, hues or [INK] * len(points), strict=True):
        width, height = _extent(ax, label, size)
        best: tuple[float, tuple[tuple[int, int], float], Any] = (math.inf, (SIDES[0], REACHES[0]), None)
        for reach, side in ((reach, side) for reach in REACHES for side in SIDES):
            left, bottom = ax.transData.transform(point) + _offset(side, reach) * dpi / 72
            left, bottom = left - width * (1 - side[0]) / 2, bottom - height * (1 - side[1]) / 2
            box = Bbox.from_bounds(left, bottom, width, height)
            wide = box.padded(0.5)
            inside = (
                frame.x0 <= wide.x0 and wide.x1 <= frame.x1 and frame.y0 <= wide.y0 and wide.y1 <= frame.y1
            )
            cost = 4.0 * (not inside) + reach / 40 + sum(price for one, price in taken if wide.overlaps(one))
            if cost < best[0]:
                best = (cost, (side, reach), box)
        _beside(ax, point, label, *best[1], hue, size)
        taken.append((best[2], 2.0))


def _offset(side: tuple[int, int], reach: float) -> NDArray[np.float64]:
    """Where a label stands relative to its point, in points."""
    return np.array([reach * side[0], reach * side[1] * (0.6 if side[0] else 1)])


def _extent(ax: Axes, label: str, size: float) -> tuple[float, float]:
    """How wide and high a label is on the screen."""
    text = ax.text(0, 0, label, fontsize=size)
    box = text.get_window_extent()
    text.remove()
    return float(box.width), float(box.height)


def _beside(
    ax: Axes,
    point: tuple[float, float],
    label: str,
    side: tuple[int, int],
    reach: float,
    hue: str,
    size: float,
) -> None:
    """Write a label at one place beside its point; far from it a thin line joins them."""
    across = {1: "left", 0: "center", -1: "right"}[side[0]]
    up = {1: "bottom", 0: "center", -1: "top"}[side[1]]
    leader = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
    text = ax.annotate(
        label, point, xytext=tuple(_offset(side, reach)), textcoords="offset points",
        ha=across, va=up, fontsize=size, color=hue, zorder=6,
        arrowprops=leader if reach >= REACHES[2] else None,
    )  # fmt: skip
    text.set_in_layout(False)


def _along(ax: Axes, first: tuple[float, float], last: tuple[float, float]) -> list[Any]:
    """Small boxes along the line between two points, on the screen."""
    from matplotlib.transforms import Bbox

    start, end = ax.transData.transform([first, last])
    n = max(2, int(math.hypot(*(end - start)) / 6))
    steps = [start + (end - start) * place / n for place in range(1, n)]
    return [Bbox.from_bounds(float(left) - 1, float(bottom) - 1, 2, 2) for left, bottom in steps]


def zero_line(ax: Axes, *, vertical: bool = True, horizontal: bool = False, at: float = 0.0) -> None:
    """Faint lines at no shift."""
    if vertical:
        ax.axvline(at, color=FAINT, linewidth=0.6, zorder=0)
    if horizontal:
        ax.axhline(at, color=FAINT, linewidth=0.6, zorder=0)


def bare(ax: Axes) -> None:
    """No frame at the top and the right."""
    ax.spines[["top", "right"]].set_visible(False)
