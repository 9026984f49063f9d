"""Arrangements of labels over donors, and the statistics that are computed on many of them at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.stats._checks import Floats, one_of

Arrangements = NDArray[np.bool_]
Statistic = str | Callable[[Floats, Arrangements], Floats]

CELLS = 2**21
"""Values handled at a time: bounds the memory, and never depends on the machine."""


def two_group_statistic(statistic: Statistic, members: list[NDArray[np.int64]]) -> Callable[..., Floats]:
    """The statistic as a function of values (n, D) and arrangements (A, n) to (A,)."""
    if callable(statistic):
        return statistic
    one_of(statistic, ("mean", "median"), "statistic")
    average = _mean if statistic == "mean" else _median

    def difference(values: Floats, other: Arrangements) -> Floats:
        total: Any = 0.0
        weights: Any = 0.0
        for member in members:
            own, chosen = values[member], other[:, member]
            present = ~np.isnan(own)
            n_other = np.einsum("an,nd->ad", chosen.astype(float), present.astype(float))
            n_reference = present.sum(axis=0) - n_other
            weight = n_other * n_reference / np.maximum(n_other + n_reference, 1)
            shift = average(own, chosen) - average(own, ~chosen)
            total = total + np.where(weight > 0, weight * np.nan_to_num(shift), 0.0)
            weights = weights + weight
        return _over_tissues(np.divide(total, weights, out=np.full_like(total, np.nan), where=weights > 0))

    return difference


def _mean(values: Floats, chosen: Arrangements) -> Floats:
    """Means (A, D) over the donors chosen, those without a value left out."""
    present = ~np.isnan(values)
    weights = chosen.astype(float)
    n = np.einsum("an,nd->ad", weights, present.astype(float))
    total = np.einsum("an,nd->ad", weights, np.where(present, values, 0.0))
    return np.asarray(np.divide(total, n, out=np.full_like(total, np.nan), where=n > 0))


def _median(values: Floats, chosen: Arrangements) -> Floats:
    """Medians (A, D) over the donors chosen: donors are sorted once, then counted up to the middle."""
    order = np.argsort(values, axis=0)  # donors without a value come last
    middle = np.empty((chosen.shape[0], values.shape[1]))
    for tissue in range(values.shape[1]):
        ascending = values[order[:, tissue], tissue]
        there = chosen[:, order[:, tissue]] & ~np.isnan(ascending)
        counted = np.cumsum(there, axis=1)
        n = counted[:, -1:]
        low = np.argmax(counted >= (n + 1) // 2, axis=1)
        high = np.argmax(counted >= n // 2 + 1, axis=1)
        middle[:, tissue] = np.where(n[:, 0] > 0, (ascending[low] + ascending[high]) / 2, np.nan)
    return middle


def paired_statistic(statistic: str | Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """The statistic of differences (A, n, D) as a function to (A,)."""
    if callable(statistic):
        return statistic
    one_of(statistic, ("mean", "median"), "statistic")

    def centre(differences: Floats) -> Floats:
        n = (~np.isnan(differences)).sum(axis=1)
        if statistic == "mean":
            total = np.nansum(differences, axis=1)
            return _over_tissues(np.divide(total, n, out=np.full_like(total, np.nan), where=n > 0))
        ascending = np.sort(differences, axis=1)
        last = np.maximum(n, 1) - 1
        low = np.take_along_axis(ascending, last[:, None] // 2, axis=1)
        high = np.take_along_axis(ascending, (last[:, None] + 1) // 2, axis=1)
        return _over_tissues(((low + high) / 2)[:, 0])

    return centre


def _over_tissues(shifts: Floats) -> Floats:
    """The mean (A,) over the tissues that have a shift; NaN where none has."""
    n = (~np.isnan(shifts)).sum(axis=1)
    total = np.nansum(shifts, axis=1)
    return np.asarray(np.divide(total, n, out=np.full_like(total, np.nan), where=n > 0))


def all_arrangements(
    members: list[NDArray[np.int64]], sizes: list[tuple[int, int]], n_donors: int
) -> Arrangements:
    """Every arrangement (A, n) that keeps the number of other donors in each stratum."""
    choices = [member[_combinations(n, k)] for member, (n, k) in zip(members, sizes, strict=True)]
    places = np.indices([choice.shape[0] for choice in choices]).reshape(len(choices), -1)
    arrangements = np.zeros((places.shape[1], n_donors), dtype=bool)
    for choice, place in zip(choices, places, strict=True):
        np.put_along_axis(arrangements, choice[place], True, axis=1)
    return arrangements


@lru_cache(maxsize=32)
def _combinations(n: int, k: int) -> NDArray[np.int64]:
    """Every choice of k out of n, shape (C(n, k), k)."""
    flat = itertools.chain.from_iterable(itertools.combinations(range(n), k))
    chosen = np.fromiter(flat, dtype=np.int64, count=comb(n, k) * k).reshape(comb(n, k), k)
    chosen.setflags(write=False)
    return chosen


def random_arrangements(
    members: list[NDArray[np.int64]],
    is_other: NDArray[np.bool_],
    n_random: int,
    rng: np.random.Generator,
    values: Floats,
) -> Iterator[Arrangements]:
    """Batches of random arrangements: labels shuffled within strata."""
    rows = max(1, CELLS // values.size)
    for start in range(0, n_random, rows):
        arrangements = np.empty((min(rows, n_random - start), is_other.size), dtype=bool)
        for member in members:
            labels = np.broadcast_to(is_other[member], (arrangements.shape[0], member.size))
            arrangements[:, member] = rng.permuted(labels, axis=1)
        yield arrangements


def batches(arrangements: Arrangements, size: int) -> Iterator[Arrangements]:
    """Rows in batches such that `size` values for each fit the memory allowed."""
    rows = max(1, CELLS // size)
    for start in range(0, arrangements.shape[0], rows):
        yield arrangements[start : start + rows]
