"""What do tests say that assume nothing but exchangeable donors? Ranks and their exact distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from concentra.design.design import Stratum, Term
from concentra.stats._checks import median_of_sorted, tied_ranks
from concentra.stats.effect import cliffs_delta, hodges_lehmann
from concentra.stats.exact import mann_whitney_exact, wilcoxon_signed_rank_exact
from concentra.stats.permutation import PermutationResult, permutation_test

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
ALL_UP_TO = 20_000
"""Arrangements within a covariate up to which all are enumerated."""
EFFECTS = ("hodges_lehmann", "cliffs_delta")


class Ends(NamedTuple):
    """The values of the reference and of the other group, one a donor (pair), and the blocks of both."""

    first: Floats
    second: Floats
    block_first: Names | None = None
    block_second: Names | None = None


class Sides:
    """The units of the two groups of a term in one stratum: found once, whatever is measured.

    Parameters
    ----------
    stratum
        The units compared.
    term
        The two groups.

    Examples
    --------
    See `concentra.analysis.contrast.contrast`.
    """

    def __init__(self, stratum: Stratum, term: Term) -> None:
        self.paired = stratum.pair is not None
        self.block = stratum.block
        names = stratum.donor if stratum.pair is None else stratum.pair
        self.units = [self._units(stratum.of_group(group), names) for group in (term.reference, term.other)]
        self.donors = [np.unique(stratum.donor[rows].astype(str)).size for rows, _ in self.units]
        self.donor = stratum.donor

    @staticmethod
    def _units(rows: NDArray[np.int64], names: Names) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
        order = np.argsort(names[rows].astype(str), kind="stable")
        return rows[order], names[rows][order].astype(str)

    def n_donors(self, values: Floats) -> list[int]:
        """Donors with a value, of both groups."""
        if not np.isnan(values).any():
            return self.donors
        return [len(set(self.donor[rows][~np.isnan(values[rows])].tolist())) for rows, _ in self.units]

    def ends(self, values: Floats) -> Ends:
        """The values of both groups, one a donor (pair).

        Several samples of a donor in one group are averaged. Of pairs, row i of both is the same pair, and pairs
        without both halves are left out. Units with NaN are left out.
        """
        found = [self._averaged(rows, names, values) for rows, names in self.units]
        (names_first, first, rows_first), (names_second, second, rows_second) = found
        if self.paired:
            both = np.intersect1d(names_first, names_second)
            return Ends(
                first[np.searchsorted(names_first, both)], second[np.searchsorted(names_second, both)]
            )
        if self.block is None:
            return Ends(first, second)
        return Ends(first, second, self.block[rows_first], self.block[rows_second])

    @staticmethod
    def _averaged(
        rows: NDArray[np.int64], names: NDArray[np.str_], values: Floats
    ) -> tuple[NDArray[np.str_], Floats, NDArray[np.int64]]:
        known = ~np.isnan(values[rows])
        if not known.all():
            rows, names = rows[known], names[known]
        begins = np.ones(names.size, dtype=bool)
        begins[1:] = names[1:] != names[:-1]
        if begins.all():
            return names, values[rows], rows
        start = np.flatnonzero(begins)
        sizes = np.diff(start, append=names.size)
        return names[start], np.add.reduceat(values[rows], start) / sizes, rows[start]


def ends(stratum: Stratum, term: Term, values: Floats) -> Ends:
    """The values (n,) of the units of a stratum as those of its donors in both groups: see `Sides.ends`.

    Examples
    --------
    >>> import pandas as pd
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "g": list("xxyy"), "part": "T", "n_cells": 60})
    >>> design = resolve(from_table(rows), Question("g", ("x",), (("y",),)))
    >>> found = ends(design.strata[0], design.terms[0], np.array([1.0, 2, 3, 4]))
    >>> found[0].tolist(), found[1].tolist()
    ([1.0, 2.0], [3.0, 4.0])
    """
    return Sides(stratum, term).ends(values)


def exact_test(
    compared: Ends, *, paired: bool, level: float, rng: Callable[[], np.random.Generator]
) -> dict[str, Any]:
    """The rank test that fits the design, and its effect sizes.

    ============  =====================================================
    design        test (two-sided)
    ============  =====================================================
    plain         Mann-Whitney
    within        van Elteren: ranks within each value of the covariate
    paired        Wilcoxon signed rank
    ============  =====================================================

    Returns
    -------
    `exact_test`, its name; `p_exact`; `p_exact_attainable`, the smallest p that these donors allow; `sampled`, whether
    arrangements were sampled instead of enumerated; `hodges_lehmann` and `cliffs_delta` with `_low` and `_high` for a
    plain design, else NaN.

    Examples
    --------
    >>> compared = Ends(np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    >>> found = exact_test(compared, paired=False, level=0.95, rng=np.random.default_rng)
    >>> found["exact_test"], round(found["p_exact"], 3)
    ('Mann-Whitney', 0.1)
    """
    first, second, block_first, block_second = compared
    row: dict[str, Any] = {f"{name}{end}": np.nan for name in EFFECTS for end in ("", "_low", "_high")}
    test: Any
    sampled = False
    if paired:
        name, test = "signed rank", wilcoxon_signed_rank_exact(first, second)
    elif block_first is not None and block_second is not None:
        name, test = "van Elteren", van_elteren(first, second, block_first, block_second, rng=rng())
        sampled = not test.exact
    else:
        name, test = "Mann-Whitney", mann_whitney_exact(first, second)
        for column, effect in zip(
            EFFECTS,
            (hodges_lehmann(first, second, level=level), cliffs_delta(first, second, level=level)),
            strict=True,
        ):
            row |= {column: effect.estimate, f"{column}_low": effect.low, f"{column}_high": effect.high}
    return row | {
        "exact_test": name, "p_exact": test.p_value, "p_exact_attainable": test.p_attainable, "sampled": sampled,
    }  # fmt: skip


def shift_of_medians(compared: Ends, *, paired: bool) -> tuple[float, float, float]:
    """The medians over donors of both groups, and their shift.

    Plain: the difference of the medians. Within a covariate: the mean over its values of such differences, with
    weights :math:`n_1 n_2 / (n_1 + n_2)`. Of pairs: the median of the differences.

    Examples
    --------
    >>> shift_of_medians(Ends(np.array([1.0, 2, 4]), np.array([5.0, 9])), paired=False)
    (2.0, 7.0, 5.0)
    """
    first, second, block_first, block_second = compared
    medians = _median(first), _median(second)
    if paired:
        return (*medians, _median(second - first))
    if block_first is None or block_second is None:
        return (*medians, medians[1] - medians[0])
    total = weights = 0.0
    for value in sorted(set(block_first) & set(block_second), key=str):
        one, two = first[block_first == value], second[block_second == value]
        weight = len(one) * len(two) / (len(one) + len(two))
        total, weights = total + weight * (_median(two) - _median(one)), weights + weight
    return (*medians, total / weights if weights else float("nan"))


def _median(values: Floats) -> float:
    return median_of_sorted(np.sort(values))


def van_elteren(
    first: Floats,
    second: Floats,
    blocks_first: Names,
    blocks_second: Names,
    *,
    rng: np.random.Generator | int,
) -> PermutationResult:
    r"""The van Elteren test: a rank test of two groups within blocks of donors.

    .. math:: T = \sum_h \frac{W_h}{n_h + 1}

    with :math:`W_h` the sum of the midranks of the second group's donors among the :math:`n_h` donors of block h.
    Labels are permuted within blocks; one block gives the Mann-Whitney test.

    Parameters
    ----------
    first, second
        One value per donor, shapes (n1,) and (n2,); donors with a NaN are left out.
    blocks_first, blocks_second
        The block of each donor.
    rng
        A seed or a Generator, used where there are more than 20,000 arrangements.

    References
    ----------
    van Elteren 1960, Bulletin of the International Statistical Institute 37:351.

    Examples
    --------
    >>> blocks = np.array(list("ffmm"), dtype=object)
    >>> result = van_elteren(np.array([1., 2, 9, 8]), np.array([3., 4, 10, 11]), blocks, blocks, rng=0)
    >>> round(result.p_value, 3), result.n_arrangements  # 2 of 6 x 6 arrangements
    (0.056, 36)
    """
    labels = np.concatenate([blocks_first, blocks_second])
    values = np.concatenate([first, second]).astype(np.float64)
    is_second = np.arange(values.size) >= len(first)
    scores = np.full(values.size, np.nan)
    for label in sorted(set(labels), key=str):
        place = np.flatnonzero((labels == label) & ~np.isnan(values))
        scores[place] = tied_ranks(values[place]) / 2 / (place.size + 1)
    known = ~np.isnan(scores)
    one, two = known & ~is_second, known & is_second
    return permutation_test(
        scores[one], scores[two], strata_reference=labels[one].tolist(), strata_other=labels[two].tolist(), rng=rng,
        all_up_to=ALL_UP_TO,
    )  # fmt: skip
