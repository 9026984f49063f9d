"""Concentration of units: by hand, support of the stratum, units apart from one another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.concentration import Concentration
from concentra.analysis.concentration import concentration as measured
from concentra.composition import from_table
from concentra.design import Settings
from concentra.errors import DesignError


def rows(counts: dict[tuple[str, str], dict[str, int]]) -> pd.DataFrame:
    found = [
        {"stratum": stratum, "donor": donor, "part": part, "n_cells": n}
        for (stratum, donor), parts in counts.items()
        for part, n in parts.items()
    ]
    return pd.DataFrame(found)


def concentration(table: pd.DataFrame, *, rarefaction_cells: int) -> pd.DataFrame:
    return measured(from_table(table), Settings(min_cells=1, depth=rarefaction_cells))


COUNTS = {
    ("lung", "m1"): {"B": 30, "T": 10},
    ("lung", "m2"): {"B": 20, "T": 20, "NK": 20},
    ("liver", "m1"): {"H": 7},
}


def test_by_hand() -> None:
    found = concentration(rows(COUNTS), rarefaction_cells=20).set_index(["stratum", "donor"])
    assert found.index.tolist() == [("liver", "m1"), ("lung", "m1"), ("lung", "m2")]
    assert found["n_cells"].tolist() == [7, 40, 60]
    assert found["gini_present"].to_numpy() == pytest.approx([0, 0.25, 0], abs=1e-14)
    assert found["gini_stratum"].to_numpy() == pytest.approx([0, 0.5, 0], abs=1e-14)
    assert found["hill_q0"].tolist() == [1, 2, 3]
    assert found["hill_q1"].to_numpy() == pytest.approx([1, 4 / 3**0.75, 3])
    assert found["hill_q2"].to_numpy() == pytest.approx([1, 1.6, 3])
    assert found["largest_share"].to_numpy() == pytest.approx([1, 0.75, 1 / 3])
    assert found.loc[("lung", "m2"), "evenness"] == pytest.approx(1)
    assert np.isnan(found.loc[("liver", "m1"), "evenness"]), "one part is neither even nor uneven"


def test_too_few_cells_are_not_rarefied() -> None:
    found = concentration(rows(COUNTS), rarefaction_cells=50).set_index(["stratum", "donor"])
    rarefied = found[["gini_rarefied", "hill_q1_rarefied"]]
    assert rarefied.isna().all(axis=1).tolist() == [True, True, False]
    assert (rarefied.loc[("lung", "m2"), "hill_q1_rarefied"]) < 3, "fewer cells show fewer parts"


def test_a_unit_does_not_depend_on_the_others_but_for_the_support() -> None:
    alone = concentration(rows({("lung", "m1"): COUNTS["lung", "m1"]}), rarefaction_cells=20).iloc[0]
    among = (
        concentration(rows(COUNTS), rarefaction_cells=20).set_index(["stratum", "donor"]).loc[("lung", "m1")]
    )
    same = [n for n in among.index if not n.startswith("gini_stratum") and n != "sample"]
    assert among[same].to_numpy(dtype=float) == pytest.approx(alone[same].to_numpy(dtype=float))
    assert alone["gini_stratum"] == pytest.approx(0.25)


def test_the_order_of_rows_does_not_matter() -> None:
    table = rows(COUNTS)
    again = concentration(table.sample(frac=1, random_state=3), rarefaction_cells=20)
    pd.testing.assert_frame_equal(again, concentration(table, rarefaction_cells=20))


def test_the_common_depth_is_that_of_the_smallest_unit_of_a_stratum() -> None:
    found = measured(from_table(rows(COUNTS)), Settings(min_cells=10)).set_index(["stratum", "donor"])
    assert found["depth"].tolist() == [20, 40, 40]
    assert found["included"].tolist() == [False, True, True]
    Concentration.check(found.reset_index(), "units")


def test_nobody_has_enough_cells() -> None:
    with pytest.raises(DesignError, match="no donor with 9999 cells in any tissue; the largest has 60"):
        measured(from_table(rows(COUNTS)), Settings(min_cells=9999))


def test_shares_have_no_depth() -> None:
    table = rows(COUNTS).assign(n_cells=lambda frame: frame["n_cells"] / 10)
    found = measured(from_table(table, of_shares=True), Settings())
    assert found["included"].all()
    assert found[["hill_q1_corrected", "gini_rarefied", "coverage", "depth"]].isna().all(axis=None)
    assert found["gini_present"].to_numpy() == pytest.approx([0, 0.25, 0], abs=1e-14)


def test_counts_that_were_taken_for_cells_are_said_to_be_such() -> None:
    table = rows(COUNTS).assign(n_cells=1)
    with pytest.raises(DesignError, match="--amount COLUMN"):
        measured(from_table(table), Settings())
