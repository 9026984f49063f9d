r"""Resampled parts of one composition, the same parts at every checkpoint.

A transformer has one value of each metric at each checkpoint, and no replicates. What can be resampled are
its parts, the attention heads: the same heads at every checkpoint, so that a head keeps its history. Draws of
parts are weights on a fixed order, so nothing is sorted twice. With parts in ascending order of amount
:math:`y_i`, weights :math:`w_i` that sum to n, and :math:`W_i = w_1 + \dots + w_i`,

.. math:: G = \frac{\sum_i w_i y_i (2 W_i - w_i - n)}{n \sum_i w_i y_i}, \qquad
          \ln {}^1D = \ln T - \frac{1}{T} \sum_i w_i y_i \ln y_i, \quad T = \sum_i w_i y_i .

Where zeros are not counted ("present"), n is the weight on parts that are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import AmountError
from concentra.metrics import gini, hill_number
from concentra.metrics.checks import as_amounts
from concentra.metrics.gini import Support
from concentra.stats._checks import Floats, Rng, at_least, between, one_of

ROWS = 512
"""Draws computed at a time: bounds the memory, and never depends on the machine."""


@dataclass(frozen=True, slots=True)
class PartDraws:
    """Metrics of resampled parts, the same parts at every checkpoint.

    Attributes
    ----------
    gini, hill_q1
        As measured, shape (C,).
    gini_draws, hill_q1_draws
        Of resampled parts, shape (n_draws, C).
    """

    gini: Floats
    hill_q1: Floats
    gini_draws: Floats
    hill_q1_draws: Floats


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """What importance made of noise alone would show: parts that are :math:`|N(0, 1)|`, independent.

    Attributes
    ----------
    gini, hill_q1
        Means; for large n towards sqrt(2) - 1 and .753 n.
    gini_low, gini_high, hill_q1_low, hill_q1_high
        Between which a share `level` of them falls.
    """

    gini: float
    gini_low: float
    gini_high: float
    hill_q1: float
    hill_q1_low: float
    hill_q1_high: float
    level: float
    n_parts: int


def bootstrap_parts(
    amounts: ArrayLike, *, rng: Rng, n_draws: int = 10_000, support: Support = "present"
) -> PartDraws:
    """Gini coefficient and effective number of resampled parts, the same parts at every checkpoint.

    Parameters
    ----------
    amounts
        Shape (C, H): checkpoints by parts; not negative, no checkpoint all zero.
    rng
        A seed or a Generator; the same seed gives the same bytes.
    n_draws
        Samples of H parts with replacement.
    support
        "present" or "stratum", as in `concentra.metrics.gini`.

    Returns
    -------
    PartDraws
        NaN in draws that hold no part with an amount.

    Examples
    --------
    >>> draws = bootstrap_parts([[1, 1, 1], [4, 1, 1]], rng=1, n_draws=200)
    >>> draws.gini.round(3).tolist(), draws.gini_draws.shape
    ([0.0, 0.333], (200, 2))
    """
    table = as_trajectory(amounts)
    at_least(n_draws, 1, "n_draws")
    one_of(support, ("present", "stratum"), "support")
    generator = np.random.default_rng(rng)
    n_parts = table.shape[1]
    orders = np.argsort(table, axis=1, kind="stable")
    drawn = np.empty((2, n_draws, table.shape[0]))
    for start in range(0, n_draws, ROWS):
        size = min(ROWS, n_draws - start)
        chosen = generator.integers(0, n_parts, (size, n_parts))
        places = size * chosen + np.arange(size)[:, None]
        counted = np.bincount(places.ravel(), minlength=size * n_parts).reshape(n_parts, size)
        metrics = _weighted(table, orders, counted.astype(np.float64), support)
        drawn[:, start : start + size] = metrics.transpose(0, 2, 1)
    return PartDraws(gini(table, support=support), hill_number(table), drawn[0], drawn[1])


def sample_parts(
    amounts: ArrayLike,
    n_population: int,
    *,
    rng: Rng,
    strata: ArrayLike | None = None,
    n_draws: int = 10_000,
    support: Support = "present",
) -> PartDraws:
    r"""Gini coefficient and effective number of samples without replacement, as from the population behind the parts.

    The parts are n of a population of N, n_h of N_h in each stratum. As many copies of each part as N_h / n_h says,
    completed by a random sample of the parts where it is no whole number, stand for the population; each draw is a
    sample of n_h of them without replacement. The spread is that of sampling: about :math:`\sqrt{1 - n/N}` times
    that of `bootstrap_parts`, and none where all parts were measured.

    Parameters
    ----------
    amounts
        Shape (C, H): checkpoints by parts; not negative, no checkpoint all zero.
    n_population
        Parts of the whole, N of at least H.
    strata
        Shape (H,): the stratum of each part, such as its layer. The population has equally many parts in each; where
        that cannot be, or where none are given, all parts are one stratum.

    References
    ----------
    Booth, Butler & Hall (1994), Bootstrap methods for finite populations, JASA 89, 1282-1289.
    Cochran (1977), Sampling Techniques, 3rd ed., section 2.6 (the finite-population correction).

    Examples
    --------
    >>> draws = sample_parts([[1, 2, 3, 10]], 4, rng=1, n_draws=50)
    >>> float(np.ptp(draws.gini_draws)), draws.gini.round(3).tolist()
    (0.0, [0.438])
    """
    table = as_trajectory(amounts)
    at_least(n_draws, 1, "n_draws")
    one_of(support, ("present", "stratum"), "support")
    at_least(n_population, table.shape[1], "n_population")
    generator = np.random.default_rng(rng)
    groups = _strata(table.shape[1], n_population, strata)
    orders = np.argsort(table, axis=1, kind="stable")
    drawn = np.empty((2, n_draws, table.shape[0]))
    for start in range(0, n_draws, ROWS):
        size = min(ROWS, n_draws - start)
        counted = np.zeros((table.shape[1], size))
        for members, n_whole in groups:
            _add_samples(counted, members, n_whole, generator)
        drawn[:, start : start + size] = _weighted(table, orders, counted, support).transpose(0, 2, 1)
    return PartDraws(gini(table, support=support), hill_number(table), drawn[0], drawn[1])


def _strata(n_parts: int, n_population: int, strata: ArrayLike | None) -> list[tuple[NDArray[np.int64], int]]:
    """The places of the parts of each stratum, with its number of parts in the population."""
    whole = [(np.arange(n_parts), n_population)]
    if strata is None:
        return whole
    names, place, counts = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
    size, rest = divmod(n_population, names.size)
    if rest or (counts > size).any():
        return whole
    return [(np.flatnonzero(place == number), size) for number in range(names.size)]


def _add_samples(
    counted: Floats, members: NDArray[np.int64], n_whole: int, generator: np.random.Generator
) -> None:
    """Add to `counted` (H, b) how often each member is in each of b samples from its stratum."""
    n, b = members.size, counted.shape[1]
    copies, more = divmod(n_whole, n)
    population = np.broadcast_to(np.repeat(np.arange(n), copies), (b, n * copies))
    if more:
        extra = np.argsort(generator.random((b, n)), axis=1)[:, :more]
        population = np.concatenate([population, extra], axis=1)
    chosen = np.take_along_axis(population, np.argsort(generator.random((b, n_whole)), axis=1)[:, :n], axis=1)
    np.add.at(counted, (members[chosen], np.arange(b)[:, None]), 1.0)


def leave_one_part_out(amounts: ArrayLike, *, support: Support = "present") -> tuple[Floats, Floats]:
    """Gini coefficient and effective number without each part in turn, each of shape (C, H).

    Parameters
    ----------
    amounts
        Shape (C, H), as for `bootstrap_parts`.

    Returns
    -------
    tuple
        NaN where nothing is left.

    Examples
    --------
    >>> without = leave_one_part_out([[1, 1, 4]])
    >>> without[0].round(2).tolist(), without[1].round(2).tolist()
    ([[0.3, 0.3, 0.0]], [[1.65, 1.65, 2.0]])
    """
    table = as_trajectory(amounts)
    one_of(support, ("present", "stratum"), "support")
    n_parts = table.shape[1]
    keep = ~np.eye(n_parts, dtype=bool)
    gini_values, hill_values = np.empty(table.shape), np.empty(table.shape)
    for checkpoint, row in enumerate(table):
        remaining = np.broadcast_to(row, (n_parts, n_parts))[keep].reshape(n_parts, n_parts - 1)
        gini_values[checkpoint] = gini(remaining, support=support, check=False)
        hill_values[checkpoint] = hill_number(remaining, check=False)
    return gini_values, hill_values


def noise_floor(n_parts: int, *, rng: Rng, n_draws: int = 10_000, level: float = 0.95) -> NoiseFloor:
    """Concentration of importance that is noise alone, :math:`|N(0, 1)|` for each of n parts.

    Examples
    --------
    >>> floor = noise_floor(144, rng=1, n_draws=2000)
    >>> round(floor.gini, 2), round(floor.hill_q1 / 144, 2)
    (0.41, 0.75)
    """
    at_least(n_parts, 1, "n_parts")
    generator = np.random.default_rng(rng)
    noise = np.abs(generator.normal(size=(at_least(n_draws, 1, "n_draws"), n_parts)))
    values = np.stack([gini(noise, check=False), hill_number(noise, check=False)])
    tail = (1 - between(level, 0, 1, "level")) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=1)
    means = values.mean(axis=1)
    return NoiseFloor(
        gini=float(means[0]),
        gini_low=float(low[0]),
        gini_high=float(high[0]),
        hill_q1=float(means[1]),
        hill_q1_low=float(low[1]),
        hill_q1_high=float(high[1]),
        level=level,
        n_parts=n_parts,
    )


def as_trajectory(amounts: ArrayLike) -> Floats:
    """Amounts (C, H) of at least two parts, something at every checkpoint."""
    table = as_amounts(amounts)
    if table.ndim != 2 or table.shape[1] < 2:
        raise AmountError(
            found=f"amounts of shape {table.shape}",
            expected="checkpoints by parts, shape (C, H), with at least two parts",
            fix="pass a row for each checkpoint",
        )
    empty = np.flatnonzero(table.sum(axis=1) == 0)
    if empty.size:
        raise AmountError(
            found=f"checkpoint {int(empty[0])} (row) with all amounts zero",
            expected="an amount above zero at every checkpoint",
            fix="leave out that checkpoint: nothing was measured there",
        )
    return table


def _weighted(table: Floats, orders: NDArray[np.int64], weights: Floats, support: Support) -> Floats:
    """(2, C, b): both metrics at every checkpoint of parts drawn with weights (H, b).

    `einsum` rather than a matrix product: the same order of additions on any number of threads.
    """
    n = float(weights.shape[0])
    logarithms = np.log(table, out=np.zeros_like(table), where=table > 0)
    total = np.einsum("ch,hb->cb", table, weights)
    n_counted = n - np.einsum("ch,hb->cb", (table == 0).astype(float), weights)
    if support == "stratum":
        n_counted[:] = n
    ranked = np.stack([_ranked(row[order], weights[order]) for row, order in zip(table, orders, strict=True)])
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.log(total) - np.einsum("ch,hb->cb", table * logarithms, weights) / total
        # zeros count for nothing in the sum, and push every other rank up by their number
        unequal = (ranked / total - 2 * n + n_counted) / n_counted
    drawn = np.stack([np.maximum(unequal, 0.0), np.exp(entropy)])
    drawn[:, total == 0] = np.nan
    return drawn


def _ranked(ascending: Floats, weights: Floats) -> Floats:
    """sum_i w_i y_i (2 W_i - w_i), summed by parts: sum_i W_i^2 (y_i - y_(i+1)), with y_(n+1) = 0."""
    cumulative = weights  # rows in this order are a fresh array: it is summed in place
    for above, below in zip(cumulative[1:], cumulative[:-1], strict=True):  # 8 times faster than np.cumsum
        above += below
    np.multiply(cumulative, cumulative, out=cumulative)
    return np.asarray(np.einsum("h,hb->b", -np.diff(ascending, append=0.0), cumulative))
