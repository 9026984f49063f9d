"""Level and power of the model that decides on real donors, where both could fail: unequal depth and repeated visits.

``CONCENTRA_DATA_DIR=... python benchmarks/calibration_blood.py [--runs N] [--out CSV] [--cohorts CSV]`` needs
``blood_ageing/`` and ``controls/``. With ``--cohorts`` the verdicts on whole cohorts are written too.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration_model import ALPHA, LEVEL, METRICS, Counts, Floats, rates, responses, two_groups
from concentra.metrics import gini, hill_number
from concentra.stats.linear_model import linear_model
from concentra.stats.moderated import ContrastTests, contrast_tests
from concentra.stats.verdict import judge

Strings = NDArray[np.str_]
DEPTHS = ((300, 3_000), (300, 300))
HOW = ("Gini rarefied, number corrected", "as counted")


def folder() -> Path:
    """The data folder."""
    return Path(os.environ["CONCENTRA_DATA_DIR"])


@cache
def samples_of(level: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts of every blood sample, and what is known of it."""
    table = pd.read_csv(folder() / f"blood_ageing/counts_{level}_types.csv.gz", index_col="sample")
    about = pd.read_csv(folder() / "blood_ageing/samples.csv", index_col="sample").loc[table.index]
    return table, about


@cache
def blood(level: int) -> tuple[Counts, Strings]:
    """Counts of the donors of the blood cohort, summed over visits, and their age group."""
    table, about = samples_of(level)
    summed = table.groupby(about["donor"]).sum()
    age = about.groupby("donor")["age_group"].first().loc[summed.index]
    return summed.to_numpy(), age.to_numpy().astype(str)


def thinned(rng: np.random.Generator, counts: Counts, n_cells: int) -> Counts:
    """So many cells of each donor, drawn without replacement."""
    return np.array([rng.multivariate_hypergeometric(one, n_cells, method="marginals") for one in counts])


def depth(runs: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Real donors at 300 against 3,000 cells: the level, and the power beside 300 against 300.

    The four depths and ways share the donors, and the reference donors their 300 cells, so that differences between
    rates are known better than the rates.
    """
    counts, age = blood(27)
    deep = counts.sum(axis=1) >= max(max(DEPTHS))
    counts, age = counts[deep], age[deep]
    for question, groups, high in (
        ("level, depth", ("young", "young"), 0.06),
        ("power, depth", ("young", "old"), 1.0),
    ):
        for n in (3, 6):
            drawn = [chosen_donors(rng, counts, age, groups, n) for _ in range(runs)]
            for place, cells in enumerate(DEPTHS):
                for column, how in enumerate(HOW):
                    values = [one[place][column] for one in drawn]
                    found = (
                        contrast_tests([two_groups((n, n))] * runs, values, moderate=False).p_value <= ALPHA
                    )
                    scenario = f"{cells[0]} v {cells[1]:,} cells"
                    yield from rates(question, scenario, how, (n, n), np.asarray(found), (0.0, high))


def chosen_donors(
    rng: np.random.Generator, counts: Counts, age: Strings, groups: tuple[str, str], n: int
) -> list[tuple[Floats, Floats]]:
    """Responses at each of `DEPTHS`, corrected and as counted, of n donors of each group."""
    rows = [rng.permutation(np.flatnonzero(age == g)) for g in groups]
    same = groups[0] == groups[1]
    first, second = rows[0][:n], (rows[0][n : 2 * n] if same else rows[1][:n])
    reference = thinned(rng, counts[first], DEPTHS[0][0])
    found = []
    for _, cells in DEPTHS:
        sample = np.concatenate([reference, thinned(rng, counts[second], cells)])
        shown = sample[:, sample.any(axis=0)]
        found.append((responses(shown), as_counted(shown)))
    return found


def as_counted(amounts: Floats | Counts) -> Floats:
    """ln effective number and logit Gini without correction for depth, (n, 2)."""
    g = np.asarray(gini(amounts, support="stratum"))
    return np.stack([np.log(np.asarray(hill_number(amounts, 1))), np.log(g / (1 - g))], axis=1)


def visits(runs: int, rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Ten visits of five young donors a side: donors, and visits as donors."""
    table, about = samples_of(27)
    young = (about["age_group"] == "young").to_numpy()
    values, donors = as_counted(table.to_numpy()[young]), about["donor"].to_numpy()[young]
    visited = [name for name, n in about["donor"][young].value_counts().sort_index().items() if n >= 9]
    hits: dict[str, list[NDArray[np.bool_]]] = {"donors": [], "visits as donors": []}
    for _ in range(runs):
        chosen = rng.permutation(visited)[:10]
        rows = np.flatnonzero(np.isin(donors, chosen))
        design = np.column_stack([np.ones(rows.size), np.isin(donors[rows], chosen[5:])]).astype(float)
        for how, names in zip(hits, (donors[rows].tolist(), None), strict=True):
            model = linear_model(design, [0, 1], donors=names)
            tests = contrast_tests([model], [values[rows]], moderate=False)
            hits[how].append(np.asarray(tests.p_value <= ALPHA))
    for how, found in hits.items():
        yield from rates(
            "level, repeated visits", "five donors a side", how, (5, 5), np.concatenate(found), LEVEL
        )


def cohorts() -> pd.DataFrame:
    """Verdicts on whole cohorts: blood at three granularities, adjusted or not, and the negative control."""
    rows = []
    for level in (7, 27, 69):
        counts, age = blood(level)
        about = samples_of(level)[1].groupby("donor")[["sex", "cmv"]].first()
        old, male, positive = age == "old", about["sex"] == "male", about["cmv"] == "positive"
        for name, columns in (("plain", [old]), ("sex and CMV", [old, male, positive])):
            design = np.column_stack([np.ones(len(age)), *columns]).astype(float)
            groups = age.tolist() if name == "plain" else None
            model = linear_model(design, np.eye(design.shape[1])[1], groups=groups)
            tests = contrast_tests([model], [responses(counts)], moderate=False)
            rows.append(verdict_row(f"blood, {level} types", name, tests))
    shares = pd.read_csv(folder() / "controls/pbmc_ageing_huang2021.csv", index_col=0).T
    old = shares.index.str.startswith("O")
    model = linear_model(np.column_stack([np.ones(len(shares)), old]).astype(float), [0, 1])
    tests = contrast_tests([model], [as_counted(shares.to_numpy())], moderate=False)
    rows.append(verdict_row("negative control, 24 types", "plain", tests))
    return pd.DataFrame(rows)


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
    "depth": depth, "visits": visits,
}  # fmt: skip


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cohorts", type=Path)
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS))
    options = parser.parse_args()
    if options.cohorts:
        found = cohorts()
        print(found.to_string(index=False, float_format="%.4g"))
        found.to_csv(options.cohorts, index=False, quoting=csv.QUOTE_NONNUMERIC, float_format="%.5g")
    rows: list[dict[str, object]] = []
    for place, name in enumerate(options.questions):
        rows += QUESTIONS[name](options.runs, np.random.default_rng([2026, place, 7]))
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.4f"))
    if options.out:
        pd.DataFrame(rows).to_csv(options.out, index=False, quoting=csv.QUOTE_NONNUMERIC, float_format="%.5g")


if __name__ == "__main__":
    main()
