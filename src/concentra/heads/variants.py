"""How many ablations share one pass: as many as change no bit and save time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORTHWHILE = 0.9
"""What two variants in one pass may cost, relative to one at a time, for more to be tried."""


def most_variants(
    units: list[Any],
    timed: Callable[[list[Any]], tuple[float, NDArray[np.float64]]],
    alone: Callable[[], NDArray[np.float64]],
) -> int:
    """The largest number of variants, by halves, whose losses are those of one at a time, and faster.

    Parameters
    ----------
    units
        What is switched off, one a variant.
    timed
        The seconds a variant, and the sums, of one pass with some of the units.
    alone
        The sums of all units, one a pass.
    """
    if len(units) == 1:
        return 1
    slow, _ = timed(units[:1])
    if timed(units[:2])[0] > WORTHWHILE * slow:
        return 1
    expected = alone()
    width = len(units)
    while width > 1:
        fast, together = timed(units[:width])
        if np.array_equal(together, expected[:width]) and fast < slow:
            return width
        width //= 2
    return 1


def has_experts(model: Any) -> bool:
    """Whether tokens are sent to experts, so that a token's last bits may depend on the others in the pass."""
    return any(re.search("moe|experts|router", type(module).__name__.lower()) for module in model.modules())
