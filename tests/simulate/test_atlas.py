"""Simulated atlases: real files, exact sizes, planted truth, bounded memory."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from concentra.errors import ArgumentError
from concentra.io.expression import read_expression
from concentra.metrics import gini, hill_number
from concentra.simulate import LAYOUTS, simulate_atlas, truth_path
from concentra.simulate.counts import draw_counts
from concentra.simulate.layouts import TMS_COLUMNS

SIZE = {"n_cells": 1500, "n_genes": 120, "n_counts": 200}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_file_is_an_annotated_matrix_of_the_asked_size(tmp_path, layout):
    path = tmp_path / "atlas.h5ad"
    truth = simulate_atlas(path, layout, rng=1, **SIZE)
    atlas = anndata.read_h5ad(path)
    assert atlas.shape == (1500, 120)
    assert atlas.X.format == "csr"
    assert atlas.X.dtype == np.float32
    assert atlas.X.has_sorted_indices
    assert atlas.X.indices.dtype == atlas.X.indptr.dtype == np.int32
    assert atlas.obs.columns.tolist() == list(LAYOUTS[layout].columns)
    assert atlas.obs_names.is_unique
    pd.testing.assert_frame_equal(pd.read_csv(truth_path(path)).fillna({"cell_type": ""}), truth)
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith(".")] == []


def test_tabula_muris_senis_columns_are_the_official_ones():
    assert LAYOUTS["tms_facs"].columns == LAYOUTS["tms_droplet"].columns == TMS_COLUMNS
    assert {"mouse.id", "tissue", "cell_ontology_class", "age", "sex", "free_annotation"} < set(TMS_COLUMNS)


def test_x_is_log_normalised_or_counts_as_the_layout_says(tmp_path):
    simulate_atlas(tmp_path / "tms.h5ad", "tms_facs", rng=1, **SIZE)
    atlas = anndata.read_h5ad(tmp_path / "tms.h5ad")
    assert np.allclose(np.expm1(atlas.X.toarray().astype(float)).sum(axis=1), 1e4, rtol=1e-4)
    assert (np.diff(atlas.X.indptr) == atlas.obs["n_genes"]).all()
    simulate_atlas(tmp_path / "rat.h5ad", "rat_cr", rng=1, **SIZE)
    rat = anndata.read_h5ad(tmp_path / "rat.h5ad")
    assert (rat.X.data == np.rint(rat.X.data)).all()
    assert (rat.obs["n_counts"] == rat.X.sum(axis=1).A1).all()


def test_the_rat_layout_has_two_libraries_a_group_one_of_each_sex(tmp_path):
    simulate_atlas(tmp_path / "rat.h5ad", "rat_cr", rng=1, **SIZE)
    obs = anndata.read_h5ad(tmp_path / "rat.h5ad", backed="r").obs
    libraries = obs[["tissue", "age", "diet", "sex", "library"]].drop_duplicates()
    assert (libraries.groupby(["tissue", "age", "diet"], observed=True).size() == 2).all()
    assert (libraries.groupby(["tissue", "age", "diet"], observed=True)["sex"].nunique() == 2).all()
    assert libraries["library"].is_unique


def test_the_same_seed_gives_the_same_file(tmp_path):
    for name, seed in (("first", 3), ("second", 3), ("other", 4)):
        simulate_atlas(tmp_path / f"{name}.h5ad", "kimmel2019", rng=seed, **SIZE)
    first, second, other = ((tmp_path / f"{name}.h5ad").read_bytes() for name in ("first", "second", "other"))
    assert first == second
    assert first != other


def test_chunks_do_not_change_which_rows_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("concentra.simulate.atlas.DRAWS_PER_CHUNK", 5_000)
    simulate_atlas(tmp_path / "atlas.h5ad", "kimmel2019", rng=3, **SIZE)
    atlas = anndata.read_h5ad(tmp_path / "atlas.h5ad")
    assert (atlas.obs["n_counts"] == atlas.X.sum(axis=1).A1).all()


def test_truth_is_that_of_the_planted_shares(tmp_path):
    truth = simulate_atlas(tmp_path / "rat.h5ad", "rat_cr", rng=1, **SIZE)
    marrow = LAYOUTS["rat_cr"].tissues()[0]
    row = truth[(truth["level"] == "states") & (truth["tissue"] == "BM")].iloc[0]
    for stage in ("early", "late", "treated"):
        shares = np.concatenate(
            [share * marrow.state_shares(i, stage) for i, share in enumerate(marrow.type_shares(stage))]
        )
        assert row[f"gini_{stage}"] == pytest.approx(float(gini(shares)), abs=1e-12)
        assert row[f"hill_q1_{stage}"] == pytest.approx(float(hill_number(shares, 1)), abs=1e-10)
    rescued = truth[truth["level"] == "types"].set_index("tissue")["gini_rescue"]
    assert rescued["BM"] == pytest.approx(0.6)
    assert rescued["Aorta"] == pytest.approx(0.0)
    assert np.isnan(rescued["Skin"])


def test_every_level_is_planted():
    rows = [row for tissue in LAYOUTS["tms_facs"].tissues() for row in tissue.truth(treated=False)]
    truth = pd.DataFrame(rows).set_index(["level", "tissue", "cell_type"])["direction"]
    assert truth[("types", "Marrow", "")] == "crystallize"
    assert (truth[("types", "Kidney", "")], truth[("states", "Kidney", "")]) == ("crystallize", "disperse")
    within = truth["within"]["Spleen"].tolist()
    assert within == ["crystallize", "disperse", "none", "none"]
    assert set(truth[:, "Lung"]) == {"none"}


def test_cells_follow_the_planted_composition(tmp_path):
    simulate_atlas(tmp_path / "atlas.h5ad", "kimmel2019", n_cells=30_000, n_genes=50, n_counts=1, rng=2)
    obs = anndata.read_h5ad(tmp_path / "atlas.h5ad", backed="r").obs
    lung = LAYOUTS["kimmel2019"].tissues()[1]
    for age, stage in (("young", "early"), ("old", "late")):
        cells = obs[(obs["tissue"] == "lung") & (obs["age"] == age)]
        shares = cells["cell_type"].astype(str).value_counts(normalize=True).sort_index()
        assert np.allclose(shares, lung.type_shares(stage), atol=0.025)


def test_counts_are_multinomial_draws_of_their_state():
    rng = np.random.default_rng(0)
    shares = np.array([[0.5, 0.3, 0.2, 0.0], [0.1, 0.0, 0.2, 0.7]])
    states = rng.integers(0, 2, 4000)
    depths = rng.integers(0, 60, 4000)
    counts = draw_counts(np.cumsum(shares, axis=1), states, depths, rng)
    assert (depths == counts.sum(axis=1).A1).all()
    for state in (0, 1):
        table = counts[states == state].toarray()
        expected = depths[states == state][:, None] * shares[state]
        assert (table[:, shares[state] == 0] == 0).all()
        # Pearson's statistic over cells has the mean of its degrees of freedom: one less than the genes present.
        used = (depths[states == state] > 0)[:, None] & (shares[state] > 0)
        terms = np.where(used, (table - expected) ** 2 / np.where(used, expected, 1), 0)
        assert terms.sum(axis=1)[depths[states == state] > 0].mean() == pytest.approx(2, abs=0.15)


def test_failure_leaves_no_file(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("concentra.simulate.atlas.append_rows", fail)
    with pytest.raises(OSError, match="disk full"):
        simulate_atlas(tmp_path / "atlas.h5ad", rng=0, **SIZE)
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ArgumentError, match="did you mean 'tms_facs'"):
        simulate_atlas(tmp_path / "atlas.h5ad", "tms_fac")
    with pytest.raises(ArgumentError, match="n_cells=5"):
        simulate_atlas(tmp_path / "atlas.h5ad", n_cells=5)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_matrix(tmp_path):
    # 60,000 x 8,000 would be 1.9 GB dense and 0.6 GB sparse; chunks of four million counts take some 0.2 GB.
    import subprocess
    import sys

    code = (
        "import resource, sys; from concentra.simulate import simulate_atlas;"
        "simulate_atlas(sys.argv[1], 'tms_droplet', n_cells=60_000, n_genes=8_000, n_counts=1500, rng=0);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.h5ad")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 700_000  # kilobytes
    assert read_expression(tmp_path / "a.h5ad", [59_999], n_variable=10).matrix.shape == (1, 10)
