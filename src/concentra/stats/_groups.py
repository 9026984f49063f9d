"""Hierarchical draws of one group of donors: donors within strata, then cells within each donor drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import lgamma, log, pi

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from concentra.stats._checks import Floats

Metric = Callable[[NDArray[np.int64]], Floats]
Metrics = Mapping[str, Metric]
Cells = tuple[NDArray[np.int64], ...]
"""Counts (n, K) of a group of donors; of both halves where donors are paired."""

CHUNK = 2**20
"""Resampled counts held at a time: bounds the memory, and never depends on the machine."""
FEWEST_REPLICATES = 200
"""Samples of a donor's cells, at the least: the bias of the donor's value is estimated from them."""
USES = 4
"""Draws that share a sample of a donor's cells, on average."""


@dataclass(frozen=True, slots=True)
class GroupDraws:
    """Bootstrap draws of a statistic over the donors of one group, for M metrics at once.

    Attributes
    ----------
    plug_in, corrected
        The statistic over donors' values as counted, and corrected for their depth, shape (M,).
    standard_error
        Of `corrected`, from the spread between donors, shape (M,); NaN where df is 0.
    df
        Donors minus strata.
    lowest, highest
        The statistic were every stratum its lowest, or its highest, donor, shape (M,).
    deviations
        Draws minus their mean, scaled to the standard error, shape (n_draws, M).
    n_donors
        Donors with at least one cell (pairs, where donors are paired).
    """

    plug_in: Floats
    corrected: Floats
    standard_error: Floats
    df: int
    lowest: Floats
    highest: Floats
    deviations: Floats
    n_donors: int


@dataclass(frozen=True, slots=True)
class Scheme:
    """How donors are resampled and summarised."""

    statistic: str
    n_draws: int
    depth: int | None
    correct_bias: bool
    members: Sequence[NDArray[np.int64]]
    weights: Sequence[float]


def draw_group(cells: Cells, metrics: Metrics, scheme: Scheme, rng: np.random.Generator) -> GroupDraws:
    """Draw one group; `cells` holds one table of counts, or two for the difference within pairs."""
    n_donors = sum(member.size for member in scheme.members)
    df = n_donors - len(scheme.members)
    if n_donors == 0:
        missing = np.full(len(metrics), np.nan)
        empty = np.full((scheme.n_draws, len(metrics)), np.nan)
        return GroupDraws(missing, missing, missing, 0, missing, missing, empty, 0)
    plug_in = measured(cells, metrics)
    drawn = [member[rng.integers(0, member.size, (scheme.n_draws, member.size))] for member in scheme.members]
    replicates, corrected = _resampled(cells, metrics, plug_in, drawn, scheme, rng)
    draws = sum(
        weight * _over_donors(values, scheme.statistic)
        for weight, values in zip(scheme.weights, replicates, strict=True)
    )
    error = _standard_error(corrected, scheme, df)
    return GroupDraws(
        plug_in=_weighted(plug_in, scheme, lambda v: _over_donors(v[None], scheme.statistic)[0]),
        corrected=_weighted(corrected, scheme, lambda v: _over_donors(v[None], scheme.statistic)[0]),
        standard_error=error,
        df=df,
        lowest=_weighted(corrected, scheme, lambda v: v.min(axis=0)),
        highest=_weighted(corrected, scheme, lambda v: v.max(axis=0)),
        deviations=_scaled(np.asarray(draws), error),
        n_donors=n_donors,
    )


def measured(cells: Cells, metrics: Metrics) -> Floats:
    """Values (n, M) of rows of counts; other minus reference where there are two tables."""
    tables = [np.stack([metric(counts) for metric in metrics.values()], axis=-1) for counts in cells]
    return tables[0] if len(tables) == 1 else tables[1] - tables[0]


