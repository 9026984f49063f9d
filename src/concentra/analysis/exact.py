"""What do tests say that assume nothing but exchangeable donors? Ranks and their exact distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.design.design import Stratum, Term
from concentra.stats._checks import tied_ranks
from concentra.stats.effect import cliffs_delta, hodges_lehmann
from concentra.stats.exact import mann_whitney_exact, wilcoxon_signed_rank_exact
from concentra.stats.permutation import PermutationResult, permutation_test

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
ALL_UP_TO = 20_000
"""Arrangements within a covariate up to which all are enumerated."""
EFFECTS = ("hodges_lehmann", "cliffs_delta")


def ends(stratum: Stratum, term: Term, values: Floats) -> tuple[Floats, Floats, Names | None, Names | None]:
    """The values of the reference and the other group, one a donor (pair), and the blocks of both.

    Several samples of a donor in one group are averaged. Of pairs, row i of both is the same pair, and pairs without
    both halves are left out.

    Parameters
    ----------
    stratum
        The units compared.
    term
        The two groups.
    values
        One value a unit, (n,); units with NaN are left out.
    """
    names = stratum.donor if stratum.pair is None else stratum.pair
    found: list[tuple[Names, Floats, NDArray[np.int64]]] = []
    for group in (term.reference, term.other):
        rows = stratum.of_group(group)
        rows = rows[~np.isnan(values[rows])]
        unique, first, place = np.unique(names[rows].astype(str), return_index=True, return_inverse=True)
        sums = np.bincount(place, weights=values[rows], minlength=len(unique))
        sizes = np.bincount(place, minlength=len(unique))
        found.append((unique, sums / np.maximum(sizes, 1), rows[first] if len(rows) else rows))
    if stratum.pair is not None:
        both = np.intersect1d(found[0][0], found[1][0])
        picked = [one[1][np.searchsorted(one[0], both)] for one in found]
        return picked[0], picked[1], None, None
    if stratum.block is None:
        return found[0][1], found[1][1], None, None
    return found[0][1], found[1][1], stratum.block[found[0][2]], stratum.block[found[1][2]]


def exact_test(
    stratum: Stratum, term: Term, values: Floats, *, level: float, rng: np.random.Generator
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
    """
    first, second, block_first, block_second = ends(stratum, term, values)
    row: dict[str, Any] = {f"{name}{end}": np.nan for name in EFFECTS for end in ("", "_low", "_high")}
    test: Any
    sampled = False
    if stratum.pair is not None:
        name, test = "signed rank", wilcoxon_signed_rank_exact(first, second)
    elif block_first is not None and block_second is not None:
        name, test = "van Elteren", van_elteren(first, second, block_first, block_second, rng=rng)
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


def shift_of_medians(stratum: Stratum, term: Term, values: Floats) -> tuple[float, float, float]:
    """The medians over donors of both groups, and their shift.

    Plain: the difference of the medians. Within a covariate: the mean over its values of such differences, with
    weights :math:`n_1 n_2 / (n_1 + n_2)`. Of pairs: the median of the differences.
    """
    first, second, block_first, block_second = ends(stratum, term, values)
    medians = _median(first), _median(second)
    if stratum.pair is not None:
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
    return float(np.median(values)) if values.size else float("nan")


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
        scores[one], scores[two], strata_early=labels[one].tolist(), strata_late=labels[two].tolist(), rng=rng,
        all_up_to=ALL_UP_TO,
    )  # fmt: skip
