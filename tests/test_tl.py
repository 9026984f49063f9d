"""`concentra.tl` and `concentra.get`: what goes in, what is stored, what comes out."""

import anndata
import numpy as np
import pandas as pd
import pytest

from concentra import get, pp, tl
from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.composition import from_table
from concentra.design import Question, resolve
from concentra.errors import ArgumentError, ColumnError, DesignError, LabelError
from concentra.metrics import gini, hill_number
from concentra.simulate import simulate_labels

COLUMNS = {"unit": "mouse.id", "stratum": "tissue", "part": "cell_ontology_class", "about": ["age", "sex"]}

GROUPS = {"group": "age", "reference": "3m", "other": "24m"}

HOSTILE = ["<script>alert(1)</script>", "=1+1", 'a,"b"\nc', "細胞 $x$", "x" * 10_000, "None", "a/b"]


@pytest.fixture(scope="module")
def cells():
    return simulate_labels(n_donors=3, n_cells=150, rng=2).cells


@pytest.fixture
def adata(cells):
    return pp.composition(cells, **COLUMNS)


@pytest.fixture(scope="module")
def analysed(cells):
    made = pp.composition(cells, **COLUMNS)
    tl.concentration(made)
    tl.lorenz(made)
    tl.contrast(made, **GROUPS, formula="~ sex")
    tl.drivers(made, **GROUPS, n_draws=200)
    tl.plane(made, **GROUPS, n_draws=200)
    tl.multiverse(made, **GROUPS, restricted_by="sex")
    tl.trend(made, along="age", formula="~ sex")
    made.var["half"] = ["first" if name < "type_07" else "second" for name in made.var_names]
    tl.granularity(made, levels=["half"], **GROUPS)
    return made


def test_a_mudata_names_its_modality(cells, adata):
    mudata = pytest.importorskip("mudata")
    obs = cells.set_axis([f"c{n}" for n in range(len(cells))])
    with mudata.set_options(pull_on_update=False):
        both = mudata.MuData({"rna": anndata.AnnData(np.zeros((len(cells), 1)), obs=obs), "coda": adata})
    made = pp.composition(both, modality="rna", **COLUMNS)
    assert (made.X == adata.X).all()
    tl.contrast(both, modality="coda", **GROUPS)
    assert len(get.contrast(both, modality="coda"))
    with pytest.raises(ArgumentError, match="modality=None of a MuData with 'rna', 'coda'"):
        tl.lorenz(both)


def test_tools_return_none_and_touch_nothing_but_their_key(adata):
    before = adata.copy()
    assert tl.contrast(adata, **GROUPS, key_added="mine") is None
    assert set(adata.uns["concentra"]) == {"composition", "mine"}
    assert (adata.X == before.X).all()
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    assert len(get.contrast(adata, key="mine")) == 8 * 8
    assert get.parameters(adata, "mine")["reference"] == ["3m"]


def test_values_are_those_of_the_library(analysed):
    units = get.concentration(analysed).set_index(["stratum", "donor"])
    row = analysed[0]
    counts = row.X[0]
    found = units.loc[(row.obs["stratum"].iloc[0], row.obs["donor"].iloc[0])]
    assert found["gini_present"] == pytest.approx(gini(counts))
    assert found["hill_q1"] == pytest.approx(hill_number(counts))
    made = from_table(get.composition(analysed))
    expected = contrast(
        resolve(made, Question("age", ("3m",), (("24m",),), formula="~ sex")), concentration(made)
    )
    pd.testing.assert_frame_equal(get.contrast(analysed), expected, check_dtype=False)


def test_everything_survives_h5ad(analysed, tmp_path):
    analysed.write_h5ad(tmp_path / "a.h5ad")
    back = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert (back.X == analysed.X).all()
    for getter in (
        get.composition, get.concentration, get.lorenz, get.contrast, get.across, get.design, get.confounding,
        get.drivers, get.plane, get.plane_points, get.multiverse, get.agreement, get.trend, get.granularity, get.scales,
    ):  # fmt: skip
        before, after = getter(analysed), getter(back)
        assert len(before), getter.__name__
        pd.testing.assert_frame_equal(before, after, check_dtype=False, obj=getter.__name__)
    for key in ("contrast", "trend", "granularity"):
        assert set(get.parameters(back, key)) == set(get.parameters(analysed, key))


def test_hostile_labels_survive(tmp_path):
    rows = [
        {"d": f"{donor} {age}", "t": tissue, "p": part, "age": age}
        for donor in ("<b>", "d,2", "d\n3") for age in ("=3m", "'24m'") for tissue in ("a|b", "a")
        for n, part in enumerate(HOSTILE)
        for _ in range(10 + n * (age == "=3m"))
    ]  # fmt: skip
    made = pp.composition(pd.DataFrame(rows), unit="d", stratum="t", part="p", about=["age"])
    tl.contrast(made, group="age", reference="=3m", other="'24m'")
    tl.drivers(made, group="age", reference="=3m", other="'24m'", n_draws=200)
    made.write_h5ad(tmp_path / "h.h5ad")
    back = anndata.read_h5ad(tmp_path / "h.h5ad")
    assert set(back.var_names) == set(HOSTILE)
    assert set(get.drivers(back)["part"]) >= set(HOSTILE)
    assert back.obs_names.is_unique


