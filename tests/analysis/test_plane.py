"""The plane on simulated tissues: planted shifts stand out, nulls do not; what is drawn is what is tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.plane import (
    N_SHOWN,
    Plane,
    PlanePoints,
    gini_normalised,
    ln_hill_q1,
    model_plane,
    plane,
)
from concentra.composition import read
from concentra.design import Design, Question, Settings, resolve
from concentra.metrics import entropy
from concentra.simulate import simulate_labels

AGE = Question("age", ("3m",), (("24m",),))


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return simulate_labels(n_donors=5, n_cells=400, rng=4).cells


@pytest.fixture(scope="module")
def design(cells: pd.DataFrame) -> Design:
    made = read(cells, donor="mouse.id", tissue="tissue", cell_type="cell_ontology_class")
    return resolve(made, AGE, Settings(n_draws=500, seed=1))


def test_planted_shifts_stand_out_and_nulls_do_not(design: Design) -> None:
    tests, _ = plane(design)
    raw = tests[tests["axes"] == "raw"].set_index("stratum")
    planted = [name for name in raw.index if not name.startswith("null")]
    assert raw.loc[planted, "excludes_zero"].all()
    assert (raw.loc[planted, "p_joint"] <= 0.05).all()
    assert not raw.drop(planted)["excludes_zero"].all()
    assert raw["exact"].all()
    assert (raw["n_arrangements"] == 252).all()


def test_shifts_are_those_of_the_contrast(design: Design) -> None:
    raw = plane(design)[0].query("axes == 'raw'").set_index("stratum")
    found = contrast(design, concentration(design.composition)).set_index(["metric", "stratum"])
    for metric, name in (("gini_present", "gini"), ("hill_q1", "hill_q1")):
        np.testing.assert_allclose(raw[name], found.loc[metric, "shift"].loc[raw.index])


def test_what_is_drawn(design: Design) -> None:
    tests, points = plane(design)
    sizes = points.groupby(["stratum", "axes", "what"]).size().unstack()
    assert (sizes["permuted"] == N_SHOWN).all()
    assert sizes["region"].nunique() == 1
    assert len(sizes) == len(tests)
    Plane.check(tests, "plane")
    PlanePoints.check(points, "points")


def few(cells: pd.DataFrame, n: int) -> Design:
    """The design of the first donors of each age in one stratum."""
    donors = cells.drop_duplicates("mouse.id").groupby("age", observed=True)["mouse.id"].head(n)
    kept = cells[cells["mouse.id"].isin(donors) & (cells["tissue"] == "crystallizes")]
    made = read(kept, donor="mouse.id", tissue="tissue", cell_type="cell_ontology_class")
    return resolve(made, AGE, Settings(n_draws=500))


def test_two_donors_have_a_cloud_and_no_region(cells: pd.DataFrame) -> None:
    tests, points = plane(few(cells, 2))
    assert not tests["region"].any()
    assert not tests["excludes_zero"].any()
    assert set(points["what"]) == {"permuted"}
    assert (tests["n_arrangements"] == 6).all()


def test_one_donor_has_no_arrow(cells: pd.DataFrame) -> None:
    tests, points = plane(few(cells, 1))
    assert tests.empty
    assert points.empty


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
    null = cloud[(cloud["what"] == "permuted") & (cloud["axes"] == "raw")]["gini"]
    assert 0.3 < (null > 0).mean() < 0.7, "the one head decides the sign of each exchange"
    assert set(cloud["what"]) == {"region", "permuted"}
