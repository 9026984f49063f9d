"""Slow second definitions of trends: loops over pairs and over all permutations."""

from __future__ import annotations

import itertools
from statistics import median

import numpy as np
from scipy.stats import rankdata


def slopes(places, values):
    """All slopes between donors at different places."""
    donors = list(zip(places, values, strict=True))
    return [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(donors, 2) if x1 != x2]


def median_slope(places, values):
    """The median of all slopes."""
    return median(slopes(places, values))


def rising_pairs(places):
    """How often 0 .. N pairs rise, over all permutations of distinct values."""
    n = len(places)
    n_pairs = sum(x1 != x2 for x1, x2 in itertools.combinations(places, 2))
    counts = np.zeros(n_pairs + 1)
    for values in itertools.permutations(range(n)):
        counts[sum(slope > 0 for slope in slopes(places, values))] += 1
    return counts / counts.sum()


def spearman(places, values):
    """Pearson's correlation of midranks."""
    return float(np.corrcoef(rankdata(places), rankdata(values))[0, 1])


def spearman_p(places, values):
    """Share of all n! permutations at least as far from zero, and the share of the farthest."""
    found = np.array([abs(spearman(order, values)) for order in itertools.permutations(places)])
    observed = abs(spearman(places, values))
    return (found >= observed - 1e-12).mean(), (found >= found.max() - 1e-12).mean()


def change_along(places, values):
    """The change of numbers over two standard deviations of the places, its slope a mean of those of all pairs.

    Each slope is weighted by the square of the distance between the two donors.
    """
    pairs = list(itertools.combinations(zip(places, values, strict=True), 2))
    weights = sum((x1 - x2) ** 2 for (x1, _), (x2, _) in pairs)
    slope = sum((x1 - x2) * (y1 - y2) for (x1, y1), (x2, y2) in pairs) / weights
    return slope * 2 * (weights / len(places) ** 2) ** 0.5


def share_along(places, values):
    """By how much shares of values change along the places: half the sum of all absolute changes."""
    return sum(abs(change_along(places, [one == value for one in values])) for value in set(values)) / 2


def one_to_one(places, values):
    """Whether two donors share a place exactly where they share a value, over all pairs."""
    donors = list(zip(places, values, strict=True))
    return all((x1 == x2) == (y1 == y2) for (x1, y1), (x2, y2) in itertools.combinations(donors, 2))
