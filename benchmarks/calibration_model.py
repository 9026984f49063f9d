"""Coverage and level of the model that decides, where it could fail: simulated donors.

``python benchmarks/calibration_model.py [--families N] [--out CSV]``. Each row is a rate over so many simulated
tissues, with its Monte-Carlo error and the range that is promised.

Donors have shares from a Dirichlet distribution and 1,000 cells; the truth is the mean of the responses of 40,000 or
10,000 such donors. *Outlying donors*: each donor of the other group, or of both groups, has one chance in four of a
precision ten times smaller, and the truth is the difference of the means of these mixtures. *One outlying donor*: the
first donor of the other group is such a donor, and the truth is that of the others. *Structural zeros*: half of the
parts are missing altogether from a fifth of the donors.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.metrics import gini, hill_q1_corrected, rarefied_gini
from concentra.stats.linear_model import LinearModel, linear_model
from concentra.stats.moderated import ContrastTests, contrast_tests
from concentra.stats.verdict import interval_of

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
N_TISSUES, N_CELLS, ALPHA = 12, 1_000, 0.05
METRICS = ("hill_q1", "gini_stratum")
SIZES = ((3, 3), (4, 4), (6, 6), (3, 5), (3, 7), (7, 3))
PARTS = (10, 40)
OUTLYING = {"one outlying donor": (False, False), "outlying donors": (False, True),
            "outlying donors, both groups": (True, True)}  # fmt: skip
KINDS = ("plain", *OUTLYING, "structural zeros")
COVERED, LEVEL, LEVEL_ODD = (0.93, 0.98), (0.0, 0.07), (0.0, 0.10)
FAMILY, ALONE = "family of twelve", "tissue alone"


def responses(counts: Counts, depth: int | None = None) -> Floats:
    """ln effective number and logit Gini at the common depth, (n, 2)."""
    totals = counts.sum(axis=1)
    m = int(totals.min()) if depth is None else depth
    whole = bool((totals == m).all())  # nothing to rarefy
    values = gini(counts, support="stratum") if whole else rarefied_gini(counts, m, support="stratum")
    over_all = np.clip(np.asarray(values), 1e-9, 1 - 1e-9)
    return np.stack(
        [np.log(np.asarray(hill_q1_corrected(counts))), np.log(over_all / (1 - over_all))], axis=1
    )


@cache
def two_groups(sizes: tuple[int, int]) -> LinearModel:
    """The model of two groups of donors."""
    group = np.repeat([0.0, 1.0], sizes)
    return linear_model(np.column_stack([np.ones(group.size), group]), [0, 1], groups=group.tolist())


def bounds(samples: Counts, sizes: tuple[int, int], how: str) -> tuple[Floats, Floats]:
    """95% intervals (T, 2) in tissues of two groups, from counts (T, n, K)."""
    n_tissues, n_donors, n_parts = samples.shape
    values = responses(samples.reshape(-1, n_parts), N_CELLS).reshape(n_tissues, n_donors, 2)
    shares = samples / samples.sum(axis=2, keepdims=True)
    model, step = two_groups(sizes), (N_TISSUES if how == FAMILY else n_tissues)
    found = [
        interval_of(tested(model, values[at : at + step], shares[at : at + step], how), 1 - ALPHA)
        for at in range(0, n_tissues, step)
    ]
    return np.concatenate([low for low, _ in found]), np.concatenate([high for _, high in found])


def tested(model: LinearModel, values: Floats, shares: Floats, how: str) -> ContrastTests:
    """Tests of tissues of one design, moderated as a family or not at all."""
    family = how == FAMILY
    return contrast_tests(
        [model] * len(values), list(values), list(shares) if family else None, moderate=family
    )


@cache
def expected(n_parts: int, sharpened: float) -> Floats:
    """Mean shares: log-normal ones, to a power."""
    shares = np.exp(np.linspace(-1.6, 1.6, n_parts)) ** sharpened
    return shares / shares.sum()


def dirichlet(rng: np.random.Generator, mean: Floats, precision: Floats) -> Floats:
    """Shares (..., K) of donors of so much precision (...) each."""
    draws = rng.standard_gamma(precision[..., None] * mean)
    return np.asarray(draws / draws.sum(axis=-1, keepdims=True))


def donors(rng: np.random.Generator, kind: str, mean: Floats, shape: tuple[int, int], other: bool) -> Counts:
    """Counts (T, n, K) of n donors of one group in T tissues."""
    precision = np.full(shape, 40.0)
    if kind == "one outlying donor" and other:
        precision[:, 0] /= 10.0
    elif kind in OUTLYING and OUTLYING[kind][other]:
        precision[rng.random(shape) < 1.0 / 4] /= 10.0
    shares = dirichlet(rng, mean, precision)
    if kind == "structural zeros":
        lost = (rng.random((*shape, 1)) < 0.2) & (np.arange(mean.size) % 2 == 0)
        shares = np.where(lost, 0.0, shares)
        shares /= shares.sum(axis=2, keepdims=True)
    return rng.multinomial(N_CELLS, shares)


@cache
def truth(kind: str, n_parts: int, sharpened: float, other: bool) -> Floats:
    """Mean responses of a population of donors, (2,)."""
    rng = np.random.default_rng([n_parts, other])
    kind = "plain" if kind == "one outlying donor" else kind
    population = donors(rng, kind, expected(n_parts, sharpened), (1, 400_000 // n_parts), other)
    return responses(population[0], N_CELLS).mean(axis=0)


def coverage(families: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Do the 95% intervals hold the difference of the populations?"""
    for kind, n_parts, sizes in product(KINDS, PARTS, SIZES):
        target = truth(kind, n_parts, 1.4, True) - truth(kind, n_parts, 1.0, False)
        shapes = [(families * N_TISSUES, n) for n in sizes]
        first = donors(rng, kind, expected(n_parts, 1.0), shapes[0], False)
        second = donors(rng, kind, expected(n_parts, 1.4), shapes[1], True)
        samples = np.concatenate([first, second], axis=1)
        for how in (FAMILY, ALONE):
            low, high = bounds(samples, sizes, how)
            inside = (low <= target) & (target <= high)
            yield from rates("coverage", f"{kind}, {n_parts} types", how, sizes, inside, COVERED)


