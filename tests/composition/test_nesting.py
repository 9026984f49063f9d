"""The composition within each coarser part: the same cells, no more and no fewer, each in its own place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.composition import from_table
from concentra.composition.nesting import within_level
from concentra.errors import ColumnError

LEVELS = pd.DataFrame({"type": ["B", "B", "T", "T", "T", "NK"]}, index=["b1", "b2", "t1", "t2", "t3", "nk"])


@pytest.fixture
def rows():
    rng = np.random.default_rng(4)
    made = [
        (stratum, donor, "old" if donor > "c" else "young", part, int(rng.integers(0, 9)))
        for stratum in ("blood", "lung") for donor in "abcdef" for part in LEVELS.index
    ]  # fmt: skip
    frame = pd.DataFrame(made, columns=["stratum", "donor", "age", "part", "n_cells"])
    return frame[frame["n_cells"] > 0]


def test_cells_within_are_those_of_the_whole(rows):
    made, places = within_level(from_table(rows).with_levels(LEVELS), "type")
    expected = rows.assign(stratum=rows["stratum"] + ", " + rows["part"].map(LEVELS["type"]))
    keys = ["stratum", "donor", "part"]
    found = made.table().set_index(keys)["n_cells"].sort_index()
    pd.testing.assert_series_equal(found, expected.set_index(keys)["n_cells"].sort_index(), check_dtype=False)
    assert set(made.units["age"]) == {"old", "young"}
    assert places.loc["lung, NK"].tolist() == ["lung", "NK"]
    assert made.units.equals(made.units.sort_values(["stratum", "donor", "sample"], ignore_index=True))


def test_a_level_that_is_not_there_is_refused(rows):
    with pytest.raises(ColumnError, match="no level 'typ'"):
        within_level(from_table(rows).with_levels(LEVELS), "typ")
