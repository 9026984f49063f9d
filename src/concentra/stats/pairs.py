r"""Intervals for means over all pairs of a reference and an other donor, by resampling donors.

What two groups of donors are compared by is often a mean over pairs, `C = mean_ij c_ij`: a difference of
means (`c_ij = F(q_j) - F(p_i)`), or an attribution of it. A resample of donors changes only the weights of
the pairs, so that all draws of all quantities are one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from concentra.stats._checks import Rng, at_least, between

Floats = NDArray[np.float64]

_BLOCK = 2**22
"""Weights of pairs held at a time."""
_AT_ONCE = 512
"""Quantities whose draws are held at a time."""


@dataclass(frozen=True, slots=True)
class PairDraws:
    """Resampled weights of the donors of two groups: every quantity is summarised on the same draws.

    Attributes
    ----------
    reference_weights, other_weights
        Weight of each donor in each draw, (n_draws, n_reference) and (n_draws, n_other); rows sum to 1.
    level
        Nominal coverage.
    """

    reference_weights: Floats
    other_weights: Floats
    level: float

    @property
    def kind(self) -> str:
        """`"interval"`; `"range"` where a group has two donors; `"none"` where one has a single donor."""
        n_donors = min(self.reference_weights.shape[1], self.other_weights.shape[1])
        return {1: "none", 2: "range"}.get(n_donors, "interval")

    def means(self, pairs: ArrayLike) -> Floats:
        """The weighted means over pairs, (n_draws, L), of quantities of shape (n_reference, n_other, L)."""
        values = np.asarray(pairs, dtype=np.float64)
        n_draws, n_pairs = len(self.reference_weights), values.shape[0] * values.shape[1]
        means = np.empty((n_draws, values.shape[2]))
        rows = max(1, _BLOCK // n_pairs)
        for start in range(0, n_draws, rows):
            block = slice(start, start + rows)
            weights = self.reference_weights[block, :, None] * self.other_weights[block, None, :]
            means[block] = weights.reshape(-1, n_pairs) @ values.reshape(n_pairs, -1)
        return means

    def interval(self, pairs: ArrayLike) -> tuple[Floats, Floats]:
        r"""Low and high bound of the mean over pairs of each quantity.

        From three donors in each group on: draws centred on the mean over pairs, scaled to the unbiased
        standard error

        .. math:: s^2 = s_a^2 / n_1 + s_b^2 / n_2

        with the variances `s_a`, `s_b` (denominators n - 1) of the means of the rows and of the columns of
        `c`, and stretched by `t / z` at the level, with Welch and Satterthwaite's degrees of freedom:
        Hesterberg's expansion as a change of scale, since the quantiles of a few donors' means saturate at
        the extreme donor. With two donors in a group, the range over all pairs; with one, NaN.

        Parameters
        ----------
        pairs
            Quantities of all pairs, shape (n_reference, n_other, L).

        Returns
        -------
        low, high
            Shape (L,). Equal where no pair differs; NaN where a pair is NaN.

        References
        ----------
        Hesterberg T. C. (2015). What teachers should know about the bootstrap. Am. Stat. 69:371, section 4.
        Welch B. L. (1947). Biometrika 34:28.

        Examples
        --------
        >>> draws = draw_pairs(2, 2, rng=1)
        >>> low, high = draws.interval([[[1.0], [2.0]], [[3.0], [4.0]]])
        >>> draws.kind, low.tolist(), high.tolist()
        ('range', [1.0], [4.0])
        """
        values = np.asarray(pairs, dtype=np.float64)
        if self.kind == "none":
            return np.full(values.shape[2], np.nan), np.full(values.shape[2], np.nan)
        if self.kind == "range":
            return values.min(axis=(0, 1)), values.max(axis=(0, 1))
        distinct, place = _distinct(values)
        bounds = [self._interval(distinct[..., some]) for some in _stretches(distinct.shape[2])]
        low, high = np.concatenate(bounds, axis=1)[:, place]
        return low, high

    def _interval(self, values: Floats) -> tuple[Floats, Floats]:
        error, df = _standard_error(values)
        draws = self.means(values)
        deviations = draws - draws.mean(axis=0)
        spread = deviations.std(axis=0)
        tail = (1.0 + self.level) / 2
        scale = (
            np.divide(error, spread, out=np.zeros_like(spread), where=spread > 0)
            * stdtrit(df, tail)
            / ndtri(tail)
        )
        low, high = np.quantile(deviations, [1.0 - tail, tail], axis=0) * scale
        mean = values.mean(axis=(0, 1))
        return mean + low, mean + high


def adjusted_interval(pairs: ArrayLike, *, level: float, n_family: int) -> tuple[Floats, Floats]:
    r"""Bounds of the mean over pairs of each quantity that hold for a family of quantities together.

    .. math:: \bar c \pm t_{\nu,\, 1 - (1 - \mathrm{level}) / (2 m)}\; s

    with the standard error s and the degrees of freedom of `PairDraws.interval`, and Bonferroni's division by the m
    quantities of the family: with probability `level` or more no interval of the family misses.

    Parameters
    ----------
    pairs
        Quantities of all pairs, shape (n_reference, n_other, L).
    level
        Of the family, strictly between 0 and 1.
    n_family
        Quantities m of the family.

    Returns
    -------
    low, high
        Shape (L,); NaN where a group has fewer than three donors.

    References
    ----------
    Dunn O. J. (1961). Multiple comparisons among means. J. Am. Stat. Assoc. 56:52.

    Examples
    --------
    >>> pairs = np.array([[1.0, 2.0, 3.0]] * 3)[..., None]  # reference donors alike, other ones 1, 2, 3
    >>> [bound.round(3).tolist() for bound in adjusted_interval(pairs, level=0.95, n_family=1)]
    [[-0.484], [4.484]]
    """
    between(level, 0, 1, "level")
    values = np.asarray(pairs, dtype=np.float64)
    if min(values.shape[:2]) < 3:
        return np.full(values.shape[2], np.nan), np.full(values.shape[2], np.nan)
    error, df = _standard_error(values)
    half = stdtrit(df, 1.0 - (1.0 - level) / (2.0 * max(n_family, 1))) * error
    mean = values.mean(axis=(0, 1))
    return mean - half, mean + half


def draw_pairs(
    n_reference: int, n_other: int, *, rng: Rng, n_draws: int = 10_000, level: float = 0.95
) -> PairDraws:
    """Draws of donors with replacement within each group.

    Parameters
    ----------
    n_reference, n_other
        Donors in each group, at least 1.
    rng
        A seed or a Generator; the same seed gives the same draws.
    n_draws, level
        Number of draws, and nominal coverage.

    Examples
    --------
    >>> draw_pairs(3, 4, rng=1, n_draws=100).other_weights.shape
    (100, 4)
    """
    between(level, 0, 1, "level")
    at_least(n_draws, 1, "n_draws")
    generator = np.random.default_rng(rng)
    reference, other = (
        generator.multinomial(n, np.full(n, 1.0 / n), size=n_draws) / n
        for n in (at_least(n_reference, 1, "n_reference"), at_least(n_other, 1, "n_other"))
    )
    return PairDraws(reference, other, level)


def _distinct(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Quantities (n_early, n_late, L) without repeats where they are many, and the place of each among them."""
    n_quantities = values.shape[2]
    if n_quantities <= _AT_ONCE:
        return values, np.arange(n_quantities)
    rows = np.ascontiguousarray(values.reshape(-1, n_quantities).T)
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    return values[..., first], place


def _stretches(n_quantities: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, max(n_quantities, 1), _AT_ONCE)]


def _standard_error(values: Floats) -> tuple[Floats, Floats]:
    """Of the mean over pairs, and its Welch-Satterthwaite degrees of freedom; each (L,)."""
    n = np.array(values.shape[:2])
    parts = (
        np.stack([values.mean(axis=1).var(axis=0, ddof=1), values.mean(axis=0).var(axis=0, ddof=1)])
        / n[:, None]
    )
    square = parts.sum(axis=0)
    spread = (parts**2 / (n[:, None] - 1)).sum(axis=0)
    least = np.full_like(square, n.min() - 1)
    return np.sqrt(square), np.divide(square**2, spread, out=least, where=spread > 0)
