"""Step 03 on the archived and the simulated cells."""

from __future__ import annotations

import pytest

from study_tables import table


@pytest.fixture(scope="module")
def trend():
    return table("age_trend").set_index(["cohort", "stratum", "metric"])


def test_planted_shifts_are_trends_and_nulls_are_not(trend):
    planted = table("planted").set_index("stratum")
    for tissue, row in planted.iterrows():
        for metric, shift in (("gini_present", row["gini_shift"]), ("hill_q1", row["hill_q1_shift"])):
            found = trend.loc[("simulated", tissue, metric)]
            assert (found["p_exact_adjusted"] <= 0.05) == (row["direction"] != "none")
            assert row["direction"] == "none" or found["correlation"] * shift > 0
            slack = 0.002 if metric == "gini_present" else 0.02  # what counting cells adds
            assert found["slope_low"] - slack < shift / 21 < found["slope_high"] + slack


def test_golden_marrow(trend):
    """Two ages: the slope is the Hodges-Lehmann shift over 21 months; six ages on Droplet."""
    facs, droplet = (trend.loc[(f"tms_{name}", "Marrow", "gini_present")] for name in ("facs", "droplet"))
    assert facs["slope"] * 21 == pytest.approx(0.0837, abs=5e-4)
    assert facs["p_exact"] == pytest.approx(14 / 126)
    assert (droplet["n_donors"], droplet["places"]) == (17, "1, 3, 18, 21, 24, 30")
    assert droplet["slope"] == pytest.approx(0.00175, abs=1e-5)
    assert droplet["slope_low"] < 0 < droplet["slope_high"]


def test_no_trend_in_concentration_is_claimed_for_real_tissues(trend):
    """One row reaches the level: types counted in Droplet marrow, of which old mice have more cells counted."""
    real = trend.drop("simulated", level="cohort")
    claimed = real.index[real["p_exact_adjusted"] <= 0.05]
    assert claimed.tolist() == [("tms_droplet", "Marrow", "hill_q0")]
