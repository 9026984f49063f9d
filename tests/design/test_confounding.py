import numpy as np
import pandas as pd
import pytest

from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.design.confounding import confounding
from concentra.errors import DesignError
from definitions_trend import one_to_one, share_along

AGE = Question("age", ("3m",), (("24m",),))


def donors(rows, **more):
    frame = pd.DataFrame(rows, columns=["donor", "age", "sex", "batch"])
    return frame.assign(stratum="lung", part="T", n_cells=100, **more)


FAIR = [("a", "3m", "f", "1"), ("b", "3m", "m", "2"), ("c", "24m", "f", "1"), ("d", "24m", "m", "2")]
BALANCED = donors(FAIR)


def asked(frame, question=AGE, min_cells=50):
    return resolve(from_table(frame), question, Settings(min_cells=min_cells))


def test_a_fair_design_has_no_notes():
    assert asked(BALANCED).notes == ()


def test_one_donor():
    with pytest.raises(DesignError, match="one donor, 'a'"):
        asked(BALANCED[:1])


def test_a_group_without_donors_or_cells():
    with pytest.raises(DesignError, match="no donor of '24m' with 50 cells"):
        asked(BALANCED[:2])
    with pytest.raises(DesignError, match="the largest has 100"):
        asked(BALANCED, min_cells=500)


def test_no_stratum_value_or_pair_with_both():
    with pytest.raises(DesignError, match="no tissue with donors of both groups"):
        asked(BALANCED.assign(stratum=["x", "x", "y", "y"]))
    split = BALANCED.assign(sex=["f", "f", "m", "m"])
    with pytest.raises(DesignError, match=r"no donor that can answer.*no donor of another group"):
        asked(split, Question("age", ("3m",), (("24m",),), within="sex"))
    with pytest.raises(DesignError, match="no partner"):
        asked(BALANCED, Question("age", ("3m",), (("24m",),), paired_by="donor"))


@pytest.mark.parametrize(
    "name", ["batch", "site", "Gender", "processing_date", "10x_version", "centre", "library"]
)
def test_complete_confounding_is_refused_unless_accepted(name):
    confounded = BALANCED.drop(columns=["batch", "sex"]).assign(**{name: ["1", "1", "2", "2"]})
    with pytest.raises(
        DesignError, match=f"completely confounded with '{name}' \\(3m: 1 \\(2\\); 24m: 2 \\(2\\)\\)"
    ):
        asked(confounded)
    accepted = Question("age", ("3m",), (("24m",),), accept_confounding=(name,))
    assert "accepted" in asked(confounded, accepted).notes[0].text


def test_a_number_that_separates_the_groups_is_confounding():
    rows = [(f"d{n}", "ctrl" if n < 4 else "case", "f", "1") for n in range(8)]
    frame = donors(rows, BMI=["20", "21", "22.5", "23", "31", "32", "35", "40"]).rename(
        columns={"age": "group"}
    )
    with pytest.raises(DesignError, match="confounded with 'BMI' \\(ctrl: 20 to 23; case: 31 to 40\\)"):
        asked(frame, Question("group", ("ctrl",), (("case",),)))
    near = frame.assign(BMI=["20", "21", "22.5", "33", "31", "32", "35", "40"])
    found = asked(near, Question("group", ("ctrl",), (("case",),)))
    assert confounding(found).set_index("covariate").loc["BMI", "confounded"] == "partial"
    assert found.notes[0].text.endswith("--formula '~ BMI' adjusts for it")  # no two donors share a BMI


def test_all_columns_that_separate_the_groups_are_named_at_once_with_the_formula_that_would_adjust():
    rows = [(f"d{n}", "ctrl" if n < 4 else "case", "fm"[n % 2], "1" if n < 4 else "2") for n in range(8)]
    ages = {"age at death": [str(30 + n if n < 4 else 60 + n) for n in range(8)]}
    frame = donors(rows, **ages).rename(columns={"age": "disease"})
    question = Question("disease", ("ctrl",), (("case",),), formula="~ sex")
    with pytest.raises(DesignError) as refused:
        asked(frame, question)
    text = str(refused.value)
    assert (
        "'batch' (ctrl: 1 (4); case: 2 (4)) and with 'age at death' (ctrl: 30 to 33; case: 64 to 67)" in text
    )
    assert "--formula '~ sex + batch + `age at death`'" in text
    assert "--accept-confounding 'batch' --accept-confounding 'age at death'" in text
    both = ("batch", "age at death")
    accepted = asked(frame, Question("disease", ("ctrl",), (("case",),), accept_confounding=both))
    assert [note.kind for note in accepted.notes] == ["accepted", "accepted"]


def test_another_name_of_the_groups_is_noted_not_refused():
    found = asked(BALANCED.assign(diagnosis=["n", "n", "ill", "ill"]))
    assert "the two cannot be distinguished" in found.notes[0].text
    found = asked(BALANCED.assign(age_months=["3", "3", "24", "24"]))
    assert "the two cannot be distinguished" in found.notes[0].text


def test_a_batch_for_each_donor_is_not_confounding():
    assert "batch" not in set(confounding(asked(BALANCED.assign(batch=list("wxyz"))))["covariate"])


def test_unequal_sexes_are_noted():
    unequal = donors(
        [("a", "3m", "f", "1"), ("b", "3m", "m", "1"), ("c", "24m", "m", "1"), ("d", "24m", "m", "1")]
    )
    found = asked(unequal)
    assert confounding(found).set_index("covariate").loc["sex", "confounded"] == "partial"
    assert "--within 'sex'" in found.notes[0].text


def test_one_donor_a_group_is_noted():
    assert any("without a test" in note.text for note in asked(BALANCED[1:3]).notes)


