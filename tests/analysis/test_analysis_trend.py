"""Trends along ages: ranks by their definitions, and the model beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.trend import Trend, trend
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.trend import spearman_test, theil_sen


def rows(ages, slope, stratum, seed=1):
    """Donors whose first type grows with age."""
    rng = np.random.default_rng(seed)
    found = []
    for place, age in enumerate(ages):
        weights = np.array([1 + slope * age, 1.3, 0.8, 0.6])
        counts = rng.multinomial(900, rng.dirichlet(400 * weights / weights.sum()))
        found += [(stratum, f"d{place}", f"{age}m", p, n) for p, n in zip("abcd", counts, strict=True)]
    return pd.DataFrame(found, columns=["stratum", "donor", "age", "part", "n_cells"])


@pytest.fixture(scope="module")
def tissues():
    return pd.concat(
        [rows([3] * 5 + [18] * 4 + [24] * 4, 0.15, "rises"), rows([3] * 5 + [24] * 5, 0.0, "flat", 2)]
    )


def followed(frame, **settings):
    made = from_table(frame)
    design = resolve(made, Question(trend="age"), Settings(**settings))
    return design, concentration(made, design.settings)


def test_slopes_and_tests_are_those_of_the_ranks(tissues):
    design, units = followed(tissues)
    found = trend(design, units)
    Trend.check(found, "trend")
    row = found.set_index(["stratum", "metric"]).loc[("flat", "hill_q1")]
    mine = units[units["stratum"] == "flat"].sort_values("donor")
    ages = mine["age"].str.removesuffix("m").astype(float)
    assert row["slope"] == pytest.approx(theil_sen(ages, mine["hill_q1"]).slope)
    expected = spearman_test(ages, mine["hill_q1"], rng=np.random.default_rng(0))
    assert row["p_exact"] == pytest.approx(expected.p_value)
    assert (row["places"], row["n_places"], row["along"]) == ("3, 24", 2, "age (months)")
    first = found[found["metric"] == "hill_q1"]
    adjusted = benjamini_hochberg(first["p_exact"], first["p_exact_attainable"]).p_adjusted
    np.testing.assert_allclose(first["p_exact_adjusted"], adjusted)


def test_the_planted_trend_is_called_and_its_effect_is_the_change_over_the_ages(tissues):
    design, units = followed(tissues)
    found = contrast(design, units).set_index(["stratum", "metric"])
    row = found.loc[("rises", "hill_q1")]
    assert row["verdict"] == row["direction"] == "more concentrated"
    values = units[units["stratum"] == "rises"]
    ages = values["age"].str.removesuffix("m").astype(float)
    slope = np.polyfit(ages, np.log(values["hill_q1_corrected"]), 1)[0]
    assert row["effect"] == pytest.approx(np.exp(slope * (24 - 3)))
    assert "from 3m to 24m" in design.notes[0].text
    assert found.loc[("flat", "hill_q1"), "verdict"] not in (
        "more concentrated",
        "less concentrated",
        "mixed",
    )


def test_no_verdict_depends_on_the_unit_of_the_axis(tissues):
    """A slope per day lies within any margin; the change over the ages does not."""
    in_days = tissues.assign(age=tissues["age"].str.removesuffix("m").astype(float) * 30.4375)
    months, days = (contrast(*followed(frame)) for frame in (tissues, in_days))
    assert months["verdict"].tolist() == days["verdict"].tolist()
    columns = ["effect", "low", "high", "p_value", "detectable"]
    np.testing.assert_allclose(months[columns], days[columns], rtol=1e-9)
    steep = months[(months["stratum"] == "rises") & (months["metric"] == "gini_stratum")].iloc[0]
    assert steep["low"] < steep["effect"] < steep["high"]
    assert steep["effect"] > 0.04


def test_no_verdict_depends_on_the_seed(tissues):
    verdicts = [contrast(*followed(tissues, seed=seed, n_random=99))["verdict"].tolist() for seed in range(3)]
    assert verdicts[0] == verdicts[1] == verdicts[2]


def test_visits_of_a_donor_are_averaged():
    frame = rows([3, 3, 12, 24, 24], 0.1, "x")
    again = pd.concat([frame.assign(sample=frame["donor"]), frame.assign(sample=frame["donor"] + " again")])
    one, two = (trend(*followed(table)) for table in (frame, again))
    columns = ["metric", "n_donors", "slope", "p_exact"]
    pd.testing.assert_frame_equal(one[columns], two[columns])
