"""Level, power and false discoveries of the verdict on real donors of published cohorts, beside other rules.

``CONCENTRA_DATA_DIR=... python benchmarks/calibration_cohorts.py [--families N] [--out CSV]`` needs the folders
``cohorts/`` and ``blood_ageing/``.

A family is twelve tissues. *Changed*: each of six contrasts between known groups, twice. *Null*: each of six groups,
twice, both sides from the one group. *Mixed*: four changed tissues and eight null ones. Donors are drawn
without replacement within a tissue. Gini is the expectation at the smallest number of cells drawn.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from concentra.metrics import gini, hill_q1_corrected, rarefied_gini
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.linear_model import LinearModel, linear_model
from concentra.stats.moderated import contrast_tests
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.power import cell_variance
from concentra.stats.shrinkage import squeeze_variances
from concentra.stats.verdict import ESTABLISHED, cauchy_combination, judge

Floats = NDArray[np.float64]
ALPHA = 0.05
SIZES = (3, 4, 6)
CHANGED = (
    ("pelka_hitme", "T", "N"),
    ("lee_fine", "GBM.new", "GBM.PD1"),
    ("bassez_hitme", "NE", "E"),
    ("zhang_fine", "blood", "tumor"),
    ("blood_27", "young", "old"),
    ("blood_69", "young", "old"),
)
NULL = (
    ("pelka_hitme", "T"),
    ("pelka_fine", "N"),
    ("stephenson_fine", "Covid"),
    ("smillie_fine", "Inflamed"),
    ("blood_27", "young"),
    ("blood_69", "old"),
)
COLUMNS = {
    "pelka": "Tissue",
    "lee": "condition",
    "bassez": "expansion",
    "zhang": "Tissue",
    "stephenson": "Status",
    "smillie": "Condition",
    "wu": "subtype",
}


@dataclass(frozen=True)
class Source:
    """One cohort at one granularity: everything about its samples that a family needs."""

    counts: NDArray[np.int64]  # (S, K)
    labels: NDArray[np.str_]  # (S,)
    shares: Floats  # (S, K)
    log_effective: Floats  # (S,)
    depths: NDArray[np.int64]  # (D,) ascending
    rarefied: Floats  # (D, S): Gini over all K parts at each depth

    def responses(self, samples: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """ln effective number and logit Gini (n, 2), and shares, over the parts that the samples show."""
        present = (self.counts[samples] > 0).any(axis=0)
        depth = np.searchsorted(self.depths, self.counts[samples].sum(axis=1).min(), side="right") - 1
        all_parts = self.rarefied[max(depth, 0), samples]
        over_present = 1.0 - (1.0 - all_parts) * present.size / present.sum()
        logit = np.log(over_present / (1.0 - over_present))
        return np.stack([self.log_effective[samples], logit], axis=1), self.shares[samples][:, present]


def source_of(counts: NDArray[np.int64], labels: NDArray[np.str_], rarefy: bool = True) -> Source:
    """Metrics of every sample, once."""
    counts = counts[:, counts.sum(axis=0) > 0]
    totals = counts.sum(axis=1)
    depths = np.unique(totals) if rarefy else totals.min()[None]
    rarefied = (
        np.array([rarefied_gini(counts, int(m), support="stratum") for m in depths])
        if rarefy
        else gini(counts, support="stratum")[None]
    )
    return Source(
        counts, labels, counts / totals[:, None], np.log(hill_q1_corrected(counts)), depths, rarefied
    )


@cache
def source(name: str) -> Source:
    """A source by name, such as ``pelka_fine`` or ``blood_27``."""
    folder = Path(os.environ["CONCENTRA_DATA_DIR"])
    study, level = name.split("_")
    if study == "blood":
        table = pd.read_csv(folder / f"blood_ageing/counts_{level}_types.csv.gz", index_col="sample")
        samples = pd.read_csv(folder / "blood_ageing/samples.csv", index_col="sample").loc[table.index]
        summed = table.groupby(samples["donor"]).sum()
        ages = samples.groupby("donor")["age_group"].first().loc[summed.index]
        return source_of(
            summed.to_numpy(), ages.to_numpy().astype(str), rarefy=False
        )  # 20,000 cells and more
    table = pd.read_csv(folder / f"cohorts/{name}.csv.gz", index_col=0)
    samples = pd.read_csv(folder / f"cohorts/{study}_samples.csv", index_col=0).loc[table.index]
    return source_of(table.to_numpy(), samples[COLUMNS[study]].to_numpy().astype(str))


@dataclass(frozen=True)
class Family:
    """Tissues of one family: responses (n, 2) and shares (n, K) each, and where they come from."""

    responses: list[Floats]
    shares: list[Floats]
    origin: list[int]  # 0 to 5 changed, 6 to 11 null
    sizes: tuple[int, int]
    totals: list[NDArray[np.int64]]  # cells of each sample


def draw(rng: np.random.Generator, kind: str, sizes: tuple[int, int]) -> Family:
    """A family of twelve tissues."""
    places = {
        "changed": [*range(6), *range(6)],
        "null": [*range(6, 12), *range(6, 12)],
        "mixed": [
            *rng.permutation([*range(6), *range(6)])[:4],
            *(6 + rng.permutation([*range(6), *range(6)])[:8]),
        ],
    }[kind]
    responses, shares, totals = [], [], []
    for place in places:
        name, *sides = (*CHANGED, *NULL)[place]
        found = source(name)
        if len(sides) == 1:
            chosen = rng.choice(np.flatnonzero(found.labels == sides[0]), sum(sizes), replace=False)
        else:
            pools = [np.flatnonzero(found.labels == side) for side in sides]
            chosen = np.concatenate(
                [rng.choice(p, n, replace=False) for p, n in zip(pools, sizes, strict=True)]
            )
        response, table = found.responses(chosen)
        responses.append(response)
        shares.append(table)
        totals.append(found.counts[chosen].sum(axis=1))
    return Family(responses, shares, [int(p) for p in places], sizes, totals)


@cache
def two_groups(sizes: tuple[int, int]) -> LinearModel:
    """The model of two groups of donors."""
    group = np.repeat([0.0, 1.0], sizes)
    return linear_model(np.column_stack([np.ones(group.size), group]), [0, 1], groups=group.tolist())


def called(p: Floats, shift: Floats) -> NDArray[np.bool_]:
    """The rule of the verdict for any two p-values: more or less concentrated."""
    adjusted = benjamini_hochberg(cauchy_combination(p), alpha=ALPHA).p_adjusted
    return (adjusted <= ALPHA) & (p <= ALPHA).all(axis=1) & (shift[:, 0] * shift[:, 1] < 0)


Answer = tuple[Floats, NDArray[np.bool_]]
Rule = Callable[[Family], Answer]


def ours(family: Family) -> Answer:
    """The verdict of this package."""
    models = [two_groups(family.sizes)] * len(family.responses)
    tests = contrast_tests(models, family.responses, family.shares)
    words = judge(tests, alpha=ALPHA).verdict
    return tests.p_value, np.array([word in ESTABLISHED[:2] for word in words])


def alone(family: Family) -> Answer:
    """Every tissue by itself: pooled at equal sizes, Welch otherwise."""
    tests = contrast_tests(
        [two_groups(family.sizes)] * len(family.responses), family.responses, moderate=False
    )
    return tests.p_value, called(tests.p_value, tests.estimate)


def _split(family: Family) -> tuple[Floats, Floats]:
    stacked = np.array(family.responses)  # (T, n, 2)
    return stacked[:, : family.sizes[0]], stacked[:, family.sizes[0] :]


def welch(family: Family) -> Answer:
    """Welch's t-test in every tissue."""
    reference, other = _split(family)
    p = stats.ttest_ind(other, reference, axis=1, equal_var=False).pvalue
    return p, called(p, other.mean(axis=1) - reference.mean(axis=1))


