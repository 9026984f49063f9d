"""Arrangements of labels."""

from __future__ import annotations

import numpy as np

from concentra.stats.multiverse import arrangements


def test_random_arrangements_permute_labels_within_strata():
    labels, strata = np.array([0, 0, 1, 1, 0, 1, 1]), np.array([0, 0, 0, 0, 1, 1, 1])
    found, exact = arrangements(labels, strata, np.random.default_rng(0), 50, 5)
    assert found.shape == (50, 7)
    assert not exact
    for stratum in (0, 1):
        here = strata == stratum
        assert (np.sort(found[:, here]) == np.sort(labels[here])).all()
    assert len(np.unique(found, axis=0)) > 5


def test_as_many_arrangements_as_allowed_are_all_of_them():
    labels, strata = np.array([0, 1, 1]), np.zeros(3, dtype=int)
    for most, all_of_them in ((3, True), (2, False)):
        found, exact = arrangements(labels, strata, np.random.default_rng(0), 9, most)
        assert exact is all_of_them
        assert len(found) == (3 if all_of_them else 9)
