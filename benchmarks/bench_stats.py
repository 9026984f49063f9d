"""Speed of the inference, as ratios within one run: ``python benchmarks/bench_stats.py``.

The hierarchical bootstrap against a plain loop over draws, and against `scipy.stats.bootstrap` with a statistic
in Python that resamples cells; resampled heads against a loop that sorts each draw anew. Rivals are timed on
fewer draws and scaled up, since their time is proportional to the draws.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from concentra.metrics import gini, hill_number
from concentra.stats.bootstrap import bootstrap_shift
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.parts import bootstrap_parts
from concentra.stats.permutation import permutation_test

N_DRAWS = 10_000
METRICS = {"gini": partial(gini, check=False), "hill_q1": partial(hill_number, check=False)}


def seconds(function: Callable[[], Any], repeats: int = 3) -> float:
    """The processor time of the fastest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def donors() -> tuple[np.ndarray, np.ndarray]:
    """Two groups of six donors, 500 cells of 20 parts each."""
    rng = np.random.default_rng(0)
    counts = rng.multinomial(500, rng.dirichlet(np.full(20, 1.5), 12))
    return counts[:6], counts[6:]


def plain_loop(n_draws: int) -> np.ndarray:
    """The same draws, one by one."""
    rng = np.random.default_rng(0)
    draws = np.empty((n_draws, 2))
    groups = donors()
    for draw in range(n_draws):
        medians = []
        for counts in groups:
            chosen = counts[rng.integers(0, len(counts), len(counts))]
            cells = np.array([rng.multinomial(c.sum(), c / c.sum()) for c in chosen])
            medians.append([np.median(metric(cells)) for metric in METRICS.values()])
        draws[draw] = np.subtract(medians[1], medians[0])
    return draws


def scipy_bootstrap(n_draws: int) -> Any:
    """`scipy.stats.bootstrap` of donors, with a statistic that resamples the cells of the donors drawn."""
    rng = np.random.default_rng(0)
    early, late = donors()

    def shift(first: np.ndarray, second: np.ndarray, metric: Callable[..., Any]) -> float:
        medians = []
        for counts, chosen in ((early, first), (late, second)):
            own = counts[chosen.astype(int)]
            cells = np.array([rng.multinomial(c.sum(), c / c.sum()) for c in own])
            medians.append(np.median(metric(cells)))
        return float(medians[1] - medians[0])

    index = (np.arange(6.0), np.arange(6.0))
    return [
        stats.bootstrap(
            index,
            partial(shift, metric=metric),
            n_resamples=n_draws,
            vectorized=False,
            method="percentile",
            rng=rng,
        )
        for metric in METRICS.values()
    ]


def heads() -> np.ndarray:
    """Eight checkpoints of 144 heads."""
    return np.random.default_rng(0).gamma(0.4, size=(8, 144))


def heads_loop(n_draws: int) -> np.ndarray:
    """Resampled heads, every draw sorted anew."""
    rng = np.random.default_rng(0)
    amounts = heads()
    draws = np.empty((n_draws, 2, 8))
    for draw in range(n_draws):
        sample = amounts[:, rng.integers(0, 144, 144)]
        draws[draw] = [metric(sample) for metric in METRICS.values()]
    return draws


def measure() -> dict[str, float]:
    """Seconds for 10,000 draws and ratios to the rivals."""
    early, late = donors()
    hierarchical = seconds(lambda: bootstrap_shift(early, late, METRICS, rng=0, n_draws=N_DRAWS))
    loop = seconds(lambda: plain_loop(500), 2) * N_DRAWS / 500
    rival = seconds(lambda: scipy_bootstrap(300), 2) * N_DRAWS / 300
    parts = seconds(lambda: bootstrap_parts(heads(), rng=0, n_draws=N_DRAWS))
    parts_loop = seconds(lambda: heads_loop(500), 2) * N_DRAWS / 500
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=6), rng.normal(size=6)
    return {
        "hierarchical bootstrap, 10,000 draws, 6 v 6 donors, 20 parts, 2 metrics [s]": hierarchical,
        "plain loop over draws / ours": loop / hierarchical,
        "scipy.stats.bootstrap with a Python statistic / ours": rival / hierarchical,
        "resampled heads, 10,000 draws, 8 checkpoints, 144 heads, 2 metrics [s]": parts,
        "loop over draws of heads / ours": parts_loop / parts,
        "exact permutation of medians, 6 v 6 [s]": seconds(
            lambda: permutation_test(first, second, statistic="median")
        ),
        "exact Mann-Whitney, 6 v 6 [s]": seconds(lambda: mann_whitney_exact(first, second)),
    }


def main() -> None:
    """Print the measurements; fail where a promise is not kept."""
    found = measure()
    if "--json" in sys.argv:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{value:10.4g}  {name}")
    values = list(found.values())
    if values[0] > 1.0 or min(values[1:3]) < 10 or values[3] > 0.6:
        sys.exit("slower than promised: 1 s and 10 times for the bootstrap, 0.6 s for heads")


if __name__ == "__main__":
    main()