def moderated(family: Family, trend: bool = False) -> Answer:
    """Smyth's moderated t, with or without a trend in ln cells; nothing of what the parts predict."""
    reference, other = _split(family)
    n_reference, n_other = family.sizes
    df = n_reference + n_other - 2
    variance = (
        (n_reference - 1) * reference.var(axis=1, ddof=1) + (n_other - 1) * other.var(axis=1, ddof=1)
    ) / df
    shift = other.mean(axis=1) - reference.mean(axis=1)
    p = np.empty(shift.shape)
    for m in range(2):
        depth = [np.log(totals).mean() for totals in family.totals]
        shrunk = squeeze_variances(
            variance[:, m], np.full(len(shift), df), covariates=depth if trend else None, robust=False
        )
        t = shift[:, m] / np.sqrt(shrunk.variance * (1 / n_reference + 1 / n_other))
        p[:, m] = 2 * stats.t.sf(np.abs(t), shrunk.df)
    return p, called(p, shift)


def ranks(family: Family) -> Answer:
    """Exact Mann-Whitney tests of both metrics, both adjusted, as version 0.1 required."""
    reference, other = _split(family)
    p = np.array(
        [
            [mann_whitney_exact(a, b).p_value for a, b in zip(x.T, y.T, strict=True)]
            for x, y in zip(reference, other, strict=True)
        ]
    )
    adjusted = np.stack([benjamini_hochberg(p[:, m]).p_adjusted for m in range(2)], axis=1)
    shift = np.median(other, axis=1) - np.median(reference, axis=1)
    return p, (adjusted <= ALPHA).all(axis=1) & (shift[:, 0] * shift[:, 1] < 0)


