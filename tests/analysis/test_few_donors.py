"""Small studies drawn from a large one: every rule by a second road, and what is known in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.few_donors import (
    BOTH_EXACT,
    EXACT,
    MODEL,
    RULES,
    SIGNS,
    FewDonors,
    exact_p_values,
    few_donors,
)
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.errors import ArgumentError, DesignError
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.streams import stream

OLD = Question("age", ("young",), (("old",),))


def cohort(seed, change, n=12):
    """Donors of two groups over five parts; the old ones hold more of the first part."""
    rng = np.random.default_rng(seed)
    rows = []
    for age in ("young", "old"):
        for number in range(n):
            shares = rng.dirichlet(40 * np.array([3 + change * (age == "old"), 2, 2, 1, 1]) / 9)
            rows += [
                ("blood", f"{age}{number}", age, part, int(c))
                for part, c in enumerate(rng.multinomial(2_000, shares))
            ]
    frame = pd.DataFrame(rows, columns=["stratum", "donor", "age", "part", "n_cells"])
    return from_table(frame[frame["n_cells"] > 0].astype({"part": str}))


@pytest.fixture(scope="module")
def design():
    return resolve(cohort(1, 4), OLD, Settings(seed=5))


@pytest.fixture(scope="module")
def units(design):
    return concentration(design.composition, design.settings)


def one_by_one(design, units, size, n_draws):
    """The conclusions of every rule, each small study resolved and compared by itself."""
    stratum = design.strata[0]
    groups = [stratum.of_group(name) for name in ("young", "old")]
    rng = stream(design.settings.seed, "few donors", stratum.name, str(size))
    drawn = [np.stack([rng.choice(group, size, replace=False) for _ in range(n_draws)]) for group in groups]
    found = []
    for rows in np.concatenate(drawn, axis=1):
        included = np.zeros(len(design.included), dtype=bool)
        included[stratum.rows[rows]] = True
        small = contrast(replace(design, included=included), units).set_index("metric")
        shifts = small.loc[["gini_present", "hill_q1"], "shift"].to_numpy(dtype=float)
        p_values = small.loc[["gini_present", "hill_q1"], "p_exact"].to_numpy(dtype=float)
        signs = {(True, False): "more concentrated", (False, True): "less concentrated"}.get(
            tuple(shifts > 0), "mixed"
        )
        found.append(
            {
                SIGNS: signs,
                EXACT: ""
                if p_values[1] > 0.05
                else "more concentrated"
                if shifts[1] < 0
                else "less concentrated",
                BOTH_EXACT: signs if (p_values <= 0.05).all() else "",
                MODEL: small["verdict"].iloc[0],
            }
        )
    return pd.DataFrame(found)


@pytest.mark.parametrize("size", [3, 5])
def test_shares_are_those_of_studies_compared_one_by_one(design, units, size):
    found = few_donors(design, units, sizes=[size], n_draws=40).set_index("rule")
    slow = one_by_one(design, units, size, 40)
    for rule in RULES:
        for column, word in (
            ("more", "more concentrated"),
            ("less", "less concentrated"),
            ("mixed", "mixed"),
        ):
            assert found.loc[rule, column] == pytest.approx((slow[rule] == word).mean(), abs=1e-12), (
                rule,
                column,
            )
    assert found.loc[SIGNS, "more"] > 0.6


def test_what_all_donors_show_decides_what_is_found(design, units):
    found = few_donors(design, units, sizes=[4], n_draws=50)
    assert set(found["all_donors"]) == {"more concentrated"}
    assert (found["found"] == found["more"]).all()
    assert (found["opposite"] == found["less"]).all()
    assert found[["more", "less", "mixed", "undecided"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(4))
    FewDonors.check(found, "few_donors")


def test_without_a_change_the_signs_speak_and_the_tests_do_not():
    design = resolve(cohort(2, 0, n=24), OLD, Settings(seed=5))
    found = few_donors(design, concentration(design.composition), sizes=[3, 6], n_draws=200)
    shares = found.assign(called=found["more"] + found["less"]).set_index(["n_donors", "rule"])["called"]
    assert shares[3, SIGNS] > 0.7
    assert shares[3, EXACT] == shares[3, BOTH_EXACT] == 0  # at best p is .1
    assert shares[6, BOTH_EXACT] < 0.12
    assert shares[6, MODEL] < 0.12
    assert found["found"].isna().all()


def test_the_seed_decides(design, units):
    again = few_donors(design, units, sizes=[3], n_draws=30)
    pd.testing.assert_frame_equal(again, few_donors(design, units, sizes=[3], n_draws=30))
    other = replace(design, settings=replace(design.settings, seed=6))
    assert not few_donors(other, units, sizes=[3], n_draws=30)["more"].equals(again["more"])


def test_exact_p_of_many_pairs_is_that_of_each():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 6, (60, 4)).astype(float), rng.integers(0, 6, (60, 5)).astype(float)
    expected = [mann_whitney_exact(a, b).p_value for a, b in zip(first, second, strict=True)]
    assert exact_p_values(first, second) == pytest.approx(expected)


def test_sizes_beyond_a_group_are_left_out_and_covariates_refused(design, units):
    assert set(few_donors(design, units, sizes=[3, 13], n_draws=10)["n_donors"]) == {3}
    with pytest.raises(ArgumentError, match="2 donors or more"):
        few_donors(design, units, sizes=[1])
    adjusted = replace(design, question=replace(OLD, formula="~ sex"))
    with pytest.raises(DesignError, match="sum the samples of a donor"):
        few_donors(adjusted, units)
