"""The shift of one composition between checkpoints: do the parts at large bear it, or one of them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from concentra.metrics.gini import Support
from concentra.stats._checks import Floats, Rng, between
from concentra.stats.parts import PartDraws, as_trajectory, bootstrap_parts, leave_one_part_out

Verdict = Literal["more concentrated", "less concentrated", "mixed", "undecided"]


@dataclass(frozen=True, slots=True)
class PartShift:
    """The shift of one metric between two checkpoints, and what it rests on.

    Attributes
    ----------
    early, late
        The metric at either checkpoint.
    estimate
        late - early.
    low, high, level
        Percentile interval over resampled parts.
    without
        The shift when each part is left out in turn, shape (H,).
    most_influential
        The part whose absence changes the shift most.
    sign_survives
        Whether leaving out any one part leaves the sign as it is.
    """

    early: float
    late: float
    estimate: float
    low: float
    high: float
    level: float
    without: Floats
    most_influential: int
    sign_survives: bool


@dataclass(frozen=True, slots=True)
class TrajectoryShift:
    """The shift of both metrics from one checkpoint to another, and the verdict on both together."""

    gini: PartShift
    hill_q1: PartShift
    verdict: Verdict
    n_parts: int
    n_draws: int


def trajectory_shift(
    amounts: ArrayLike,
    *,
    rng: Rng,
    first: int = 0,
    last: int = -1,
    level: float = 0.95,
    n_draws: int = 10_000,
    support: Support = "present",
    draws: PartDraws | None = None,
) -> TrajectoryShift:
    """The shift from one checkpoint to another with intervals, influence of each part, and a verdict.

    Parameters
    ----------
    amounts
        Shape (C, H), as for `bootstrap_parts`.
    first, last
        Rows that are compared.
    draws
        Of `bootstrap_parts` on the same amounts: saves drawing again where several first checkpoints are
        compared.

    Returns
    -------
    TrajectoryShift
        With the verdict of `verdict`.

    Examples
    --------
    Twenty equal heads, of which a quarter come to hold nearly everything:

    >>> late = np.where(np.arange(20) < 5, 10.0, 1.0)
    >>> shift = trajectory_shift([np.ones(20), late], rng=1, n_draws=500)
    >>> round(shift.gini.estimate, 3), shift.verdict
    (0.519, 'more concentrated')
    """
    table = as_trajectory(amounts)
    between(level, 0, 1, "level")
    drawn = bootstrap_parts(table, rng=rng, n_draws=n_draws, support=support) if draws is None else draws
    gini_without, hill_without = leave_one_part_out(table[[first, last]], support=support)
    ends = [first, last]
    shifts = (
        _part_shift(drawn.gini[ends], drawn.gini_draws[:, ends], gini_without, level),
        _part_shift(drawn.hill_q1[ends], drawn.hill_q1_draws[:, ends], hill_without, level),
    )
    return TrajectoryShift(*shifts, verdict(*shifts), table.shape[1], drawn.gini_draws.shape[0])


def shift_by_first(
    amounts: ArrayLike,
    *,
    rng: Rng,
    level: float = 0.95,
    n_draws: int = 10_000,
    support: Support = "present",
) -> list[TrajectoryShift]:
    """The shift to the last checkpoint from each earlier one, all from the same draws; C - 1 of them.

    >>> amounts = [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 3.0], [1.0, 1.0, 1.0, 5.0]]
    >>> [round(found.gini.estimate, 3) for found in shift_by_first(amounts, rng=0, n_draws=100)]  # 3/8, less 0 and 1/4
    [0.375, 0.125]
    """
    table = as_trajectory(amounts)
    draws = bootstrap_parts(table, rng=rng, n_draws=n_draws, support=support)
    return [
        trajectory_shift(table, rng=rng, first=first, level=level, support=support, draws=draws)
        for first in range(table.shape[0] - 1)
    ]


def verdict(gini_shift: PartShift, hill_shift: PartShift) -> Verdict:
    """What the two shifts show together.

    "more concentrated" (Gini up, effective number down) or "less concentrated" (the reverse) only when both intervals
    exclude 0 and neither sign depends on a single part; "mixed" when both stand in that way but disagree;
    else "undecided".

    >>> found = trajectory_shift([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 5.0]], rng=0, n_draws=100)
    >>> verdict(found.gini, found.hill_q1)  # all of it rests on the fourth part
    'undecided'
    """
    stand = [shift.sign_survives and (shift.low > 0 or shift.high < 0) for shift in (gini_shift, hill_shift)]
    if not all(stand):
        return "undecided"
    rises = (gini_shift.low > 0, hill_shift.low > 0)
    if rises == (True, False):
        return "more concentrated"
    return "less concentrated" if rises == (False, True) else "mixed"


def _part_shift(values: Floats, draws: Floats, without: Floats, level: float) -> PartShift:
    estimate = float(values[1] - values[0])
    changes = draws[:, 1] - draws[:, 0]
    low, high = np.nanquantile(changes, [(1 - level) / 2, (1 + level) / 2])
    shifts = without[1] - without[0]
    return PartShift(
        early=float(values[0]),
        late=float(values[1]),
        estimate=estimate,
        low=float(low),
        high=float(high),
        level=level,
        without=shifts,
        most_influential=int(np.nanargmax(np.abs(shifts - estimate))),
        sign_survives=bool((np.sign(shifts) == np.sign(estimate)).all() and estimate != 0),
    )
