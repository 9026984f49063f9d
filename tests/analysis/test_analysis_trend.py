"""Trends of metrics over ages: rows, families, males, verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.trend import age_trend
from concentra.stats.multiplicity import benjamini_hochberg


@pytest.fixture
def units():
    """Three tissues: one rises at three ages, one is flat, one has a single young donor; females are low."""
    rng = np.random.default_rng(1)
    rows = []
    for stratum, ages, slope in (
        ("rises", [3] * 5 + [18] * 4 + [24] * 4, 0.05),
        ("flat", [3] * 5 + [24] * 5, 0.0),
    ):
        for place, age in enumerate(ages):
            sex = "female" if place % 3 == 0 else "male"
            rows.append(
                (stratum, f"d{place}", age, sex, slope * age + 0.1 * rng.normal() - 0.3 * (sex == "female"))
            )
    rows += [("lonely", f"d{place}", age, "male", float(place)) for place, age in enumerate([1, 30, 30, 30])]
    frame = pd.DataFrame(rows, columns=["stratum", "donor", "age_months", "sex", "gini_present"])
    return frame.assign(hill_q1=1 - frame["gini_present"])


def follow(units):
    return age_trend(
        units, metrics=["gini_present", "hill_q1"], alpha=0.05, level=0.95, n_random=1999, seed=1, place="x"
    ).set_index(["stratum", "metric"])


def test_the_planted_trend_is_found_and_the_others_are_not(units):
    found = follow(units)
    assert found["trend"].to_dict() == {
        ("rises", "gini_present"): "rises",
        ("rises", "hill_q1"): "falls",
        ("flat", "gini_present"): "unresolved",
        ("flat", "hill_q1"): "unresolved",
        ("lonely", "gini_present"): "no test",
        ("lonely", "hill_q1"): "no test",
    }
    row = found.loc[("rises", "gini_present")]
    assert row["slope_males_low"] < 0.05 < row["slope_males_high"]
    assert row["slope_low"] < 0.05 < row["slope_high"]
    assert (row["ages"], row["n_ages"], row["n_donors"], row["n_males"]) == ("3, 18, 24", 3, 13, 8)


def test_the_family_is_the_tissues_of_one_metric(units):
    found = follow(units).xs("gini_present", level="metric")
    expected = benjamini_hochberg(found["p_value"], found["p_attainable"])
    np.testing.assert_array_equal(found["p_adjusted"], expected.p_adjusted)
    assert (found["n_family"] == 2).all()
    assert (found["n_untestable"] == 1).all()


def test_the_draws_of_a_tissue_do_not_depend_on_the_others(units):
    alone = follow(units[units["stratum"] == "rises"])
    assert alone["p_value"].equals(follow(units).loc[["rises"]]["p_value"])


def test_too_few_donors_cannot_reach(units):
    few = units[(units["stratum"] == "flat") & units["donor"].isin(["d0", "d1", "d8", "d9"])]
    assert (follow(few)["trend"] == "cannot reach").all()
    assert (follow(few)["interval"] == "range").all()


def test_missing_values_and_a_single_age(units):
    units.loc[units["stratum"] == "rises", "hill_q1"] = np.nan
    young = units[units["age_months"] == 3]
    found = follow(young)
    assert found.loc[("rises", "hill_q1"), ["n_donors", "n_ages", "ages"]].tolist() == [0, 0, None]
    assert found["slope"].isna().all()
    assert (found["trend"] == "no test").all()
