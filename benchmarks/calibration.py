"""Do the intervals cover, do the tests keep their level, and what would cells as units do?

Writes ``docs/calibration.csv``: ``python benchmarks/calibration.py [--runs N]``. It is about the bootstrap of
published shifts and the exact tests; the model that decides has `calibration_cohorts.py` and `calibration_model.py`.

Donors have compositions from a Dirichlet distribution over 20 parts; cells are multinomial. The target is the
difference, other minus reference, of the mean (or median) over all donors of a population of the metric of a donor's
*own* composition, known without counting noise: what infinitely many donors with infinitely many cells would
show. For ``gini_present``, where what is present depends on how many cells are counted, it is the difference
in its expected value at the common number of cells.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from concentra.files import write_text
from concentra.metrics import gini, hill_number
from concentra.stats.bootstrap import bootstrap_shift, correct_for_depth
from concentra.stats.effect import cliffs_delta, hodges_lehmann
from concentra.stats.equivalence import equivalence_test
from concentra.stats.exact import mann_whitney_exact, smallest_attainable_p
from concentra.stats.joint import joint_region, mahalanobis_test
from concentra.stats.permutation import permutation_test

Array = NDArray[np.float64]

N_PARTS = 20
PRECISION = 40.0  # of the Dirichlet distribution: donors' effective numbers differ by about 1.3 around 11
SHARPENED = 1.3  # planted effect: other shares are reference shares to this power, an effective number of 8.7
ALPHA = 0.05
N_DRAWS = 500  # fewer than the default of 10,000: coverage is, if anything, understated
METRICS = {
    "gini_stratum": partial(gini, support="stratum", check=False),
    "hill_q1": partial(hill_number, check=False),
}
PRESENT = {"gini_present": partial(gini, check=False)}
SIZES = ((2, 2), (3, 3), (4, 4), (6, 6), (10, 10), (3, 6), (4, 7))
CELLS = ((200, 200), (2000, 2000), (2000, 200))
QUICK = (((3, 3), (2000, 200)), ((6, 6), (200, 200)))
BANDS = {"mean": (0.93, 0.98), "median": (0.90, 1.0)}


@dataclass(frozen=True)
class Row:
    """One rate, from `runs` simulated studies."""

    question: str
    method: str
    statistic: str
    metric: str
    n_reference: int
    n_other: int
    cells_reference: int
    cells_other: int
    rate: float
    standard_error: float
    median_width: float
    runs: int
    low: float
    high: float

    @property
    def held(self) -> bool:
        """Whether the rate lies within its bounds, give or take three standard errors."""
        slack = 3 * np.sqrt(max(self.rate * (1 - self.rate), 0.01) / self.runs)
        return bool(self.low - slack <= self.rate <= self.high + slack)


def expected_shares(effect: bool) -> tuple[Array, Array]:
    """Mean compositions of the two populations: log-normal shares, and the same or sharpened."""
    reference = np.exp(stats.norm.ppf((np.arange(N_PARTS) + 0.5) / N_PARTS))
    other = reference ** (SHARPENED if effect else 1.0)
    return reference / reference.sum(), other / other.sum()


def simulate(
    rng: np.random.Generator, sizes: tuple[int, int], cells: tuple[int, int], effect: bool
) -> list[NDArray[np.int64]]:
    """Counts of the donors of both groups."""
    return [
        rng.multinomial(m, rng.dirichlet(PRECISION * shares, n))
        for shares, n, m in zip(expected_shares(effect), sizes, cells, strict=True)
    ]


@cache
def targets(effect: bool, depth: int) -> dict[tuple[str, str], float]:
    """The population's shift by (statistic, metric), from 200,000 donors of each group."""
    rng = np.random.default_rng(20_26)
    populations = [rng.dirichlet(PRECISION * shares, 200_000) for shares in expected_shares(effect)]
    found = {}
    for statistic, average in (("mean", np.mean), ("median", np.median)):
        for name, metric in METRICS.items():
            reference, other = (average(metric(population)) for population in populations)
            found[statistic, name] = float(other - reference)
    reference, other = (PRESENT["gini_present"](rng.multinomial(depth, p)).mean() for p in populations)
    found["mean", "gini_present"] = float(other - reference)
    return found


class Tally:
    """Counts of successes, and widths, by what was asked."""

    def __init__(self) -> None:
        self.hits: dict[tuple[str, ...], list[float]] = {}
        self.widths: dict[tuple[str, ...], list[float]] = {}

    def add(self, key: tuple[str, ...], hit: bool, width: float = np.nan) -> None:
        """One study's answer to a question (question, method, statistic, metric)."""
        self.hits.setdefault(key, []).append(float(hit))
        self.widths.setdefault(key, []).append(width)

    def covers(self, key: tuple[str, ...], low: float, high: float, target: float) -> None:
        """One study's interval."""
        self.add(key, low <= target <= high, high - low)

    def rows(
        self,
        sizes: tuple[int, int],
        cells: tuple[int, int],
        bounds: Callable[[tuple[str, ...]], tuple[float, float]],
    ) -> Iterator[Row]:
        """A row for each question."""
        for key, hits in self.hits.items():
            rate, runs = float(np.mean(hits)), len(hits)
            error = float(np.sqrt(rate * (1 - rate) / runs))
            width = float(np.median(self.widths[key]))
            question, method, statistic, metric = key
            yield Row(
                question, method, statistic, metric, *sizes, *cells, rate, error, width, runs, *bounds(key)
            )


