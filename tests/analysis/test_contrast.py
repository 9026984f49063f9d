"""Groups of donors compared: published shifts and exact tests by slow definitions, the model's verdicts, designs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

import definitions_cohort as slow
from concentra.analysis.across import Across, across
from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import METRICS, Contrast, contrast
from concentra.analysis.exact import van_elteren
from concentra.analysis.model import Omnibus, omnibus, responses
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.metrics import hill_number
from concentra.stats.exact import mann_whitney_exact, wilcoxon_signed_rank_exact
from concentra.stats.verdict import VERDICTS, direction
from definitions_designs import designed

VALUES = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=4)


def cohort(n=4, seed=0, *, strata=("lung", "liver"), shift=3.0, depth=(300, 300)):
    """Rows of donors in two groups; in lung later donors are more concentrated."""
    rng = np.random.default_rng(seed)
    rows = []
    for age, cells in zip(("3m", "24m"), depth, strict=True):
        for number in range(n):
            for stratum in strata:
                weights = np.array([1.0, 1.2, 0.9, 0.8, 1.1])
                weights[0] += shift * (age == "24m" and stratum == "lung")
                counts = rng.multinomial(cells, rng.dirichlet(50 * weights / weights.sum()))
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


def found_in(rows, *, question=None, **settings):
    design = designed(rows, "age", "3m", "24m", question=question, **settings)
    return contrast(design, concentration(design.composition, design.settings))


def matrix(rows, stratum, age):
    of = rows[(rows["stratum"] == stratum) & (rows["age"] == age)]
    every = sorted(rows.loc[rows["stratum"] == stratum, "part"].unique())
    wide = of.pivot(index="donor", columns="part", values="n_cells").reindex(columns=every)
    return wide.fillna(0).sort_index().to_numpy()


def of(found, stratum, metric):
    return found[(found["stratum"] == stratum) & (found["metric"] == metric)].iloc[0]


@given(VALUES, VALUES, st.data())
@settings(max_examples=60, deadline=None)
def test_van_elteren_is_every_arrangement_listed(first, second, data):
    blocks = [
        data.draw(st.lists(st.sampled_from("fm"), min_size=len(side), max_size=len(side)))
        for side in (first, second)
    ]
    arrays = [np.array(one, dtype=object) for one in blocks]
    found = van_elteren(np.array(first), np.array(second), *arrays, rng=0)
    if set(blocks[0]) & set(blocks[1]):
        assert found.p_value == pytest.approx(slow.van_elteren_p(first, second, *blocks))
    else:
        assert np.isnan(found.p_value)  # nothing is compared


def test_shifts_and_exact_tests_are_those_of_their_definitions():
    rows = cohort()
    found = found_in(rows)
    Contrast.check(found, "contrast")
    assert set(found["metric"]) == set(METRICS)
    first, second = (hill_number(matrix(rows, "lung", age)) for age in ("3m", "24m"))
    row = of(found, "lung", "hill_q1")
    assert row["shift"] == pytest.approx(np.median(second) - np.median(first))
    assert row["p_exact"] == pytest.approx(mann_whitney_exact(first, second).p_value)
    assert (row["exact_test"], row["n_reference"], row["n_other"]) == ("Mann-Whitney", 4, 4)


def test_what_is_planted_is_called_and_the_rest_is_not():
    verdicts = found_in(cohort(5)).drop_duplicates("stratum").set_index("stratum")["verdict"]
    assert verdicts["lung"] == "more concentrated"
    assert verdicts["liver"] in ("undecided", "no change beyond the margin")


def test_three_donors_a_group_are_enough_for_a_strong_change():
    assert of(found_in(cohort(3, shift=6.0)), "lung", "hill_q1")["verdict"] == "more concentrated"


@pytest.mark.parametrize("seed", range(6))
def test_interval_test_and_verdict_never_contradict_each_other(seed):
    found = found_in(cohort(3 + seed % 3, seed, shift=2.0))
    for metric, none in (("hill_q1", 1.0), ("gini_stratum", 0.0)):
        rows = found[found["metric"] == metric]
        inside = (rows["low"] <= none) & (none <= rows["high"])
        assert (inside == (rows["p_value"] > 0.05)).all()
        called = rows["verdict"].isin(VERDICTS[:3])
        assert not inside[called].any()


def test_descriptive_rows_have_no_p():
    found = found_in(cohort())
    others = found[~found["metric"].isin(["hill_q1", "gini_stratum"])]
    assert others[["p_value", "effect", "low", "high"]].isna().all(axis=None)


def test_within_a_covariate_shift_and_test_are_those_defined_slowly():
    rows = cohort(4, seed=3)
    found = found_in(rows, question={"within": "sex"})
    values = [hill_number(matrix(rows, "lung", age)).tolist() for age in ("3m", "24m")]
    row = of(found, "lung", "hill_q1")
    assert row["shift"] == pytest.approx(slow.stratified_shift(*values, "fmfm", "fmfm"))
    assert row["p_exact"] == pytest.approx(slow.van_elteren_p(*values, "fmfm", "fmfm"))
    assert row["exact_test"] == "van Elteren"
    assert np.isnan(row["hodges_lehmann"])


def test_donors_without_the_covariate_or_alone_in_it_are_left_out():
    rows = cohort(4)
    rows.loc[rows["donor"] == "3m_0", "sex"] = None
    rows.loc[rows["donor"] == "24m_1", "sex"] = "x"
    found = found_in(rows, question={"within": "sex"})
    assert set(zip(found["n_reference"], found["n_other"], strict=True)) == {(3, 3)}


def test_pairs_are_compared_with_themselves():
    rows = cohort(5, seed=2)
    found = found_in(rows, question={"paired_by": "animal"})
    first, second = (hill_number(matrix(rows, "lung", age)) for age in ("3m", "24m"))
    row = of(found, "lung", "hill_q1")
    assert row["shift"] == pytest.approx(np.median(second - first))
    assert row["p_exact"] == pytest.approx(wilcoxon_signed_rank_exact(first, second).p_value)
    assert (row["exact_test"], row["n_reference"], row["n_other"]) == ("signed rank", 5, 5)


def test_one_stratum_of_complete_pairs_is_the_paired_t_test():
    rows = cohort(5, seed=2, strata=("lung",))
    design = designed(rows, "age", "3m", "24m", question={"paired_by": "animal"})
    units = concentration(design.composition)
    values = responses(units)
    sides = [values[(units["age"] == age).to_numpy()] for age in ("3m", "24m")]
    found = contrast(design, units)
    for place, metric in enumerate(("hill_q1", "gini_stratum")):
        expected = ttest_rel(sides[1][:, place], sides[0][:, place])
        assert of(found, "lung", metric)["p_value"] == pytest.approx(expected.pvalue)


def test_incomplete_pairs_are_kept_by_the_model_and_noted():
    rows = cohort(5)
    rows = rows[rows["donor"] != "24m_3"]
    design = designed(rows, "age", "3m", "24m", question={"paired_by": "animal"})
    assert "no partner (by 'animal'): 3m_3" in design.notes[-1].text
    found = contrast(design, concentration(design.composition))
    assert set(found["n_reference"]) == {4}


def test_ten_visits_of_five_donors_do_not_become_fifty():
    rng = np.random.default_rng(1)
    rows = []
    for donor in range(10):
        shares = rng.dirichlet([20, 10, 5, 2])
        for visit in range(10):
            counts = rng.multinomial(3000, rng.dirichlet(2000 * shares))
            rows += [("blood", f"d{donor}", f"d{donor}v{visit}", "ab"[donor % 2], p, n)
                     for p, n in zip("wxyz", counts, strict=True)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["stratum", "donor", "sample", "group", "part", "n_cells"])
    repeated = designed(frame, "group", "a", "b")
    found = contrast(repeated, concentration(repeated.composition)).set_index("metric")
    assert found.loc["hill_q1", ["n_reference", "n_other"]].tolist() == [5, 5]
    assert found.loc["hill_q1", "df"] <= 8


def test_one_donor_a_group_has_a_shift_and_no_test():
    found = found_in(cohort(1))
    assert found["shift"].notna().all()
    assert found[["p_value", "p_exact"]].isna().all(axis=None)
    assert set(found["verdict"]) == {"not testable"}
    assert found["reason"].notna().all()


def test_one_part_is_not_testable_and_the_others_are():
    rows = cohort(4)
    alone = rows.drop_duplicates("donor").assign(stratum="skin", part="a", n_cells=80)
    found = found_in(pd.concat([rows, alone])).drop_duplicates("stratum").set_index("stratum")
    assert found.loc["skin", "verdict"] == "not testable"
    assert found.loc["lung", "verdict"] == "more concentrated"


def test_donors_with_few_cells_are_left_out():
    rows = cohort(3)
    rows.loc[(rows["donor"] == "3m_0") & (rows["stratum"] == "lung"), "n_cells"] = 1
    assert of(found_in(rows), "lung", "hill_q1")["n_reference"] == 2


def test_the_seed_and_the_names_of_labels_change_no_verdict():
    rows = cohort(6, seed=5)
    columns = ["stratum", "metric", "effect", "low", "high", "p_value", "verdict"]
    first = found_in(rows)[columns]
    pd.testing.assert_frame_equal(first, found_in(rows, seed=9)[columns])
    renamed = rows.assign(age=rows["age"].map({"3m": "3 months", "24m": "24 months"}))
    design = designed(renamed, "age", "3 months", "24 months")
    pd.testing.assert_frame_equal(first, contrast(design, concentration(design.composition))[columns])


def test_values_as_counted_are_not_tested_at_unequal_depth():
    found = found_in(cohort(5, depth=(300, 3000)))
    assert np.isnan(of(found, "lung", "gini_present")["p_exact"])
    assert of(found, "lung", "gini_present")["shift"] != 0
    assert of(found, "lung", "gini_stratum")["p_value"] < 0.05


def test_a_covariate_is_held():
    rng = np.random.default_rng(3)
    rows = []
    for number in range(12):
        bmi = 20 + number % 6
        group = "ab"[number // 6]
        weights = np.array([10 + 4 * (bmi - 20) + 10 * (group == "b"), 10, 8, 6])
        counts = rng.multinomial(4000, weights / weights.sum())
        rows += [("blood", f"d{number}", group, str(bmi), p, n) for p, n in zip("wxyz", counts, strict=True)]
    frame = pd.DataFrame(rows, columns=["stratum", "donor", "group", "bmi", "part", "n_cells"])
    designs = [designed(frame, "group", "a", "b", question=q) for q in ({}, {"formula": "~ bmi"})]
    plain, adjusted = (contrast(one, concentration(one.composition)).set_index("metric") for one in designs)
    assert adjusted.loc["hill_q1", "p_value"] < plain.loc["hill_q1", "p_value"]
    assert adjusted.loc["hill_q1", "verdict"] == "more concentrated"


def test_several_groups_have_an_omnibus_test_and_every_pair():
    rows = cohort(4, shift=4.0)
    between = cohort(4, seed=9, shift=0.0).assign(age="18m", donor=lambda f: "18m" + f["donor"])
    frame = pd.concat([rows, between[between["donor"].str.contains("3m_")]])
    design = designed(frame, "age", "3m", "24m", question={})
    several = designed(frame, "age", "3m", "24m")
    assert design.name == several.name
    from concentra.composition import from_table
    from concentra.design import Question, resolve

    made = resolve(from_table(frame), Question("age", ("3m",), (("18m",), ("24m",))))
    units = concentration(made.composition)
    tests = omnibus(made, units)
    Omnibus.check(tests, "omnibus")
    assert of(tests, "lung", "hill_q1")["p_value"] < 0.01
    pairs = contrast(made, units)
    assert pairs["contrast"].nunique() == 3
    lung = pairs[(pairs["stratum"] == "lung") & (pairs["metric"] == "hill_q1")].set_index("contrast")[
        "verdict"
    ]
    assert lung["age: 3m to 24m"] == lung["age: 18m to 24m"] == "more concentrated"
    assert lung["age: 3m to 18m"] not in VERDICTS[:3]


@pytest.mark.parametrize("within, paired_by", [(None, None), ("sex", None), (None, "animal")])
def test_all_strata_of_a_donor_move_together(within, paired_by):
    rows = cohort(4, strata=("lung", "liver", "skin"))
    design = designed(rows, "age", "3m", "24m", question={"within": within, "paired_by": paired_by})
    found = across(design, concentration(design.composition)).set_index("metric")
    Across.check(found.reset_index(), "across")
    shifts = [
        hill_number(matrix(rows, s, "24m")).mean() - hill_number(matrix(rows, s, "3m")).mean()
        for s in ("liver", "lung", "skin")
    ]
    expected = 16 if paired_by else {None: 70, "sex": 36}[within]
    assert found.loc["hill_q1", "n_arrangements"] == expected
    assert found.loc["hill_q1", "mean_shift"] == pytest.approx(np.mean(shifts))
    assert found.loc["hill_q1", "share_up"] == pytest.approx(np.mean(np.array(shifts) > 0))


def test_no_stratum_with_two_donors_a_group():
    design = designed(cohort(1), "age", "3m", "24m")
    found = across(design, concentration(design.composition))
    assert set(found["n_strata"]) == {0}
    assert found["p_value"].isna().all()


def test_directions():
    assert direction(0.1, -1.0) == "more concentrated"
    assert direction(-0.1, 1.0) == "less concentrated"
    assert direction(0.1, 1.0) == direction(0.0, -1.0) == "mixed"
    assert direction(float("nan"), 1.0) == ""


def test_why_a_stratum_cannot_be_tested_is_said_in_words_of_the_data():
    few = {
        donor: ([9, 6, 4] if donor == "a" else [30, 20, 10 + place]) for place, donor in enumerate("abcdef")
    }
    rows = [
        (stratum, donor, "3m" if donor < "d" else "24m", part, n)
        for stratum, counts in (("few", few), ("one", {donor: [60] for donor in "abcdef"}))
        for donor, row in counts.items()
        for part, n in zip("BTN", row, strict=False)
    ]
    frame = pd.DataFrame(rows, columns=["stratum", "donor", "age", "part", "n_cells"])
    chosen = Settings(min_cells=10)
    design = resolve(from_table(frame), Question("age", ("3m",), (("24m",),)), chosen)
    found = contrast(design, concentration(design.composition, chosen)).groupby("stratum")["reason"].first()
    assert found["one"] == "a single cell type"
    assert found["few"].startswith("1 of 6 samples with fewer than 20 cells")
    assert found["few"].endswith("--min-cells 20 leaves them out")
