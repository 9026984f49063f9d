"""Coverage and level of the model that decides, where it could fail: simulated donors, and donors of real cohorts.

``python benchmarks/calibration_model.py [--runs N] [--out CSV]``; the questions on real donors need
``CONCENTRA_DATA_DIR``. Each row is a rate over so many simulated studies, with the range that is promised.

Simulated donors have shares from a Dirichlet distribution and 1,000 cells; the truth is the mean of the responses of
4,000 or 1,000 such donors. *Outlying donors*: each donor of the other group has one chance in four of a precision ten
times smaller, and the truth is the mean of this mixture. *One outlying donor*: the first donor of the other group is
such a donor, and the truth is that of the others. *Structural zeros*: half of the parts are missing altogether from
a fifth of the donors.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.metrics import gini, hill_number, hill_q1_corrected, rarefied_gini
from concentra.stats.linear_model import linear_model
from concentra.stats.moderated import ContrastTests, contrast_tests
from concentra.stats.verdict import interval_of, judge

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
N_TISSUES, N_CELLS, ALPHA = 12, 1_000, 0.05
METRICS = ("hill_q1", "gini_stratum")
SIZES = ((3, 3), (4, 4), (6, 6), (3, 5), (3, 7))
PARTS = (10, 40)
KINDS = ("plain", "one outlying donor", "outlying donors", "structural zeros")
COVERED, LEVEL, LEVEL_ODD = (0.93, 0.98), (0.0, 0.07), (0.0, 0.10)


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


def tested(samples: list[Counts], sizes: tuple[int, int], depth: int | None, moderate: bool) -> ContrastTests:
    """Tests of a family of tissues of two groups."""
    group = np.repeat([0.0, 1.0], sizes)
    model = linear_model(np.column_stack([np.ones(group.size), group]), [0, 1], groups=group.tolist())
    shares = [one / one.sum(axis=1, keepdims=True) for one in samples]
    values = [responses(one, depth) for one in samples]
    return contrast_tests([model] * len(samples), values, shares, moderate=moderate)


@cache
def expected(n_parts: int, sharpened: float) -> Floats:
    """Mean shares: log-normal ones, to a power."""
    shares = np.exp(np.linspace(-1.6, 1.6, n_parts)) ** sharpened
    return shares / shares.sum()


def donors(rng: np.random.Generator, kind: str, mean: Floats, n: int, precision: float, last: bool) -> Counts:
    """Counts (n, K) of donors of one group; `last`: the group with the outlying donor."""
    scale = np.full(n, precision)
    if kind == "outlying donors" and last:
        scale[rng.random(n) < 1.0 / 4] /= 10.0
    if kind == "one outlying donor" and last:
        scale[0] /= 10.0
    shares = np.array([rng.dirichlet(mean * s) for s in scale])
    if kind == "structural zeros":
        lost = (rng.random((n, 1)) < 0.2) & (np.arange(mean.size) % 2 == 0)
        shares = np.where(lost, 0.0, shares)
        shares /= shares.sum(axis=1, keepdims=True)
    return rng.multinomial(N_CELLS, shares)


@cache
def truth(kind: str, n_parts: int, sharpened: float, last: bool) -> Floats:
    """Mean responses of a population of donors, (2,)."""
    rng = np.random.default_rng([n_parts, last])
    kind = "plain" if kind == "one outlying donor" else kind
    return responses(
        donors(rng, kind, expected(n_parts, sharpened), 40_000 // n_parts, 40.0, last), N_CELLS
    ).mean(axis=0)


def coverage(runs: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Do the 95 % intervals hold the difference of the populations?"""
    for kind, n_parts, sizes in product(KINDS, PARTS, SIZES):
        target = truth(kind, n_parts, 1.4, True) - truth(kind, n_parts, 1.0, False)
        inside = {"family of twelve": np.zeros((0, 2), bool), "tissue alone": np.zeros((0, 2), bool)}
        for _ in range(max(1, runs // N_TISSUES)):
            samples = [two_groups(rng, kind, n_parts, sizes) for _ in range(N_TISSUES)]
            for how in inside:
                low, high = interval_of(tested(samples, sizes, N_CELLS, how == "family of twelve"), 0.95)
                inside[how] = np.concatenate([inside[how], (low <= target) & (target <= high)])
        for how, found in inside.items():
            yield from rates("coverage", f"{kind}, {n_parts} types", how, sizes, found, COVERED)


def two_groups(rng: np.random.Generator, kind: str, n_parts: int, sizes: tuple[int, int]) -> Counts:
    """Donors of both groups; the other group is more concentrated."""
    first = donors(rng, kind, expected(n_parts, 1.0), sizes[0], 40.0, False)
    return np.concatenate([first, donors(rng, kind, expected(n_parts, 1.4), sizes[1], 40.0, True)])


def rates(
    question: str,
    scenario: str,
    method: str,
    sizes: tuple[int, int],
    hits: NDArray[np.bool_],
    promised: tuple[float, float],
) -> Iterator[dict[str, object]]:
    """One row a metric."""
    for m, metric in enumerate(METRICS):
        yield {
            "question": question, "scenario": scenario, "method": method, "metric": metric, "n_reference": sizes[0],
            "n_other": sizes[1], "rate": float(hits[:, m].mean()), "runs": len(hits), "low": promised[0],
            "high": promised[1],
        }  # fmt: skip


@cache
def population(precision: float) -> Floats:
    """Mean responses of donors of so much precision, (2,): less precise donors are more concentrated on average."""
    rng = np.random.default_rng(int(precision))
    return responses(donors(rng, "plain", expected(12, 1.0), 20_000, precision, False), N_CELLS).mean(axis=0)


def unequal_spread(runs: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Donors of the second group vary five times as much: how often the true difference is rejected."""
    mean = expected(12, 1.0)
    target = population(16.0) - population(400.0)
    for sizes in ((7, 3), (3, 7), (5, 5)):
        missed = {"tissue alone": np.zeros((0, 2), bool), "one of twelve": np.zeros((0, 2), bool)}
        for _ in range(runs):
            groups = [
                donors(rng, "plain", mean, n, s, False) for n, s in zip(sizes, (400.0, 16.0), strict=True)
            ]
            odd = np.concatenate(groups)
            others = [donors(rng, "plain", mean, sum(sizes), 100.0, False) for _ in range(N_TISSUES - 1)]
            for how, samples in zip(missed, ([odd], [odd, *others]), strict=True):
                low, high = interval_of(tested(samples, sizes, N_CELLS, len(samples) > 1), 1 - ALPHA)
                missed[how] = np.concatenate([missed[how], ((target < low) | (high < target))[:1]])
        for (how, found), promised in zip(missed.items(), (LEVEL, LEVEL_ODD), strict=True):
            yield from rates("level, spread x 5", "true difference", how, sizes, found, promised)


def folder() -> Path:
    """The data folder."""
    return Path(os.environ["CONCENTRA_DATA_DIR"])


@cache
def blood(level: int) -> tuple[Counts, NDArray[np.str_]]:
    """Counts of the donors of the blood cohort, summed over visits, and their age group."""
    table = pd.read_csv(folder() / f"blood_ageing/counts_{level}_types.csv.gz", index_col="sample")
    samples = pd.read_csv(folder() / "blood_ageing/samples.csv", index_col="sample").loc[table.index]
    summed = table.groupby(samples["donor"]).sum()
    return summed.to_numpy(), samples.groupby("donor")["age_group"].first().loc[
        summed.index
    ].to_numpy().astype(str)


def thinned(rng: np.random.Generator, counts: Counts, n_cells: int) -> Counts:
    """So many cells of each donor, drawn without replacement."""
    return np.array([rng.multivariate_hypergeometric(one, n_cells, method="marginals") for one in counts])


def depth(runs: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Real donors at 300 against 3,000 cells: the level, and the power beside 300 against 300."""
    counts, age = blood(27)
    deep = counts.sum(axis=1) >= 3_000
    counts, age = counts[deep], age[deep]
    pools = {"no difference": ("young", "young"), "young and old": ("young", "old")}
    for scenario, groups in pools.items():
        for n in (3, 6):
            for cells in ((300, 3_000), (300, 300)):
                hits = {
                    "Gini rarefied, number corrected": np.zeros((0, 2), bool),
                    "as counted": np.zeros((0, 2), bool),
                }
                for _ in range(runs // 2):
                    rows = [rng.permutation(np.flatnonzero(age == g)) for g in groups]
                    chosen = rows[0][:n], (rows[1][n : 2 * n] if groups[0] == groups[1] else rows[1][:n])
                    sample = np.concatenate(
                        [thinned(rng, counts[r], c) for r, c in zip(chosen, cells, strict=True)]
                    )
                    group = np.repeat([0.0, 1.0], n)
                    model = linear_model(np.column_stack([np.ones(2 * n), group]), [0, 1])
                    shown = sample[:, sample.any(axis=0)]
                    g = np.asarray(gini(shown, support="stratum"))
                    plain = np.stack([np.log(np.asarray(hill_number(shown, 1))), np.log(g / (1 - g))], axis=1)
                    for how, values in zip(hits, (responses(shown), plain), strict=True):
                        found = contrast_tests([model], [values], moderate=False).p_value <= ALPHA
                        hits[how] = np.concatenate([hits[how], found])
                question = "level, depth" if scenario == "no difference" else "power, depth"
                promised = (0.0, 0.06) if scenario == "no difference" else (0.0, 1.0)
                for how, found in hits.items():
                    yield from rates(
                        question, f"{cells[0]} v {cells[1]:,} cells", how, (n, n), found, promised
                    )


def visits(runs: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Ten visits of five young donors a side: visits as donors, and donors."""
    table = pd.read_csv(folder() / "blood_ageing/counts_27_types.csv.gz", index_col="sample")
    samples = pd.read_csv(folder() / "blood_ageing/samples.csv", index_col="sample").loc[table.index]
    young = samples[samples["age_group"] == "young"]
    many = young.groupby("donor").indices
    many = {name: rows for name, rows in many.items() if len(rows) >= 9}
    values = (
        pd.Series(np.log(np.asarray(hill_number(table.to_numpy(), 1))), table.index)
        .loc[young.index]
        .to_numpy()
    )
    hits = {"donors": np.zeros((0, 2), bool), "visits as donors": np.zeros((0, 2), bool)}
    for _ in range(runs):
        chosen = rng.permutation(list(many))[:10]
        rows = np.concatenate([many[name] for name in chosen])
        donor = np.concatenate([[name] * len(many[name]) for name in chosen]).tolist()
        group = np.concatenate([[float(place >= 5)] * len(many[name]) for place, name in enumerate(chosen)])
        design = np.column_stack([np.ones(group.size), group])
        for how, names in zip(hits, (donor, None), strict=True):
            p = contrast_tests(
                [linear_model(design, [0, 1], donors=names)], [values[rows][:, None]], moderate=False
            ).p_value
            hits[how] = np.concatenate([hits[how], np.repeat(p <= ALPHA, 2, axis=1)])
    for how, found in hits.items():
        yield next(iter(rates("level, repeated visits", "five donors a side", how, (5, 5), found, LEVEL)))


def cohorts() -> pd.DataFrame:
    """What the verdict is on whole cohorts: blood at three granularities, adjusted or not, and the negative control."""
    rows = []
    samples = pd.read_csv(folder() / "blood_ageing/samples.csv", index_col="sample")
    for level in (7, 27, 69):
        counts, age = blood(level)
        about = samples.groupby("donor")[["sex", "cmv"]].first()
        old, male, positive = age == "old", about["sex"] == "male", about["cmv"] == "positive"
        for name, columns in (("plain", [old]), ("sex and CMV", [old, male, positive])):
            design = np.column_stack([np.ones(len(age)), *columns]).astype(float)
            model = linear_model(
                design, np.eye(design.shape[1])[1], groups=age.tolist() if name == "plain" else None
            )
            tests = contrast_tests([model], [responses(counts)], moderate=False)
            rows.append(verdict_row(f"blood, {level} types", name, tests))
    shares = pd.read_csv(folder() / "controls/pbmc_ageing_huang2021.csv", index_col=0).T
    values = np.stack(
        [np.log(np.asarray(hill_number(shares.to_numpy(), 1))), logit_gini(shares.to_numpy())], axis=1
    )
    design = np.column_stack([np.ones(len(shares)), shares.index.str.startswith("O")]).astype(float)
    rows.append(
        verdict_row(
            "negative control, 24 types",
            "plain",
            contrast_tests([linear_model(design, [0, 1])], [values], moderate=False),
        )
    )
    return pd.DataFrame(rows)


def logit_gini(amounts: Floats) -> Floats:
    """Logit of the Gini coefficient as counted."""
    g = np.asarray(gini(amounts, support="stratum"))
    return np.log(g / (1 - g))


def verdict_row(cohort: str, model: str, tests: ContrastTests) -> dict[str, object]:
    """The verdict on one tissue with its intervals."""
    found = judge(tests)
    row: dict[str, object] = {"cohort": cohort, "model": model, "verdict": found.verdict[0]}
    for m, metric in enumerate(METRICS):
        values = found.effect, found.low, found.high, tests.p_value
        row |= {
            f"{metric}_{name}": one[0, m]
            for name, one in zip(("effect", "low", "high", "p"), values, strict=True)
        }
    return row


QUESTIONS: dict[str, Callable[[int, np.random.Generator], Iterator[dict[str, object]]]] = {
    "coverage": coverage, "spread": unequal_spread, "depth": depth, "visits": visits,
}  # fmt: skip


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cohorts", type=Path)
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS))
    options = parser.parse_args()
    if options.cohorts:
        found = cohorts()
        print(found.to_string(index=False, float_format="%.4g"))
        found.to_csv(options.cohorts, index=False, quoting=csv.QUOTE_NONNUMERIC)
    rows: list[dict[str, object]] = []
    for place, name in enumerate(options.questions):
        rows += QUESTIONS[name](options.runs, np.random.default_rng([2026, place]))
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.4f"))
    if options.out:
        pd.DataFrame(rows).to_csv(options.out, index=False, quoting=csv.QUOTE_NONNUMERIC)


if __name__ == "__main__":
    main()
