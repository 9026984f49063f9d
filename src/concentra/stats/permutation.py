"""Permutation tests of donors: every arrangement where they can be counted, a random sample where not.

Labels are permuted per donor, over all tissues of the donor at once, since tissues of one mouse are not
independent. Two-sided by distance from the mean of the null distribution, ``P(|T - mean| >= |observed - mean|)``;
arrangements whose distance equals the observed one up to rounding count as extreme.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import ArgumentError
from concentra.stats._arrangements import (
    Statistic,
    all_arrangements,
    batches,
    paired_statistic,
    random_arrangements,
    two_group_statistic,
)
from concentra.stats._checks import TOO_FEW, Floats, Rng, at_least, one_of

ALL_UP_TO = 100_000
"""Arrangements up to which all of them are enumerated."""
TOLERANCE = 1e-9
TOO_FEW_PAIRS = "fewer than two pairs: no test"


@dataclass(frozen=True, slots=True)
class PermutationResult:
    """A two-sided permutation test.

    Attributes
    ----------
    statistic
        As observed.
    null_mean
        Mean of the statistic over arrangements; for a difference, 0 or nearly.
    p_value
        The share of arrangements at least as far from `null_mean` as the observed one; of a random sample
        of m arrangements (b + 1) / (m + 1). NaN where no test was made.
    p_attainable
        The smallest p that the data allow, 1 / (m + 1) for a random sample.
    n_arrangements
        All of them, or m.
    exact
        Whether all were enumerated.
    n_reference, n_other
        Donors with a value (pairs, in both, where paired).
    reason
        Why there is no p; empty where there is one.
    """

    statistic: float
    null_mean: float
    p_value: float
    p_attainable: float
    n_arrangements: int
    exact: bool
    n_reference: int
    n_other: int
    reason: str = ""


def permutation_test(
    reference: ArrayLike,
    other: ArrayLike,
    *,
    statistic: Statistic = "mean",
    tail: str = "both",
    strata_reference: Sequence[Any] | None = None,
    strata_other: Sequence[Any] | None = None,
    rng: Rng = None,
    n_random: int = 9_999,
    all_up_to: int = ALL_UP_TO,
) -> PermutationResult:
    r"""An exact permutation test of two groups of donors, in one stratum (tissue) or over all at once.

    Parameters
    ----------
    reference, other
        Values, shape (n1,) and (n2,); or (n1, D) and (n2, D) over D tissues, NaN where a donor lacks one.
        Donors without any value are left out.
    statistic
        "mean" or "median": other minus reference in each tissue, averaged over the tissues that have donors of
        both groups. Or a function of values (n, D) and arrangements (A, n), True for other, to (A,).
    tail
        "both", or "upper" for a statistic of which only large values speak against the null.
    strata_reference, strata_other
        A label (sex) for each donor: labels are permuted within it alone, the difference is that within
        strata, weighted by n1 n2 / (n1 + n2).
    rng
        A seed or a Generator; needed where there are more than `all_up_to` arrangements.
    n_random
        Random arrangements drawn then; p is (b + 1) / (n_random + 1).
    all_up_to
        Arrangements up to which all are enumerated.

    Returns
    -------
    PermutationResult
        With fewer than two donors in a group p is NaN and `reason` says why.

    References
    ----------
    Phipson & Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9:39. Ernst 2004,
    Statistical Science 19:676.

    Examples
    --------
    The largest of the C(6, 3) = 20 differences, or its mirror image:

    >>> result = permutation_test([1, 2, 3], [7, 8, 9])
    >>> result.statistic, result.p_value, result.n_arrangements, result.exact
    (6.0, 0.1, 20, True)
    """
    first, second = _values(reference, "reference"), _values(other, "other")
    _same_columns(first, second)
    labels = _strata(strata_reference, strata_other, first.shape[0], second.shape[0])
    values = np.concatenate([first, second])
    is_other = np.arange(values.shape[0]) >= first.shape[0]
    measured = ~np.isnan(values).all(axis=1)
    values, is_other, labels = values[measured], is_other[measured], labels[measured]
    n_other = int(is_other.sum())
    n_reference = is_other.size - n_other
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    function = two_group_statistic(statistic, members)
    if min(n_reference, n_other) < 2:
        observed = float(function(values, is_other[None])[0]) if min(n_reference, n_other) else np.nan
        return PermutationResult(observed, np.nan, np.nan, np.nan, 0, True, n_reference, n_other, TOO_FEW)
    sizes = [(member.size, int(is_other[member].sum())) for member in members]
    total = prod(comb(n, k) for n, k in sizes)
    exact = total <= all_up_to
    if exact:
        groups = batches(all_arrangements(members, sizes, is_other.size), values.size)
    else:
        generator = _generator(rng, total, all_up_to)
        groups = random_arrangements(members, is_other, at_least(n_random, 1, "n_random"), generator, values)
    null = np.concatenate([function(values, batch) for batch in groups])
    upper = one_of(tail, ("both", "upper"), "tail") == "upper"
    return _judge(float(function(values, is_other[None])[0]), null, exact, n_reference, n_other, upper=upper)


def sign_flip_test(
    reference: ArrayLike,
    other: ArrayLike,
    *,
    statistic: str | Callable[[Floats], Floats] = "mean",
    rng: Rng = None,
    n_random: int = 9_999,
    all_up_to: int = ALL_UP_TO,
) -> PermutationResult:
    """An exact permutation test of paired donors: reference and other are exchanged within donors.

    Parameters
    ----------
    reference, other
        The same donors in the same order, shape (n,) or (n, D), NaN where a donor lacks a tissue.
    statistic
        "mean" or "median" of other minus reference in each tissue, averaged over tissues; or a function of
        differences (A, n, D) to (A,).
    rng, n_random, all_up_to
        As in `permutation_test`; there are 2**n arrangements.

    Examples
    --------
    >>> result = sign_flip_test([1, 1, 1, 1, 1], [2, 3, 4, 5, 6])
    >>> result.statistic, result.p_value, result.n_arrangements
    (3.0, 0.0625, 32)
    """
    first, second = _values(reference, "reference"), _values(other, "other")
    _same_columns(first, second)
    if first.shape != second.shape:
        raise ArgumentError(
            found=f"reference of {first.shape[0]} donors and other of {second.shape[0]}",
            expected="the same donors in the same order in both",
            fix="align the two by donor, with NaN where one is missing",
        )
    differences = second - first
    differences = differences[~np.isnan(differences).all(axis=1)]
    function = paired_statistic(statistic)
    n = differences.shape[0]
    if n < 2:
        observed = float(function(differences[None])[0]) if n else np.nan
        return PermutationResult(observed, np.nan, np.nan, np.nan, 0, True, n, n, TOO_FEW_PAIRS)
    exact = 2**n <= all_up_to
    if exact:
        codes = np.arange(2**n)[:, None]
        kept = (codes >> np.arange(n)) % 2 == 0
    else:
        generator = _generator(rng, 2**n, all_up_to)
        kept = generator.integers(0, 2, (at_least(n_random, 1, "n_random"), n)) == 0
    null = np.concatenate(
        [
            function(np.where(batch[:, :, None], differences, -differences))
            for batch in batches(kept, differences.size)
        ]
    )
    return _judge(float(function(differences[None])[0]), null, exact, n, n)


def _judge(
    observed: float, null: Floats, exact: bool, n_reference: int, n_other: int, *, upper: bool = False
) -> PermutationResult:
    """Count the arrangements as far out as the observed one, which a random sample gains as a member.

    An arrangement that has no statistic (no tissue with donors of both groups) counts as far out.
    """
    if np.isnan(observed):
        reason = "no tissue with donors of both groups: no test"
        return PermutationResult(observed, np.nan, np.nan, np.nan, 0, exact, n_reference, n_other, reason)
    everything = null if exact else np.append(null, observed)
    centre = float(np.nanmean(everything))
    distance = everything - centre if upper else np.abs(everything - centre)
    distance[np.isnan(distance)] = np.inf
    own = observed - centre if upper else abs(observed - centre)
    tolerance = TOLERANCE * float(np.nanmax(np.abs(everything)))
    p_value = float((distance >= own - tolerance).mean())
    farthest = distance[np.isfinite(distance)].max()
    p_attainable = float((distance >= farthest - tolerance).mean()) if exact else 1 / everything.size
    return PermutationResult(observed, centre, p_value, p_attainable, null.size, exact, n_reference, n_other)


def _values(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or np.isinf(array).any():
        raise ArgumentError(
            found=f"{name} of shape {np.shape(values)}" + (", with infinite values" * (array.ndim == 2)),
            expected="finite values of donors, shape (n,), or of donors by tissues, shape (n, D)",
            fix="pass NaN for a donor without a value",
        )
    return array


def _same_columns(first: Floats, second: Floats) -> None:
    if first.shape[1] != second.shape[1] or first.shape[1] == 0:
        raise ArgumentError(
            found=f"{first.shape[1]} tissues in the reference and {second.shape[1]} in the other",
            expected="the same tissues in the same order in both",
            fix="give every tissue a column in both, NaN where a donor lacks it",
        )


def _strata(
    reference: Sequence[Any] | None, other: Sequence[Any] | None, n_reference: int, n_other: int
) -> NDArray[Any]:
    if reference is None and other is None:
        return np.zeros(n_reference + n_other, dtype=np.int64)
    if reference is None or other is None or len(reference) != n_reference or len(other) != n_other:
        raise ArgumentError(
            found="strata that do not match the donors",
            expected=f"{n_reference} labels in strata_reference and {n_other} in strata_other",
            fix="pass a label for every donor of both groups",
        )
    return np.asarray([str(label) for label in (*reference, *other)])


def _generator(rng: Rng, total: int, all_up_to: int) -> np.random.Generator:
    if rng is None:
        raise ArgumentError(
            found=f"{total} arrangements, more than all_up_to={all_up_to}, and no rng",
            expected="a seed or a Generator, by which arrangements are drawn",
            fix="pass rng=0, or a larger all_up_to=",
        )
    return np.random.default_rng(rng)
