"""The median over specifications in many arrangements, against the sweep that lists every specification."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import definitions_multiverse as slow
from concentra.stats.median_shifts import median_shifts
from concentra.stats.specifications import Comparisons, sweep


def some_comparisons(rng, n_donors, n_labels=4):
    """Sides of few and many labels, among all donors, half of them and three; columns alike for many donors."""
    few = np.arange(n_donors) < 3
    eligible = np.repeat([np.ones(n_donors, dtype=bool), np.arange(n_donors) % 2 == 0, few], 4, axis=0)
    sides = rng.random((4, n_labels)) < 0.5
    sides[0], sides[1] = np.arange(n_labels) < 1, np.arange(n_labels) > 1
    values = np.round(rng.normal(size=(5, n_donors)), 1)  # ties
    values[1] = np.where(rng.random(n_donors) < 0.7, values[0], values[1])
    values[2] = values[0] + 1e-13  # the same but for rounding
    values[3, 3:] = np.nan  # only the third set of donors is compared by it
    rows = [
        (4 * place + first, 4 * place + second, column, mean)
        for place, (first, second) in itertools.product(range(3), itertools.permutations(range(4), 2))
        for column, mean in itertools.product(range(5), (False, True))
        if column != 3 or place == 2
    ]
    reference, other, column, mean = np.array(rows)[rng.permutation(len(rows))].T
    columns = np.array([column, np.where(column == 3, 3, (column + 1) % 3)])
    return Comparisons(values, eligible, np.tile(sides, (3, 1)), reference, other, columns, mean.astype(bool))


@pytest.mark.parametrize("n_donors", [3, 8, 9, 20, 300])
@pytest.mark.parametrize("seed", range(3))
def test_medians_are_those_of_the_sweep(n_donors, seed):
    rng = np.random.default_rng(seed)
    comparisons = some_comparisons(rng, n_donors)
    labels = rng.integers(0, 4, (40, n_donors))
    labels[0] = 0  # the second side is empty
    found = median_shifts(comparisons, labels)
    expected = slow.median_shifts(sweep(comparisons, labels))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_arrangements_do_not_depend_on_each_other():
    rng = np.random.default_rng(5)
    comparisons, labels = some_comparisons(rng, 12), rng.integers(0, 4, (30, 12))
    together = median_shifts(comparisons, labels)
    alone = np.concatenate([median_shifts(comparisons, row[None]) for row in labels], axis=1)
    np.testing.assert_array_equal(together, alone)


def test_the_median_is_over_distinct_specifications():
    values = np.array([[0.0, 3.0, 0.0, 9.0], [0.0, 3.0, 5.0, 1.0]])
    several = Comparisons(
        values=values,
        eligible=np.ones((2, 4), dtype=bool),
        member=np.array([[True, False, False], [False, True, False]]),
        reference=np.zeros(3, dtype=int),
        other=np.ones(3, dtype=int),
        columns=np.array([[0, 1, 1]]),
        mean=np.zeros(3, dtype=bool),
    )
    labels = np.array([[0, 1, 2, 2], [0, 2, 2, 1], [0, 2, 2, 2]])  # the columns agree; they differ; nobody
    np.testing.assert_array_equal(median_shifts(several, labels), [[3.0, 5.0, np.nan]])
