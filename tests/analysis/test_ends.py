"""Early and late donors as tables of amounts: the right donors, parts and zeros."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.ends import early_and_late
from concentra.errors import LabelError, TableError


@pytest.fixture
def cells():
    rows = [("b", "x", 5, 3), ("a", "y", 1, 3), ("c", "x", 2, 24), ("d", "z", 4, 18), ("c", "w", 7, 24)]
    return pd.DataFrame(rows, columns=["donor", "part", "n_cells", "age_group"])


def test_donors_and_parts_are_sorted_and_gaps_are_zero(cells):
    ends = early_and_late(cells, early=3, late=[24])
    assert ends.parts == ("w", "x", "y", "z")
    np.testing.assert_array_equal(ends.early, [[0, 0, 1, 0], [0, 5, 0, 0]])
    np.testing.assert_array_equal(ends.late, [[7, 2, 0, 0]])


def test_several_groups_are_joined_and_missing_ones_left_out(cells):
    cells = pd.concat(
        [cells, pd.DataFrame({"donor": ["e"], "part": ["v"], "n_cells": [1], "age_group": [np.nan]})]
    )
    ends = early_and_late(cells, early=3, late={18, 24})
    assert ends.parts == ("v", "w", "x", "y", "z")
    assert ends.late.sum(axis=1).tolist() == [9, 4]


def test_a_donor_half_without_a_group_is_in_two(cells):
    cells["age_group"] = cells["age_group"].astype(float)
    cells.loc[4, "age_group"] = np.nan
    with pytest.raises(LabelError, match="donor 'c' in 2 groups"):
        early_and_late(cells, early=3, late=24)


def test_the_input_is_left_as_it_was(cells):
    before = cells.copy()
    early_and_late(cells, early=3, late=24)
    pd.testing.assert_frame_equal(cells, before)


def test_a_second_stratum_is_noticed(cells):
    with pytest.raises(TableError, match="'x' unknown or repeated, at row 5"):
        early_and_late(pd.concat([cells, cells.assign(n_cells=1)]), early=3, late=24)
