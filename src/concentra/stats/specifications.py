"""Every specification of an analysis under every arrangement of the donors' labels, in one sweep of arrays.

A specification compares two groups of donors by one column of values a metric, by medians or by means. A group
is a set of labels (ages) among the donors that are eligible (of one sex, with enough cells). Two specifications
are the same where they cannot give different numbers: they compare the same donors, with the same values, by
averages that agree. Which are the same depends on the labels, so it is found anew in each arrangement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concentra.stats._checks import Floats

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]

ZERO = 1e-10
"""A shift nearer to 0 than this is rounding and has no sign; values are of the order of 1 or more."""
DECIMALS = 9
"""Values that agree in so many decimals are the same value, reached by two ways."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """S specifications of n donors, as places in lists of groups and of columns.

    Attributes
    ----------
    values
        What was measured, shape (C, n); may be NaN where a donor is eligible in no group that uses the column.
    eligible
        Donors that a group may hold, shape (G, n).
    member
        Labels that a group takes, shape (G, L).
    reference, other
        Groups compared, shape (S,).
    columns
        Column of values of each metric, shape (M, S).
    mean
        Whether means are compared instead of medians, shape (S,).
    """

    values: Floats
    eligible: Booleans
    member: Booleans
    reference: Integers
    other: Integers
    columns: Integers
    mean: Booleans


@dataclass(frozen=True, slots=True)
class Sweep:
    """All specifications under A arrangements.

    Attributes
    ----------
    shifts
        Other minus reference, shape (M, A, S); NaN where a group is empty.
    first
        Whether a specification is the first of those that are the same, shape (M + 1, A, S): for each metric
        alone, and last for all metrics together. False where a group is empty.
    n_reference, n_other
        Donors compared, shape (A, S).
    """

    shifts: Floats
    first: Booleans
    n_reference: Integers
    n_other: Integers


def sweep(comparisons: Comparisons, labels: Integers) -> Sweep:
    """The shift of every specification under every arrangement.

    Parameters
    ----------
    comparisons
        The specifications.
    labels
        The label of each donor in each arrangement, shape (A, n), from 0 to L - 1.

    Examples
    --------
    Two donors against two by one metric; with two donors a group, median and mean are the same specification:

    >>> ages = np.array([[0, 0, 1, 1]])
    >>> both = Comparisons(
    ...     values=np.array([[1.0, 2.0, 5.0, 7.0]]), eligible=np.ones((2, 4), bool), member=np.eye(2, dtype=bool),
    ...     reference=np.array([0, 0]), other=np.array([1, 1]), columns=np.array([[0, 0]]),
    ...     mean=np.array([False, True]))
    >>> found = sweep(both, ages)
    >>> found.shifts.tolist(), found.first[0].tolist()
    ([[[4.5, 4.5]]], [[True, False]])
    """
    chosen = comparisons.member[:, labels] & comparisons.eligible[:, None, :]  # (G, A, n)
    n_chosen = chosen.sum(axis=2)
    n_reference, n_other = n_chosen[comparisons.reference].T, n_chosen[comparisons.other].T
    values, keys = comparisons.values, column_keys(comparisons.values)
    n_metrics = comparisons.columns.shape[0]
    shifts = np.empty((n_metrics, *n_reference.shape))
    same = np.empty((n_metrics + 1, *n_reference.shape), dtype=np.uint64)
    for column in range(values.shape[0]):
        used = comparisons.columns == column
        groups = np.unique(
            np.concatenate([comparisons.reference[used.any(axis=0)], comparisons.other[used.any(axis=0)]])
        )
        if not groups.size:
            continue
        centres = _centres(values[column], chosen[groups], n_chosen[groups])
        marks = chosen[groups].astype(np.uint64) @ keys[column]
        for metric, place in enumerate(used):
            reference, other = (
                np.searchsorted(groups, which[place]) for which in (comparisons.reference, comparisons.other)
            )
            average = comparisons.mean[place].astype(int)
            shifts[metric][:, place] = (centres[average, other] - centres[average, reference]).T
            same[metric][:, place] = (marks[reference] * ODD[0] + marks[other] * ODD[1]).T
    differs = comparisons.mean & ((n_reference > 2) | (n_other > 2))
    same[:-1] += differs * ODD[2]
    same[-1] = np.einsum("mas,m->as", same[:-1], ODD[3 : 3 + n_metrics])
    defined = (n_reference > 0) & (n_other > 0)
    return Sweep(shifts, np.stack([_first(one) & defined for one in same]), n_reference, n_other)


ODD: Keys = np.random.default_rng(20_200_727).integers(0, 2**63, 32, dtype=np.uint64)
ODD = ODD * np.uint64(2) + np.uint64(1)


def column_keys(values: Floats) -> Keys:
    """A random whole number for each distinct value of each donor, so that sums of them tell sets apart.

    Two different sets of 1,000 share a sum with a chance below 1e-13 (Zobrist 1970).
    """
    table = np.random.default_rng(20_200_728).integers(0, 2**64, values.shape, dtype=np.uint64)
    place = np.array([np.unique(donor, return_inverse=True)[1] for donor in np.round(values, DECIMALS).T])
    return np.asarray(np.take_along_axis(table, place.T, axis=0))


def _centres(values: Floats, chosen: Booleans, n_chosen: Integers) -> Floats:
    """Medians and means (2, G, A) of values (n,) over the donors chosen (G, A, n); NaN over none."""
    order = np.argsort(values)  # donors without a value come last
    ascending = np.nan_to_num(values[order])
    counted = np.cumsum(chosen[:, :, order], axis=2, dtype=np.int16)
    low = np.argmax(counted >= ((n_chosen + 1) // 2)[..., None], axis=2)
    high = np.argmax(counted >= (n_chosen // 2 + 1)[..., None], axis=2)
    centres = np.stack(
        [
            (ascending[low] + ascending[high]) / 2,
            chosen[:, :, order] @ ascending / np.maximum(n_chosen, 1),
        ]
    )
    centres[:, n_chosen == 0] = np.nan
    return centres


def _first(keys: Keys) -> Booleans:
    """Whether a key is the first of its kind in its row."""
    order = np.argsort(keys, axis=1, kind="stable")
    ranked = np.take_along_axis(keys, order, axis=1)
    new = np.ones(keys.shape, dtype=bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    first = np.empty_like(new)
    np.put_along_axis(first, order, new, axis=1)
    return first


def signs(shifts: Floats) -> Integers:
    """-1, 0 or 1 of each shift; 0 also where it is NaN or nearer to 0 than `ZERO`."""
    return np.where(np.abs(shifts) > ZERO, np.sign(np.nan_to_num(shifts)), 0.0).astype(np.int64)
