"""Slow second definitions of the metrics: plain loops, by another route."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext


def gini_of_pairs(amounts: Sequence[float], support: str = "present") -> float:
    """Half the relative mean difference: every pair of parts, with itself, both ways round."""
    parts = [x for x in amounts if x > 0 or support == "stratum"]
    if sum(parts) == 0:
        return math.nan
    differences = sum(abs(x - y) for x in parts for y in parts)
    return differences / (2 * len(parts) * sum(parts))


def gini_of_area(amounts: Sequence[float], support: str = "present") -> float:
    """1 minus twice the area below the Lorenz curve, by trapezoids."""
    parts = sorted(x for x in amounts if x > 0 or support == "stratum")
    heights = [sum(parts[:i]) / sum(parts) for i in range(len(parts) + 1)]
    return 1 - sum(heights[i] + heights[i + 1] for i in range(len(parts))) / len(parts)


def hill_by_definition(amounts: Sequence[float], q: float) -> float:
    """Sum the powers; orders 1 and infinity by their limits."""
    total = sum(amounts)
    if total == 0:
        return math.nan
    shares = [x / total for x in amounts if x > 0]
    if q == 1:
        return math.prod(p**-p for p in shares)  # the geometric mean of the rarities
    if math.isinf(q):
        return 1 / max(shares)
    return sum(p**q for p in shares) ** (1 / (1 - q))


def top_share_by_definition(amounts: Sequence[float], n_top: int) -> float:
    """The largest parts, taken one after the other."""
    if sum(amounts) == 0:
        return math.nan
    return sum(sorted(amounts, reverse=True)[:n_top]) / sum(amounts)


def coverage_by_definition(counts: Sequence[int]) -> float:
    """Chao and Jost 2012, equation 4a, and its form for no part seen twice."""
    n, seen = sum(counts), Counter(counts)
    if n <= 1:
        return math.nan if n == 0 else 0.0
    once, twice = seen[1], seen[2]
    if once == 0:
        return 1.0
    if twice == 0:
        return 1 - once / n * ((n - 1) * (once - 1)) / ((n - 1) * (once - 1) + 2)
    return 1 - once / n * ((n - 1) * once) / ((n - 1) * once + 2 * twice)


def chao_wang_jost_as_printed(counts: Sequence[int]) -> float:
    """The formula of the paper, term by term, with so many digits that the bracket may cancel."""
    n, seen = sum(counts), Counter(counts)
    if n == 0:
        return math.nan
    once, twice = seen[1], seen[2]
    with localcontext() as context:
        context.prec = 400
        entropy = sum(
            (Decimal(x) / n * sum(Decimal(1) / k for k in range(x, n)) for x in counts if 0 < x < n),
            Decimal(0),
        )
        if once == 0:
            return float(entropy)
        pairs, singles = (twice, once) if twice else (1, once - 1)
        rate = Decimal(2 * pairs) / ((n - 1) * singles + 2 * pairs)
        if rate < 1:
            bracket = -rate.ln() - sum((1 - rate) ** r / r for r in range(1, n))
            entropy += Decimal(once) / n * (1 - rate) ** (1 - n) * bracket
        return float(entropy)


def miller_madow_by_definition(counts: Sequence[int]) -> float:
    """Plug-in entropy and the number of parts less one, over twice the cells."""
    n = sum(counts)
    if n == 0:
        return math.nan
    present = [x for x in counts if x > 0]
    return -sum(x / n * math.log(x / n) for x in present) + (len(present) - 1) / (2 * n)


def subsamples(counts: Sequence[int], m: int) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Every subsample of m cells, with its chance: the multivariate hypergeometric distribution."""
    all_ways = math.comb(sum(counts), m)
    for drawn in itertools.product(*(range(min(x, m) + 1) for x in counts)):
        if sum(drawn) == m:
            yield math.prod(math.comb(x, y) for x, y in zip(counts, drawn, strict=True)) / all_ways, drawn


def expected_difference(first: int, second: int, n_cells: int, m: int) -> float:
    """E|Y_1 - Y_2| of two parts in a subsample of m cells: every pair of values, with its chance."""
    rest = n_cells - first - second
    ways = sum(
        math.comb(first, k) * math.comb(second, j) * math.comb(rest, m - k - j) * abs(k - j)
        for k in range(min(first, m) + 1)
        for j in range(min(second, m - k) + 1)
    )
    return ways / math.comb(n_cells, m)


