"""A negative control: blood of ten young and ten old people, whose concentration does not change."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.composition import from_table
from concentra.design import Question, resolve
from concentra.metrics import gini

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def blood(data: Path) -> pd.DataFrame:
    """One row a (donor, part): shares of 24 cell types."""
    shares = pd.read_csv(data / "controls" / "pbmc_ageing_huang2021.csv", index_col=0)
    frame = shares.rename_axis("part").reset_index().melt("part", var_name="donor", value_name="n_cells")
    return frame.assign(stratum="blood", age=frame["donor"].str[0], sex=frame["donor"].str[1])


def test_medians_are_as_known(blood: pd.DataFrame) -> None:
    wide = blood.pivot(index=["donor", "age"], columns="part", values="n_cells")
    values = pd.Series(gini(wide.to_numpy()), index=wide.index)
    assert values.groupby("age").median().round(3).to_dict() == {"O": 0.563, "Y": 0.562}


@pytest.mark.parametrize("formula", [None, "~ sex"])
def test_no_change_beyond_the_margin(blood: pd.DataFrame, formula: str | None) -> None:
    made = from_table(blood, of_shares=True)
    found = contrast(resolve(made, Question("age", ("Y",), (("O",),), formula=formula)), concentration(made))
    assert found[["n_reference", "n_other"]].iloc[0].tolist() == [10, 10]
    attainable = found.set_index("metric")["p_exact_attainable"]
    assert (attainable[["hill_q1", "gini_stratum"]] < 1e-4).all(), "a shift could have been called"
    assert set(found["verdict"]) == {"no change beyond the margin"}
