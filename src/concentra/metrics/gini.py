"""The Gini coefficient of a composition."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from concentra.errors import ArgumentError
from concentra.metrics.checks import Amounts, Measured, as_amounts, unwrapped
from concentra.metrics.metric import Metric
from concentra.metrics.sums import n_present_of, product_of, total_of

Support = Literal["present", "stratum"]


def gini(amounts: ArrayLike, *, support: Support = "present", check: bool = True) -> Measured:
    r"""Gini coefficient: how unequal the parts of a composition are.

    With the amounts in ascending order :math:`x_1 \le \dots \le x_n` over the support,

    .. math:: G = \frac{\sum_i (2 i - n - 1)\, x_i}{n \sum_i x_i}
                = \frac{\sum_{i,j} |x_i - x_j|}{2 n \sum_i x_i}.

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K): counts, shares, or any amounts that are not negative; their
        scale does not matter.
    support
        Which parts are counted: ``"present"`` drops the parts of amount zero, ``"stratum"`` counts all K,
        absent parts as zeros. The two are tied by ``1 - G_present = (1 - G_stratum) K / n_present``.
    check
        False skips the validation of the amounts, for inner loops over arrays made by the caller.

    Returns
    -------
    A float for one composition, an array (...) for many; without unit. 0 for equal amounts;
    at most ``1 - 1/n``, reached by a monopoly among n counted parts. An empty composition (all zero) gives
    NaN, never 0. A single part gives 0 with ``support="present"``.

    Raises
    ------
    AmountError
        An amount is negative, NaN or infinite.
    ArgumentError
        The support is neither of the two.

    See Also
    --------
    concentra.metrics.rarefied_gini : the expected value at a common number of cells.

    Notes
    -----
    This is the plain, unclipped coefficient of the finite composition. Three rivals differ from
    it: scikit-bio returns by default (``method="rectangles"``) the larger of 0 and a value lower by 1/n, its
    ``method="trapezoids"`` agrees with this one; Deltas' correction multiplies by n/(n - 1) so that a
    monopoly reaches 1; the coefficient of a population from a sample of it is a different question. It rises
    as fewer cells are counted: sampling noise alone makes equal shares unequal.

    References
    ----------
    Gini, C. (1912). Variabilita e mutabilita. Cuppini, Bologna.
    Deltas, G. (2003). The small-sample bias of the Gini coefficient. Review of Economics and Statistics
    85:226-234.

    Examples
    --------
    (-2*1 + 0*2 + 2*3) / (3*6):

    >>> round(gini([1, 2, 3]), 4)
    0.2222
    >>> gini([0, 1, 1]), round(gini([0, 1, 1], support="stratum"), 4)
    (0.0, 0.3333)
    >>> gini([[5, 5], [0, 0]])
    array([ 0., nan])
    """
    return unwrapped(_gini(as_amounts(amounts, check=check), as_support(support)))


def as_support(support: str) -> Support:
    """The support, refused where it is neither of the two."""
    if support == "present":
        return "present"
    if support == "stratum":
        return "stratum"
    raise ArgumentError(
        found=f"support={support!r}",
        expected="'present' or 'stratum'",
        fix="support='present' drops empty parts, support='stratum' counts them as zeros",
    )


def _gini(amounts: Amounts, support: Support) -> Amounts:
    n_parts = amounts.shape[-1]
    total = total_of(amounts)
    ranked = product_of(np.sort(amounts, axis=-1), np.arange(1.0 - n_parts, n_parts, 2.0))
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty composition: 0 / 0 is NaN
        if support == "stratum":
            return np.maximum(ranked / (n_parts * total), 0.0)
        n_present = n_present_of(amounts)
        return np.maximum((ranked / total + (n_present - n_parts)) / n_present, 0.0)  # never -1e-17


_REFERENCE = "Gini 1912; Deltas 2003"


def _none(n: int) -> float:
    return 0.0


def _all_but_one(n: int) -> float:
    return 1.0 - 1.0 / n


DECLARED = (
    Metric(
        name="gini_present",
        label="Gini (parts present)",
        function=partial(gini, support="present"),
        equality=_none,
        monopoly=_all_but_one,
        one_part=0.0,
        direction=1,
        empty_parts="ignored",
        replication="unchanged",
        reference=_REFERENCE,
    ),
    Metric(
        name="gini_stratum",
        label="Gini (all parts of the stratum)",
        function=partial(gini, support="stratum"),
        equality=_none,
        monopoly=_all_but_one,
        one_part=0.0,
        direction=1,
        empty_parts="counted",
        replication="unchanged",
        reference=_REFERENCE,
    ),
)
