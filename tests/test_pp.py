"""`concentra.pp`."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from concentra import get, pp, tl
from concentra.errors import AmountError, ArgumentError, LabelError, TableError
from concentra.metrics import hill_number
from concentra.simulate import simulate_labels

COLUMNS = {"unit": "mouse.id", "stratum": "tissue", "part": "cell_ontology_class", "about": ["age", "sex"]}


@pytest.fixture(scope="module")
def cells():
    return simulate_labels(n_donors=3, n_cells=150, rng=2).cells


@pytest.fixture
def adata(cells):
    return pp.composition(cells, **COLUMNS)


def test_counts_are_those_of_the_cells(cells, adata):
    expected = cells.groupby(["tissue", "mouse.id", "cell_ontology_class"], observed=True).size()
    assert adata.X.sum() == len(cells)
    for (tissue, mouse, part), n_cells in expected.items():
        unit = (adata.obs["stratum"] == tissue) & (adata.obs["donor"] == mouse)
        assert adata[unit, part].X.tolist() == [[n_cells]]


def test_cells_of_an_anndata_and_of_a_frame_are_the_same(cells, adata):
    obs = cells.set_axis([f"c{n}" for n in range(len(cells))])
    made = pp.composition(anndata.AnnData(sparse.csr_matrix((len(cells), 3)), obs=obs), **COLUMNS)
    assert (made.X == adata.X).all()
    pd.testing.assert_frame_equal(made.obs, adata.obs)


def test_a_composition_of_units_passes_as_it_is():
    obs = pd.DataFrame({"condition": ["control"] * 3 + ["stimulated"] * 3}, index=[f"s{n}" for n in range(6)])
    counts = np.array([[50, 50, 50]] * 3 + [[120, 20, 10]] * 3) + np.arange(6)[:, None]
    given = anndata.AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=["T", "B", "NK"]))
    made = pp.composition(given)
    tl.contrast(made, group="condition", reference="control", other="stimulated")
    row = get.contrast(made).set_index("metric").loc["hill_q1"]
    values = hill_number(counts)
    assert row["stratum"] == "all cells"
    assert row["shift"] == pytest.approx(np.median(values[3:]) - np.median(values[:3]))
    assert "concentra" not in given.uns


def test_what_is_no_composition():
    obs = pd.DataFrame({"cell_type": ["T", "B"]}, index=["a", "b"])
    with pytest.raises(ArgumentError, match='write part="cell_type"'):
        pp.composition(anndata.AnnData(np.ones((2, 2)), obs=obs))
    for bad in (-1.0, 0.5, np.nan, np.inf):
        with pytest.raises(AmountError, match="unit 'a', part 'T'"):
            tl.lorenz(
                anndata.AnnData(
                    np.array([[bad, 1.0]]), pd.DataFrame(index=["a"]), pd.DataFrame(index=["T", "B"])
                )
            )
    with pytest.raises(AmountError, match="without X"):
        tl.lorenz(anndata.AnnData(obs=pd.DataFrame(index=["a"])))
    twice = anndata.AnnData(np.ones((1, 2)), obs=pd.DataFrame(index=["a"]))
    twice.var_names = ["T", "U"]
    twice.var_names = pd.Index(["T", "T"])
    with pytest.raises(TableError, match="part 'T' more than once"):
        tl.lorenz(twice)
    nameless = anndata.AnnData(np.ones((2, 1)), obs=pd.DataFrame({"donor": ["d", None]}, index=["a", "b"]))
    with pytest.raises(TableError, match="unit 'b' without 'donor'"):
        tl.lorenz(nameless)


def test_cells_without_part_are_not_taken_for_units():
    obs = pd.DataFrame({"Final annotation (v3)": ["T", "B"]}, index=["c1", "c2"])
    cells = anndata.AnnData(np.ones((2, 3)), obs=obs)
    with pytest.raises(ArgumentError, match=r"obs has the column 'Final annotation \(v3\)'"):
        pp.composition(cells)
    with pytest.raises(AmountError, match="zeros only"):
        pp.composition(anndata.AnnData(np.zeros((2, 3)), obs=pd.DataFrame(index=["c1", "c2"])))
    units = anndata.AnnData(
        np.ones((2, 3)), obs=pd.DataFrame({"tumour subtype": ["x", "y"]}, index=["a", "b"])
    )
    assert pp.composition(units).obs["n_cells"].tolist() == [3, 3]


def test_spellings_and_labels_that_mean_none():
    obs = pd.DataFrame(
        {"mouse": ["a"] * 4, "type": ["T", "t ", "unknown", "B"], "sex": ["F", "na", "F", "F"]}
    )
    with pytest.raises(LabelError, match="--missing 'na'"):
        pp.composition(obs, unit="mouse", part="type", about=["sex"])
    made = pp.composition(obs, unit="mouse", part="type", about=["sex"], missing=["unknown", "NA"])
    assert (made.var_names.tolist(), made.X.tolist()) == (["B", "T"], [[1, 2]])
    assert any("'t ' is counted as 'T'" in one for one in made.uns["concentra"]["composition"]["notes"])