def coverage(
    seed: np.random.SeedSequence, sizes: tuple[int, int], cells: tuple[int, int], runs: int
) -> list[Row]:
    """Coverage of nominal 95% intervals of a planted shift."""
    rng = np.random.default_rng(seed)
    depth = min(cells)
    target, tally = targets(True, depth), Tally()
    for _ in range(runs):
        counts = simulate(rng, sizes, cells, effect=True)
        for statistic in ("mean", "median"):
            result = bootstrap_shift(*counts, METRICS, rng=rng, statistic=statistic, n_draws=N_DRAWS)
            for name, shift in result.shifts.items():
                key = ("coverage", "concentra", statistic, name)
                tally.covers(key, shift.low, shift.high, target[statistic, name])
            if statistic == "mean" and min(sizes) > 2:
                region = joint_region(result, "gini_stratum", "hill_q1")
                centre = np.array([target["mean", name] for name in METRICS])
                away = centre - region.centre
                distance = away @ np.linalg.solve(region.covariance, away)
                tally.add(("coverage", "joint region", "mean", "both"), distance <= region.radius**2)
        options = {"rng": rng, "statistic": "mean", "n_draws": N_DRAWS, "depth": depth}
        shift = bootstrap_shift(*counts, PRESENT, **options)["gini_present"]
        key = ("coverage", "concentra, common depth", "mean", "gini_present")
        tally.covers(key, shift.low, shift.high, target["mean", "gini_present"])
        for name, metric in METRICS.items():
            for method, (low, high) in rivals(rng, counts, metric).items():
                tally.covers(("coverage", method, "mean", name), low, high, target["mean", name])
    return list(tally.rows(sizes, cells, lambda key: coverage_bounds(key, sizes)))


def coverage_bounds(key: tuple[str, ...], sizes: tuple[int, int]) -> tuple[float, float]:
    """What is promised: nothing at two donors, where a range is given; nothing of the rivals."""
    if min(sizes) == 2 or key[1] in ("Welch t, uncorrected", "cells pooled", "percentile, donors then cells"):
        return 0.0, 1.0
    if key[1] == "joint region":
        return 0.93, 1.0
    return BANDS[key[2]]


def rivals(
    rng: np.random.Generator, counts: list[NDArray[np.int64]], metric: Callable[..., Any]
) -> dict[str, tuple[float, float]]:
    """Intervals in common use: Welch's t of uncorrected values, two bootstraps without any correction."""
    reference, other = (metric(table) for table in counts)
    welch = stats.ttest_ind(other, reference, equal_var=False).confidence_interval()
    pooled = [table.sum(axis=0) for table in counts]
    draws = [metric(rng.multinomial(p.sum(), p / p.sum(), size=200)) for p in pooled]
    donors = [table[rng.integers(0, len(table), (200, len(table)))] for table in counts]
    nested = [
        metric(rng.multinomial(d.sum(axis=-1), d / d.sum(axis=-1, keepdims=True))).mean(1) for d in donors
    ]
    return {
        "Welch t, uncorrected": (welch.low, welch.high),
        "cells pooled": tuple(np.quantile(draws[1] - draws[0], [0.025, 0.975])),
        "percentile, donors then cells": tuple(np.quantile(nested[1] - nested[0], [0.025, 0.975])),
    }


def rejection(
    seed: np.random.SeedSequence, sizes: tuple[int, int], cells: tuple[int, int], runs: int, effect: bool
) -> list[Row]:
    """How often each test rejects at .05: its level without an effect, its power with one."""
    rng = np.random.default_rng(seed)
    question, tally = "power" if effect else "level", Tally()
    for _ in range(runs):
        counts = simulate(rng, sizes, cells, effect)
        corrected = [correct_for_depth(table, METRICS, rng=rng, n_replicates=300) for table in counts]
        for name, metric in METRICS.items():
            reference, other = (values[name] for values in corrected)
            for method, p_value in tests_of(reference, other, rng).items():
                tally.add((question, method, "donors", name), p_value <= ALPHA)
            raw = [metric(table) for table in counts]
            welch = stats.ttest_ind(raw[1], raw[0], equal_var=False).pvalue
            tally.add((question, "Welch t, uncorrected", "donors", name), welch <= ALPHA)
            low, high = rivals(rng, counts, metric)["cells pooled"]
            tally.add((question, "cells pooled bootstrap", "cells", name), not low <= 0 <= high)
        both = [np.stack(list(values.values()), axis=1) for values in corrected]
        joint = mahalanobis_test(*both, rng=rng, n_random=999).p_value
        tally.add((question, "Mahalanobis permutation", "donors", "both"), joint <= ALPHA)
        table = np.stack([t.sum(axis=0) for t in counts])
        chi_square = stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue
        tally.add((question, "chi-square of cells", "cells", "composition"), chi_square <= ALPHA)
    return list(tally.rows(sizes, cells, rejection_bounds))


