"""Attribution over all pairs of donors: against a loop over draws, and against integration at each crossing.

Prints medians of paired ratios over rounds. Run: `python benchmarks/bench_drivers.py`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from concentra.stats.attribution import ATTRIBUTIONS
from concentra.stats.pairs import PairDraws, draw_pairs

SIZES = ((5, 4, 25), (10, 10, 60), (20, 20, 150))
"""Early donors, other donors, parts: a tissue, a cohort of humans, a model's heads."""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def piecewise(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Contributions to the Gini coefficient by walking the crossings of one pair: ranks are constant between."""
    change = other - reference
    before = reference[:, None] - reference[None, :]
    after = other[:, None] - other[None, :]
    crossing = before * after < 0
    times = np.unique(np.concatenate([[0.0, 1.0], before[crossing] / (before - after)[crossing]]))
    result = np.zeros_like(reference)
    order = np.arange(reference.size)
    for start, stop in pairwise(times):
        x = reference + (start + stop) / 2 * change
        rank = np.empty(reference.size)
        rank[np.argsort(x)] = 2 * order + 1 - reference.size
        result += (stop - start) * change * (rank - rank @ x) / reference.size
    return result


def per_draw(draws: PairDraws, pairs: np.ndarray, n_draws: int) -> np.ndarray:
    """The weighted mean over pairs, one draw at a time."""
    return np.array(
        [
            np.einsum("i,j,ijk->k", draws.reference_weights[row], draws.other_weights[row], pairs)
            for row in range(n_draws)
        ]
    )


def main(rounds: int = 5) -> None:
    rng = np.random.default_rng(0)
    print(f"{'donors, parts':>16} {'attribution':>12} {'10,000 draws':>13} {'/ crossings':>12} {'/ loop':>8}")
    for n_reference, n_other, n_parts in SIZES:
        reference, other = (rng.dirichlet(np.full(n_parts, 0.5), n) for n in (n_reference, n_other))
        attribute = lambda: ATTRIBUTIONS["gini_stratum"](reference[:, None], other[None])  # noqa: B023, E731
        pairs, draws = attribute(), draw_pairs(n_reference, n_other, rng=1)
        np.testing.assert_allclose(pairs[0, 0], piecewise(reference[0], other[0]), atol=1e-12)
        rows = []
        for _ in range(rounds):
            exact, resampled = seconds(attribute), seconds(lambda: draws.interval(pairs))  # noqa: B023
            walked = seconds(lambda: piecewise(reference[0], other[0])) * n_reference * n_other  # noqa: B023
            looped = seconds(lambda: per_draw(draws, pairs, 500)) * 20  # noqa: B023
            rows.append((exact, resampled, walked / exact, looped / resampled))
        exact, resampled, walked, looped = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{f'{n_reference} x {n_other}, {n_parts}':>16} {exact * 1e3:9.2f} ms {resampled * 1e3:10.1f} ms "
            f"{walked:11.0f}x {looped:7.1f}x"
        )


if __name__ == "__main__":
    main()
