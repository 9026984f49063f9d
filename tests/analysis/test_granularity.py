"""Concentration over clusters: against slow definitions, and planted shifts found, nulls not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import definitions_granularity as slow
from concentra.analysis.contrast import contrast
from concentra.analysis.granularity import (
    compare_scales,
    shift_null,
    state_composition,
    state_concentration,
    state_contrast,
)
from concentra.errors import ArgumentError, ColumnError, LabelError
from concentra.simulate import PlantedShift, geometric, simulate_labels


def frames(simulated, *, renamed=0.8):
    """Simulated cells as `cells` and `labels`: each cell type plays a cluster."""
    cells = simulated.cells.rename(columns={"mouse.id": "donor", "tissue": "stratum"}).copy()
    cells["age_group"] = cells["age"].map({"3m": "early", "24m": "late"}).astype(str)
    labels = pd.DataFrame({"cell": cells.index, "resolution": renamed})
    labels["cluster"] = cells["cell_ontology_class"].cat.codes.to_numpy()
    return labels, cells[["donor", "stratum", "age_group"]]


@pytest.fixture(scope="module")
def units():
    labels, cells = frames(simulate_labels(n_donors=4, n_cells=150, rng=5))
    coarse = labels.assign(resolution=0.4, cluster=labels["cluster"] // 2)
    return state_concentration(state_composition(pd.concat([coarse, labels]), cells))


def test_concentration_is_that_of_each_donors_clusters(units):
    labels, cells = frames(simulate_labels(n_donors=4, n_cells=150, rng=5))
    assert len(units) == 2 * 8 * 8
    for _, unit in units[units["resolution"] == 0.8].sample(12, random_state=1).iterrows():
        chosen = cells[(cells["donor"] == unit["donor"]) & (cells["stratum"] == unit["stratum"])].index
        counts = labels.loc[chosen, "cluster"].value_counts().to_list()
        assert unit["n_cells"] == len(chosen)
        assert unit["hill_q0"] == len(counts)
        assert unit["gini_present"] == pytest.approx(slow.gini(counts), abs=1e-12)
        assert unit["hill_q1"] == pytest.approx(slow.effective_number(counts), abs=1e-10)
        assert unit["hill_q1_corrected"] >= unit["hill_q1"]


def test_null_is_that_of_all_arrangements(units):
    null = shift_null(units, min_cells=1, rng=0).set_index(["resolution", "stratum", "metric"])
    for key in [(0.4, "mixed", "gini_present"), (0.8, "null_2", "hill_q1"), (0.8, "disperses", "hill_q1")]:
        rows = units[(units["resolution"] == key[0]) & (units["stratum"] == key[1])]
        groups = (rows.loc[rows["age_group"] == name, key[2]].tolist() for name in ("early", "late"))
        shift, p_value, arranged = slow.shift_permutation(*groups)
        found = null.loc[key]
        assert found["shift"] == pytest.approx(shift, abs=1e-12)
        assert found["p_permutation"] == pytest.approx(p_value, abs=1e-12)
        assert found["n_arrangements"] == len(arranged) == 70
        assert found["null_low"] == pytest.approx(np.quantile(arranged, 0.025), abs=1e-12)


def test_random_arrangements_agree_with_all(units, monkeypatch):
    exact = shift_null(units, min_cells=1, rng=0)
    monkeypatch.setattr("concentra.analysis.granularity.ALL_UP_TO", 10)
    drawn = shift_null(units, min_cells=1, rng=0, n_random=4999)
    assert np.allclose(exact["p_permutation"], drawn["p_permutation"], atol=0.03)
    assert (drawn["p_attainable"] == 1 / 5000).all()


def test_contrast_leaves_out_small_units_and_adjusts_within_a_resolution(units):
    found = state_contrast(units, min_cells=130, alpha=0.05)
    kept = units[units["n_cells"] >= 130]
    assert found.groupby("resolution").size().to_dict() == {0.4: 16, 0.8: 16}
    for (resolution, stratum), rows in found.groupby(["resolution", "stratum"]):
        mine = kept[(kept["resolution"] == resolution) & (kept["stratum"] == stratum)]
        assert rows["n_early"].iloc[0] == (mine["age_group"] == "early").sum()
    alone = state_contrast(units[units["resolution"] == 0.4], min_cells=130, alpha=0.05)
    assert np.allclose(
        alone["p_adjusted"], found.loc[found["resolution"] == 0.4, "p_adjusted"], equal_nan=True
    )


def test_planted_states_within_a_type_are_found_and_steady_ones_are_not():
    states = [
        PlantedShift("crystallizing type", geometric(5, 0.9), geometric(5, 0.55)),
        PlantedShift("dispersing type", geometric(5, 0.55), geometric(5, 0.9)),
        PlantedShift("steady type", geometric(5, 0.7), geometric(5, 0.7)),
    ]
    labels, cells = frames(simulate_labels(states, n_donors=5, n_cells=200, concentration=500, rng=2))
    units = state_concentration(state_composition(labels, cells))
    found = state_contrast(units, min_cells=50, alpha=0.05).drop_duplicates("stratum").set_index("stratum")
    assert found["verdict"].to_dict() == {
        "crystallizing type": "crystallizes",
        "dispersing type": "disperses",
        "steady type": "unresolved",
    }


def test_a_planted_flip_of_granularity_is_reproduced():
    # 4 types crystallize, while the states within each spread: the tissue's 16 states disperse.
    early = np.outer(geometric(4, 0.95), [0.85, 0.05, 0.05, 0.05]).ravel()
    late = np.outer(geometric(4, 0.6), geometric(4, 0.9)).ravel()
    labels, cells = frames(simulate_labels([PlantedShift("kidney", early, late)], n_cells=500, rng=3))
    units = state_concentration(state_composition(labels, cells))
    types = labels.assign(cluster=labels["cluster"] // 4)
    coarse_units = state_concentration(state_composition(types, cells))
    coarse = contrast(coarse_units, metrics=["gini_present", "hill_q1"], alpha=0.05)
    scales = compare_scales(coarse, state_contrast(units, min_cells=50, alpha=0.05)).iloc[0]
    assert (scales["direction_coarse"], scales["direction_fine"]) == ("crystallizes", "disperses")
    assert scales["opposite"]
    assert scales["p_opposite"] == pytest.approx(2 / 924)


def test_agreeing_scales_have_no_p_of_opposition(units):
    fine = state_contrast(units, min_cells=1, alpha=0.05)
    coarse = fine[fine["resolution"] == 0.8].drop(columns="resolution")
    scales = compare_scales(coarse, fine[fine["resolution"] == 0.8])
    assert not scales["opposite"].any()
    assert scales["p_opposite"].isna().all()


def test_a_group_of_one_donor_has_no_null(units):
    few = units[(units["age_group"] == "early") | units["donor"].str.startswith("24_1_")]
    null = shift_null(few, min_cells=1, rng=0)
    assert null["p_permutation"].isna().all()
    assert null["shift"].notna().all()


def test_errors_say_what_is_missing(units):
    labels, cells = frames(simulate_labels(n_donors=2, n_cells=20))
    with pytest.raises(ColumnError, match="no column 'stratum'"):
        state_composition(labels, cells.drop(columns="stratum"))
    with pytest.raises(LabelError, match="one cluster for each cell"):
        state_composition(labels.iloc[1:], cells)
    with pytest.raises(ArgumentError, match="lower min_cells"):
        state_contrast(units, min_cells=10**6, alpha=0.05)


@pytest.mark.slow
def test_no_shift_is_called_at_the_nominal_rate():
    # 200 atlases of five steady types, 5 against 5 donors: p attains .0476 as its largest value below .05
    # for the permutation of means; of medians less, and the Mann-Whitney test .0317.
    plan = [PlantedShift(f"type {i}", geometric(5, 0.7), geometric(5, 0.7)) for i in range(5)]
    called = []
    for seed in range(200):
        simulated = simulate_labels(
            plan, n_donors=5, n_cells=120, concentration=100, depth_spread=0.5, rng=seed
        )
        labels, cells = frames(simulated)
        units = state_concentration(state_composition(labels, cells))
        found = state_contrast(units, min_cells=1, alpha=0.05)
        null = shift_null(units, min_cells=1, rng=seed)
        both = found.merge(null, on=["resolution", "stratum", "metric"])
        called.append(both[["p_value", "p_permutation"]] <= 0.05)
    rates = pd.concat(called).mean()
    assert rates["p_value"] == pytest.approx(0.0317, abs=0.017)
    assert 0.01 <= rates["p_permutation"] <= 0.065
