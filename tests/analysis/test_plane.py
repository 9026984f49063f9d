"""The plane on simulated tissues: planted shifts stand out, nulls do not; what is drawn is what is tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.composition import count_parts
from concentra.analysis.contrast import contrast
from concentra.analysis.plane import gini_normalised, ln_hill_q1, model_plane, plane
from concentra.metrics import compute, entropy
from concentra.simulate import simulate_labels

HOW = {"level": 0.95, "n_draws": 500, "n_random": 500, "n_shown": 100, "seed": 1}


@pytest.fixture(scope="module")
def tissues() -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = simulate_labels(n_donors=5, n_cells=400, rng=4).cells
    counts, _ = count_parts(
        cells, donor="mouse.id", stratum="tissue", part="cell_ontology_class", about=["age", "sex"]
    )
    wide = counts.pivot(index=["stratum", "donor", "age", "sex"], columns="part", values="n_cells").fillna(0)
    units = wide.index.to_frame(index=False)
    values = compute(wide.to_numpy(), ["gini_present", "hill_q1"])
    group = units["age"].map({"3m": "early", "24m": "late"})
    return units.assign(age_group=group, **values), counts


def test_planted_shifts_stand_out_and_nulls_do_not(tissues: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    tests, _ = plane(*tissues, **HOW)
    raw = tests[tests["axes"] == "raw"].set_index("stratum")
    planted = [name for name in raw.index if not name.startswith("null")]
    assert raw.loc[planted, "excludes_zero"].all()
    assert (raw.loc[planted, "p_joint"] <= 0.05).all()
    assert not raw.drop(planted)["excludes_zero"].all()
    assert raw["exact"].all()
    assert (raw["n_arrangements"] == 252).all()


def test_shifts_are_those_of_the_contrast(tissues: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    tests, _ = plane(*tissues, **HOW)
    raw = tests[tests["axes"] == "raw"].set_index("stratum")
    found = contrast(tissues[0], metrics=["gini_present", "hill_q1"], alpha=0.05).set_index(
        ["metric", "stratum"]
    )
    for metric, name in (("gini_present", "gini"), ("hill_q1", "hill_q1")):
        np.testing.assert_allclose(raw[name], found.loc[metric, "shift"].loc[raw.index])


def test_what_is_drawn(tissues: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    tests, cloud = plane(*tissues, **HOW)
    sizes = cloud.groupby(["stratum", "axes", "what"]).size().unstack()
    assert (sizes["null"] == HOW["n_shown"]).all()
    assert sizes["region"].nunique() == 1
    assert len(sizes) == len(tests)


def test_two_donors_have_a_cloud_and_no_region(tissues: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    units, counts = tissues
    first = units[units["stratum"] == "crystallizes"].groupby("age_group").head(2)
    tests, cloud = plane(first, counts, **HOW)
    assert not tests["region"].any()
    assert not tests["excludes_zero"].any()
    assert set(cloud["what"]) == {"null"}
    assert (tests["n_arrangements"] == 6).all()


def test_one_donor_has_no_arrow(tissues: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    units, counts = tissues
    alone = units[units["stratum"] == "crystallizes"].groupby("age_group").head(1)
    tests, cloud = plane(alone, counts, **HOW)
    assert tests.empty
    assert cloud.empty


def test_normalised_axes() -> None:
    amounts = np.array([[1.0, 0, 0, 0], [1, 1e-12, 1e-12, 0], [1, 1, 0, 0], [4, 3, 2, 1]])
    assert np.isnan(gini_normalised(amounts)[0])
    assert gini_normalised(amounts)[1] == pytest.approx(1)
    assert gini_normalised(amounts)[2] == 0
    assert gini_normalised(amounts, "stratum")[0] == 1
    np.testing.assert_allclose(ln_hill_q1(amounts), entropy(amounts), atol=1e-12)


def test_a_model_that_one_head_moves() -> None:
    rng = np.random.default_rng(2)
    first = rng.random(30)
    last = first.copy()
    last[0] = 60.0
    tests, cloud = model_plane(np.stack([first, first, last]), rng=1, n_draws=400, n_null=200, level=0.95)
    raw = tests.set_index("axes").loc["raw"]
    assert raw["gini"] > 0 > raw["hill_q1"]
    null = cloud[(cloud["what"] == "null") & (cloud["axes"] == "raw")]["gini"]
    assert 0.3 < (null > 0).mean() < 0.7, "the one head decides the sign of each exchange"
    assert set(cloud["what"]) == {"region", "null"}
