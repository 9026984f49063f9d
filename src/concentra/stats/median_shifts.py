"""The median shift over distinct specifications under thousands of arrangements of the donors' labels.

What `concentra.stats.specifications.sweep` finds is needed of the observed labels alone; of the others only this
median. Arrays lie with arrangements last, so that each step runs along them: donors are counted up to the middle
in ascending order, and sums over a set of donors are those of its eights, which are listed beforehand.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from concentra.stats._checks import Floats
from concentra.stats.specifications import ODD, Booleans, Comparisons, Integers, Keys, column_keys

Number = TypeVar("Number", np.float64, np.uint64)

CELLS, ROWS = 2**21, 4096
"""Values and arrangements handled at a time: bound the memory, and never depend on the machine."""

_SUBSETS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
"""Which of eight donors each byte holds, shape (256, 8)."""


def median_shifts(comparisons: Comparisons, labels: Integers) -> Floats:
    """The median shift over distinct specifications, for each metric and arrangement (M, A); NaN where there is none.

    Parameters
    ----------
    comparisons
        The specifications.
    labels
        The label of each donor in each arrangement, shape (A, n), from 0 to L - 1.

    Examples
    --------
    Two donors against two; with two donors a group, median and mean are the same specification:

    >>> both = Comparisons(
    ...     values=np.array([[1.0, 2.0, 5.0, 7.0]]), eligible=np.ones((2, 4), bool), member=np.eye(2, dtype=bool),
    ...     reference=np.array([0, 0]), other=np.array([1, 1]), columns=np.array([[0, 0]]),
    ...     mean=np.array([False, True]))
    >>> median_shifts(both, np.array([[0, 0, 1, 1], [1, 0, 0, 1]])).tolist()
    [[4.5, 0.5]]
    """
    keys = column_keys(comparisons.values)
    metrics = [_distinct(comparisons, columns) for columns in comparisons.columns]
    widest = max(*(4 * listed.shape[1] for listed in metrics), 2 * comparisons.eligible.size)
    rows = min(ROWS, max(1, CELLS // widest))
    shifts = np.empty((len(metrics), labels.shape[0]))
    for start in range(0, labels.shape[0], rows):
        sides = _sides(comparisons, labels[start : start + rows])
        for metric, listed in zip(shifts, metrics, strict=True):
            metric[start : start + rows] = _median(*_shifts(comparisons.values, keys, listed, *sides))
    return shifts


def _distinct(comparisons: Comparisons, columns: Integers) -> Integers:
    """Specifications that can differ in a metric (4, U): column, reference, other, and whether means are compared."""
    every = np.stack([columns, comparisons.reference, comparisons.other, comparisons.mean])
    return np.unique(every, axis=1)


def _sides(comparisons: Comparisons, labels: Integers) -> tuple[Booleans, Integers]:
    """Donors that each group holds (n, G, A), and the same as bytes of eight donors (ceil(n / 8), G, A)."""
    chosen = comparisons.member[:, labels.T] & comparisons.eligible[:, :, None]
    sides = np.ascontiguousarray(chosen.transpose(1, 0, 2))
    return sides, np.packbits(sides, axis=0, bitorder="little").astype(np.intp)


def _shifts(
    values: Floats, keys: Keys, listed: Integers, sides: Booleans, eights: Integers
) -> tuple[Floats, Keys]:
    """Shifts (A, U) of the specifications listed (4, U), and numbers that tell apart what they compare."""
    shifts = np.empty((listed.shape[1], sides.shape[2]))
    same = np.empty(shifts.shape, dtype=np.uint64)
    for column in np.unique(listed[0]):
        place = listed[0] == column
        groups, which = np.unique(listed[1:3, place], return_inverse=True)
        reference, other = which.reshape(2, -1)
        mean = listed[3, place].astype(int)
        held, eight = sides[:, groups], eights[:, groups]
        n = held.sum(axis=0, dtype=np.min_scalar_type(held.shape[0]))
        centres, marks = _centres(values[column], held, eight, n), _sums(keys[column], eight)
        shifts[place] = centres[mean, other] - centres[mean, reference]
        differs = (mean[:, None] > 0) & ((n[reference] > 2) | (n[other] > 2))
        same[place] = marks[reference] * ODD[0] + marks[other] * ODD[1] + differs * ODD[2]
    return shifts.T, same.T


def _centres(values: Floats, sides: Booleans, eights: Integers, n_chosen: Integers) -> Floats:
    """Medians and means (2, G, A) of values (n,) over the donors of each side (n, G, A); NaN over none."""
    order = np.argsort(values)  # donors without a value come last
    ascending = np.nan_to_num(values)[order]
    counted = np.zeros_like(n_chosen)
    low, high = np.zeros_like(n_chosen), np.zeros_like(n_chosen)
    to_low, to_high = (n_chosen + 1) // 2, n_chosen // 2 + 1
    for donor in order[:-1]:
        counted += sides[donor].view(np.uint8)
        low += (counted < to_low).view(np.uint8)
        high += (counted < to_high).view(np.uint8)
    middle = (ascending[low] + ascending[high]) / 2
    centres = np.stack([middle, _sums(np.nan_to_num(values), eights) / np.maximum(n_chosen, 1)])
    centres[:, n_chosen == 0] = np.nan
    return centres


def _sums(weights: NDArray[Number], eights: Integers) -> NDArray[Number]:
    """Sums (G, A) of weights (n,) over sets of donors, given as bytes of eight donors (ceil(n / 8), G, A)."""
    padded = np.zeros((eights.shape[0], 8), dtype=weights.dtype)
    padded.reshape(-1)[: weights.size] = weights
    table = (padded[:, None, :] * _SUBSETS.astype(weights.dtype)).sum(axis=2)
    total = table[0][eights[0]]
    for sums, eight in zip(table[1:], eights[1:], strict=True):
        total += sums[eight]
    return total


def _median(shifts: Floats, keys: Keys) -> Floats:
    """The median (A,) of the defined shifts (A, U), one for each key (A, U); NaN where there is none.

    A key gives its last bits to its place, so that sorted keys tell which shift is the first of its kind.
    """
    n_places = np.uint64(1 << (keys.shape[1] - 1).bit_length())
    ranked = np.sort(keys // n_places * n_places + np.arange(keys.shape[1], dtype=np.uint64), axis=1)
    shifts = np.take_along_axis(shifts, (ranked % n_places).astype(np.intp), axis=1)
    kinds = ranked // n_places
    shifts[:, 1:][kinds[:, 1:] == kinds[:, :-1]] = np.nan
    ascending = np.sort(shifts, axis=1)  # those without a value come last
    n = (~np.isnan(ascending)).sum(axis=1, keepdims=True)
    last = np.maximum(n, 1) - 1
    low, high = (np.take_along_axis(ascending, place, axis=1) for place in (last // 2, (last + 1) // 2))
    return np.asarray((low + high)[:, 0] / 2)
