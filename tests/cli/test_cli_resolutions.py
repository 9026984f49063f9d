"""`concentra analyze --resolutions`: clusters of all donors of a stratum as parts."""

import json
from collections import Counter

import anndata
import numpy as np
import pandas as pd
import pytest

from concentra.clustering import _needed
from concentra.metrics import gini
from concentra.simulate import simulate_atlas

ASKED = ("--contrast", "age:young:old", "--draws", "100", "--no-multiverse", "--resolutions", "0.4,1")


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    path = tmp_path_factory.mktemp("atlas") / "atlas.h5ad"
    simulate_atlas(path, "kimmel2019", n_cells=3_000, n_genes=120, rng=3)
    return path


def table(out, name):
    return pd.read_csv(out / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])


def test_planted_flips_are_found_and_every_number_follows_from_the_clusters(run, atlas, tmp_path):
    out = tmp_path / "o"
    done = run("analyze", atlas, *ASKED, "--out", out)
    assert done.code == 0, done.err
    for said in (
        done.out,
        *((out / name).read_text(encoding="utf-8") for name in ("summary.md", "report.html")),
    ):
        assert "atlas.h5ad is simulated: no finding" in said
    obs = anndata.read_h5ad(atlas).obs
    clusters = table(out, "clusters")
    assert sorted(clusters["row"]) == list(range(len(obs)))
    assert (obs["animal"].to_numpy()[clusters["row"]] == clusters["donor"]).all()
    units = table(out, "granularity_concentration").set_index(["level", "stratum", "donor"])
    for stratum, donor in (("kidney", "Y1"), ("lung", "O2")):
        here = clusters[(clusters["stratum"] == stratum) & (clusters["donor"] == donor)]
        for resolution in (0.4, 1.0):
            counts = list(Counter(here[f"leiden_{resolution:g}"]).values())
            assert units.loc[(resolution, stratum, donor), "gini_present"] == pytest.approx(gini(counts))
    found = table(out, "granularity").set_index(["stratum", "level", "metric"])
    early, late = (
        [units.loc[(1.0, "kidney", f"{side}{n}"), "hill_q1"] for n in range(1, 5)] for side in "YO"
    )
    assert found.loc[("kidney", "1", "hill_q1"), "shift"] == pytest.approx(np.median(late) - np.median(early))
    types = table(out, "contrast").set_index(["stratum", "metric"])
    assert found.loc[("kidney", "annotated", "hill_q1"), "low"] == types.loc[("kidney", "hill_q1"), "low"]
    scales = table(out, "scales").set_index("stratum")
    assert scales.loc["kidney", "opposite"].all()  # planted: types crystallize, states disperse
    assert not scales.loc["lung", "opposite"].any()  # both disperse
    assert set(table(out, "stability")["n_seeds"]) == {5}
    assert "igraph" in json.loads((out / "provenance.json").read_text())["packages"]
    assert "| kidney | more concentrated |" in (out / "summary.md").read_text()


def test_the_run_file_repeats_it_byte_for_byte(run, atlas, tmp_path):
    run("analyze", atlas, *ASKED, "--out", tmp_path / "a")
    assert "resolutions = [0.4, 1.0]" in (tmp_path / "a/run.toml").read_text()
    (tmp_path / "b").mkdir()
    assert run("analyze", "--run", tmp_path / "a/run.toml", "--out", tmp_path / "b").code == 0
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path


