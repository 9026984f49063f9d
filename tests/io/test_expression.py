"""Streaming expression: the same matrix as reading everything, whatever the rows, chunks and encodings."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_matrix

from concentra.errors import ArgumentError, ColumnError, DataAbsentError, FileFormatError, LabelError
from concentra.io.expression import has_matrix, read_expression, select_cells
from concentra.io.variable import Moments, most_variable


def atlas(matrix, **more):
    obs = pd.DataFrame(
        {"tissue": np.where(np.arange(matrix.shape[0]) % 3 == 0, "lung", "kidney")},
        index=[f"cell {i}" for i in range(matrix.shape[0])],
    )
    obs["mouse.id"] = [f"m{i % 4}" for i in range(matrix.shape[0])]
    var = pd.DataFrame(index=[f"gene {i}" for i in range(matrix.shape[1])])
    return anndata.AnnData(matrix, obs=obs, var=var, **more)


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    table = rng.poisson(np.exp(rng.normal(-0.5, 1.2, 60)), (200, 60)).astype(np.float32)
    table[17] = 0  # a cell without counts
    return table


@pytest.fixture(scope="module")
def path(counts, tmp_path_factory):
    place = tmp_path_factory.mktemp("expression") / "atlas.h5ad"
    atlas(csr_matrix(counts)).write_h5ad(place)
    return place


def dense_definition(counts):
    """Normalised one cell at a time."""
    rows = []
    for cell in counts.astype(float):
        total = cell.sum()
        rows.append([np.log(1 + 1e4 * count / total) if total else 0.0 for count in cell])
    return np.array(rows)


def test_counts_are_normalised(path, counts):
    found = read_expression(path)
    assert found.scale == "counts"
    assert found.matrix.shape == counts.shape
    assert np.allclose(found.matrix.toarray(), dense_definition(counts), atol=1e-5)
    assert found.features.tolist() == [f"gene {i}" for i in range(60)]


@settings(max_examples=30, deadline=None)
@given(
    rows=st.sets(st.integers(0, 199), min_size=1).map(list),
    chunk=st.sampled_from([1, 50, 700, 10**6]),
    gap=st.sampled_from([0, 100, 10**6]),
)
def test_any_rows_in_any_chunks_are_the_same_rows(path, counts, rows, chunk, gap):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("concentra.io.stored.ELEMENTS_PER_CHUNK", chunk)
        patch.setattr("concentra.io.stored.GAP_ELEMENTS", gap)
        found = read_expression(path, rows)
    assert found.rows.tolist() == sorted(rows)
    assert np.allclose(found.matrix.toarray(), dense_definition(counts)[sorted(rows)], atol=1e-5)


def test_log_normalised_data_are_taken_as_they_are_and_said_so(counts, tmp_path):
    logged = csr_matrix(dense_definition(counts).astype(np.float32))
    atlas(logged).write_h5ad(tmp_path / "logged.h5ad")
    found = read_expression(tmp_path / "logged.h5ad")
    assert found.scale == "log-normalised"
    assert np.array_equal(found.matrix.toarray(), logged.toarray())


def test_linear_data_that_are_no_counts_are_normalised(counts, tmp_path):
    atlas(csr_matrix(counts * 40.25)).write_h5ad(tmp_path / "linear.h5ad")
    found = read_expression(tmp_path / "linear.h5ad")
    assert found.scale == "linear"
    assert np.allclose(found.matrix.toarray(), dense_definition(counts), atol=1e-5)


def test_a_dense_matrix_and_raw_are_read(counts, tmp_path):
    full = atlas(dense_definition(counts).astype(np.float32))
    full.raw = atlas(csr_matrix(counts))
    full[:, :10].copy().write_h5ad(tmp_path / "raw.h5ad")
    assert read_expression(tmp_path / "raw.h5ad").matrix.shape == (200, 10)
    raw = read_expression(tmp_path / "raw.h5ad", matrix="raw")
    assert raw.scale == "counts"
    assert raw.features.size == 60
    assert np.allclose(raw.matrix.toarray(), dense_definition(counts), atol=1e-5)


@pytest.mark.parametrize("form", [csr_matrix, np.asarray])
def test_a_zarr_store_gives_the_same(path, counts, tmp_path, recwarn, form):
    pytest.importorskip("zarr")
    atlas(form(counts)).write_zarr(tmp_path / "a.zarr")
    recwarn.clear()  # how anndata will write zarr one day
    rows = [5, 180, 17, 64]
    found, expected = (read_expression(one, rows, n_variable=20) for one in (tmp_path / "a.zarr", path))
    assert (found.matrix != expected.matrix).nnz == 0
    assert found.features.tolist() == expected.features.tolist()
    assert select_cells(tmp_path / "a.zarr", {"tissue": "lung"}).equals(
        select_cells(path, {"tissue": "lung"})
    )


def test_a_matrix_is_there_or_not(path, tmp_path):
    anndata.AnnData(obs=pd.DataFrame(index=["a"])).write_h5ad(tmp_path / "labels.h5ad")
    assert has_matrix(path)
    assert not has_matrix(tmp_path / "labels.h5ad")


def test_the_encoding_of_anndata_0_6_is_read(path, counts, tmp_path):
    with h5py.File(path) as new, h5py.File(tmp_path / "old.h5ad", "w") as old:
        new.copy("X", old)
        del old["X"].attrs["encoding-type"], old["X"].attrs["shape"]
        old["X"].attrs.update({"h5sparse_format": "csr", "h5sparse_shape": np.array(counts.shape)})
        names = np.array(
            [(f"gene {i}".encode(), 1.0) for i in range(60)], dtype=[("index", "S9"), ("n", "f4")]
        )
        old["var"] = names
    found = read_expression(tmp_path / "old.h5ad", n_variable=20)
    again = read_expression(path, n_variable=20)
    assert found.features.tolist() == again.features.tolist()
    assert np.array_equal(found.matrix.toarray(), again.matrix.toarray())


def test_given_features_are_neither_normalised_nor_chosen(tmp_path):
    scores = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    atlas(scores).write_h5ad(tmp_path / "scores.h5ad")
    found = read_expression(tmp_path / "scores.h5ad", [5, 199, 7], features="given")
    assert found.scale == "as given"
    assert np.array_equal(found.matrix, scores[[5, 7, 199]])
    with pytest.raises(FileFormatError, match="negative or non-finite expression"):
        read_expression(tmp_path / "scores.h5ad")


def test_moments_add_up_over_chunks(counts):
    logged = csr_matrix(dense_definition(counts))
    moments = Moments(60)
    for start in range(0, 200, 37):
        moments.add(logged[start : start + 37])
    linear = np.expm1(logged.toarray())
    assert np.allclose(moments.mean(), linear.mean(axis=0), rtol=1e-10)
    assert np.allclose(moments.variance(), linear.var(axis=0, ddof=1), rtol=1e-9)


def test_selected_cells_match_all_labels(path):
    found = select_cells(path, {"tissue": "lung", "mouse.id": ["m0", "m1"]})
    assert found.index.tolist() == [i for i in range(200) if i % 3 == 0 and i % 4 in (0, 1)]
    assert found["mouse.id"].cat.categories.tolist() == ["m0", "m1"]


def test_errors_name_what_is_wrong(path, counts, tmp_path):
    with pytest.raises(LabelError, match="did you mean 'lung'"):
        select_cells(path, {"tissue": "lungs"})
    with pytest.raises(ColumnError, match="did you mean 'tissue'"):
        select_cells(path, {"tisue": "lung"})
    with pytest.raises(ArgumentError, match="one row of 0 to 199"):
        read_expression(path, [3, 200])
    with pytest.raises(ArgumentError, match="each once"):
        read_expression(path, [3, 3])
    with pytest.raises(ArgumentError, match="n_variable=0"):
        read_expression(path, n_variable=0)
    with pytest.raises(FileFormatError, match="no matrix 'raw/X'"):
        read_expression(path, matrix="raw")
    with pytest.raises(DataAbsentError, match=r"none\.h5ad"):
        read_expression(tmp_path / "none.h5ad")
    atlas(csc_matrix(counts)).write_h5ad(tmp_path / "columns.h5ad")
    with pytest.raises(FileFormatError, match="stored as csc_matrix, by columns"):
        read_expression(tmp_path / "columns.h5ad")
    (tmp_path / "cut.h5ad").write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FileFormatError, match=r"cut\.h5ad"):
        read_expression(tmp_path / "cut.h5ad")


@pytest.mark.clustering
@pytest.mark.parametrize("n_genes", [5, 20, 40])
def test_variable_genes_are_those_of_scanpy(path, counts, n_genes):
    scanpy = pytest.importorskip("scanpy")
    reference = atlas(csr_matrix(dense_definition(counts)))
    scanpy.pp.highly_variable_genes(reference, n_top_genes=n_genes, flavor="seurat")
    found = read_expression(path, n_variable=n_genes)
    assert set(found.features) == set(reference.var_names[reference.var["highly_variable"]])


def test_genes_without_variance_come_last():
    moments = Moments(4)
    table = np.array([[1.0, 2.0, 0.0, 1.0], [1.0, 0.5, 0.0, 3.0], [1.0, 1.0, 0.0, 2.0]])
    moments.add(csr_matrix(np.log1p(table)))
    assert most_variable(moments, 2).tolist() == [1, 3]
