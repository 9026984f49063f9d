"""The whole way, from a file on disk to a verdict: what was planted is found, what was not is not."""

from __future__ import annotations

import anndata
import pandas as pd
import pytest

from concentra import analyze
from concentra.analysis.rescue import rescue
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.io.expression import select_cells
from concentra.simulate import simulate_atlas

pytestmark = pytest.mark.clustering
sklearn_metrics = pytest.importorskip("sklearn.metrics")
pytest.importorskip("igraph")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    place = tmp_path_factory.mktemp("atlas") / "atlas.h5ad"
    simulate_atlas(place, "tms_facs", n_cells=8_000, n_genes=500, n_counts=1_200, rng=1)
    return place


def clustered(path, folder, tissues, resolutions, **columns):
    """The analysis of clusters of the cells of some tissues, and these cells."""
    atlas = anndata.read_h5ad(path)
    cells = atlas[atlas.obs["tissue"].isin(tissues)].copy()
    cells.write_h5ad(folder / "chosen.h5ad")
    found = analyze(
        folder / "chosen.h5ad", donor="mouse.id", contrast="age:3m:24m", resolutions=resolutions, min_cells=20,
        draws=200, multiverse=False, **columns,
    )  # fmt: skip
    return found.tables, cells.obs


def test_planted_shifts_within_types_are_found_and_steady_types_are_not(path, tmp_path):
    tables, cells = clustered(
        path, tmp_path, ["Spleen"], [0.6], tissue="cell_ontology_class", cell_type="free_annotation"
    )
    for _, own in tables["clusters"].groupby("stratum"):
        labels = cells["free_annotation"].astype(str).to_numpy()[own["row"]]
        assert sklearn_metrics.adjusted_rand_score(labels, own["leiden_0.6"]) > 0.9
    found = tables["granularity"]
    verdicts = (
        found[found["level"].astype(str) == "0.6"].drop_duplicates("stratum").set_index("stratum")["verdict"]
    )
    expected = ["more concentrated", "less concentrated", "undecided", "undecided"]
    assert verdicts[[f"Spleen type {number}" for number in range(1, 5)]].tolist() == expected


def test_the_planted_flip_of_granularity_is_reproduced_and_a_steady_tissue_shifts_at_no_scale(path, tmp_path):
    tables, _ = clustered(
        path, tmp_path, ["Kidney", "Lung"], [0.5, 1.0], tissue="tissue", cell_type="cell_ontology_class"
    )
    scales = tables["scales"].set_index("stratum")
    assert scales.loc["Kidney", "direction_annotated"].tolist() == ["more concentrated"] * 2
    assert scales.loc["Kidney", "direction"].tolist() == ["less concentrated"] * 2
    assert (scales.loc["Kidney", "p_opposite"] < 0.01).all()
    found = tables["granularity"]
    assert set(found.loc[found["stratum"] == "Lung", "verdict"]) == {"undecided"}


def test_the_planted_rescue_is_recovered_from_the_rat_layout(tmp_path):
    truth = simulate_atlas(tmp_path / "rat.h5ad", "rat_cr", n_cells=60_000, n_genes=50, n_counts=2, rng=3)
    planted = truth[truth["level"] == "types"].set_index("tissue")
    cells = select_cells(tmp_path / "rat.h5ad", {}, ["tissue", "library", "cell_type", "age", "diet"])
    stage = {
        ("young", "ad libitum"): "young",
        ("old", "ad libitum"): "old",
        ("old", "restricted"): "treated",
    }
    counts = pd.DataFrame(
        {
            "stratum": cells["tissue"].astype(str),
            "donor": cells["library"].astype(str),
            "group": [stage[pair] for pair in zip(cells["age"], cells["diet"], strict=True)],
            "part": cells["cell_type"].astype(str),
        }
    )
    counts = counts.value_counts().rename("n_cells").reset_index()
    question = Question("group", ("young",), (("old",), ("treated",)))
    design = resolve(from_table(counts), question, Settings(n_draws=1000))
    found = rescue(design).set_index(["stratum", "metric"])
    for metric, name in (("gini_present", "gini"), ("hill_q1", "hill_q1")):
        assert found.loc[("BM", metric), "rescue"] == pytest.approx(
            planted.loc["BM", f"{name}_rescue"], abs=0.2
        )
        assert abs(found.loc[("Aorta", metric), "rescue"]) < 0.35
        assert found.loc[("BM", metric), "contrast_kind"] == "range"
        assert found.loc[("BM", metric), "p_attainable"] >= 2 / 90 - 1e-12