def test_pairs_two_contrasts_and_no_contrast(run, atlas, tmp_path):
    adata = anndata.read_h5ad(atlas)
    adata.obs["litter"] = adata.obs["animal"].astype(str).str[1:]
    adata.obs.loc[adata.obs_names[:25], "cell_type"] = np.nan
    adata.write_h5ad(tmp_path / "p.h5ad")
    done = run(
        "analyze", tmp_path / "p.h5ad", "--donor", "litter", "--paired-by", "litter", *ASKED, "--contrast",
        "age:old:young", "--part", "cell_type", "--out", tmp_path / "o",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = table(tmp_path / "o", "granularity")
    assert set(found["exact_test"]) == {"signed rank"}
    both = [rows["shift"].to_numpy() for _, rows in found.groupby("contrast")]
    np.testing.assert_allclose(both[0], -both[1])
    assert len(table(tmp_path / "o", "clusters")) == len(adata) - 25
    done = run("analyze", atlas, "--resolutions", "1", "--out", tmp_path / "n")
    assert done.code == 0, done.err
    assert len(table(tmp_path / "n", "granularity_concentration")) == 24
    assert not (tmp_path / "n/tables/granularity.csv").exists()


def test_features_as_given_from_zarr(run, tmp_path, recwarn):
    pytest.importorskip("zarr")
    rng = np.random.default_rng(0)
    obs = pd.DataFrame({
        "donor": np.repeat(list("abcd"), 80), "age": np.repeat(["y", "o"], 160),
        "cell_type": np.tile(["T", "B"], 160),
    }, index=[f"c{n}" for n in range(320)])  # fmt: skip
    scores = rng.normal(size=(320, 5)) + 9 * (obs["cell_type"] == "T").to_numpy()[:, None]
    anndata.AnnData(scores.astype("f4"), obs).write_zarr(tmp_path / "a.zarr")
    recwarn.clear()  # how anndata will write zarr one day
    asked = ("analyze", tmp_path / "a.zarr", "--contrast", "age:y:o", "--draws", 100, "--no-multiverse")
    done = run(*asked, "--resolutions", "0.1", "--out", tmp_path / "o")
    assert done.code == 1
    assert "--features given" in done.err
    done = run(*asked, "--resolutions", "0.1", "--features", "given", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    clusters = table(tmp_path / "o", "clusters")
    assert (
        clusters.groupby("leiden_0.1")["part"].nunique().eq(1).all()
    )  # types lie apart: none is in two clusters


def test_hostile_labels_and_strata_without_a_comparison(run, atlas, tmp_path):
    adata = anndata.read_h5ad(atlas)
    hostile = {"kidney": "<script>alert(1)</script>", "lung": 'a,b|"c"\n$x$', "spleen": "spleen"}
    adata.obs["tissue"] = adata.obs["tissue"].astype(str).map(hostile).astype("category")
    adata = adata[~((adata.obs["tissue"] == "spleen") & (adata.obs["age"] == "old"))]
    adata.copy().write_h5ad(tmp_path / "h.h5ad")
    done = run("analyze", tmp_path / "h.h5ad", *ASKED, "--out", tmp_path / "o")
    assert done.code == 0, done.err
    assert set(table(tmp_path / "o", "clusters")["stratum"]) == {hostile["kidney"], hostile["lung"]}
    for path in [tmp_path / "o/report.html", *(tmp_path / "o/figures").iterdir()]:
        assert "<script>alert(1)" not in path.read_text()
    design = table(tmp_path / "o", "design").set_index("stratum")
    assert design.loc["spleen", ["n_reference", "n_other"]].tolist() == [4, 0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--resolutions", "fine"], "write --resolutions 0.4,0.8,1.2"),
        (["--resolutions", "0"], "numbers above 0, each once"),
        (["--resolutions", "1,1"], "numbers above 0, each once"),
        (["--resolutions", "1", "--features", "pcs"], "genes or given"),
        (["--resolutions", "1", "--wide"], "no expression in"),
    ],
)
def test_refusals(run, atlas, tmp_path, arguments, message):
    done = run("analyze", atlas, *arguments, "--out", tmp_path / "o")
    assert done.code == 1
    assert message in done.err
    assert not (tmp_path / "o").exists()


def test_no_expression_no_packages_and_two_files(run, atlas, tmp_path, monkeypatch):
    adata = anndata.read_h5ad(atlas)
    anndata.AnnData(obs=adata.obs).write_h5ad(tmp_path / "labels.h5ad")
    adata.obs.to_csv(tmp_path / "cells.csv")
    for name in ("labels.h5ad", "cells.csv"):
        done = run("analyze", tmp_path / name, *ASKED, "--out", tmp_path / "o")
        assert "no expression in" in done.err
    assert "of 2 files" in run("analyze", atlas, atlas, *ASKED, "--out", tmp_path / "o").err
    real = _needed.import_module
    monkeypatch.setattr(_needed, "import_module", lambda name: real("no_such_" + name))
    done = run("analyze", atlas, *ASKED, "--out", tmp_path / "o")
    assert done.code == 1
    assert "pip install 'concentra[clustering]'" in done.err


def test_units_are_measured_over_clusters_and_over_coarser_types(run, atlas, tmp_path):
    types = sorted(anndata.read_h5ad(atlas).obs["cell_type"].unique())
    halves = pd.DataFrame({"type": types, "half": ["first" if one < types[5] else "second" for one in types]})
    halves.to_csv(tmp_path / "levels.csv", index=False)
    done = run("analyze", atlas, *ASKED, "--levels", tmp_path / "levels.csv", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    units = table(tmp_path / "o", "granularity_concentration")
    assert set(units["level"].astype(str)) == {"finest", "half", "0.4", "1"}
    assert not units.duplicated(["level", "stratum", "donor", "sample"]).any()