def mean_over_subsamples(counts: Sequence[int], m: int, function: Callable[[Sequence[int]], float]) -> float:
    """The mean of a metric over every subsample of m cells."""
    return sum(chance * function(drawn) for chance, drawn in subsamples(counts, m))


def hill_of_expected_frequencies(counts: Sequence[int], m: int, q: float) -> float:
    """Chao et al. 2014: how many parts are expected k times in a subsample of m cells, then the Hill number."""
    expected: Counter[int] = Counter()
    for chance, drawn in subsamples(counts, m):
        for k in drawn:
            expected[k] += chance  # type: ignore[assignment]
    if q == 1:
        return math.exp(-sum(expected[k] * k / m * math.log(k / m) for k in range(1, m + 1)))
    return sum(expected[k] * (k / m) ** q for k in range(1, m + 1)) ** (1 / (1 - q))


SLOW: dict[str, Callable[[Sequence[float]], float]] = {
    "gini_present": gini_of_pairs,
    "gini_stratum": lambda amounts: gini_of_pairs(amounts, "stratum"),
    "hill_q0": lambda amounts: hill_by_definition(amounts, 0),
    "hill_q1": lambda amounts: hill_by_definition(amounts, 1),
    "hill_q2": lambda amounts: hill_by_definition(amounts, 2),
    "evenness": lambda amounts: _pielou(amounts),
    "hill_ratio": lambda amounts: hill_by_definition(amounts, 1) / max(sum(x > 0 for x in amounts), 1),
    "largest_share": lambda amounts: top_share_by_definition(amounts, 1),
    "herfindahl": lambda amounts: sum((x / sum(amounts)) ** 2 for x in amounts) if sum(amounts) else math.nan,
    "hill_q1_corrected": lambda amounts: math.exp(chao_wang_jost_as_printed([int(x) for x in amounts])),
    "hill_q1_miller_madow": lambda amounts: math.exp(miller_madow_by_definition([int(x) for x in amounts])),
}
"""A second definition for every declared metric, by name."""


def _pielou(amounts: Sequence[float]) -> float:
    n_present = sum(x > 0 for x in amounts)
    if n_present < 2:
        return math.nan
    return math.log(hill_by_definition(amounts, 1), n_present)


def gini_terms_by_definition(
    amounts: Sequence[float], groups: Sequence[int]
) -> tuple[float, list[float], float]:
    """The terms between, within each coarse part and of overlap, pair by pair of fine parts and of coarse parts."""
    n_parts, total = len(amounts), sum(amounts)
    inside = [[x for x, one in zip(amounts, groups, strict=True) if one == g] for g in range(max(groups) + 1)]
    mean = total / n_parts
    means = [sum(parts) / len(parts) for parts in inside]
    within = [
        len(parts) / n_parts * (sum(parts) / total) * gini_of_pairs(parts, "stratum") if sum(parts) else 0.0
        for parts in inside
    ]
    between = overlap = 0.0
    for g, h in itertools.combinations(range(len(inside)), 2):
        between += len(inside[g]) * len(inside[h]) * abs(means[g] - means[h]) / (n_parts**2 * mean)
        low, high = (g, h) if means[g] <= means[h] else (h, g)
        gaps = sum(max(x - y, 0) for x in inside[low] for y in inside[high])
        overlap += 2 * gaps / (n_parts**2 * mean)
    return between, within, overlap


def entropy_terms_by_definition(amounts: Sequence[float], groups: Sequence[int]) -> tuple[float, list[float]]:
    """The entropy of the coarse shares, and the share of each coarse part times the entropy within it."""

    def entropy_of(parts: Sequence[float]) -> float:
        return -sum(x / sum(parts) * math.log(x / sum(parts)) for x in parts if x > 0)

    inside = [[x for x, one in zip(amounts, groups, strict=True) if one == g] for g in range(max(groups) + 1)]
    coarse = [sum(parts) for parts in inside]
    within = [sum(parts) / sum(amounts) * entropy_of(parts) if sum(parts) else 0.0 for parts in inside]
    return entropy_of(coarse), within