ALONG_AGE = Question(trend="age")


def along(ages, **labels):
    names = [f"d{place:02d}" for place in range(len(ages))]
    frame = pd.DataFrame({"donor": names, "age": [f"{age}m" for age in ages], **labels})
    return frame.assign(stratum="lung", part="T", n_cells=100)


def test_a_label_that_changes_along_a_trend_is_named_and_adjusting_for_it_settles_it():
    frame = along([1, 1, 3, 3, 18, 18, 24, 24], sex=list("ffffmmmm"), fair=list("xyxyxyxy"))
    design = asked(frame, ALONG_AGE)
    table = confounding(design).set_index("covariate")
    assert table["confounded"].to_dict() == {"sex": "partial", "fair": "none"}
    assert table.loc["sex", "reference_values"] == "f (4): 1m to 3m; m (4): 18m to 24m"
    texts = [note.text for note in design.notes if "'sex'" in note.text]
    assert texts == [
        "trend along age: 'sex' changes along 'age' (f (4): 1m to 3m; m (4): 18m to 24m); --formula '~ sex' "
        "adjusts for it, --within 'sex' compares like with like"
    ]
    assert not asked(frame, Question(trend="age", within="sex")).notes[1:]
    adjusted = asked(frame, Question(trend="age", formula="~ sex"))
    assert not [note for note in adjusted.notes if "'sex'" in note.text]


def test_a_trend_with_the_order_of_a_batch_is_refused_unless_accepted():
    frame = along([3, 3, 12, 12, 24, 24], batch=list("112233"))
    with pytest.raises(
        DesignError, match="completely confounded with 'batch' \\(1 \\(2\\): 3m; 2 \\(2\\): 12m"
    ):
        asked(frame, ALONG_AGE)
    accepted = asked(frame, Question(trend="age", accept_confounding=("batch",)))
    assert [note.kind for note in accepted.notes if "'batch'" in note.text] == ["accepted"]
    stage = asked(frame.rename(columns={"batch": "stage"}), ALONG_AGE)
    assert [note.text for note in stage.notes if "cannot be distinguished" in note.text]


def test_another_name_of_a_trend_is_no_covariate_to_adjust_for():
    found = asked(along([1, 1, 3, 3, 18, 18, 24, 24], age_group=["young"] * 4 + ["old"] * 4), ALONG_AGE)
    text = next(note.text for note in found.notes if "'age_group'" in note.text)
    assert "hard to distinguish" in text
    assert "--formula" not in text


def test_a_donor_with_several_ages_counts_once():
    frame = along([1, 3, 18, 24, 3, 18], sex=list("ffmmfm")).assign(donor=["a", "b", "c", "d", "a", "c"])
    table = confounding(asked(frame.assign(sample=list("uvwxyz")), ALONG_AGE)).set_index("covariate")
    assert table.loc["sex", "reference_values"] == "f (2): 1m to 3m; m (2): 18m to 24m"


def test_numbers_along_a_trend():
    ages = [1, 3, 6, 12, 18, 24]
    frame = along(ages, dose=[str(2 * age) for age in ages], weight=["20", "22", "25", "27", "28", "26"],
                  mood=["5", "1", "6", "3", "2", "4"])  # fmt: skip
    table = confounding(asked(frame, ALONG_AGE)).set_index("covariate")
    assert table["confounded"].to_dict() == {"dose": "complete", "weight": "partial", "mood": "none"}
    assert table.loc["weight", "reference_values"] == "rank correlation 0.83"


@pytest.mark.parametrize("seed", range(40))
def test_how_closely_a_label_follows_a_trend_is_that_of_a_slow_definition(seed):
    chance = np.random.default_rng(seed)
    n = int(chance.integers(5, 14))
    ages = np.array([1, 24, *chance.choice([1, 3, 6, 12, 24], n)])
    later = np.round(ages[:-1] / 9 + chance.normal(0, seed % 4 / 2, n + 1))
    label = [f"v{int(value)}" for value in [*later, later[0]]]
    label[1] = f"v{int(later[0]) + 1}"
    found = confounding(asked(along(ages, stain=label), ALONG_AGE)).set_index("covariate")
    expected = "partial" if share_along(ages, label) > 0.25 else "none"
    assert found.loc["stain", "confounded"] == ("complete" if one_to_one(ages, label) else expected)


@pytest.mark.parametrize("seed", range(20))
def test_along_two_places_labels_are_judged_as_between_groups(seed):
    label = [f"v{value}" for value in np.random.default_rng(seed).integers(0, 2 + seed % 2, 12)]
    frame = along([3] * 6 + [24] * 6, stain=label)
    groups, trend = (
        confounding(asked(frame, question)).set_index("covariate")["confounded"].to_dict()
        for question in (Question("age", ("3m",), (("24m",),)), ALONG_AGE)
    )
    assert groups == trend


def test_old_mice_that_are_all_male_are_named_along_a_trend_too():
    table = confounding(asked(along([3] * 7 + [24] * 4, sex=list("fffmmmmmmmm")), ALONG_AGE))
    assert table["confounded"].tolist() == ["partial"]
    assert table["reference_values"].tolist() == ["f (3): 3m; m (8): 3m to 24m"]


def test_a_column_that_adjusting_cannot_separate_is_not_advised_as_covariate_twice():
    rows = [(f"d{n}", "3m" if n < 4 else "24m", "fm"[n % 2], "1" if n < 4 else "2") for n in range(8)]
    with pytest.raises(DesignError) as refused:
        asked(donors(rows), Question("age", ("3m",), (("24m",),), formula="~ batch"))
    assert "batch + batch" not in str(refused.value)
    assert "--accept-confounding 'batch'" in str(refused.value)
