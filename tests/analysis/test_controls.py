"""A negative control: blood of ten young and ten old people, whose concentration does not change."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from concentra.analysis.contrast import contrast
from concentra.metrics import compute
from concentra.stats.joint import mahalanobis_test
from concentra.stats.permutation import permutation_test

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def blood(data: Path) -> pd.DataFrame:
    """One row a donor: group, sex and metrics, from the shares of 24 cell types."""
    shares = pd.read_csv(data / "controls" / "pbmc_ageing_huang2021.csv", index_col=0).T
    metrics = compute(shares.to_numpy(), ["gini_present", "hill_q1"])
    return pd.DataFrame(metrics, index=shares.index).assign(
        donor=shares.index,
        stratum="blood",
        age_group=["early" if name.startswith("Y") else "late" for name in shares.index],
        sex=["male" if name[1] == "M" else "female" for name in shares.index],
    )


def test_medians_are_as_known(blood: pd.DataFrame) -> None:
    medians = blood.groupby("age_group")["gini_present"].median()
    assert medians.round(3).tolist() == [0.562, 0.563]


def test_no_shift_is_called(blood: pd.DataFrame) -> None:
    found = contrast(blood, metrics=["gini_present", "hill_q1"], alpha=0.05)
    assert found["n_early"].tolist() == [10, 10]
    assert (found["p_attainable"] < 1e-4).all(), "a shift could have been called"
    assert set(found["verdict"]) == {"unresolved"}


def test_not_within_sex_and_not_jointly(blood: pd.DataFrame) -> None:
    early, late = (blood[blood["age_group"] == group] for group in ("early", "late"))
    within = permutation_test(
        early["gini_present"],
        late["gini_present"],
        strata_early=list(early["sex"]),
        strata_late=list(late["sex"]),
    )
    joint = mahalanobis_test(early[["gini_present", "hill_q1"]], late[["gini_present", "hill_q1"]], rng=1)
    assert within.p_value > 0.05
    assert joint.p_value > 0.05
