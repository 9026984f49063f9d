"""Dominance: how much the largest parts hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from concentra.metrics.checks import Measured, as_amounts, as_whole, unwrapped
from concentra.metrics.hill import _shares
from concentra.metrics.metric import Metric
from concentra.metrics.sums import product_of


def berger_parker(amounts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Berger-Parker dominance: the share of the largest part.

    .. math:: d = \max_i p_i = 1 / {}^\infty D

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    check
        False skips the validation of the amounts.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit. 1/n for n equal
    parts, 1 for a single part. An empty composition gives NaN; empty parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.

    Notes
    -----
    Not its inverse, which some packages return under this name. Fewer cells raise it.

    References
    ----------
    Berger, W. H. and Parker, F. L. (1970). Diversity of planktonic foraminifera in
    deep-sea sediments. Science 168:1345-1347.

    Examples
    --------
    >>> berger_parker([2, 1, 1])
    0.5
    """
    return top_share(amounts, n_top=1, check=check)


def top_share(amounts: ArrayLike, *, n_top: int, check: bool = True) -> Measured:
    r"""Share held by the largest parts together.

    .. math:: \sum_{i=1}^{t} p_{(i)}, \qquad p_{(1)} \ge p_{(2)} \ge \dots

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    n_top
        How many of the largest parts, t, at least 1: a number of parts, not a fraction. The top tenth of K
        parts is ``n_top=math.ceil(K / 10)``. Where it exceeds K, all parts are taken and the share is 1.
    check
        False skips the validation of the amounts.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit. t/n for n equal
    parts, 1 where at most t parts are present. An empty composition gives NaN; empty parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.
    ArgumentError
        `n_top` is not a whole number of at least 1.

    Notes
    -----
    Known in industrial economics as the concentration ratio, CR4 and CR8. Not the top decile of
    incomes, whose population is infinite.

    References
    ----------
    Hannah, L. and Kay, J. A. (1977). Concentration in Modern Industry. Macmillan, London.

    Examples
    --------
    >>> top_share([4, 3, 2, 1], n_top=2)
    0.7
    """
    n_taken = as_whole(n_top, "n_top")
    array = as_amounts(amounts, check=check)
    shares = _shares(array)
    n_parts = array.shape[-1]
    if n_taken == 1:
        return unwrapped(shares.max(axis=-1))
    if n_taken < n_parts:
        shares = np.partition(shares, n_parts - n_taken, axis=-1)[..., n_parts - n_taken :]
    return unwrapped(np.minimum(shares.sum(axis=-1), 1.0))


def herfindahl(amounts: ArrayLike, *, check: bool = True) -> Measured:
    r"""Herfindahl index: the chance that two draws with replacement are of one part.

    .. math:: \sum_i p_i^2 = 1 / {}^2D

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative, on any scale.
    check
        False skips the validation of the amounts.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit. 1/n for n equal
    parts, 1 for a single part. An empty composition gives NaN; empty parts never matter.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.

    Notes
    -----
    On shares from 0 to 1, not on percentages (where a monopoly is 10,000); Simpson's
    concentration with replacement, not its unbiased version; not the normalised index ``(H - 1/n) / (1 -
    1/n)``. Fewer cells raise it, by about (1 - H) / cells.

    References
    ----------
    Simpson, E. H. (1949). Measurement of diversity. Nature 163:688. Hirschman, A. O.
    (1964). The paternity of an index. American Economic Review 54:761-762.

    Examples
    --------
    >>> herfindahl([2, 1, 1])  # 1/4 + 1/16 + 1/16
    0.375
    """
    shares = _shares(as_amounts(amounts, check=check))
    return unwrapped(product_of(shares, shares))


def _inverse(n: int) -> float:
    return 1.0 / n


def _one(n: int) -> float:
    return 1.0


DECLARED = (
    Metric(
        name="largest_share",
        label="largest share (Berger-Parker)",
        function=berger_parker,
        equality=_inverse,
        monopoly=_one,
        one_part=1.0,
        direction=1,
        empty_parts="ignored",
        replication="divided",
        reference="Berger and Parker 1970",
    ),
    Metric(
        name="herfindahl",
        label="Herfindahl index",
        function=herfindahl,
        equality=_inverse,
        monopoly=_one,
        one_part=1.0,
        direction=1,
        empty_parts="ignored",
        replication="divided",
        reference="Simpson 1949; Hirschman 1964",
    ),
)
