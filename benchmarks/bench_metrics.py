"""How fast the metrics are, in one run with a peer: `python benchmarks/bench_metrics.py`.

Each line is a pair: the same compositions through this package in one call, and through scikit-bio one call a
composition (its functions take one). The ratio of the two medians is what carries from one machine to another. The
last lines take the Gini coefficient apart: what share of its time is `np.sort`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from skbio.diversity.alpha import gini_index, hill

from concentra.metrics import gini, hill_number, hill_q1_corrected, rarefied_gini, rarefied_hill

N_UNITS, N_PARTS = 10_000, 20


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The median time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def one_by_one(function: Callable[..., float], counts: np.ndarray) -> np.ndarray:
    """A function of one composition, called for each."""
    return np.array([function(row) for row in counts])


def pairs(counts: np.ndarray) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Name, ours, theirs; every pair gives the same numbers."""
    listed: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        (
            "gini",
            partial(gini, counts, support="stratum"),
            partial(one_by_one, partial(gini_index, method="trapezoids"), counts),
        )
    ]
    for q in (0, 1, 2):
        listed.append(
            (
                f"hill_q{q}",
                partial(hill_number, counts, q),
                partial(one_by_one, partial(hill, order=q), counts),
            )
        )
    return listed


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    counts = rng.multinomial(500, rng.dirichlet(np.ones(N_PARTS), size=N_UNITS))
    print(f"{N_UNITS:,} x {N_PARTS} compositions; median seconds")
    print(f"{'metric':<22}{'concentra':>12}{'scikit-bio':>12}{'ratio':>8}")
    for name, ours, theirs in pairs(counts):
        if not np.allclose(ours(), theirs(), rtol=1e-9):  # type: ignore[arg-type]
            raise SystemExit(f"{name}: the two do not agree")
        own, peer = seconds(ours, 30), seconds(theirs, 3)
        print(f"{name:<22}{own:>12.5f}{peer:>12.4f}{peer / own:>8.0f}")
    amounts = counts.astype(np.float64)
    sort = seconds(lambda: np.sort(amounts, axis=-1), 100)
    for name, check in (("gini", True), ("gini, check=False", False)):
        own = seconds(partial(gini, amounts, check=check), 100)
        print(f"{name:<22}{own:>12.5f}   of which np.sort {sort:.5f} s, {sort / own:.0%}")
    clones = rng.pareto(1.1, 5_000) + 0.05
    repertoires = rng.multinomial(20_000, clones / clones.sum(), size=41)
    few = counts[:100]
    for name, call in (
        ("hill_q1_corrected", partial(hill_q1_corrected, counts)),
        ("rarefied_hill, 100", partial(rarefied_hill, few, 200)),
        ("rarefied_gini, 100", partial(rarefied_gini, few, 200)),
        ("41 x 5,000 clones", partial(rarefied_gini, repertoires, 8_000)),
    ):
        print(f"{name:<22}{seconds(call, 3):>12.5f}   (no vectorised peer)")


if __name__ == "__main__":
    main()