def _resampled(
    cells: Cells,
    metrics: Metrics,
    plug_in: Floats,
    drawn: list[NDArray[np.int64]],
    scheme: Scheme,
    rng: np.random.Generator,
) -> tuple[list[Floats], Floats]:
    """Values of the donors drawn, a fresh sample of cells each time, and values corrected for depth.

    Cells are drawn donor by donor: a pool of samples, of which each place of the donor in the draws takes one
    at random. Given the pool, draws are independent, as draw by draw, without a loop over draws; that a
    sample serves about `USES` draws saves most of the time. The pool's own mean and spread do not matter:
    draws are centred, and scaled to the standard error.
    """
    values = [np.empty((*chosen.shape, len(metrics))) for chosen in drawn]
    corrected = plug_in.copy()
    for stratum, chosen in enumerate(drawn):
        flat, filled = chosen.ravel(), values[stratum].reshape(-1, len(metrics))
        for donor in scheme.members[stratum]:
            places = np.flatnonzero(flat == donor)
            size = max(places.size // USES, FEWEST_REPLICATES)
            own = tuple(counts[donor] for counts in cells)
            sample = resampled_cells(own, size, metrics, scheme.depth, rng)
            filled[places] = sample[rng.integers(0, size, places.size)]
            if scheme.depth is not None:
                corrected[donor] = sample.mean(axis=0)
            elif scheme.correct_bias:
                corrected[donor] = 2 * plug_in[donor] - sample.mean(axis=0)
    return values, corrected


def resampled_cells(
    donor: Cells, size: int, metrics: Metrics, depth: int | None, rng: np.random.Generator
) -> Floats:
    """Values (size, M) of samples of one donor's cells; `depth` cells without replacement, or all with."""
    rows = max(1, CHUNK // donor[0].size)
    parts = []
    for start in range(0, size, rows):
        n_rows = min(rows, size - start)
        parts.append(measured(tuple(_cells(counts, n_rows, depth, rng) for counts in donor), metrics))
    return np.concatenate(parts)


def _cells(
    counts: NDArray[np.int64], size: int, depth: int | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    present = np.flatnonzero(counts)
    seen, total = counts[present], int(counts.sum())
    sample = np.zeros((size, counts.size), dtype=np.int64)
    if depth is None:
        sample[:, present] = rng.multinomial(total, seen / total, size=size)
    else:
        sample[:, present] = rng.multivariate_hypergeometric(seen, depth, size=size, method="marginals")
    return sample


def _over_donors(values: Floats, statistic: str) -> Floats:
    """(..., n, M) to (..., M)."""
    return np.asarray(values.mean(axis=-2) if statistic == "mean" else np.median(values, axis=-2))


def _weighted(values: Floats, scheme: Scheme, reduce: Callable[[Floats], Floats]) -> Floats:
    terms = [w * reduce(values[m]) for w, m in zip(scheme.weights, scheme.members, strict=True)]
    return np.asarray(np.sum(terms, axis=0))


def _standard_error(values: Floats, scheme: Scheme, df: int) -> Floats:
    """Of the weighted statistic, from the variance within strata, pooled over them."""
    if df == 0:
        return np.full(values.shape[1], np.nan)
    squares = np.sum([((values[m] - values[m].mean(0)) ** 2).sum(0) for m in scheme.members], axis=0)
    inflation = median_inflation if scheme.statistic == "median" else lambda n: 1.0
    factor = sum(
        w**2 * inflation(m.size) / m.size for w, m in zip(scheme.weights, scheme.members, strict=True)
    )
    return np.asarray(np.sqrt(squares / df * factor))


def _scaled(draws: Floats, error: Floats) -> Floats:
    """Deviations from the mean of the draws, whose standard deviation is the standard error."""
    deviations = draws - draws.mean(axis=0)
    spread = deviations.std(axis=0)
    return np.asarray(deviations * np.divide(error, spread, out=np.zeros_like(spread), where=spread > 0))


@lru_cache(maxsize=512)
def median_inflation(n: int) -> float:
    """Variance of the median of n normal values, relative to that of their mean.

    1 at n = 1 and 2, pi / 2 in the limit. For odd n the integral of x^2 over the density of the middle order
    statistic; for even n that of ((x + y) / 2)^2 over the joint density of the middle two (David & Nagaraja
    2003, Order Statistics, section 2.2), on a grid. Beyond 100 the formula pi n / (2 n + pi - 2).

    >>> [round(median_inflation(n), 3) for n in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 1.346, 1.193, 1.434]
    """
    if n > 100:
        return pi * n / (2 * n + pi - 2)
    x = np.linspace(-8, 8, 321)
    below, above, log_density = log_ndtr(x), log_ndtr(-x), -(x**2 + log(2 * pi)) / 2
    half = (n - 1) // 2
    if n % 2:
        density = np.exp(half * (below + above) + log_density)
        return float(n * (density * x**2).sum() / density.sum())
    joint = half * (below[:, None] + above[None, :]) + log_density[:, None] + log_density[None, :]
    constant = lgamma(n + 1) - 2 * lgamma(half + 1)
    density = np.exp(joint + constant) * (np.tri(x.size).T - np.eye(x.size) / 2)
    middle = (x[:, None] + x[None, :]) / 2
    return float(n * (density * middle**2).sum() / density.sum())
