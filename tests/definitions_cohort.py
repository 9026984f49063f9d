"""Slow second definitions for cohorts: every arrangement listed, every cell counted by itself."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from statistics import median


def midranks(values):
    """Ranks from 1, equal values sharing their mean rank."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def van_elteren_p(early, late, strata_early, strata_late):
    """Two-sided p by listing every arrangement of labels within strata."""
    values, labels = [*early, *late], [*strata_early, *strata_late]
    is_late = [False] * len(early) + [True] * len(late)
    scores = [0.0] * len(values)
    choices = []
    for stratum in sorted(set(labels)):
        places = [place for place, label in enumerate(labels) if label == stratum]
        for place, rank in zip(places, midranks([values[place] for place in places]), strict=True):
            scores[place] = rank / (len(places) + 1)
        n_late = sum(is_late[place] for place in places)
        choices.append([sum(scores[place] for place in chosen) for chosen in combinations(places, n_late)])
    sums = [sum(pieces) for pieces in product(*choices)]
    observed = sum(score for score, flag in zip(scores, is_late, strict=True) if flag)
    centre = sum(sums) / len(sums)
    return sum(abs(one - centre) >= abs(observed - centre) - 1e-9 for one in sums) / len(sums)


def stratified_shift(early, late, strata_early, strata_late):
    """Mean of the shifts of medians within strata, weighted by n1 n2 / (n1 + n2)."""
    total = weights = 0.0
    for stratum in set(strata_early) & set(strata_late):
        first = [value for value, label in zip(early, strata_early, strict=True) if label == stratum]
        second = [value for value, label in zip(late, strata_late, strict=True) if label == stratum]
        weight = len(first) * len(second) / (len(first) + len(second))
        total += weight * (median(second) - median(first))
        weights += weight
    return total / weights


def count_cells(cells, columns):
    """Cells of each combination of labels, one by one."""
    return Counter(tuple(cell[column] for column in columns) for cell in cells)
