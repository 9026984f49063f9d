"""Totals among donors and parts."""

from __future__ import annotations

import pandas as pd
import pytest

from concentra.composition.reading import read
from concentra.composition.totals import SUMMARIES
from concentra.errors import TableError

COUNTS = pd.DataFrame(
    {"donor": list("aabbcc"), "cell_type": list("TB" * 3), "n_cells": [30, 20, 40, 70, 25, 61]}
)


def with_total(column: str, name: str, how: str = "sum") -> pd.DataFrame:
    """The counts, and below them the sum (mean) over the donors (types)."""
    other = "cell_type" if column == "donor" else "donor"
    below = COUNTS.groupby(other, as_index=False)["n_cells"].agg(how).assign(**{column: name})
    return pd.concat([COUNTS, below.astype({"n_cells": int})])


@pytest.mark.parametrize("column", ["donor", "cell_type"])
@pytest.mark.parametrize(
    "name, how", [("All", "sum"), ("Total", "mean"), (" MEAN ", "mean"), ("Grand  total", "sum")]
)
def test_sums_and_means_are_refused(column: str, name: str, how: str) -> None:
    with pytest.raises(TableError, match=r"(donor|part) .* of 'the table'") as caught:
        read(with_total(column, name, how), amount="n_cells")
    assert "remove the rows" in str(caught.value)


def test_sums_in_every_stratum_or_in_none() -> None:
    both = pd.concat([with_total("donor", "All").assign(tissue="lung"), COUNTS.assign(tissue="liver")])
    with pytest.raises(TableError, match="donor 'All'"):
        read(both, amount="n_cells")
    more = pd.DataFrame({"donor": "All", "cell_type": ["T", "B"], "n_cells": [7, 8], "tissue": "liver"})
    assert "All" in set(read(pd.concat([both, more]), amount="n_cells").units["donor"])


def test_what_is_no_sum() -> None:
    assert read(COUNTS, amount="n_cells").counts.sum() == 246
    few = COUNTS[COUNTS["donor"] != "c"].assign(n_cells=[1, 2, 2, 1])
    total = pd.DataFrame({"donor": "c", "cell_type": ["T", "B"], "n_cells": [3, 3]})
    read(pd.concat([few, total]), amount="n_cells")  # six cells may be a sum by chance
    assert "sd" not in SUMMARIES  # may be the initials of a donor


def test_a_total_below_a_wide_table() -> None:
    wide = COUNTS.pivot(index="donor", columns="cell_type", values="n_cells")
    wide.loc["All"] = wide.sum()
    with pytest.raises(TableError, match=r"donor 'All' .* is the sum of the other donors"):
        read(wide.reset_index(), wide=True)
