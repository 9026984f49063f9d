"""Centred log-ratios of compositions, with a declared replacement of zeros."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import AmountError
from concentra.metrics.checks import as_amounts

Floats = NDArray[np.float64]


def replace_zeros(amounts: ArrayLike, *, zero: float = 0.5) -> Floats:
    r"""Shares in which absent parts hold a small share, by multiplicative replacement.

    .. math:: x_k = \delta \text{ if } a_k = 0, \quad (1 - n_0 \delta)\, a_k / N \text{ otherwise}, \quad
              \delta = z / N

    with total `N`, `n_0` absent parts and `z` the replacing amount. The ratios between present parts stay as
    they were (adding a pseudo-count to every part, the rival convention, changes them).

    Parameters
    ----------
    amounts
        Shape (..., K).
    zero
        The amount that stands for an absent part: half a cell for counts.

    Returns
    -------
    Shape (..., K), positive, summing to 1; the shares as they are where nothing is absent; NaN for an empty
    composition.

    Raises
    ------
    AmountError
        The replacements would hold the whole composition: `n_0 z >= N`, or `z` is not positive while parts
        are absent.

    References
    ----------
    Martín-Fernández J. A., Barceló-Vidal C., Pawlowsky-Glahn V. (2003). Math. Geol. 35:253, eq. 3.

    Examples
    --------
    >>> replace_zeros([4, 0, 1], zero=0.5).round(3).tolist()
    [0.72, 0.1, 0.18]
    """
    array = as_amounts(amounts)
    total = array.sum(axis=-1, keepdims=True)
    absent = (array == 0) & (total > 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty composition: 0 / 0 is NaN
        delta, shares = zero / total, array / total
    held = absent.sum(axis=-1, keepdims=True) * np.where(total > 0, delta, 0.0)
    if (held >= 1.0).any() or (absent.any() and not zero > 0):
        raise AmountError(
            found=f"{zero:g} for each absent part, together {float(held.max()):.0%} of a composition",
            expected="a positive amount, small beside the total of every composition",
            fix="choose zero= below the smallest amount seen: half a cell for counts, much less for shares",
        )
    return np.asarray(np.where(absent, delta, shares * (1.0 - held)))


def centred_log_ratio(amounts: ArrayLike, *, zero: float = 0.5) -> Floats:
    r"""Logarithm of each share less the mean logarithm of all, after `replace_zeros`.

    .. math:: \operatorname{clr}_k = \ln x_k - \frac{1}{K} \sum_j \ln x_j

    Parameters
    ----------
    amounts
        Shape (..., K).
    zero
        The amount that stands for an absent part.

    Returns
    -------
    Shape (..., K), natural logarithm, summing to 0; 0 for a single part; NaN for an empty composition.

    References
    ----------
    Aitchison J. (1982). The statistical analysis of compositional data. J. R. Stat. Soc. B 44:139.

    Examples
    --------
    >>> (centred_log_ratio([1, 4]) / np.log(2)).round(9).tolist()
    [-1.0, 1.0]
    """
    logarithms = np.log(replace_zeros(amounts, zero=zero))
    return np.asarray(logarithms - logarithms.mean(axis=-1, keepdims=True))
