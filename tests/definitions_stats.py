"""Slow second definitions of the statistics: plain loops over every arrangement, written from the formula."""

from __future__ import annotations

import itertools
import math

import numpy as np


def midranks(values):
    """The mean of the places that each value takes in the sorted list."""
    ordered = sorted(values)
    places = {value: [i + 1 for i, other in enumerate(ordered) if other == value] for value in values}
    return [sum(places[value]) / len(places[value]) for value in values]


def mann_whitney_p(early, late):
    """(p, smallest p) over all arrangements of the labels, by distance of the rank sum from its mean."""
    ranks = midranks(list(early) + list(late))
    n, k = len(ranks), len(late)
    centre = k * sum(ranks) / n
    distances = [
        abs(sum(ranks[i] for i in chosen) - centre) for chosen in itertools.combinations(range(n), k)
    ]
    observed = abs(sum(ranks[len(early) :]) - centre)
    p = sum(distance >= observed - 1e-9 for distance in distances) / len(distances)
    return p, sum(distance >= max(distances) - 1e-9 for distance in distances) / len(distances)


def signed_rank_p(early, late):
    """(p, smallest p) over all assignments of signs to the ranked differences that are not zero."""
    differences = [b - a for a, b in zip(early, late, strict=True) if b != a]
    ranks = midranks([abs(d) for d in differences])
    centre = sum(ranks) / 2
    distances = [
        abs(sum(r for r, sign in zip(ranks, signs, strict=True) if sign) - centre)
        for signs in itertools.product([0, 1], repeat=len(ranks))
    ]
    observed = abs(sum(r for r, d in zip(ranks, differences, strict=True) if d > 0) - centre)
    p = sum(distance >= observed - 1e-9 for distance in distances) / len(distances)
    return p, sum(distance >= max(distances) - 1e-9 for distance in distances) / len(distances)


def benjamini_hochberg(p_values):
    """min over all p at least as large of p * m / rank; None or NaN is no test."""
    tested = sorted(p for p in p_values if not math.isnan(p))
    m = len(tested)
    adjusted = []
    for p in p_values:
        if math.isnan(p):
            adjusted.append(float("nan"))
            continue
        candidates = [other * m / (i + 1) for i, other in enumerate(tested) if other >= p]
        adjusted.append(min(1.0, *candidates, 1.0))
    return np.array(adjusted)


def shift_draw(early, late, metric, statistic, rng):
    """One draw of the hierarchical bootstrap, as a sentence: donors, then cells of each donor drawn."""
    groups = []
    for counts in (early, late):
        values = []
        for _ in counts:
            donor = counts[rng.integers(len(counts))]
            cells = np.repeat(np.arange(donor.size), donor)
            chosen = rng.choice(cells, cells.size)
            values.append(metric(np.bincount(chosen, minlength=donor.size)))
        groups.append(statistic(values))
    return groups[1] - groups[0]


def hill_q1(counts):
    """exp of minus the sum of p ln p, part by part."""
    total = sum(counts)
    return math.exp(-sum(c / total * math.log(c / total) for c in counts if c > 0))


def gini(amounts):
    """Mean absolute difference over all ordered pairs, relative to twice the mean."""
    n, total = len(amounts), sum(amounts)
    return sum(abs(a - b) for a in amounts for b in amounts) / (2 * n * total)


def resampled_parts(amounts, chosen):
    """Gini over present parts and effective number of the parts chosen, checkpoint by checkpoint."""
    ginis, effective = [], []
    for row in amounts:
        sample = [row[part] for part in chosen]
        ginis.append(gini([value for value in sample if value > 0]))
        effective.append(hill_q1(sample))
    return ginis, effective


def difference_over_tissues(values, labels, average, strata):
    """Late minus early in each tissue, within strata weighted by n1 n2 / (n1 + n2); the mean over tissues."""
    shifts = []
    for tissue in range(values.shape[1]):
        total = weight = 0.0
        for stratum in sorted(set(strata)):
            sides = [[], []]
            for value, label, own in zip(values[:, tissue], labels, strata, strict=True):
                if own == stratum and not math.isnan(value):
                    sides[label].append(value)
            n_early, n_late = map(len, sides)
            if n_early and n_late:
                share = n_early * n_late / (n_early + n_late)
                total += share * (average(sides[1]) - average(sides[0]))
                weight += share
        if weight:
            shifts.append(total / weight)
    return sum(shifts) / len(shifts) if shifts else float("nan")


def permutation_p(values, labels, average, strata):
    """(p, smallest p, number) over every arrangement of the labels that keeps their number in each stratum."""
    observed = difference_over_tissues(values, labels, average, strata)
    counts = {s: sum(b for b, own in zip(labels, strata, strict=True) if own == s) for s in strata}
    null = []
    for arrangement in itertools.product([0, 1], repeat=len(labels)):
        kept = {s: sum(b for b, own in zip(arrangement, strata, strict=True) if own == s) for s in strata}
        if kept == counts:
            null.append(difference_over_tissues(values, arrangement, average, strata))
    finite = [t for t in null if not math.isnan(t)]
    centre = sum(finite) / len(finite)
    distances = [math.inf if math.isnan(t) else abs(t - centre) for t in null]
    largest = max(d for d in distances if d < math.inf)
    p = sum(d >= abs(observed - centre) - 1e-9 for d in distances) / len(null)
    return p, sum(d >= largest - 1e-9 for d in distances) / len(null), len(null)


def sign_flip_p(differences, average):
    """(p, smallest p) over every assignment of signs to the donors, each over all tissues at once."""

    def over_tissues(table):
        columns = [[v for v in column if not math.isnan(v)] for column in table.T]
        shifts = [average(column) for column in columns if column]
        return sum(shifts) / len(shifts)

    null = [
        over_tissues(differences * np.array(signs)[:, None])
        for signs in itertools.product([1, -1], repeat=len(differences))
    ]
    centre = sum(null) / len(null)
    distances = [abs(t - centre) for t in null]
    observed = abs(over_tissues(differences) - centre)
    p = sum(d >= observed - 1e-9 for d in distances) / len(null)
    return p, sum(d >= max(distances) - 1e-9 for d in distances) / len(null)
