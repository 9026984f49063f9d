import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import definitions_cohort as slow
from concentra.analysis.compare import METRICS, across, compare, van_elteren
from concentra.analysis.contrast import contrast
from concentra.analysis.question import Comparison
from concentra.metrics import gini, hill_number
from concentra.stats.exact import mann_whitney_exact, wilcoxon_signed_rank_exact

HOW = {"min_cells": 20, "depth": 20, "n_draws": 200, "rng": 1}
AGE = Comparison("age", ("3m",), ("24m",))


def cohort(n=4, seed=0, *, strata=("lung", "liver"), shift=3.0):
    """Rows of donors in two groups; in lung later donors are more concentrated."""
    rng = np.random.default_rng(seed)
    rows = []
    for age in ("3m", "24m"):
        for number in range(n):
            for stratum in strata:
                weights = np.array([1.0, 1, 1, 1, 1])
                weights[0] += shift * (age == "24m" and stratum == "lung")
                counts = rng.multinomial(300, rng.dirichlet(50 * weights / weights.sum()))
                about = {
                    "donor": f"{age}_{number}",
                    "animal": f"m{number}",
                    "sex": "fm"[number % 2],
                    "age": age,
                }
                rows += [
                    about | {"stratum": stratum, "part": p, "n_cells": int(c)}
                    for p, c in zip("abcde", counts, strict=True)
                    if c
                ]
    return pd.DataFrame(rows)


def matrix(rows, stratum, age):
    of = rows[(rows["stratum"] == stratum) & (rows["age"] == age)]
    every = sorted(rows.loc[rows["stratum"] == stratum, "part"].unique())
    wide = (
        of.pivot(index="donor", columns="part", values="n_cells")
        .reindex(columns=every)
        .fillna(0)
        .sort_index()
    )
    return wide.to_numpy()


VALUES = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=4)


@given(VALUES, VALUES, st.data())
@settings(max_examples=60, deadline=None)
def test_van_elteren_is_every_arrangement_listed(early, late, data):
    strata = [
        data.draw(st.lists(st.sampled_from("fm"), min_size=len(side), max_size=len(side)))
        for side in (early, late)
    ]
    found = van_elteren(np.array(early), np.array(late), *strata, rng=0)
    if set(strata[0]) & set(strata[1]):
        assert found.p_value == pytest.approx(slow.van_elteren_p(early, late, *strata))
    else:
        assert np.isnan(found.p_value)  # nothing is compared


@given(VALUES, VALUES)
@settings(max_examples=40, deadline=None)
def test_van_elteren_in_one_stratum_is_mann_whitney(early, late):
    found = van_elteren(np.array(early), np.array(late), "x" * len(early), "x" * len(late), rng=0)
    assert found.p_value == pytest.approx(mann_whitney_exact(early, late).p_value)


def test_a_plain_design_is_the_contrast_of_the_library():
    rows = cohort()
    found = compare(rows, AGE, **HOW).set_index(["stratum", "metric"])
    units = []
    for stratum in ("liver", "lung"):
        for age, name in (("3m", "early"), ("24m", "late")):
            counts = matrix(rows, stratum, age)
            units.append(
                pd.DataFrame(
                    {
                        "stratum": stratum,
                        "age_group": name,
                        "gini_present": gini(counts),
                        "hill_q1": hill_number(counts),
                    }
                )
            )
    expected = contrast(pd.concat(units), metrics=["gini_present", "hill_q1"], alpha=0.05).set_index(
        ["stratum", "metric"]
    )
    shared = [
        "early",
        "late",
        "shift",
        "p_value",
        "p_attainable",
        "p_adjusted",
        "hodges_lehmann",
        "cliffs_delta",
    ]
    both = found.loc[expected.index, shared].astype(float)
    pd.testing.assert_frame_equal(both, expected[shared].astype(float))
    assert found.loc[expected.index, "verdict"].tolist() == expected["verdict"].tolist()


def test_the_interval_is_that_of_the_shift_and_found_where_planted():
    found = compare(cohort(5), AGE, **HOW)
    assert set(found["metric"]) == set(METRICS)
    both = found[found["metric"] == "hill_q1"].set_index("stratum")
    assert both.loc["lung", "high"] < 0
    assert both.loc["liver", "low"] < 0 < both.loc["liver", "high"]
    assert both["verdict"].to_dict() == {"lung": "crystallizes", "liver": "unresolved"}


