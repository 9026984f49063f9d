"""Slow second definitions for attribution: numerical integration of derivatives, loops over pairs of donors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

Measure = Callable[[Sequence[float]], float]


def gini_of(amounts: Sequence[float]) -> float:
    """Half the relative mean absolute difference over all parts given."""
    n, total = len(amounts), sum(amounts)
    return sum(abs(a - b) for a in amounts for b in amounts) / (2 * n * total)


def entropy_of(amounts: Sequence[float]) -> float:
    """Shannon entropy in nats."""
    total = sum(amounts)
    return -sum(a / total * math.log(a / total) for a in amounts if a > 0)


def effective_number_of(amounts: Sequence[float]) -> float:
    return math.exp(entropy_of(amounts))


def crossings(early: Sequence[float], late: Sequence[float]) -> list[float]:
    """The times on the straight path at which two parts are equal, with both ends."""
    times = {0.0, 1.0}
    for i in range(len(early)):
        for j in range(i):
            before, after = early[i] - early[j], late[i] - late[j]
            if before * after < 0:
                times.add(before / (before - after))
    return sorted(times)


def attribution_by_integration(
    measure: Measure, early: Sequence[float], late: Sequence[float], n_nodes: int = 24
) -> list[float]:
    """Change of each part times the mean of the numerical derivative of `measure` along the path.

    Gauss-Legendre between crossings, with nodes crowded at the ends, where logarithms diverge.
    """
    p = [value / sum(early) for value in early]
    q = [value / sum(late) for value in late]
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    times = crossings(p, q)
    result = [0.0] * len(p)
    for start, stop in pairwise(times):
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            crowded = node**3 * (10 - 15 * node + 6 * node**2)
            density = 30 * node**2 * (1 - node) ** 2
            t = start + (stop - start) * crowded
            x = [a + t * (b - a) for a, b in zip(p, q, strict=True)]
            for k in range(len(p)):
                if p[k] != q[k]:
                    slope = derivative(measure, x, k)
                    result[k] += (q[k] - p[k]) * slope * weight * density * (stop - start)
    return result


def derivative(measure: Measure, x: Sequence[float], k: int) -> float:
    """Central difference, with a step that keeps part k positive and crosses no other part."""
    gap = min((abs(x[k] - other) for j, other in enumerate(x) if j != k), default=x[k])
    step = min(1e-4 * x[k], gap / 2) if gap > 0 else 1e-4 * x[k]
    up, down = list(x), list(x)
    up[k] += step
    down[k] -= step
    return (measure(up) - measure(down)) / (up[k] - down[k])


def weighted_mean_over_pairs(
    pairs: Sequence[Sequence[float]], reference_weights: Sequence[float], other_weights: Sequence[float]
) -> float:
    return sum(
        reference_weights[i] * other_weights[j] * pairs[i][j]
        for i in range(len(reference_weights))
        for j in range(len(other_weights))
    )
