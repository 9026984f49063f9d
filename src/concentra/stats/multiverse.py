"""The joint permutation test of a multiverse: all specifications at once, under exchanged labels.

Which specifications are distinct is found anew in each arrangement (`concentra.stats.median_shifts`): the
observed labels are treated like any other, and the test stays exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from concentra.stats._checks import Floats, at_least
from concentra.stats.median_shifts import median_shifts
from concentra.stats.specifications import Comparisons

Integers = NDArray[np.int64]

ALL_UP_TO = 20_000
"""Arrangements up to which all of them are enumerated."""
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class JointTest:
    """The joint test of a multiverse.

    Attributes
    ----------
    p_median, p_median_attainable
        For each metric, shape (M,): the share of arrangements whose median shift over distinct specifications is
        at least as far from its mean over arrangements as the observed one; and the smallest such p.
    n_arrangements
        All of them, or the number drawn.
    exact
        Whether all were enumerated.
    """

    p_median: Floats
    p_median_attainable: Floats
    n_arrangements: int
    exact: bool


def joint_test(
    comparisons: Comparisons,
    labels: Sequence[int],
    *,
    strata: Sequence[str] | None = None,
    rng: np.random.Generator,
    n_random: int = 9_999,
    all_up_to: int = ALL_UP_TO,
) -> JointTest:
    r"""The joint permutation test of all specifications.

    Labels are exchanged among donors, every specification is computed again, and the median shift is compared with
    the observed one. (The share of specifications with one sign is no statistic: it is often 1 whatever the labels.)

    Parameters
    ----------
    comparisons
        The specifications.
    labels
        The observed label of each donor, shape (n,).
    strata
        A label (sex) for each donor: labels are exchanged within it alone.
    rng
        By which arrangements are drawn where there are more than `all_up_to`; p is then (b + 1) / (m + 1).
    n_random, all_up_to
        Arrangements drawn, and up to which number all are enumerated.

    Notes
    -----
    The labels are those that some group takes; labels that are always together count as one.

    References
    ----------
    Simonsohn, Simmons & Nelson 2020, Nature Human Behaviour 4:1208, "specification curve analysis". Phipson &
    Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9:39.
    """
    merged, place = np.unique(comparisons.member.T, axis=0, return_inverse=True)
    own = np.asarray(place).reshape(-1)[np.asarray(labels, dtype=np.int64)]
    kind = replace(comparisons, member=merged.T)
    among = (
        np.zeros(own.size, dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    )
    arranged, exact = arrangements(own, among, rng, at_least(n_random, 1, "n_random"), all_up_to)
    everything = arranged if exact else np.concatenate([own[None], arranged])
    observed, null = median_shifts(kind, own[None])[:, 0], median_shifts(kind, everything)
    medians = [_judge(*pair, exact) for pair in zip(observed, null, strict=True)]
    p_median, p_median_attainable = np.array(medians).T
    return JointTest(p_median, p_median_attainable, len(arranged), exact)


def _judge(observed: float, null: Floats, exact: bool) -> tuple[float, float]:
    """p and the smallest p; an arrangement without a statistic counts as far out."""
    centre = float(np.nanmean(null))
    distance = np.abs(null - centre)
    slack = TOLERANCE * float(np.nanmax(np.abs(null)))
    farthest = float(np.nanmax(distance))
    distance[np.isnan(distance)] = np.inf
    p_value = float((distance >= abs(observed - centre) - slack).mean())
    return p_value, float((distance >= farthest - slack).mean()) if exact else 1.0 / null.size


def arrangements(
    labels: Integers, strata: Integers, rng: np.random.Generator, n_random: int, all_up_to: int
) -> tuple[Integers, bool]:
    """All distinct arrangements (A, n) of labels within strata where they are few, else random ones; and which.

    >>> found, exact = arrangements(np.array([0, 1, 1]), np.zeros(3, int), np.random.default_rng(0), 9, 10)
    >>> found.tolist(), exact
    ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], True)
    """
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    total = prod(
        factorial(member.size) // prod(factorial(int(n)) for n in np.bincount(labels[member]))
        for member in members
    )
    if total > all_up_to:
        drawn = np.tile(labels, (n_random, 1))
        for member in members:
            drawn[:, member] = rng.permuted(drawn[:, member], axis=1)
        return drawn, False
    each = [np.array(list(_distinct(sorted(labels[member].tolist()))), dtype=np.int64) for member in members]
    result = np.empty((total, labels.size), dtype=np.int64)
    places = np.indices([len(one) for one in each]).reshape(len(each), -1)
    for member, one, place in zip(members, each, places, strict=True):
        result[:, member] = one[place]
    return result, True


def _distinct(labels: list[int]) -> Iterator[tuple[int, ...]]:
    """Every distinct order of labels, ascending."""
    if not labels:
        yield ()
        return
    for label, _ in itertools.groupby(labels):
        rest = labels.copy()
        rest.remove(label)
        for tail in _distinct(rest):
            yield (label, *tail)
