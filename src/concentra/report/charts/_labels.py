"""Which points of a chart get a label, above or below, so that no label lies on another or on a point."""

from __future__ import annotations

from collections.abc import Sequence

LETTER, HEIGHT, MARK = 6.5, 13, 6
"""Pixels: the width of a letter, the height of a label, and half the size of a point."""
ABOVE, BELOW = -12, 18
"""Offsets of a label from its point."""


def sides(
    labels: Sequence[str],
    x: Sequence[float],
    y: Sequence[float],
    *,
    reach: tuple[float, float],
    size: tuple[float, float],
    within: tuple[float, float] = (float("-inf"), float("inf")),
) -> list[int | None]:
    """The vertical offset of every label; None where there is no room above or below its point.

    Parameters
    ----------
    labels
        The most important first: it gets its place first.
    x, y
        Of the points.
    reach
        The lengths of both axes, in the units of `x` and `y`.
    size
        The same in pixels.
    within
        The ends of the picture in the units of `x`: no label crosses them.

    Examples
    --------
    >>> sides(["lung", "skin", "liver"], [0.1, 0.1, 0.1], [1.0, 0.99, 0.98], reach=(1, 4), size=(600, 340))
    [-12, 18, None]
    >>> sides(["lung", "a long name"], [0.1, 0.9], [1.0, 0.0], reach=(1, 1), size=(600, 340), within=(0, 0.92))
    [-12, None]
    """
    points = [(px * size[0] / reach[0], -py * size[1] / reach[1]) for px, py in zip(x, y, strict=True)]
    taken = [(px - MARK, px + MARK, py - MARK, py + MARK) for px, py in points]
    left, right = (end * size[0] / reach[0] for end in within)
    found: list[int | None] = []
    for place, (label, (px, py)) in enumerate(zip(labels, points, strict=True)):
        others = taken[:place] + taken[place + 1 :]
        half = LETTER * len(label) / 2
        boxes = {
            side: (px - half, px + half, py + side - HEIGHT / 2, py + side + HEIGHT / 2)
            for side in (ABOVE, BELOW)
        }
        inside = left <= px - half and px + half <= right
        free = [side for side, box in boxes.items() if inside and not any(_meet(box, one) for one in others)]
        found.append(free[0] if free and label else None)
        if free and label:
            taken.append(boxes[free[0]])
    return found


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
