"""Planted compositions, and their concentration computed exactly from them.

The two metrics are written out here from their definitions, so that the truth does not rest on the code
that is tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import ArgumentError

Shares = NDArray[np.float64]


def geometric(n_parts: int, ratio: float) -> Shares:
    """Shares that fall by a constant ratio: `p_i = ratio**i / sum_j ratio**j`, i = 0 .. n - 1.

    Parameters
    ----------
    n_parts
        The number of parts, at least 1.
    ratio
        Each share over the one before it, in (0, 1]; 1 gives equal shares.

    Returns
    -------
    Shares, shape (n_parts,), descending, sum 1.

    Examples
    --------
    >>> geometric(2, 0.25).tolist()
    [0.8, 0.2]
    """
    if n_parts < 1 or not 0 < ratio <= 1:
        raise ArgumentError(
            found=f"n_parts={n_parts}, ratio={ratio}",
            expected="n_parts >= 1 and 0 < ratio <= 1",
            fix="give at least one part and a ratio such as 0.8",
        )
    shares = ratio ** np.arange(n_parts, dtype=np.float64)
    return np.asarray(shares / shares.sum())


def tiers(n_parts: int, n_top: int, share: float) -> Shares:
    """Shares of two heights: `n_top` parts hold `share` of the whole equally, the others the rest.

    Two such compositions whose Lorenz curves cross differ in Gini and in effective number with the same
    sign: the mixed direction.

    Parameters
    ----------
    n_parts
        The number of parts.
    n_top
        How many of them are high, 1 <= n_top < n_parts.
    share
        What the high ones hold together, in (0, 1).

    Returns
    -------
    Shares, shape (n_parts,), sum 1.

    Examples
    --------
    >>> tiers(3, 1, 0.5).tolist()
    [0.5, 0.25, 0.25]
    """
    if not 1 <= n_top < n_parts or not 0 < share < 1:
        raise ArgumentError(
            found=f"n_parts={n_parts}, n_top={n_top}, share={share}",
            expected="1 <= n_top < n_parts and 0 < share < 1",
            fix="leave at least one part below and some share for it",
        )
    high, low = share / n_top, (1 - share) / (n_parts - n_top)
    return np.repeat([high, low], [n_top, n_parts - n_top])


def planted_gini(shares: Shares) -> float:
    """Half the mean absolute difference of two shares over their mean: `sum_ij |p_i - p_j| / (2 n sum p)`.

    >>> round(planted_gini(np.array([0.5, 0.25, 0.25])), 6)
    0.166667
    """
    differences = np.abs(shares[:, None] - shares[None, :]).sum()
    return float(differences / (2 * shares.size * shares.sum()))


def planted_hill_q1(shares: Shares) -> float:
    """The effective number of parts `exp(-sum p ln p)` of positive shares that sum to 1.

    >>> round(planted_hill_q1(np.array([0.25, 0.25, 0.25, 0.25])), 6)
    4.0
    """
    return float(np.exp(-(shares * np.log(shares)).sum()))


def direction(gini_shift: float, hill_q1_shift: float, *, tolerance: float = 1e-9) -> str:
    """The direction of a pair of shifts: "crystallize", "disperse", "mixed" or "none".

    Gini up and effective number down crystallizes; the reverse disperses; no change of either (within
    `tolerance`) is "none"; everything else is mixed.

    Examples
    --------
    >>> direction(0.1, -2.0), direction(-0.1, 2.0), direction(0.1, 2.0), direction(0.0, 0.0)
    ('crystallize', 'disperse', 'mixed', 'none')
    """
    signs = [0 if abs(shift) <= tolerance else int(np.sign(shift)) for shift in (gini_shift, hill_q1_shift)]
    return {(0, 0): "none", (1, -1): "crystallize", (-1, 1): "disperse"}.get((signs[0], signs[1]), "mixed")


@dataclass(frozen=True)
class PlantedShift:
    """A tissue's composition over its cell types, early and late.

    Attributes
    ----------
    tissue
        The name of the tissue.
    early, late
        Shares over the same cell types, shape (n_types,), positive, sum 1.
    """

    tissue: str
    early: Shares
    late: Shares

    def __post_init__(self) -> None:
        for name, shares in (("early", self.early), ("late", self.late)):
            if shares.shape != self.early.shape or not np.isclose(shares.sum(), 1) or (shares <= 0).any():
                raise ArgumentError(
                    found=f"{name} of {self.tissue!r}: {shares.size} shares, sum {shares.sum():.6g}",
                    expected=f"{self.early.size} positive shares that sum to 1",
                    fix="divide the shares by their sum",
                )

    def truth(self) -> dict[str, Any]:
        """The planted direction, and Gini and effective number of both compositions, computed exactly."""
        values: dict[str, Any] = {"tissue": self.tissue, "direction": ""}
        for metric, measure in (("gini", planted_gini), ("hill_q1", planted_hill_q1)):
            early, late = measure(self.early), measure(self.late)
            values |= {f"{metric}_early": early, f"{metric}_late": late, f"{metric}_shift": late - early}
        values["direction"] = direction(values["gini_shift"], values["hill_q1_shift"])
        return values
