r"""Attribution that adds up: which parts carry the difference of a metric between two compositions.

The straight path from the reference shares `p` to the other shares `q` is `x(t) = p + t (q - p)`, `0 <= t <= 1`.
Aumann and Shapley's contribution of part `k` to the shift `F(q) - F(p)` is

.. math:: c_k = (q_k - p_k) \int_0^1 \frac{\partial F}{\partial x_k}(x(t))\, dt,
          \qquad \sum_k c_k = F(q) - F(p).

Shares sum to one, so the gradient of `F` is known only up to a constant until it is said what `F` is off the
simplex. Here `F` is what the package computes: a function of *amounts* that does not change when all amounts
are multiplied by one number. Its gradient is then the influence function: the effect of adding a little of
part `k` while the others keep their ratios. A growing part therefore lowers the entropy as soon as its share
exceeds `1 / exp(H)`, and contributions to the Gini coefficient do not depend on absent parts, but for a
common factor. (The rival convention leaves `sum x` free and takes `-x ln x` part by part: its threshold is
`1/e` whatever the composition, so that a type which grows to a third of all cells is said to disperse them.)

The integrals of the entropy and of the Gini coefficient are in closed form, that of the effective number is
taken by quadrature to rounding error; nothing is sampled. All functions are symmetric in the parts, change sign
when reference and other are swapped, and give 0 to a part whose share does not change.

References
----------
Aumann R. J., Shapley L. S. (1974). Values of Non-Atomic Games. Princeton University Press, ch. 3.
Sundararajan M., Taly A., Yan Q. (2017). Axiomatic attribution for deep networks. ICML, section 3.
Hampel F. R. (1974). The influence curve and its role in robust estimation. J. Am. Stat. Assoc. 69:383.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, xlogy

from concentra.errors import ArgumentError
from concentra.metrics.checks import as_amounts
from concentra.metrics.gini import gini

Floats = NDArray[np.float64]

_BLOCK = 2**20
"""Numbers held at a time while parts are compared pairwise."""
_FEW = 256
"""Parts up to which all are computed, alike or not."""


def entropy_attribution(reference: ArrayLike, other: ArrayLike) -> Floats:
    r"""Contribution of each part to the shift in Shannon entropy, in nats.

    .. math:: c_k = h(q_k) - h(p_k) + (q_k - p_k)(1 - \bar H), \quad h(x) = -x \ln x, \quad
              \bar H = \int_0^1 H(x(t))\, dt

    Parameters
    ----------
    reference, other
        Amounts, shape (..., K), broadcast against each other; closed to shares first.

    Returns
    -------
    Shape (..., K). Sums over the parts to `H(other) - H(reference)` up to rounding. NaN where a composition is
    empty; 0 for a single part and for parts absent from both.

    References
    ----------
    See the module. Closed forms: the integrals of `ln x` and of `x ln x` along a line.

    Examples
    --------
    From one part to two equal ones the entropy grows by ln 2:

    >>> import numpy as np
    >>> contribution = entropy_attribution([1.0, 0.0], [0.5, 0.5])
    >>> bool(np.isclose(contribution.sum(), np.log(2)))
    True
    """
    return _entropy_parts(*_shares(reference, other))


def hill_attribution(reference: ArrayLike, other: ArrayLike) -> Floats:
    r"""Contribution of each part to the shift in the effective number (Hill number of order 1).

    .. math:: c_k = -(q_k - p_k) \int_0^1 D(x(t))\, \bigl(\ln x_k(t) + H(x(t))\bigr)\, dt, \qquad D = e^H

    The value of Aumann and Shapley for D itself. (Its rival in index decomposition, Ang 2004, multiplies the
    contributions to the entropy by the logarithmic mean of the two effective numbers; it sums to the same shift and
    weights the ends of the path otherwise: between unrelated compositions of a dozen parts the two differ by 15% of
    the largest contribution at the median, by half of it at most.)

    Parameters
    ----------
    reference, other
        Amounts, shape (..., K), broadcast against each other; closed to shares first.

    Returns
    -------
    Shape (..., K), in effective parts. Sums to `exp(H(other)) - exp(H(reference))` up to rounding. NaN where a
    composition is empty; 0 for a single part and for a part whose share does not change.

    Notes
    -----
    Where a part appears or vanishes the integrand has a logarithmic singularity at an end of the path. The
    double-exponential (tanh-sinh) rule gathers its nodes there and is exact to about 1e-13; what is left of the sum is
    divided in proportion to the size of the contributions.

    References
    ----------
    See the module. Takahasi H., Mori M. (1974). Double exponential formulas for numerical integration. Publ. RIMS
    9:721. The rival: Ang B. W. (2004). Energy Policy 32:1131, eqs. 3-5.

    Examples
    --------
    A part that appears beside another makes one effective part two:

    >>> hill_attribution([1, 0], [1, 1]).round(4).tolist()
    [0.1619, 0.8381]
    """
    p, q = _shares(reference, other)
    parts = (q - p) * _by_distinct(_mean_slope, p, q)
    shift = np.exp(-xlogy(q, q).sum(axis=-1)) - np.exp(-xlogy(p, p).sum(axis=-1))
    size = np.abs(parts)
    total = size.sum(axis=-1, keepdims=True)
    left = (shift - parts.sum(axis=-1))[..., None]
    return np.asarray(parts + np.divide(size, total, out=np.zeros_like(size), where=total > 0) * left)


def _mean_slope(p: Floats, q: Floats, n_alike: Floats) -> Floats:
    """For (..., K): the mean over the path of the slope of the effective number in each part."""
    slope = np.zeros(p.shape)
    for before, after, weight in zip(*_double_exponential(), strict=True):
        middle = before * p + after * q
        logarithms = np.log(np.where(middle > 0, middle, 1.0))
        entropy = -(n_alike * middle * logarithms).sum(axis=-1, keepdims=True)
        slope -= weight * np.exp(entropy) * (logarithms + entropy)
    return slope


@cache
def _double_exponential() -> tuple[Floats, Floats, Floats]:
    """The double-exponential rule on [0, 1]: nodes as 1 - t and t, both to full relative precision, and weights."""
    steps = np.arange(-34, 35) / 10.0
    bent = np.pi * np.sinh(steps)
    before, after = expit(-bent), expit(bent)
    weights = np.pi * np.cosh(steps) * before * after / 10.0
    return before, after, weights / weights.sum()


def gini_attribution(reference: ArrayLike, other: ArrayLike, *, support: str = "present") -> Floats:
    r"""Contribution of each part to the shift in the Gini coefficient over a fixed list of `n` parts.

    .. math:: c_k = \frac{q_k - p_k}{n} \Big( \sum_j s_{kj} - \sum_{k<j} T_{kj} \Big), \quad
              s_{kj} = \frac{a + b}{|a| + |b|}, \quad
              T_{kj} = \int_0^1 |a + t (b - a)|\, dt

    with `a = p_k - p_j` and `b = q_k - q_j`. Ranks change where two parts cross; `s` is the time that `k`
    spends above `j` less the time below, so that no crossing has to be searched for and the integral is
    exact.

    Parameters
    ----------
    reference, other
        Amounts, shape (..., K), broadcast against each other; closed to shares first.
    support
        `"stratum"`: all K parts count, absent ones as zeros. `"present"`: `n` is the number of parts present
        in either of the two; the sum is then the shift over that list, and `number_of_parts_term` is what is
        missing to the shift of the coefficient over the parts present in each.

    Returns
    -------
    Shape (..., K), each within [-1, 1]. NaN where a composition is empty; 0 for a single part.

    References
    ----------
    See the module. Deltas G. (2003). The small-sample bias of the Gini coefficient. Rev. Econ. Stat. 85:226.

    Examples
    --------
    From (1/2, 1/2) to (3/4, 1/4) the coefficient grows from 0 to 1/4:

    >>> gini_attribution([1, 1], [3, 1]).tolist()
    [0.09375, 0.15625]
    """
    p, q = _shares(reference, other)
    union = _n_counted(p, q, support)[..., None]
    return np.asarray((q - p) * _by_distinct(_ranks, p, q) / np.maximum(union, 1))


def number_of_parts_term(reference: ArrayLike, other: ArrayLike) -> Floats:
    r"""What the appearance and loss of parts adds to the shift in the Gini coefficient over present parts.

    Padding `n_p` present parts with zeros to the `n` parts present in either end turns `1 - G` into
    `(1 - G) n_p / n`. The term undoes this at both ends:

    .. math:: (1 - n_p/n)(1 - G_p) - (1 - n_q/n)(1 - G_q)

    It is 0 where both ends hold the same number of parts of the list, and negative for parts lost while the
    reference composition held them all.

    Parameters
    ----------
    reference, other
        Amounts, shape (..., K), broadcast against each other.

    Returns
    -------
    Shape (...), within [-1, 1]; NaN where a composition is empty.

    Examples
    --------
    A vanished part of three: over all three the coefficient rises from 0 to 1/3, over present parts not at
    all.

    >>> number_of_parts_term([1, 1, 1], [1, 1, 0]).round(12).item()
    -0.333333333333
    """
    p, q = _shares(reference, other)
    n = np.maximum(_n_counted(p, q, "present"), 1)
    return np.asarray(_equality_lost(p, n) - _equality_lost(q, n))


def _gini_present(reference: ArrayLike, other: ArrayLike) -> Floats:
    parts = gini_attribution(reference, other, support="present")
    return np.concatenate([parts, number_of_parts_term(reference, other)[..., None]], axis=-1)


def _gini_stratum(reference: ArrayLike, other: ArrayLike) -> Floats:
    return gini_attribution(reference, other, support="stratum")


ATTRIBUTIONS: Mapping[str, Callable[[ArrayLike, ArrayLike], Floats]] = MappingProxyType(
    {
        "gini_present": _gini_present,
        "gini_stratum": _gini_stratum,
        "hill_q1": hill_attribution,
        "entropy": entropy_attribution,
    }
)
"""Metrics whose shift can be attributed. Each gives (..., K), `gini_present` (..., K + 1): its last entry is
`number_of_parts_term`. Each sums over the last axis to the shift of the metric."""


def _shares(reference: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    """Both compositions, broadcast, closed to shares; where either is empty, both are NaN."""
    ends = [np.atleast_1d(as_amounts(end)) for end in (reference, other)]
    if ends[0].shape[-1] != ends[1].shape[-1]:
        raise ArgumentError(
            found=f"{ends[0].shape[-1]} parts in the reference and {ends[1].shape[-1]} in the other",
            expected="the same list of parts at both ends, absent ones as zeros",
            fix="align both compositions on the union of their parts",
        )
    totals = [end.sum(axis=-1, keepdims=True) for end in ends]
    whole = (totals[0] > 0) & (totals[1] > 0)
    with np.errstate(invalid="ignore"):  # an empty composition: 0 / 0 is NaN
        closed = [np.where(whole, end / total, np.nan) for end, total in zip(ends, totals, strict=True)]
    return closed[0], closed[1]


def _entropy_parts(p: Floats, q: Floats) -> Floats:
    change = q - p
    mean_entropy = -_mean_xlogx(p, q).sum(axis=-1, keepdims=True)
    return np.asarray(xlogy(p, p) - xlogy(q, q) + change * (1.0 - mean_entropy))


def _mean_xlogx(p: Floats, q: Floats) -> Floats:
    """The mean of `x ln x` on the way from p to q, exact; a series where the two are close.

    With middle m and r = (q - p) / (p + q): `m ln m + m (((1+r)^2 ln(1+r) - (1-r)^2 ln(1-r)) / (4r) - 1/2)`.
    """
    middle = (p + q) / 2
    ratio = np.divide(q - p, p + q, out=np.zeros_like(middle), where=middle > 0)
    close = np.abs(ratio) < 0.05
    r = np.where(close, 0.5, ratio)
    exact = (xlogy((1 + r) ** 2, 1 + r) - xlogy((1 - r) ** 2, 1 - r)) / (4 * r) - 0.5
    square = ratio**2
    series = square / 6 + square**2 / 60 + square**3 / 210 + square**4 / 504
    return np.asarray(xlogy(middle, middle) + middle * np.where(close, series, exact))


def _by_distinct(kernel: Callable[[Floats, Floats, Floats], Floats], p: Floats, q: Floats) -> Floats:
    """What a kernel gives for each part, where parts alike in `p` and `q` are computed once: clones by the thousand.

    The kernel takes the distinct parts and how many parts are like each, (..., K).
    """
    n_parts = p.shape[-1]
    if n_parts <= _FEW:
        return kernel(p, q, np.ones(n_parts))
    found = np.full(p.shape, np.nan)
    for place in np.ndindex(p.shape[:-1]):
        if np.isfinite(p[place]).all() and np.isfinite(q[place]).all():
            pairs = p[place] + 1j * q[place]
            distinct, part, n_alike = np.unique(pairs, return_inverse=True, return_counts=True)
            found[place] = kernel(distinct.real, distinct.imag, n_alike.astype(np.float64))[part]
    return found


def _ranks(p: Floats, q: Floats, n_alike: Floats) -> Floats:
    """For (..., K): the mean number of parts below less above each part, less the mean absolute spread."""
    shape, n_parts = p.shape, p.shape[-1]
    flat_p, flat_q = p.reshape(-1, n_parts), q.reshape(-1, n_parts)
    signs, spread = np.empty_like(flat_p), np.zeros(len(flat_p))
    rows = max(1, _BLOCK // max(1, n_parts * n_parts))
    columns = max(1, min(n_parts, _BLOCK // max(1, n_parts)))
    for start, first in product(range(0, len(flat_p), rows), range(0, n_parts, columns)):
        block, some = slice(start, start + rows), slice(first, first + columns)
        signs[block, some], area = _path_of_ranks(flat_p[block], flat_q[block], some, n_alike)
        spread[block] += area / 2
    return np.asarray(signs.reshape(shape) - spread.reshape(*shape[:-1], 1))


def _path_of_ranks(p: Floats, q: Floats, some: slice, n_alike: Floats) -> tuple[Floats, Floats]:
    """For some parts of (rows, K): the mean number of parts below less above each, and their distances from all."""
    a = p[:, some, None] - p[:, None, :]
    b = q[:, some, None] - q[:, None, :]
    size = np.abs(a) + np.abs(b)
    tied = size == 0
    size[tied] = 1.0
    signs = np.asarray((a + b) / size)
    crossing = a * b < 0
    area = np.where(crossing, (a * a + b * b) / size, np.where(tied, 0.0, size)) / 2
    return (signs * n_alike).sum(axis=2), (area * n_alike * n_alike[some, None]).sum(axis=(1, 2))


def _n_counted(p: Floats, q: Floats, support: str) -> NDArray[np.int64]:
    if support == "stratum":
        return np.full(p.shape[:-1], p.shape[-1])
    if support == "present":
        return np.asarray(((p > 0) | (q > 0)).sum(axis=-1))
    raise ArgumentError(
        found=f"support {support!r}", expected="'present' or 'stratum'", fix="choose one of the two supports"
    )


def _equality_lost(x: Floats, n: NDArray[np.int64]) -> Floats:
    """`(1 - n_x / n) (1 - G_x)`, with the Gini coefficient over the `n_x` parts present in x."""
    n_present = np.count_nonzero(x, axis=-1)
    return np.asarray((1.0 - n_present / n) * (1.0 - gini(x, support="present", check=False)))
