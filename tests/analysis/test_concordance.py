"""Concordance of two platforms: names of mice, levels, pairs, agreement."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy.stats import spearmanr

from concentra.analysis.concordance import agreement, donor_key, levels, paired


@pytest.mark.parametrize(
    "label, expected",
    [
        ("24_60_M", "24-M-60"),
        ("3_56_F", "3-F-56"),
        ("24-M-60", "24-M-60"),
        ("1-M-62", "1-M-62"),
        ("24-M-seg1", None),
        ("3-M-5/6", None),
        ("3_56_X", None),
        ("", None),
    ],
)
def test_one_spelling_of_a_mouse(label, expected):
    assert donor_key(label) == expected


@pytest.fixture
def units():
    """Mouse 60 is on both platforms in two tissues, 61 in one; others cannot be matched."""
    rows = [
        ("facs", "Marrow", "24_60_M", 24, "old", "male", 900, 0.60),
        ("facs", "Marrow", "24_61_M", 24, "old", "male", 1100, 0.70),
        ("facs", "Marrow", "3_8_F", 3, "young", "female", 1000, 0.50),
        ("facs", "Lung", "24_60_M", 24, "old", "male", 300, 0.40),
        ("droplet", "Marrow", "24-M-60", 24, "old", "male", 2000, 0.65),
        ("droplet", "Marrow", "30-M-2", 30, "old", "male", 3000, 0.55),
        ("droplet", "Marrow", "24-M-seg1", 24, "old", "male", 2500, 0.90),
        ("droplet", "Lung", "24-M-60", 24, "old", "male", 700, None),
    ]
    names = ["cohort", "stratum", "donor", "age_months", "group", "sex", "n_cells", "gini"]
    return pd.DataFrame(rows, columns=names)


def test_pairs_are_of_one_mouse_in_one_tissue(units):
    found = paired(units, metrics=["gini"], first="facs", second="droplet")
    assert found[["stratum", "donor", "first", "second"]].values.tolist() == [
        ["Marrow", "24-M-60", 0.60, 0.65]
    ]
    assert found["difference"].iloc[0] == pytest.approx(0.05)


def test_no_pair_is_an_empty_table_with_its_columns(units):
    found = paired(units[units["donor"] != "24-M-60"], metrics=["gini"], first="facs", second="droplet")
    assert found.empty
    assert list(found) == ["stratum", "donor", "age_months", "metric", "first", "second", "difference"]


def test_levels_say_who_was_measured(units):
    row = (
        levels(units, metrics=["gini"])
        .set_index(["cohort", "stratum", "group"])
        .loc[("droplet", "Marrow", "old")]
    )
    assert row[["n_donors", "ages", "n_cells"]].tolist() == [3, "24, 30", 2500.0]
    assert row[["level", "lowest", "highest"]].tolist() == [0.65, 0.55, 0.90]


def test_agreement_over_tissues():
    first, second = [0.1, -0.2, 0.3, 0.0, None], [0.2, 0.1, 0.1, 0.5, 0.4]
    pairs = pd.DataFrame(
        {"metric": "gini", "what": "shift", "stratum": list("abcde"), "first": first, "second": second}
    )
    found = agreement(pairs).iloc[0]
    assert (found["n_strata"], found["n_same_sign"]) == (4, 2)
    assert found["correlation"] == pytest.approx(spearmanr(first[:4], second[:4]).statistic)
    assert found["mean_difference"] == pytest.approx(0.175)
