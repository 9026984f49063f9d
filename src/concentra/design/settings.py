"""How a question is answered: which units are enough, how sure one wants to be, how many draws."""

from __future__ import annotations

from dataclasses import dataclass

from concentra.errors import ArgumentError

FEWEST_CELLS = 20
"""The common number of cells of rarefied values is never below this, unless it is named."""
CALIBRATED_FROM = 3
"""Donors of a group from which on the rate of false verdicts was measured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The numbers that every analysis shares.

    Attributes
    ----------
    min_cells
        A unit with fewer cells is listed, but not compared.
    depth
        The common number of cells of rarefied values; None: that of the smallest unit compared in each stratum.
    alpha
        Level of tests and of the false discovery rate.
    level
        Coverage of intervals.
    margin_ratio
        A ratio of effective numbers between this and its inverse is no change that matters.
    margin_gini
        A difference of Gini coefficients within plus or minus this is no change that matters.
    n_draws
        Bootstrap draws.
    n_random
        Arrangements of labels drawn where there are too many to enumerate.
    seed
        The same seed gives the same numbers.

    Examples
    --------
    >>> Settings().min_cells, Settings(alpha=0.1).alpha
    (50, 0.1)
    """

    min_cells: int = 50
    depth: int | None = None
    alpha: float = 0.05
    level: float = 0.95
    margin_ratio: float = 0.9
    margin_gini: float = 0.04
    n_draws: int = 2_000
    n_random: int = 19_999
    seed: int = 0

    def __post_init__(self) -> None:
        checks = (
            (self.min_cells >= 1, "min_cells", "a whole number of at least 1"),
            (self.depth is None or self.depth >= 2, "depth", "a whole number of at least 2"),
            (0 < self.alpha < 1, "alpha", "a number between 0 and 1"),
            (0 < self.level < 1, "level", "a number between 0 and 1"),
            (0 < self.margin_ratio < 1, "margin_ratio", "a number between 0 and 1"),
            (0 < self.margin_gini < 1, "margin_gini", "a number between 0 and 1"),
            (self.n_draws >= 100, "n_draws", "at least 100"),
            (self.n_random >= 99, "n_random", "at least 99"),
            (self.seed >= 0, "seed", "a whole number, 0 or more"),
        )
        for holds, name, expected in checks:
            if not holds:
                option = f"--{OPTIONS.get(name, name.replace('_', '-'))}"
                raise ArgumentError(
                    found=f"{option} {getattr(self, name)}",
                    expected=expected,
                    fix=f"leave out {option}, or change it",
                )


OPTIONS = {"n_draws": "draws"}
"""Names of options that differ from those of the fields."""
