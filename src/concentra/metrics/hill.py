"""Hill numbers, the effective numbers of parts, and the entropy behind them."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from concentra.errors import ArgumentError
from concentra.metrics.checks import Amounts, Measured, as_amounts, unwrapped
from concentra.metrics.metric import Metric
from concentra.metrics.sums import n_present_of, product_of, total_of

_NEAR_ONE = 0.05  # orders nearer to 1 than this are computed by the form that does not cancel
_AMOUNTS_AT_ONCE = 1 << 15
_TINY = np.finfo(np.float64).tiny


def hill_number(amounts: ArrayLike, q: float = 1.0, *, check: bool = True) -> Measured:
    r"""Hill number of order q: how many equal parts would be as diverse.

    With the shares :math:`p_i` of the parts present,

    .. math:: {}^qD = \Bigl(\sum_i p_i^q\Bigr)^{1/(1-q)}, \qquad
              {}^1D = \exp\Bigl(-\sum_i p_i \ln p_i\Bigr), \qquad {}^\infty D = 1 / \max_i p_i .

    Order 0 is the number of parts present, order 1 the effective number (the exponential of Shannon entropy
    in natural logarithms, written eff_N elsewhere), order 2 the inverse of Simpson's concentration.

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K): counts, shares, or any amounts that are not negative; their
        scale does not matter.
    q
        The order, from 0 to infinity; the larger, the less the rare parts weigh.
    check
        False skips the validation of the amounts, for inner loops over arrays made by the caller.

    Returns
    -------
    A float for one composition, an array (...) for many; the unit is parts. From 1 (a single
    part) to n (n equal parts); falls with q. An empty composition (all zero) gives NaN, never 0 or 1. Empty
    parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.
    ArgumentError
        The order is negative or NaN.

    See Also
    --------
    concentra.metrics.hill_q1_corrected : order 1 without the bias of few cells.
    concentra.metrics.rarefied_hill : the expected value at a common number of cells.

    Notes
    -----
    Not the Shannon index, nor its version in bits; not the Gini-Simpson index ``1 - sum p^2``;
    not a sum of frequencies with a bias correction such as ``n_i (n_i - 1)``. Earlier work writes eff_N for
    order 1 and for order 2: here the column names carry the order. Counting few cells lowers it: at order 1
    by about ``(n - 1) / (2 cells)`` of itself.

    References
    ----------
    Hill, M. O. (1973). Diversity and evenness: a unifying notation and its consequences. Ecology 54:427-432.
    Jost, L. (2006). Entropy and diversity. Oikos 113:363-375.

    Examples
    --------
    >>> hill_number([1, 1, 1, 1, 0])
    4.0
    >>> hill_number([2, 1, 1], q=0), round(hill_number([2, 1, 1]), 4), round(hill_number([2, 1, 1], q=2), 4)
    (3.0, 2.8284, 2.6667)
    >>> hill_number([2, 1, 1], q=float("inf"))
    2.0
    """
    if not q >= 0:
        raise ArgumentError(
            found=f"order q={q!r}",
            expected="an order from 0 to infinity",
            fix="q=1 gives the effective number, q=0 the number of parts, q=2 the inverse Simpson index",
        )
    return unwrapped(_hill(as_amounts(amounts, check=check), q))


def entropy(amounts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Shannon entropy of the shares, in natural units.

    .. math:: H = -\sum_i p_i \ln p_i = \ln {}^1D

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    check
        False skips the validation of the amounts.

    Returns
    -------
    A float for one composition, an array (...) for many; the unit is the nat. From 0 (a
    single part) to ln n (n equal parts). An empty composition gives NaN; empty parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.

    Notes
    -----
    Not in bits (base 2). The value from few cells is too low, see
    :func:`concentra.metrics.entropy_chao_wang_jost`.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System
    Technical Journal 27:379-423, section 6.

    Examples
    --------
    >>> round(entropy([1, 1]), 4)  # ln 2
    0.6931
    >>> entropy([7, 0])
    0.0
    """
    return unwrapped(_entropy(as_amounts(amounts, check=check)))


def _shares(amounts: Amounts) -> Amounts:
    with np.errstate(invalid="ignore"):  # an empty composition: 0 / 0 is NaN
        return amounts / total_of(amounts)[..., None]


def _entropy(amounts: Amounts) -> Amounts:
    """Block by block, so that the intermediate arrays stay in the processor's cache."""
    n_parts = amounts.shape[-1]
    rows = amounts.reshape(-1, n_parts)
    values = np.empty(rows.shape[0])
    n_together = max(1, _AMOUNTS_AT_ONCE // n_parts)
    for start in range(0, rows.shape[0], n_together):
        shares = _shares(rows[start : start + n_together])
        logarithms = np.maximum(shares, _TINY)  # 0 ln 0 = 0
        np.log(logarithms, out=logarithms)
        values[start : start + n_together] = -product_of(shares, logarithms)
    return np.maximum(values, 0.0).reshape(amounts.shape[:-1])


def _hill(amounts: Amounts, q: float) -> Amounts:
    if q == 0:
        n_present = n_present_of(amounts)
        return np.where(n_present > 0, n_present, np.nan)
    if q == 1:
        return np.exp(_entropy(amounts))
    if q == 2:
        shares = _shares(amounts)
        return 1.0 / product_of(shares, shares)
    with np.errstate(invalid="ignore"):
        relative = amounts / amounts.max(axis=-1, keepdims=True)
    if np.isinf(q):
        return relative.sum(axis=-1)
    if abs(q - 1) < _NEAR_ONE:
        return _hill_near_one(_shares(amounts), q)
    return np.exp((np.log((relative**q).sum(axis=-1)) - q * np.log(relative.sum(axis=-1))) / (1 - q))


def _hill_near_one(shares: Amounts, q: float) -> Amounts:
    """Sum p^q = 1 + sum p (p^(q-1) - 1), so that 1/(1 - q) multiplies no rounding error."""
    excess = shares * np.expm1((q - 1) * np.log(np.maximum(shares, _TINY)))
    return np.exp(np.log1p(excess.sum(axis=-1)) / (1 - q))


def _itself(n: int) -> float:
    return float(n)


def _one(n: int) -> float:
    return 1.0


def _declared(q: int, label: str) -> Metric:
    return Metric(
        name=f"hill_q{q}",
        label=label,
        function=partial(hill_number, q=float(q)),
        equality=_itself,
        monopoly=_itself if q == 0 else _one,  # parts that are nearly gone still count at order 0
        one_part=1.0,
        direction=-1,
        empty_parts="ignored",
        replication="multiplied",
        reference="Hill 1973; Jost 2006",
    )


DECLARED = (
    _declared(0, "number of parts present"),
    _declared(1, "effective number (eff_N)"),
    _declared(2, "inverse Simpson index"),
)
