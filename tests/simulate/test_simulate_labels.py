"""Simulated labels: what is planted is what comes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.errors import ArgumentError
from concentra.metrics import gini, hill_number
from concentra.simulate import PlantedShift, direction, geometric, simulate_labels, tiers
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.multiplicity import benjamini_hochberg

METRICS = {"gini": gini, "hill_q1": hill_number}


def contrasts(simulated):
    """Shift of medians and exact p per tissue and metric, adjusted over all of them."""
    keys = ["tissue", "mouse.id", "age"]
    counts = simulated.cells.groupby([*keys, "cell_ontology_class"], observed=True).size()
    rows = []
    for tissue, tissue_counts in counts.groupby(level="tissue", observed=True):
        units = tissue_counts.unstack("cell_ontology_class", fill_value=0)
        old = units.index.get_level_values("age") == "24m"
        for name, measure in METRICS.items():
            values = measure(units.to_numpy())
            shift = np.median(values[old]) - np.median(values[~old])
            p_value = mann_whitney_exact(values[~old], values[old]).p_value
            rows.append({"tissue": tissue, "metric": name, "shift": shift, "p_value": p_value})
    table = pd.DataFrame(rows).merge(simulated.truth, on="tissue")
    table["planted"] = np.where(table["metric"] == "gini", table["gini_shift"], table["hill_q1_shift"])
    table["p_adjusted"] = benjamini_hochberg(table["p_value"].to_numpy()).p_adjusted
    return table


def test_the_default_finds_every_planted_shift_and_calls_no_null():
    table = contrasts(simulate_labels())
    planted = table["direction"] != "none"
    assert planted.sum() == 6
    assert (np.sign(table["shift"]) == np.sign(table["planted"]))[planted].all()
    assert (table["p_adjusted"][planted] < 0.05).all()
    assert (table["p_adjusted"][~planted] >= 0.05).all()


def test_directions_planted():
    truth = simulate_labels(n_donors=1, n_cells=1).truth
    assert truth["direction"].tolist() == ["crystallize", "disperse", "mixed", *["none"] * 5]
    columns = ["gini_early", "gini_late", "gini_shift", "hill_q1_early", "hill_q1_late", "hill_q1_shift"]
    assert truth.columns.tolist() == ["tissue", "direction", *columns]


def test_truth_is_that_of_the_measures():
    shift = PlantedShift("lung", geometric(7, 0.5), tiers(7, 2, 0.9))
    truth = shift.truth()
    for name, measure in METRICS.items():
        assert truth[f"{name}_early"] == pytest.approx(float(measure(shift.early)), abs=1e-12)
        assert truth[f"{name}_late"] == pytest.approx(float(measure(shift.late)), abs=1e-12)


def test_the_same_seed_gives_the_same_bytes():
    first, second, other = (simulate_labels(rng=seed).cells.to_csv() for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_donors_have_one_age_and_one_sex_and_sexes_are_balanced():
    donors = simulate_labels(n_cells=20).cells[["mouse.id", "age", "sex"]].drop_duplicates()
    assert donors["mouse.id"].is_unique
    assert (donors.groupby(["age", "sex"], observed=True).size() == 3).all()


def test_cell_numbers_vary_and_follow_the_median():
    cells = simulate_labels(n_donors=40, n_cells=500, depth_spread=0.3).cells
    numbers = cells.groupby(["tissue", "mouse.id"], observed=True).size()
    assert np.median(numbers) == pytest.approx(500, rel=0.06)
    assert np.log(numbers).std() == pytest.approx(0.3, rel=0.1)


def test_mean_composition_is_the_planted_one():
    shift = PlantedShift("lung", geometric(4, 0.5), geometric(4, 0.9))
    cells = simulate_labels([shift], n_donors=50, n_cells=2000, rng=1).cells
    observed = pd.crosstab(cells["age"], cells["cell_ontology_class"], normalize="index")
    assert np.allclose(observed.loc["3m"], shift.early, atol=0.01)
    assert np.allclose(observed.loc["24m"], shift.late, atol=0.01)


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_donors": 0},
        {"n_cells": 0},
        {"concentration": 0.0},
        {"depth_spread": -1.0},
        {"concentration": np.nan},
    ],
)
def test_arguments_outside_their_range_are_refused(arguments):
    with pytest.raises(ArgumentError, match=f"{next(iter(arguments))}="):
        simulate_labels(**arguments)


def test_shapes_outside_their_range_are_refused():
    with pytest.raises(ArgumentError, match=r"ratio=1\.5"):
        geometric(3, 1.5)
    with pytest.raises(ArgumentError, match="n_top=3"):
        tiers(3, 3, 0.5)
    with pytest.raises(ArgumentError, match="late of 'lung'"):
        PlantedShift("lung", geometric(3, 0.5), np.array([0.5, 0.5, 0.5]))


def test_direction_with_one_shift_at_zero_is_mixed():
    assert direction(0.0, 1.0) == "mixed"
    assert direction(-0.1, 0.0) == "mixed"


@pytest.mark.slow
def test_nulls_are_called_at_the_nominal_rate_over_seeds():
    # An exact test of 6 against 6 has size .0411 at .05; 200 atlases x 5 null tissues x 2 metrics.
    tables = pd.concat([contrasts(simulate_labels(rng=seed)) for seed in range(200)])
    null = tables["direction"] == "none"
    rate = (tables["p_value"][null] <= 0.05).mean()
    assert rate == pytest.approx(0.0411, abs=0.018)  # three standard errors of 1,000 independent tissues
    assert (tables["p_adjusted"][~null] < 0.05).mean() > 0.97
