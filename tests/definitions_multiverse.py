"""Slow second definitions of the multiverse: loops over combinations, donors and arrangements of ages."""

from __future__ import annotations

import itertools
import math
import statistics
from functools import cache

import numpy as np

import definitions_metrics as slow


@cache
def measured(counts, metric, support, depth, cells):
    """One metric of one donor, counts over all parts of the stratum."""
    if metric == "gini":
        if depth == "observed":
            return slow.gini_of_pairs(counts, support)
        whole = slow.mean_over_subsamples(counts, cells, lambda drawn: slow.gini_of_pairs(drawn, "stratum"))
        present = slow.mean_over_subsamples(counts, cells, lambda drawn: sum(x > 0 for x in drawn))
        return whole if support == "stratum" else 1 - len(counts) * (1 - whole) / present
    if depth == "observed":
        return slow.hill_by_definition(counts, 1)
    if depth == "corrected":
        return math.exp(slow.chao_wang_jost_as_printed(counts))
    return slow.hill_of_expected_frequencies(counts, cells, 1)


def specifications(donors, choices):
    """Every combination that has both groups: its shifts, and what it compares, for each metric.

    `donors`: name -> (age, sex, counts). Returns rows (place, n_early, n_late, shifts, compared), in order.
    """
    used = {age for ages in (*choices.references, *choices.others) for age in ages}
    combinations = itertools.product(
        choices.references, choices.others, choices.restrictions, choices.min_cells, choices.supports,
        choices.depths, choices.averages, choices.left_out,
    )  # fmt: skip
    rows = []
    for place, (early, late, sex, min_cells, support, depth, average, left_out) in enumerate(combinations):
        eligible = {
            name: (age, counts)
            for name, (age, own, counts) in donors.items()
            if age in used and sum(counts) >= min_cells and sex in ("all", own) and name != left_out
        }
        groups = [[name for name, (age, _) in eligible.items() if age in ages] for ages in (early, late)]
        if not all(groups):
            continue
        cells = min(sum(counts) for _, counts in eligible.values())
        shifts, compared = {}, {}
        for metric in ("gini", "hill_q1"):
            values = [
                {name: measured(eligible[name][1], metric, support, depth, cells) for name in group}
                for group in groups
            ]
            centre = statistics.median if average == "median" else statistics.fmean
            shifts[metric] = centre(values[1].values()) - centre(values[0].values())
            matters = average if max(map(len, groups)) > 2 else ""
            compared[metric] = (
                *(tuple(sorted((name, round(value, 9)) for name, value in side.items())) for side in values),
                matters,
            )
        rows.append((place, len(groups[0]), len(groups[1]), shifts, compared))
    return rows


def distinct(rows, metrics):
    """The first of the rows that compare the same in all of these metrics."""
    seen, kept = set(), []
    for row in rows:
        key = tuple(row[4][metric] for metric in metrics)
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return kept


def sign(shift):
    return 0 if abs(shift) <= 1e-10 else math.copysign(1, shift)


def statistics_of(donors, choices):
    """Median shift of each metric; None where undefined."""
    rows = specifications(donors, choices)
    if not rows:
        return [None] * 2
    return [
        statistics.median(row[3][metric] for row in distinct(rows, [metric]))
        for metric in ("gini", "hill_q1")
    ]


def joint_p(donors, choices, *, within_sex):
    """p and the smallest p of both statistics, over every arrangement of ages."""
    used = {age for ages in (*choices.references, *choices.others) for age in ages}
    kept = {
        name: donor
        for name, donor in donors.items()
        if donor[0] in used and sum(donor[2]) >= min(choices.min_cells)
    }
    observed = statistics_of(kept, choices)
    strata = {}
    for name, (_, sex, _) in kept.items():
        strata.setdefault(sex if within_sex else "", []).append(name)
    orders = [
        sorted(set(itertools.permutations([kept[name][0] for name in names]))) for names in strata.values()
    ]
    null = []
    for arrangement in itertools.product(*orders):
        ages = {}
        for names, order in zip(strata.values(), arrangement, strict=True):
            ages |= dict(zip(names, order, strict=True))
        null.append(statistics_of({name: (ages[name], *donor[1:]) for name, donor in kept.items()}, choices))
    found = []
    for which, own in enumerate(observed):
        values = [row[which] for row in null]
        defined = [value for value in values if value is not None]
        centre = statistics.fmean(defined) if which < 2 else 0.0
        slack = 1e-9 * max(map(abs, defined))
        distances = [math.inf if value is None else abs(value - centre) for value in values]
        farthest = max(distance for distance in distances if distance < math.inf)
        found.append(
            tuple(
                sum(distance >= limit - slack for distance in distances) / len(distances)
                for limit in (abs(own - centre), farthest)
            )
        )
    return found, len(null)


def median_shifts(found):
    """The median over distinct specifications of a sweep, for each metric and arrangement (M, A)."""
    shifts, first = found.shifts, found.first[: len(found.shifts)]
    return np.array(
        [
            [
                statistics.median(row[keep].tolist()) if keep.any() else math.nan
                for row, keep in zip(*metric, strict=True)
            ]
            for metric in zip(shifts, first, strict=True)
        ]
    )