def cells(family: Family) -> Answer:
    """Cells as units: the cells of each group pooled, with the error of counting alone."""
    p = np.empty((len(family.shares), 2))
    shift = np.empty(p.shape)
    n_reference = family.sizes[0]
    for t, (shares, totals) in enumerate(zip(family.shares, family.totals, strict=True)):
        pooled = np.array(
            [
                (shares[s] * totals[s, None]).sum(axis=0)
                for s in (slice(n_reference), slice(n_reference, None))
            ]
        )
        over_all = gini(pooled, support="stratum")
        values = np.stack(
            [np.log(hill_q1_corrected(np.round(pooled))), np.log(over_all / (1 - over_all))], axis=1
        )
        error = np.sqrt((cell_variance(pooled) / pooled.sum(axis=1)[:, None]).sum(axis=0))
        shift[t] = values[1] - values[0]
        p[t] = 2 * stats.norm.sf(np.abs(shift[t]) / error)
    return p, called(p, shift)


RULES: dict[str, Rule] = {
    "concentra": ours,
    "each tissue alone": alone,
    "Welch": welch,
    "moderated (Smyth)": moderated,
    "moderated, trend in ln cells": partial(moderated, trend=True),
    "exact ranks, both adjusted": ranks,
    "cells as units": cells,
}


SLOW = "cells as units"
"""Tried on every fifth family: its rates are far from any other's, and it takes as long as all the others."""


def run(seed: int, kind: str, n: int, families: int, rules: tuple[str, ...]) -> list[dict[str, object]]:
    """Rates of every rule over so many families of one kind and size."""
    rng = np.random.default_rng([seed, n, ["changed", "null", "mixed"].index(kind)])
    tallies = {rule: _Tally() for rule in rules}
    for place in range(families):
        family = draw(rng, kind, (n, n))
        for rule in rules:
            if rule == SLOW and place % 5:
                continue
            tallies[rule].add(family, *RULES[rule](family))
    return [{"kind": kind, "n": n, "rule": rule, **tally.rates()} for rule, tally in tallies.items()]


class _Tally:
    def __init__(self) -> None:
        self.p: list[Floats] = []
        self.called: list[NDArray[np.bool_]] = []
        self.origin: list[list[int]] = []

    def add(self, family: Family, p: Floats, found: NDArray[np.bool_]) -> None:
        self.p.append(p)
        self.called.append(found)
        self.origin.append(family.origin)

    def rates(self) -> dict[str, float]:
        p, found, origin = np.array(self.p), np.array(self.called), np.array(self.origin)
        null = origin >= 6
        tissues = [[(p[origin == k][:, m] <= ALPHA).mean() for k in sorted({*origin[null]})] for m in (0, 1)]
        wrong = (found & null).sum(axis=1) / np.maximum(found.sum(axis=1), 1)
        with_null = null.any()
        return {
            "called": float(found.mean()),
            "called_null": float(found[null].mean()) if with_null else np.nan,
            "level": float(max((p[null][:, m] <= ALPHA).mean() for m in (0, 1))) if with_null else np.nan,
            "level_worst": float(np.max(tissues)) if with_null else np.nan,
            "false_discoveries": float(wrong.mean()),
            "families": len(found),
        }


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rules", nargs="*", default=list(RULES))
    options = parser.parse_args()
    for name, *_ in (*CHANGED, *NULL):
        source(name)
    tasks = [(kind, n) for n in SIZES for kind in ("changed", "null", "mixed")]
    rows: list[dict[str, object]] = []
    for kind, n in tasks:
        rows += run(options.seed, kind, n, options.families, tuple(options.rules))
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.4f"))
    if options.out:
        pd.DataFrame(rows).to_csv(options.out, index=False, quoting=csv.QUOTE_NONNUMERIC)


if __name__ == "__main__":
    main()
