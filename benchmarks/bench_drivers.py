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
"""Early donors, late donors, parts: a tissue, a cohort of humans, a model's heads."""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def piecewise(early: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Contributions to the Gini coefficient by walking the crossings of one pair: ranks are constant between."""
    change = late - early
    before = early[:, None] - early[None, :]
    after = late[:, None] - late[None, :]
    crossing = before * after < 0
    times = np.unique(np.concatenate([[0.0, 1.0], before[crossing] / (before - after)[crossing]]))
    result = np.zeros_like(early)
    order = np.arange(early.size)
    for start, stop in pairwise(times):
        x = early + (start + stop) / 2 * change
        rank = np.empty(early.size)
        rank[np.argsort(x)] = 2 * order + 1 - early.size
        result += (stop - start) * change * (rank - rank @ x) / early.size
    return result


def per_draw(draws: PairDraws, pairs: np.ndarray, n_draws: int) -> np.ndarray:
    """The weighted mean over pairs, one draw at a time."""
    return np.array(
        [
            np.einsum("i,j,ijk->k", draws.early_weights[row], draws.late_weights[row], pairs)
            for row in range(n_draws)
        ]
    )


def main(rounds: int = 5) -> None:
    rng = np.random.default_rng(0)
    print(f"{'donors, parts':>16} {'attribution':>12} {'10,000 draws':>13} {'/ crossings':>12} {'/ loop':>8}")
    for n_early, n_late, n_parts in SIZES:
        early, late = (rng.dirichlet(np.full(n_parts, 0.5), n) for n in (n_early, n_late))
        attribute = lambda: ATTRIBUTIONS["gini_stratum"](early[:, None], late[None])  # noqa: B023, E731
        pairs, draws = attribute(), draw_pairs(n_early, n_late, rng=1)
        np.testing.assert_allclose(pairs[0, 0], piecewise(early[0], late[0]), atol=1e-12)
        rows = []
        for _ in range(rounds):
            exact, resampled = seconds(attribute), seconds(lambda: draws.interval(pairs))  # noqa: B023
            walked = seconds(lambda: piecewise(early[0], late[0])) * n_early * n_late  # noqa: B023
            looped = seconds(lambda: per_draw(draws, pairs, 500)) * 20  # noqa: B023
            rows.append((exact, resampled, walked / exact, looped / resampled))
        exact, resampled, walked, looped = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{f'{n_early} x {n_late}, {n_parts}':>16} {exact * 1e3:9.2f} ms {resampled * 1e3:10.1f} ms "
            f"{walked:11.0f}x {looped:7.1f}x"
        )


if __name__ == "__main__":
    main()
