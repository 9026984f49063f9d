"""Components of a shift: sums, tests, signs and intervals, compartments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu

from concentra.analysis.attribution import NUMBER_OF_PARTS
from concentra.analysis.part_changes import part_changes, share_tests
from definitions_designs import designed

PARTS = ["granulocyte", "naive B cell", "late pro-B cell", "precursor B cell", "hematopoietic stem cell"]
EARLY, LATE = [40, 25, 15, 15, 5], [62, 25, 4, 4, 5]


def cells(n_early, n_late, seed=3):
    rng = np.random.default_rng(seed)
    rows = []
    for group, n_donors, shares in (("early", n_early, EARLY), ("late", n_late, LATE)):
        for place in range(n_donors):
            amounts = rng.multinomial(800, rng.dirichlet(np.array(shares) * 5.0))
            rows += [(f"{group}{place}", *pair, group) for pair in zip(PARTS, amounts.tolist(), strict=True)]
    frame = pd.DataFrame(rows, columns=["donor", "part", "n_cells", "group"]).assign(stratum="marrow")
    return frame[frame["n_cells"] > 0]


def found(n_early, n_late):
    return part_changes(designed(cells(n_early, n_late), "group", "early", "late"))


@pytest.fixture(scope="module")
def planted():
    return found(5, 6)


def test_everything_adds_up(planted):
    shifts = planted.shifts.set_index("metric")["shift_of_means"]
    by_part = planted.drivers.groupby("metric")["contribution"].sum()
    by_level = planted.lineages.groupby(["level", "metric"])["contribution"].sum()
    for metric, shift in shifts.items():
        assert by_part[metric] == pytest.approx(shift)
        assert by_level.xs(metric, level="metric").to_numpy() == pytest.approx(shift)
    assert planted.parts[["share_reference", "share_other"]].sum().to_numpy() == pytest.approx(1.0)
    assert planted.parts["share_change"].sum() == pytest.approx(0.0, abs=1e-12)


def test_the_planted_gain_and_losses_are_found(planted):
    towards = planted.parts.set_index("part")["towards"]
    assert towards.to_dict() == {
        "granulocyte": "gain",
        "hematopoietic stem cell": "unclear",
        "late pro-B cell": "loss",
        "naive B cell": "unclear",
        "precursor B cell": "loss",
    }
    stages = planted.lineages[
        (planted.lineages["level"] == "stage") & (planted.lineages["metric"] == "hill_q1")
    ]
    assert stages.set_index("lineage").loc["B-lineage intermediates", ["sign", "towards"]].tolist() == [
        "loss",
        "loss",
    ]
    assert planted.drivers.groupby("metric")["rank"].apply(list).loc["hill_q1"] == [1, 2, 3, 4, 5]


def test_share_tests_are_those_of_each_part_and_one_family(planted):
    wide = cells(5, 6).pivot(index="donor", columns="part", values="n_cells").fillna(0)
    shares = wide.div(wide.sum(axis=1), axis=0)
    early, late = (shares[shares.index.str.startswith(name)].to_numpy() for name in ("early", "late"))
    tests = share_tests(early, late)
    expected = [mannwhitneyu(a, b, method="exact").pvalue for a, b in zip(early.T, late.T, strict=True)]
    assert tests["p_value"].tolist() == pytest.approx(expected)
    assert tests["p_adjusted"].tolist() == pytest.approx(false_discovery_control(expected))
    assert (tests["n_family"] == 5).all()
    assert planted.parts["p_value"].tolist() == pytest.approx(expected)


def test_the_leading_compartment_has_the_largest_fraction(planted):
    compartments = planted.lineages[planted.lineages["level"] == "compartment"]
    for _, row in planted.shifts.iterrows():
        of_metric = compartments[compartments["metric"] == row["metric"]].set_index("lineage")[
            "fraction_of_shift"
        ]
        assert row["leading_compartment"] == of_metric.idxmax() == "immune"
        assert row["leading_fraction"] == of_metric.max()


@pytest.mark.parametrize("sizes, kind", [((2, 4), "range"), ((1, 3), "none")])
def test_without_an_interval_nothing_is_towards(sizes, kind):
    few = found(*sizes)
    assert (few.parts["interval"] == kind).all()
    assert (few.parts["towards"] == "unclear").all()
    assert few.parts["p_value"].isna().all() == (kind == "none")


def test_the_row_for_the_number_of_parts_has_no_share(planted):
    row = planted.lineages[planted.lineages["lineage"] == NUMBER_OF_PARTS]
    assert row[["sign", "towards", "share_change", "p_value"]].isna().all(axis=None)
    assert (row["metric"] == "gini_present").all()


def test_no_shift_has_no_leader():
    same = cells(3, 3)
    early = same[same["group"] == "early"]
    both = pd.concat([early, early.assign(group="late", donor=early["donor"] + "x")])
    shifts = part_changes(designed(both, "group", "early", "late", n_draws=200)).shifts
    assert shifts["leading_compartment"].isna().all()
