"""What may be measured: amounts that are finite and not negative, counts that are whole."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import AmountError, ArgumentError

Amounts: TypeAlias = NDArray[np.float64]
# A float for one composition (K,), an array (...) for many (..., K): numpy's own stubs call this Any.
Measured: TypeAlias = Any

_LARGE = 1e290  # above it, totals and ranked sums may overflow


def as_amounts(amounts: ArrayLike, *, check: bool = True) -> Amounts:
    """The amounts as an array of floats (..., K), refused where one is negative or not finite.

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K); parts run along the last axis. Any unit.
    check
        False takes an array of numbers as it is: for inner loops over arrays that were made here.

    Raises
    ------
    AmountError
        Naming the first position that cannot be measured.

    Examples
    --------
    >>> as_amounts([1, 2])
    array([1., 2.])
    >>> as_amounts([1, -2])
    Traceback (most recent call last):
        ...
    concentra.errors.AmountError: error: -2.0 at position (1,) of the amounts
    expected: finite amounts that are not negative
    fix: correct that amount; for signed changes take np.abs(...) or np.maximum(..., 0) first
    """
    array = _as_floats(amounts) if check else np.asarray(amounts, dtype=np.float64)
    if array.shape[-1] == 0:  # no parts at all: as empty as one part that is absent
        return np.zeros((*array.shape[:-1], 1))
    if not check or array.size == 0:
        return array
    low, high = array.min(), array.max()
    if not (low >= 0 and high < np.inf):
        broken = ~(np.isfinite(array) & (array >= 0))
        _refuse(array, broken, "finite amounts that are not negative", _mend(array))
    if high > _LARGE:
        return array / np.maximum(array.max(axis=-1, keepdims=True), 1.0)
    return array


def as_counts(counts: ArrayLike, *, check: bool = True) -> Amounts:
    """The counts as an array of floats (..., K), refused where one is negative or not a whole number.

    Examples
    --------
    >>> as_counts([3, 0.5])
    Traceback (most recent call last):
        ...
    concentra.errors.AmountError: error: 0.5 at position (1,) of the amounts
    expected: whole numbers of cells
    fix: pass counts, not shares: depth cannot be corrected without the number of cells
    """
    array = as_amounts(counts, check=check)
    if check:
        broken = array != np.floor(array)
        if broken.any():
            fix = "pass counts, not shares: depth cannot be corrected without the number of cells"
            _refuse(array, broken, "whole numbers of cells", fix)
    return array


def as_whole(value: float, name: str, *, at_least: int = 1) -> int:
    """An argument that must be a whole number of at least `at_least`.

    Examples
    --------
    >>> as_whole(3.0, "m")
    3
    """
    number = value if isinstance(value, (int, float, np.integer, np.floating)) else np.nan
    if not np.isfinite(number) or number < at_least or number % 1:
        raise ArgumentError(
            found=f"{name}={value!r}",
            expected=f"one whole number of at least {at_least}",
            fix=f"pass {name} as an int, for example {name}={max(at_least, 1)}",
        )
    return int(value)


def unwrapped(values: NDArray[np.float64]) -> Measured:
    """A float where one composition was measured, else the array."""
    return float(values) if values.ndim == 0 else values


def _as_floats(amounts: ArrayLike) -> Amounts:
    given = np.asarray(amounts)
    if given.ndim == 0 or given.dtype.kind not in "biuf":
        raise AmountError(
            found=f"{type(amounts).__name__} of type {given.dtype} and shape {given.shape}",
            expected="an array of real numbers (..., K), parts along the last axis",
            fix="pass a list or a dense numeric array, for example matrix.toarray() of a sparse one",
        )
    return given.astype(np.float64, copy=False)


def _mend(array: Amounts) -> str:
    if np.isfinite(array).all():
        return "correct that amount; for signed changes take np.abs(...) or np.maximum(..., 0) first"
    return "correct that amount; leave out a part that was not measured, an absent one is 0"


def _refuse(array: Amounts, broken: NDArray[np.bool_], expected: str, fix: str) -> None:
    position = tuple(int(index) for index in np.argwhere(broken)[0])
    others = int(np.count_nonzero(broken)) - 1
    more = f" (and {others} more)" if others else ""
    found = f"{float(array[position])} at position {position} of the amounts{more}"
    raise AmountError(found=found, expected=expected, fix=fix)
