import numpy as np
import pandas as pd
import pytest

from concentra.analysis.cohort import Plan, analyse
from concentra.analysis.question import Comparison
from concentra.analysis.tally import about_name, combinations
from concentra.errors import DesignError
from concentra.simulate import default_plan, simulate_labels

ROLES = {"stratum": "tissue", "donor": "mouse.id", "part": "cell_ontology_class"}
AGE = Comparison("age", ("3m",), ("24m",))
QUICK = {"n_draws": 200, "multiverse": False}


def labelled(n_donors=4, n_null=2, n_cells=300):
    return simulate_labels(default_plan(n_null), n_donors=n_donors, n_cells=n_cells, rng=1).cells.astype(str)


def counted(cells, *columns):
    return combinations(cells, ROLES | {about_name(name): name for name in columns})


def test_planted_shifts_are_found_and_nulls_are_not():
    found = analyse(
        counted(labelled(6), "age", "sex"), Plan((AGE,), nuisance={"sex": "sex"}, trend="age", n_draws=200)
    )
    verdicts = (
        found.tables["contrast"].set_index(["stratum", "metric"])["verdict"].xs("hill_q1", level="metric")
    )
    assert verdicts["crystallizes"] == "crystallizes"
    assert verdicts["disperses"] == "disperses"
    assert set(verdicts[["null_1", "null_2"]]) == {"unresolved"}
    trend = found.tables["trend"].set_index(["stratum", "metric"])["trend"]
    assert trend[("crystallizes", "hill_q1")] == "falls"
    assert trend[("disperses", "hill_q1")] == "rises"
    agreement = found.tables["agreement"].set_index(["stratum", "metric"])["share_same_sign"]
    assert agreement[("disperses", "both")] == 1.0
    plane = found.tables["plane"].set_index(["stratum", "axes"])["excludes_zero"]
    assert plane[("crystallizes", "raw")]


def test_the_order_of_cells_does_not_matter():
    cells = labelled(3, 1, 150)
    first = analyse(counted(cells, "age"), Plan((AGE,), **QUICK)).tables
    second = analyse(counted(cells.sample(frac=1, random_state=1), "age"), Plan((AGE,), **QUICK)).tables
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, second[name], obj=name)


def test_contributions_sum_to_the_difference_of_means():
    tables = analyse(counted(labelled(3, 1, 150), "age"), Plan((AGE,), **QUICK)).tables
    units = tables["concentration"]
    means = units.groupby(["stratum", "age"])["hill_q1"].mean().unstack()
    drivers = tables["drivers"].query("metric == 'hill_q1'").groupby("stratum")["contribution"].sum()
    pd.testing.assert_series_equal(drivers, means["24m"] - means["3m"], check_names=False)


@pytest.mark.parametrize("name", ["share", "part", "hill_q1", "side", "n_cells", "included"])
def test_columns_named_like_ours(name):
    cells = labelled(3, 1, 150).rename(columns={"age": name})
    comparison = Comparison(name, ("3m",), ("24m",))
    found = analyse(counted(cells, name), Plan((comparison,), trend=name, **QUICK)).tables
    expected = analyse(counted(labelled(3, 1, 150), "age"), Plan((AGE,), trend="age", **QUICK)).tables
    numbers = ["shift", "p_value", "early", "late"]
    pd.testing.assert_frame_equal(found["contrast"][numbers], expected["contrast"][numbers])
    pd.testing.assert_frame_equal(
        found["trend"][["slope", "p_value"]], expected["trend"][["slope", "p_value"]]
    )


def test_pairs_are_donors_measured_twice():
    cells = labelled(5, 1)
    cells["mouse.id"] = cells["mouse.id"].str.split("_").str[1]
    plan = Plan((Comparison("age", ("3m",), ("24m",), paired_by="mouse.id"),), **QUICK)
    tables = analyse(counted(cells, "age", "mouse.id"), plan).tables
    assert set(tables["contrast"]["n_early"]) == {5}
    assert "plane" not in tables
    units = tables["concentration"].set_index(["stratum", "mouse.id", "age"])["hill_q1"].unstack()
    differences = (units["24m"] - units["3m"]).groupby("stratum").median()
    found = tables["contrast"].query("metric == 'hill_q1'").set_index("stratum")["shift"]
    pd.testing.assert_series_equal(found, differences, check_names=False)


def test_the_common_depth_is_that_of_the_smallest_unit_compared():
    cells = labelled(3, 1, 150)
    found = analyse(counted(cells, "age"), Plan((AGE,), min_cells=100, **QUICK))
    units = found.tables["concentration"]
    assert found.depth == units.loc[units["included"], "n_cells"].min()
    assert units.loc[units["included"], "gini_rarefied"].notna().all()
    assert analyse(counted(cells, "age"), Plan((AGE,), depth=60, **QUICK)).depth == 60


def test_work_is_told_in_its_order():
    told = []
    analyse(counted(labelled(3, 1, 150), "age"), Plan((AGE,), trend="age", **QUICK), tell=told.append)
    assert told[0] == "counting"
    assert told[-1] == "age: trend"


def test_nobody_has_enough_cells():
    with pytest.raises(DesignError, match="no donor with 9999 cells in any stratum"):
        analyse(counted(labelled(3, 1, 150)), Plan(min_cells=9999))


def test_cells_that_cannot_be_placed_are_kept_in_the_account():
    cells = labelled(3, 1, 150)
    cells.loc[:9, "cell_ontology_class"] = np.nan
    found = analyse(counted(cells, "age"), Plan((AGE,), **QUICK))
    assert found.tables["left_out"]["n_cells"].sum() == 10
    assert found.tables["composition"]["n_cells"].sum() == len(cells) - 10
    assert "10 of" in found.said[0]
