"""The median shift over distinct specifications under thousands of arrangements of the donors' labels.

What `concentra.stats.specifications.sweep` finds is needed of the observed labels alone; of the others only this
median. Arrays lie with arrangements last, so that each step runs along them: donors are counted up to the middle
in ascending order, and sums over a set of donors are those of its eights, which are listed beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

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
    comparisons, labels
        As for `concentra.stats.specifications.sweep`.

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
    metrics = [_columns(comparisons, keys, columns) for columns in comparisons.columns]
    widest = max(4 * comparisons.reference.size, 2 * comparisons.eligible.size)
    rows = min(ROWS, max(1, CELLS // widest))
    shifts = np.empty((len(metrics), labels.shape[0]))
    for start in range(0, labels.shape[0], rows):
        sides, eights = _sides(comparisons, labels[start : start + rows])
        for metric, columns in zip(shifts, metrics, strict=True):
            found, same = zip(*(column.shifts(sides, eights) for column in columns), strict=True)
            metric[start : start + rows] = _median(np.concatenate(found).T, np.concatenate(same).T)
    return shifts


@dataclass(frozen=True, slots=True)
class _Column:
    """The specifications of a metric that use one column of values: groups, places in them, what is summed."""

    groups: Integers
    reference: Integers
    other: Integers
    mean: Integers
    order: Integers
    ascending: Floats
    sums: Floats
    marks: Keys

    @classmethod
    def of(cls, values: Floats, keys: Keys, listed: Integers) -> _Column:
        """Of values and keys (n,) and specifications (3, U): reference, other, and whether means are compared."""
        groups, which = np.unique(listed[:2], return_inverse=True)
        reference, other = which.reshape(2, -1)
        order, known = np.argsort(values), np.nan_to_num(values)  # donors without a value come last
        tables = _of_eights(known), _of_eights(keys)
        return cls(groups, reference, other, listed[2].astype(int), order, known[order], *tables)

    def shifts(self, sides: Booleans, eights: Integers) -> tuple[Floats, Keys]:
        """Shifts (U, A) of the specifications, and numbers that tell apart what they compare."""
        held, eight = sides[:, self.groups], eights[:, self.groups]
        n = held.sum(axis=0, dtype=np.min_scalar_type(held.shape[0] + 1))
        centres, marks = self._centres(held, eight, n), _summed(self.marks, eight)
        shifts = centres[self.mean, self.other] - centres[self.mean, self.reference]
        differs = (self.mean[:, None] > 0) & ((n[self.reference] > 2) | (n[self.other] > 2))
        return shifts, marks[self.reference] * ODD[0] + marks[self.other] * ODD[1] + differs * ODD[2]

    def _centres(
        self, sides: Booleans, eights: Integers, n_chosen: NDArray[np.unsignedinteger[Any]]
    ) -> Floats:
        """Medians and means (2, G, A) over the donors of each side (n, G, A); NaN over none."""
        counted, low, high = (np.zeros_like(n_chosen) for _ in range(3))
        to_low, to_high = (n_chosen + 1) // 2, n_chosen // 2 + 1
        for donor in self.order[:-1]:
            counted += sides[donor].view(np.uint8)
            low += (counted < to_low).view(np.uint8)
            high += (counted < to_high).view(np.uint8)
        middle = (self.ascending[low] + self.ascending[high]) / 2
        centres = np.stack([middle, _summed(self.sums, eights) / np.maximum(n_chosen, 1)])
        centres[:, n_chosen == 0] = np.nan
        return centres


def _columns(comparisons: Comparisons, keys: Keys, columns: Integers) -> list[_Column]:
    """The specifications that can differ in a metric, by the column (S,) that each uses."""
    every = np.stack([columns, comparisons.reference, comparisons.other, comparisons.mean])
    listed = np.unique(every, axis=1)
    return [
        _Column.of(comparisons.values[column], keys[column], listed[1:, listed[0] == column])
        for column in np.unique(columns)
    ]


def _sides(comparisons: Comparisons, labels: Integers) -> tuple[Booleans, Integers]:
    """Donors that each group holds (n, G, A), and the same as bytes of eight donors (ceil(n / 8), G, A)."""
    members, which = np.unique(comparisons.member, axis=0, return_inverse=True)
    across = np.ascontiguousarray(labels.T)
    taken = [member[across] for member in members]
    sides = np.empty((len(across), len(comparisons.member), labels.shape[0]), dtype=bool)
    for group, (member, eligible) in enumerate(zip(which.reshape(-1), comparisons.eligible, strict=True)):
        np.logical_and(taken[member], eligible[:, None], out=sides[:, group])
    eights = np.zeros((-(-len(sides) // 8), *sides.shape[1:]), dtype=np.uint8)
    for donor, side in enumerate(sides):
        eights[donor // 8] += side * np.uint8(1 << donor % 8)
    return sides, eights.astype(np.intp)


def _of_eights(weights: NDArray[Number]) -> NDArray[Number]:
    """The sum of weights (n,) over each set of eight donors that follow each other, shape (ceil(n / 8), 256)."""
    padded = np.zeros((-(-weights.size // 8), 8), dtype=weights.dtype)
    padded.reshape(-1)[: weights.size] = weights
    return np.asarray((padded[:, None, :] * _SUBSETS.astype(weights.dtype)).sum(axis=2))


def _summed(table: NDArray[Number], eights: Integers) -> NDArray[Number]:
    """Sums (G, A) over sets of donors, given as bytes of eight donors (ceil(n / 8), G, A)."""
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