def tests_of(reference: Array, other: Array, rng: np.random.Generator) -> dict[str, float]:
    """p of each test of two groups of donors."""
    attainable = smallest_attainable_p(reference.size, other.size)
    options = {"rng": rng, "all_up_to": 1000, "n_random": 999}
    return {
        f"Mann-Whitney exact (smallest p {attainable:.2g})": mann_whitney_exact(reference, other).p_value,
        "permutation of means": permutation_test(reference, other, **options).p_value,
        "permutation of medians": permutation_test(reference, other, statistic="median", **options).p_value,
    }


def rejection_bounds(key: tuple[str, ...]) -> tuple[float, float]:
    """The level of our own tests is promised; power, and the level of rivals, are shown."""
    rival = key[1].startswith("Welch") or key[2] == "cells"
    return (0.0, ALPHA) if key[0] == "level" and not rival else (0.0, 1.0)


def effects(seed: np.random.SeedSequence, sizes: tuple[int, int], runs: int) -> list[Row]:
    """Coverage of Hodges-Lehmann and Cliff's delta for normal values; level of the equivalence test."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    delta = 2 * stats.norm.cdf(1 / np.sqrt(2)) - 1
    margin = 1.5
    for _ in range(runs):
        reference, other = rng.normal(size=sizes[0]), rng.normal(1.0, size=sizes[1])
        shift, cliff = hodges_lehmann(reference, other), cliffs_delta(reference, other)
        tally.covers(
            (f"coverage, {shift.kind}", "Hodges-Lehmann", "donors", "shift"), shift.low, shift.high, 1.0
        )
        tally.covers(
            ("coverage", "Cliff's delta (Newcombe)", "donors", "delta"), cliff.low, cliff.high, delta
        )
        answer = equivalence_test(reference, other + margin - 1.0, margin).answer
        tally.add(("level", "equivalence at its margin", "donors", "shift"), answer == "equivalent")

    def bounds(key: tuple[str, ...]) -> tuple[float, float]:
        if key[0] == "level":
            return 0.0, ALPHA
        if key[1] == "Hodges-Lehmann":
            least = 1 - smallest_attainable_p(*sizes)
            return (min(0.95, least), 1.0)
        return (0.9, 1.0)

    return list(tally.rows(sizes, (0, 0), bounds))


def _job(job: tuple[Callable[..., list[Row]], tuple[Any, ...]]) -> list[Row]:
    function, arguments = job
    with warnings.catch_warnings():  # two donors alike: scipy's own t-test says that it is imprecise
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        return function(*arguments)


def calibrate(runs: int, *, quick: bool = False, seed: int = 1, n_jobs: int | None = None) -> list[Row]:
    """All rows, in an order and with values that do not depend on the number of processes."""
    grid = QUICK if quick else tuple((sizes, cells) for sizes in SIZES for cells in CELLS)
    shapes = tuple(dict.fromkeys(sizes for sizes, _ in grid))
    seeds = iter(np.random.SeedSequence(seed).spawn(3 * len(grid) + len(shapes)))
    jobs: list[tuple[Callable[..., list[Row]], tuple[Any, ...]]] = []
    for sizes, cells in grid:
        jobs.append((coverage, (next(seeds), sizes, cells, runs)))
        for effect in (False, True):
            balanced = sizes[0] == sizes[1] and (quick or cells != (200, 200))
            rejection_seed = next(seeds)
            if balanced:
                jobs.append((rejection, (rejection_seed, sizes, cells, runs, effect)))
    jobs += [(effects, (next(seeds), sizes, 4 * runs)) for sizes in shapes]
    if n_jobs == 1:
        return list(chain.from_iterable(map(_job, jobs)))
    with ProcessPoolExecutor(n_jobs or os.cpu_count()) as pool:
        return list(chain.from_iterable(pool.map(_job, jobs)))


def as_csv(rows: list[Row]) -> str:
    """A line for each row; rates to four decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    for row in rows:
        writer.writerow([f"{v:.4g}" if isinstance(v, float) else v for v in asdict(row).values()])
    return text.getvalue()


def main() -> None:
    """Simulate, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500, help="simulated studies per design")
    parser.add_argument("--out", type=Path, default=Path("docs/calibration.csv"))
    parser.add_argument("--jobs", type=int, default=None, help="processes; the result does not depend on it")
    parser.add_argument("--quick", action="store_true", help="two designs only")
    arguments = parser.parse_args()
    rows = calibrate(arguments.runs, quick=arguments.quick, n_jobs=arguments.jobs)
    write_text(arguments.out, as_csv(rows))
    missed = [row for row in rows if not row.held]
    print(f"{len(rows)} rates, {len(missed)} outside what is promised: {arguments.out}")
    for row in missed:
        print(row)


if __name__ == "__main__":
    main()