def rates(
    question: str,
    scenario: str,
    method: str,
    sizes: tuple[int, int],
    hits: NDArray[np.bool_],
    promised: tuple[float, float],
) -> Iterator[dict[str, object]]:
    """One row a metric, from hits (T, 2)."""
    for m, metric in enumerate(METRICS):
        rate = float(hits[:, m].mean())
        yield {
            "question": question, "scenario": scenario, "method": method, "metric": metric, "n_reference": sizes[0],
            "n_other": sizes[1], "rate": rate, "standard_error": float(np.sqrt(rate * (1 - rate) / len(hits))),
            "runs": len(hits), "low": promised[0], "high": promised[1],
        }  # fmt: skip


def missing(low: Floats, high: Floats, target: Floats) -> NDArray[np.bool_]:
    """Where an interval lies wholly on one side of the truth: a true difference is rejected."""
    return np.asarray((target < low) | (high < target))


def dirichlet_donors(
    rng: np.random.Generator, precision: float, shape: tuple[int, int], n_cells: int = N_CELLS
) -> Counts:
    """Counts (T, n, 12) of donors of one precision."""
    return rng.multinomial(n_cells, dirichlet(rng, expected(12, 1.0), np.full(shape, precision)))


@cache
def population(precision: float) -> Floats:
    """Mean responses of donors of so much precision, (2,): less precise donors are more concentrated on average."""
    counts = dirichlet_donors(np.random.default_rng(int(precision)), precision, (1, 100_000))
    return responses(counts[0], N_CELLS).mean(axis=0)


def unequal_spread(families: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Donors of the second group vary more: how often the true difference is rejected.

    Normal responses with five times the standard deviation, and Dirichlet donors of precision 400 and 16, whose
    standard deviations differ by 3.6 (ln effective number) and 2.8 (logit Gini) and which are skewed.
    """
    target = population(16.0) - population(400.0)
    for sizes in ((7, 3), (3, 7), (5, 5)):
        alone = N_TISSUES * families
        normal = np.concatenate(
            [rng.standard_normal((alone, n, 2)) * s for n, s in zip(sizes, (1, 5), strict=True)], axis=1
        )
        tests = contrast_tests([two_groups(sizes)] * alone, list(normal), moderate=False)
        found = np.asarray(tests.p_value <= ALPHA)
        yield from rates("level, spread", "normal, 5 times", ALONE, sizes, found, LEVEL)
        odd = [dirichlet_donors(rng, s, (alone, n)) for n, s in zip(sizes, (400.0, 16.0), strict=True)]
        counts = np.concatenate(odd, axis=1)
        found = missing(*bounds(counts, sizes, ALONE), target)
        yield from rates("level, spread", "Dirichlet, 3 times", ALONE, sizes, found, LEVEL)
        family = dirichlet_donors(rng, 100.0, (alone, sum(sizes)))
        family[::N_TISSUES] = counts[::N_TISSUES]
        found = missing(*bounds(family, sizes, FAMILY), target)[::N_TISSUES]
        yield from rates("level, spread", "Dirichlet, 3 times", "odd one of twelve", sizes, found, LEVEL_ODD)


QUESTIONS: dict[str, Callable[[int, np.random.Generator], Iterator[dict[str, object]]]] = {
    "coverage": coverage, "spread": unequal_spread,
}  # fmt: skip


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=250, help="families of twelve tissues a scenario")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS))
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for place, name in enumerate(options.questions):
        families = options.families * (4 if name == "spread" else 1)
        rows += QUESTIONS[name](families, np.random.default_rng([2026, place]))
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.4f"))
    if options.out:
        pd.DataFrame(rows).to_csv(options.out, index=False, quoting=csv.QUOTE_NONNUMERIC, float_format="%.5g")


if __name__ == "__main__":
    main()
