"""The whole way, from a file on disk to a verdict: what was planted is found, what was not is not."""

from __future__ import annotations

import pandas as pd
import pytest

from concentra.analysis.contrast import contrast
from concentra.analysis.granularity import (
    compare_scales,
    state_composition,
    state_concentration,
    state_contrast,
)
from concentra.analysis.rescue import rescue
from concentra.clustering import cluster_cells
from concentra.io.expression import read_expression, select_cells
from concentra.simulate import simulate_atlas

pytestmark = pytest.mark.clustering
sklearn_metrics = pytest.importorskip("sklearn.metrics")
pytest.importorskip("igraph")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    place = tmp_path_factory.mktemp("atlas") / "atlas.h5ad"
    simulate_atlas(place, "tms_facs", n_cells=8_000, n_genes=500, n_counts=1_200, rng=1)
    return place


def clustered(path, where, stratum, resolutions):
    """Clusters of the chosen cells, and who these cells are."""
    chosen = select_cells(path, where, ["mouse.id", "age", "free_annotation", "cell_ontology_class"])
    found = read_expression(path, chosen.index, n_variable=300)
    labels = cluster_cells(found.matrix, resolutions, n_components=20, cells=found.rows)
    cells = chosen.rename(columns={"mouse.id": "donor"})
    cells["stratum"] = stratum
    cells["age_group"] = cells["age"].map({"3m": "early", "24m": "late"}).astype(str)
    return labels, cells


def test_planted_shifts_within_types_are_found_and_steady_types_are_not(path):
    units = []
    for number in range(1, 5):
        name = f"Spleen type {number}"
        labels, cells = clustered(path, {"cell_ontology_class": name}, name, [0.6])
        agreement = sklearn_metrics.adjusted_rand_score(
            cells["free_annotation"].astype(str), labels["cluster"]
        )
        assert agreement > 0.9
        units.append(state_concentration(state_composition(labels, cells)))
    found = state_contrast(pd.concat(units), min_cells=20, alpha=0.05).drop_duplicates("stratum")
    assert found["verdict"].tolist() == ["crystallizes", "disperses", "unresolved", "unresolved"]


def test_the_planted_flip_of_granularity_is_reproduced(path):
    labels, cells = clustered(path, {"tissue": "Kidney"}, "Kidney", [0.5, 1.0])
    fine = state_contrast(state_concentration(state_composition(labels, cells)), min_cells=20, alpha=0.05)
    types = pd.DataFrame({"cell": cells.index, "resolution": 0.0})
    types["cluster"] = cells["cell_ontology_class"].astype(str).to_numpy()
    units = state_concentration(state_composition(types, cells))
    coarse = contrast(units, metrics=["gini_present", "hill_q1"], alpha=0.05)
    scales = compare_scales(coarse, fine)
    assert scales["direction_coarse"].tolist() == ["crystallizes"] * 2
    assert scales["direction_fine"].tolist() == ["disperses"] * 2
    assert (scales["p_opposite"] < 0.01).all()


def test_a_steady_tissue_shifts_at_neither_scale(path):
    labels, cells = clustered(path, {"tissue": "Lung"}, "Lung", [0.5, 1.0])
    fine = state_contrast(state_concentration(state_composition(labels, cells)), min_cells=20, alpha=0.05)
    assert set(fine["verdict"]) == {"unresolved"}


def test_the_planted_rescue_is_recovered_from_the_rat_layout(tmp_path):
    truth = simulate_atlas(tmp_path / "rat.h5ad", "rat_cr", n_cells=60_000, n_genes=50, n_counts=2, rng=3)
    planted = truth[truth["level"] == "types"].set_index("tissue")
    cells = select_cells(tmp_path / "rat.h5ad", {}, ["tissue", "library", "cell_type", "age", "diet"])
    stage = {
        ("young", "ad libitum"): "early",
        ("old", "ad libitum"): "late",
        ("old", "restricted"): "treated",
    }
    composition = pd.DataFrame(
        {
            "stratum": cells["tissue"].astype(str),
            "donor": cells["library"].astype(str),
            "group": [stage[pair] for pair in zip(cells["age"], cells["diet"], strict=True)],
            "part": cells["cell_type"].astype(str),
        }
    )
    composition = composition.value_counts().rename("n_cells").reset_index()
    found = rescue(composition, rng=0, n_draws=1000).set_index(["stratum", "metric"])
    for metric, name in (("gini_present", "gini"), ("hill_q1", "hill_q1")):
        assert found.loc[("BM", metric), "rescue"] == pytest.approx(
            planted.loc["BM", f"{name}_rescue"], abs=0.2
        )
        assert abs(found.loc[("Aorta", metric), "rescue"]) < 0.35
        assert found.loc[("BM", metric), "contrast_kind"] == "range"
        assert found.loc[("BM", metric), "p_attainable"] >= 2 / 90 - 1e-12
