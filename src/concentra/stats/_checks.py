"""What every statistic asks of its input, said once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import ArgumentError

Floats = NDArray[np.float64]
Rng = int | np.random.Generator | np.random.SeedSequence | None

RELATIVE_TOLERANCE = 1e-10
"""Two values closer than this share of the largest are tied: sums in another order differ by rounding."""

TOO_FEW = "fewer than two donors in a group: no test"


def vector(values: ArrayLike, name: str) -> Floats:
    """A one-dimensional float array without the donors whose value is missing (NaN)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ArgumentError(
            found=f"{name} of shape {array.shape}",
            expected="one value per donor, shape (n,)",
            fix="pass one metric of one group at a time",
        )
    if np.isinf(array).any():
        raise ArgumentError(
            found=f"an infinite value in {name} at position {int(np.flatnonzero(np.isinf(array))[0])}",
            expected="finite values, or NaN for a donor without a value",
            fix="look at the composition of that donor",
        )
    return array[~np.isnan(array)]


def pairs(reference: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    """Two vectors of equal length without the pairs of which a half is missing (NaN)."""
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.shape != second.shape:
        raise ArgumentError(
            found=f"reference of shape {first.shape} and other of shape {second.shape}",
            expected="pairs: the same donors in the same order in both",
            fix="align the two by donor, with NaN where one is missing",
        )
    whole = ~(np.isnan(first) | np.isnan(second))
    return vector(np.where(whole, first, np.nan), "reference"), vector(
        np.where(whole, second, np.nan), "other"
    )


def between(value: float, low: float, high: float, name: str) -> float:
    """The value, strictly between two bounds."""
    if not low < value < high:
        raise ArgumentError(
            found=f"{name}={value!r}",
            expected=f"a number between {low:g} and {high:g}",
            fix=f"choose {name}= within these bounds",
        )
    return float(value)


def at_least(value: int, low: int, name: str) -> int:
    """The whole number, not below a bound."""
    if int(value) != value or value < low:
        raise ArgumentError(
            found=f"{name}={value!r}",
            expected=f"a whole number of at least {low}",
            fix=f"choose a larger {name}=",
        )
    return int(value)


def one_of(value: Any, allowed: tuple[str, ...], name: str) -> str:
    """The value, one of the words allowed."""
    if value not in allowed:
        raise ArgumentError(
            found=f"{name}={value!r}",
            expected=f"one of {', '.join(map(repr, allowed))}",
            fix=f"choose one of them as {name}=",
        )
    return str(value)


def median_of_sorted(values: Floats) -> float:
    """The middle of sorted values, or the mean of the two in the middle; NaN of none.

    >>> median_of_sorted(np.array([1.0, 2.0, 4.0, 9.0]))
    3.0
    """
    middle = values.size // 2
    if not values.size:
        return float("nan")
    return float(values[middle] if values.size % 2 else (values[middle - 1] + values[middle]) / 2.0)


def tied_ranks(values: Floats) -> NDArray[np.int64]:
    """Twice the midranks of values, as whole numbers; values equal up to rounding share a rank.

    >>> tied_ranks(np.array([0.3, 0.1, 0.1 + 1e-17]))
    array([6, 3, 3])
    """
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order]) > RELATIVE_TOLERANCE * np.abs(values).max(initial=0.0)
    block = np.concatenate([[0], np.cumsum(gaps)])
    first = np.flatnonzero(np.concatenate([[True], gaps]))
    last = np.concatenate([first[1:], [values.size]])
    ranks = np.empty(values.size, dtype=np.int64)
    ranks[order] = (first + last + 1)[block]
    return ranks
