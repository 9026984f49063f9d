import pandas as pd
import pytest

from concentra.analysis.feasible import confounding, design_table, refuse
from concentra.analysis.question import Comparison
from concentra.errors import DesignError

AGE = Comparison("age", ("3m",), ("24m",))


def donors(rows):
    frame = pd.DataFrame(rows, columns=["donor", "age", "sex", "batch"])
    return frame.assign(stratum="lung", part="T", n_cells=100)


BALANCED = donors(
    [("a", "3m", "f", "1"), ("b", "3m", "m", "2"), ("c", "24m", "f", "1"), ("d", "24m", "m", "2")]
)


def test_a_fair_design_says_nothing():
    assert refuse(BALANCED, AGE, min_cells=50, nuisance={"sex": "sex", "batch": "batch"}) == []


def test_one_donor():
    with pytest.raises(DesignError, match="one donor, 'a'"):
        refuse(BALANCED[:1], AGE, min_cells=50, nuisance={})


def test_a_side_without_donors_or_cells():
    with pytest.raises(DesignError, match="no donor of '24m' with 50 cells"):
        refuse(BALANCED[:2], AGE, min_cells=50, nuisance={})
    with pytest.raises(DesignError, match="the largest has 100"):
        refuse(BALANCED, AGE, min_cells=500, nuisance={})


def test_no_stratum_value_or_pair_with_both():
    apart = BALANCED.assign(stratum=["x", "x", "y", "y"])
    with pytest.raises(DesignError, match="no stratum with donors of both groups"):
        refuse(apart, AGE, min_cells=50, nuisance={})
    split = BALANCED.assign(sex=["f", "f", "m", "m"])
    with pytest.raises(DesignError, match="no value of 'sex' with donors of both"):
        refuse(split, Comparison("age", ("3m",), ("24m",), within="sex"), min_cells=50, nuisance={})
    pairs = BALANCED.assign(**{"donor (label)": BALANCED["donor"]})
    paired = Comparison("age", ("3m",), ("24m",), paired_by="donor (label)")
    with pytest.raises(DesignError, match="no pair \\(by 'donor \\(label\\)'\\)"):
        refuse(pairs, paired, min_cells=50, nuisance={})


def test_complete_confounding_is_refused_unless_accepted():
    confounded = BALANCED.assign(batch=["1", "1", "2", "2"])
    with pytest.raises(DesignError, match="confounded with 'batch' completely: 1 \\(2\\) against 2 \\(2\\)"):
        refuse(confounded, AGE, min_cells=50, nuisance={"batch": "batch"})
    for accepted in ("batch",), ("run",):
        frame = confounded.rename(columns={"batch": "run"}) if accepted == ("run",) else confounded
        nuisance = {"batch": frame.columns[3]}
        assert "accepted" in refuse(frame, AGE, min_cells=50, nuisance=nuisance, despite=accepted)[0]


def test_disease_that_is_the_group_renamed_is_said_not_refused():
    found = refuse(BALANCED.assign(d=["n", "n", "ill", "ill"]), AGE, min_cells=50, nuisance={"disease": "d"})
    assert "nothing tells the two apart" in found[0]


def test_a_batch_for_each_donor_is_not_confounding():
    each = BALANCED.assign(batch=list("wxyz"))
    assert confounding(each, AGE, ["batch"])["confounded"].tolist() == ["none"]


def test_unequal_sexes_are_said():
    unequal = donors(
        [("a", "3m", "f", "1"), ("b", "3m", "m", "1"), ("c", "24m", "m", "1"), ("d", "24m", "m", "1")]
    )
    assert confounding(unequal, AGE, ["sex"])["confounded"].tolist() == ["partial"]
    assert "--within sex" in refuse(unequal, AGE, min_cells=50, nuisance={"sex": "sex"})[0]


def test_one_donor_a_side_is_said():
    assert "without any test" in refuse(BALANCED[1:3], AGE, min_cells=50, nuisance={})[0]


def test_the_design_counts_donors_and_what_they_can_show():
    found = design_table(BALANCED.assign(n_cells=[100, 100, 100, 3]), AGE, min_cells=50).iloc[0]
    assert found[["n_early", "n_late", "n_few_cells"]].tolist() == [2, 1, 1]
    assert design_table(BALANCED, AGE, min_cells=50)["p_attainable"].iloc[0] == pytest.approx(1 / 3)
    pairs = BALANCED.assign(pair=list("pqpq"))
    paired = design_table(pairs, Comparison("age", ("3m",), ("24m",), paired_by="pair"), min_cells=50)
    assert paired["p_attainable"].iloc[0] == 0.5
