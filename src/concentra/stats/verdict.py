"""The words of directions and verdicts: nowhere else are they written."""

from __future__ import annotations

import numpy as np

MORE, LESS, MIXED = "more concentrated", "less concentrated", "mixed"
DIRECTIONS = (MORE, LESS, MIXED)
ONE_METRIC, NO_CHANGE = "one metric only", "no change beyond the margin"
UNDECIDED, NOT_TESTABLE = "undecided", "not testable"
VERDICTS = (*DIRECTIONS, ONE_METRIC, NO_CHANGE, UNDECIDED, NOT_TESTABLE)


def direction(gini_shift: float, effective_shift: float) -> str:
    """The quadrant of two shifts.

    "more concentrated" where the Gini coefficient rises and the effective number falls, "less concentrated" the
    reverse, otherwise "mixed" (also where one of them is exactly zero); empty where a shift is NaN.

    >>> direction(0.087, -2.18), direction(-0.04, 1.9), direction(0.01, 0.4)
    ('more concentrated', 'less concentrated', 'mixed')
    """
    if np.isnan(gini_shift) or np.isnan(effective_shift):
        return ""
    if gini_shift > 0 > effective_shift:
        return MORE
    return LESS if gini_shift < 0 < effective_shift else MIXED
