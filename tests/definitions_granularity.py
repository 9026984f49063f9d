"""Slow second definitions for granularity and rescue: one arrangement, one donor at a time."""

from __future__ import annotations

import itertools
import math
import statistics


def gini(counts):
    """Mean absolute difference of all ordered pairs of present parts, over twice the mean."""
    present = [count for count in counts if count > 0]
    total = sum(abs(a - b) for a in present for b in present)
    return total / (2 * len(present) * sum(present))


def effective_number(counts):
    shares = [count / sum(counts) for count in counts if count > 0]
    return math.exp(-sum(share * math.log(share) for share in shares))


def shift_permutation(early, late):
    """Shift of medians, two-sided permutation p over all arrangements, all shifts of the null."""
    values = [*early, *late]
    null = []
    for chosen in itertools.combinations(range(len(values)), len(late)):
        others = [values[i] for i in range(len(values)) if i not in chosen]
        null.append(statistics.median(values[i] for i in chosen) - statistics.median(others))
    observed = statistics.median(late) - statistics.median(early)
    far = [abs(value) >= abs(observed) - 1e-12 for value in null]
    return observed, sum(far) / len(null), null


def rescue_permutation(early, late, treated):
    """p of late lying apart from both others, share of positive rescue, median rescue, arrangements."""
    values = [*early, *late, *treated]
    labels = ["e"] * len(early) + ["l"] * len(late) + ["t"] * len(treated)

    def statistic(arrangement):
        middle = {
            label: statistics.median(v for v, own in zip(values, arrangement, strict=True) if own == label)
            for label in "elt"
        }
        ageing, undone = middle["l"] - middle["e"], middle["l"] - middle["t"]
        apart = min(abs(ageing), abs(undone)) * (1 if ageing * undone > 0 else -1)
        return apart, undone / ageing

    arrangements = sorted(set(itertools.permutations(labels)))
    found = [statistic(arrangement) for arrangement in arrangements]
    observed = statistic(labels)[0]
    p_value = sum(apart >= observed - 1e-12 for apart, _ in found) / len(found)
    shares = [share for _, share in found]
    positive = sum(share > 0 for share in shares) / len(shares)
    return p_value, positive, statistics.median(shares), len(found)
