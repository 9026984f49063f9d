"""What a metric declares about itself, so that tables can name it and the laws can test it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from concentra.metrics.checks import Measured


@dataclass(frozen=True)
class Metric:
    """A measure of concentration and what is true of it.

    Every declared metric is tested by the same laws; declaring one is what puts it under test.

    Parameters
    ----------
    name
        The column name in tables.
    label
        The name on axes and in reports.
    function
        Called as ``function(amounts, check=...)`` with amounts (..., K); gives a float or an array (...).
    equality
        The value of n equal parts, as a function of n.
    monopoly
        The value approached as one of n present parts takes all, as a function of n.
    one_part
        The value of a single part; NaN where it is not defined.
    direction
        +1 if larger values mean more concentration, -1 if smaller ones do.
    empty_parts
        Whether a part of amount zero is ignored or counted.
    replication
        What m identical compositions laid side by side as separate parts do to the value: leave it
        `unchanged`, have it `multiplied` or `divided` by m, or move it `towards` its value at equality.
    reference
        Where the measure is defined.
    needs_counts
        Whether amounts must be whole numbers of cells, as for corrections of depth.
    corrects
        The name of the metric that a depth-corrected one estimates; empty for all others.
    """

    name: str
    label: str
    function: Callable[..., Measured]
    equality: Callable[[int], float]
    monopoly: Callable[[int], float]
    one_part: float
    direction: Literal[1, -1]
    empty_parts: Literal["ignored", "counted"]
    replication: Literal["unchanged", "multiplied", "divided", "towards"]
    reference: str
    needs_counts: bool = False
    corrects: str = ""