def test_a_donor_measured_twice_is_paired():
    cells = simulate_labels(n_donors=5, n_cells=200, rng=4).cells
    cells["animal"] = cells["mouse.id"].str.split("_").str[1]
    with pytest.raises(LabelError, match="--paired-by"):
        pp.composition(cells, unit="animal", stratum="tissue", part="cell_ontology_class", about=["age"])
    made = pp.composition(cells, unit=["animal", "age"], stratum="tissue", part="cell_ontology_class")
    assert sorted(made.obs["donor"].unique()) == ["1", "2", "3", "4", "5"]
    tl.contrast(made, **GROUPS, paired_by="donor")
    found = get.contrast(made)
    assert set(found["exact_test"].dropna()) == {"signed rank"}
    assert set(found["n_reference"]) == {5}
    assert found.set_index(["stratum", "metric"]).loc[("crystallizes", "hill_q1"), "shift"] < 0


def test_the_same_seed_gives_the_same_and_a_generator_is_taken(adata):
    tl.drivers(adata, **GROUPS, n_draws=200, rng=3)
    first = get.drivers(adata)
    tl.drivers(adata, **GROUPS, n_draws=200, rng=3)
    pd.testing.assert_frame_equal(first, get.drivers(adata))
    tl.drivers(adata, **GROUPS, n_draws=200, rng=np.random.default_rng(3))
    assert not first["low"].equals(get.drivers(adata)["low"])


def test_names_of_version_0_1_work_with_a_warning(adata):
    tl.contrast(adata, **GROUPS)
    first = get.contrast(adata)
    with (
        pytest.warns(DeprecationWarning, match="early= is called reference= now"),
        pytest.warns(DeprecationWarning, match="late= is called other= now"),
    ):
        tl.contrast(adata, group="age", early="3m", late="24m")
    pd.testing.assert_frame_equal(first, get.contrast(adata))


def test_refusals(cells, adata):
    with pytest.raises(
        ArgumentError, match=r"no 'contrast' in adata.uns\['concentra'\], which has composition"
    ):
        get.contrast(adata)
    with pytest.raises(ArgumentError, match="did you mean '24m'"):
        tl.contrast(adata, group="age", reference="3m", other="24 m")
    with pytest.raises(ColumnError, match="add it with about="):
        tl.contrast(adata, group="treatment", reference="a", other="b")
    with pytest.raises(ColumnError, match="no column 'lineage' in var"):
        tl.granularity(adata, levels=["lineage"], **GROUPS)
    with pytest.raises(ColumnError, match="did you mean 'tissue'"):
        pp.composition(cells, **(COLUMNS | {"stratum": "tisue"}))
    with pytest.raises(ArgumentError, match="a unit column, and a list"):
        pp.composition(cells, part="cell_ontology_class")
    with pytest.raises(ArgumentError, match="a frame, and no part="):
        pp.composition(cells, unit="mouse.id")
    one = pp.composition(cells[cells["mouse.id"] == cells["mouse.id"].iloc[0]].assign(age="3m"), **COLUMNS)
    one.obs["age"] = ["3m", *["24m"] * (one.n_obs - 1)]
    with pytest.raises(DesignError, match="one donor"):
        tl.contrast(one, group="age", reference="3m", other="24m")


def test_coarser_parts_need_a_level_each(adata):
    adata.var["half"] = [None, *["x"] * (adata.n_vars - 1)]
    with pytest.raises(LabelError, match="part 'type_01' without 'half'"):
        tl.granularity(adata, levels=["half"], **GROUPS)


def test_coarse_shifts_are_those_of_summed_counts(analysed):
    found = get.granularity(analysed).set_index(["level", "stratum", "metric"])
    of = analysed[analysed.obs["stratum"] == "crystallizes"]
    halves = np.stack([of[:, of.var["half"] == half].X.sum(axis=1) for half in ("first", "second")], axis=1)
    values = hill_number(halves)
    ages = of.obs["age"].to_numpy()
    expected = np.median(values[ages == "24m"]) - np.median(values[ages == "3m"])
    assert found.loc[("half", "crystallizes", "hill_q1"), "shift"] == pytest.approx(expected)


def test_a_trend_with_the_order_of_a_batch_is_accepted_by_name():
    rows = [
        (f"d{n}", f"{3 + 3 * (n // 2)}m", f"run {n // 2}", part, 60 + n) for n in range(6) for part in "BT"
    ]
    cells = pd.DataFrame(rows, columns=["donor", "age", "batch", "cell_type", "n_cells"])
    made = pp.composition(cells, unit="donor", part="cell_type", amount="n_cells", about=["age", "batch"])
    with pytest.raises(DesignError, match="'batch'"):
        tl.trend(made, along="age")
    tl.trend(made, along="age", accept_confounding=["batch"])
    assert get.confounding(made, key="trend")["confounded"].tolist() == ["complete"]
