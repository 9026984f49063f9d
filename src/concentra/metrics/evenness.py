"""Evenness: diversity relative to what the same number of equal parts would have."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from concentra.metrics.checks import Measured, as_amounts, unwrapped
from concentra.metrics.hill import _entropy
from concentra.metrics.metric import Metric
from concentra.metrics.sums import n_present_of


def pielou_evenness(amounts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Pielou's evenness: entropy relative to its largest value for the parts present.

    .. math:: J = \frac{H}{\ln n} = \frac{\ln {}^1D}{\ln {}^0D}

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    check
        False skips the validation of the amounts.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit. 1 for equal parts,
    towards 0 as one part takes all. A single part gives NaN: 0 / 0, one part is neither even nor uneven. An
    empty composition gives NaN; empty parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.

    Notes
    -----
    The number of parts is that of the parts present, not of the stratum; it grows with the
    number of cells, so evenness falls with depth even where the composition stays. Unlike
    :func:`hill_ratio_evenness` it does not obey replication: two copies side by side are called more even
    than one.

    References
    ----------
    Pielou, E. C. (1966). The measurement of diversity in different types of biological
    collections. Journal of Theoretical Biology 13:131-144.

    Examples
    --------
    >>> round(pielou_evenness([2, 1, 1]), 4)  # 1.5 ln 2 / ln 3
    0.9464
    >>> pielou_evenness([4, 0])
    nan
    """
    array = as_amounts(amounts, check=check)
    n_present = n_present_of(array)
    with np.errstate(divide="ignore", invalid="ignore"):
        return unwrapped(np.minimum(_entropy(array) / np.log(n_present), 1.0))


def hill_ratio_evenness(amounts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Hill's ratio of orders 1 and 0: the effective share of the parts present.

    .. math:: E_{1,0} = {}^1D / {}^0D

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    check
        False skips the validation of the amounts.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit. 1 for equal parts,
    towards 1/n as one of n parts takes all. A single part gives 1, all of what it can reach. An empty
    composition gives NaN; empty parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.

    Notes
    -----
    Also known as Sheldon's evenness. Not Heip's, which subtracts 1 from both, nor Hill's
    preferred ratio of orders 2 and 1. It obeys replication: two copies side by side are as even as one.

    References
    ----------
    Hill, M. O. (1973). Diversity and evenness. Ecology 54:427-432. Sheldon, A. L. (1969). Equitability
    indices: dependence on the species count. Ecology 50:466-467.

    Examples
    --------
    >>> round(hill_ratio_evenness([2, 1, 1]), 4)  # 2.8284 / 3
    0.9428
    >>> hill_ratio_evenness([4, 0])
    1.0
    """
    array = as_amounts(amounts, check=check)
    n_present = n_present_of(array)
    with np.errstate(divide="ignore", invalid="ignore"):
        return unwrapped(np.minimum(np.exp(_entropy(array)) / n_present, 1.0))


def _one(n: int) -> float:
    return 1.0


def _zero(n: int) -> float:
    return 0.0


def _inverse(n: int) -> float:
    return 1.0 / n


DECLARED = (
    Metric(
        name="evenness",
        label="evenness (Pielou)",
        function=pielou_evenness,
        equality=_one,
        monopoly=_zero,
        one_part=np.nan,
        direction=-1,
        empty_parts="ignored",
        replication="towards",
        reference="Pielou 1966",
    ),
    Metric(
        name="hill_ratio",
        label="evenness (Hill ratio)",
        function=hill_ratio_evenness,
        equality=_one,
        monopoly=_inverse,
        one_part=1.0,
        direction=-1,
        empty_parts="ignored",
        replication="unchanged",
        reference="Sheldon 1969; Hill 1973",
    ),
)