def test_within_a_covariate_shift_and_test_are_those_defined_slowly():
    rows = cohort(4, seed=3)
    found = compare(rows, Comparison("age", ("3m",), ("24m",), within="sex"), **HOW).set_index(
        ["stratum", "metric"]
    )
    values = [hill_number(matrix(rows, "lung", age)).tolist() for age in ("3m", "24m")]
    labels = ["fmfm", "fmfm"]
    row = found.loc[("lung", "hill_q1")]
    assert row["shift"] == pytest.approx(slow.stratified_shift(*values, *labels))
    assert row["p_value"] == pytest.approx(slow.van_elteren_p(*values, *labels))
    assert row["test"] == "van Elteren"
    assert np.isnan(row["hodges_lehmann"])


def test_donors_without_the_covariate_or_alone_in_it_are_left_out():
    rows = cohort(4)
    rows.loc[rows["donor"] == "3m_0", "sex"] = None
    rows.loc[rows["donor"] == "24m_1", "sex"] = "x"
    found = compare(rows, Comparison("age", ("3m",), ("24m",), within="sex"), **HOW)
    assert set(zip(found["n_early"], found["n_late"], strict=True)) == {(3, 3)}


def test_pairs_are_compared_with_themselves():
    rows = cohort(5, seed=2)
    found = compare(rows, Comparison("age", ("3m",), ("24m",), paired_by="animal"), **HOW).set_index(
        ["stratum", "metric"]
    )
    early, late = (hill_number(matrix(rows, "lung", age)) for age in ("3m", "24m"))
    row = found.loc[("lung", "hill_q1")]
    assert row["shift"] == pytest.approx(np.median(late - early))
    assert row["p_value"] == pytest.approx(wilcoxon_signed_rank_exact(early, late).p_value)
    assert (row["test"], row["n_early"], row["n_late"]) == ("signed rank", 5, 5)


def test_a_pair_with_one_half_is_no_pair():
    rows = cohort(4)
    rows = rows[rows["donor"] != "24m_3"]
    found = compare(rows, Comparison("age", ("3m",), ("24m",), paired_by="animal"), **HOW)
    assert set(found["n_early"]) == {3}


def test_one_donor_a_side_has_a_shift_and_no_test():
    found = compare(cohort(1), AGE, **HOW)
    assert found["shift"].notna().all()
    assert found["p_value"].isna().all()
    assert set(found["verdict"]) == {"no test"}
    assert set(found["interval"]) == {"none"}


def test_donors_with_few_cells_are_left_out():
    rows = cohort(3)
    rows.loc[(rows["donor"] == "3m_0") & (rows["stratum"] == "lung"), "n_cells"] = 1
    assert compare(rows, AGE, **HOW).set_index("stratum").loc["lung", "n_early"].iloc[0] == 2


def test_the_same_seed_and_any_other_strata_give_the_same_numbers():
    rows = cohort()
    alone = compare(rows[rows["stratum"] == "lung"], AGE, **HOW)
    together = compare(rows, AGE, **HOW)
    columns = ["metric", "corrected", "low", "high", "p_value"]
    of_lung = together[together["stratum"] == "lung"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone[columns], of_lung[columns])


@pytest.mark.parametrize("within, paired_by", [(None, None), ("sex", None), (None, "animal")])
def test_all_strata_of_a_donor_move_together(within, paired_by):
    rows = cohort(4, strata=("lung", "liver", "skin"))
    comparison = Comparison("age", ("3m",), ("24m",), within=within, paired_by=paired_by)
    found = across(rows, comparison, min_cells=20, rng=0).set_index("metric")
    shifts = [
        hill_number(matrix(rows, s, "24m")).mean() - hill_number(matrix(rows, s, "3m")).mean()
        for s in ("liver", "lung", "skin")
    ]
    assert (
        found.loc["hill_q1", "n_arrangements"] == {None: 70, "sex": 36}.get(within, 70)
        if not paired_by
        else 16
    )
    assert found.loc["hill_q1", "mean_shift"] == pytest.approx(np.mean(shifts))
    assert found.loc["hill_q1", "share_up"] == pytest.approx(np.mean(np.array(shifts) > 0))


def test_no_stratum_with_two_donors_a_side():
    found = across(cohort(1), AGE, min_cells=20, rng=0)
    assert found["n_strata"].tolist() == [0, 0]
    assert found["p_value"].isna().all()
