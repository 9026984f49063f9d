"""The same cells in every binary format that is read."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

BY = ["donor", "tissue", "type", "age", "flag"]
N_CELLS, N_GENES = 60, 7


def cells() -> pd.DataFrame:
    """Labels of every kind: categories, text, whole numbers, truth values with gaps."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "donor": pd.Categorical(rng.choice(["m1", "m2", "m3", "m4"], N_CELLS)),
            "tissue": pd.Categorical(rng.choice(["lung", "spleen"], N_CELLS)),
            "type": [f"type {number}" for number in rng.integers(0, 5, N_CELLS)],
            "age": rng.choice([3, 24], N_CELLS),
            "flag": pd.array(rng.choice([True, False], N_CELLS), dtype="boolean"),
        },
        index=[f"cell{number}" for number in range(N_CELLS)],
    )
    frame.loc["cell7", "flag"] = pd.NA
    frame.loc["cell9", "donor"] = np.nan
    return frame


def matrix() -> csr_matrix:
    """Counts with many zeros."""
    return csr_matrix(np.random.default_rng(6).poisson(0.8, (N_CELLS, N_GENES)).astype(np.float32))


def annotated() -> anndata.AnnData:
    """Labels and counts; text is not turned into categories."""
    adata = anndata.AnnData(matrix(), cells())
    adata.strings_to_categoricals = lambda *anything: None
    return adata


def write_h5ad(path: Path) -> None:
    """As AnnData writes it today."""
    annotated().write_h5ad(path)


def write_packed(path: Path) -> None:
    """The same, compressed."""
    annotated().write_h5ad(path, compression="gzip")


def write_group07(path: Path) -> None:
    """As AnnData 0.7 wrote it: `obs` a group of codes, the categories in `obs/__categories`."""
    text = h5py.string_dtype()
    frame = cells()
    with h5py.File(path, "w") as file:
        obs = file.create_group("obs")
        obs.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0", "_index": "index"})
        obs.attrs["column-order"] = np.array(BY, dtype=object)
        obs.create_dataset("index", data=list(frame.index), dtype=text)
        for name in ("donor", "tissue"):
            stored = obs.create_dataset(
                f"__categories/{name}", data=list(frame[name].cat.categories), dtype=text
            )
            stored.attrs["ordered"] = False
            obs.create_dataset(name, data=frame[name].cat.codes.to_numpy(), chunks=(16,), compression="gzip")
            obs[name].attrs["categories"] = stored.ref
        obs.create_dataset("type", data=list(frame["type"]), dtype=text)
        obs.create_dataset("age", data=frame["age"].to_numpy())
        obs.create_dataset("flag", data=frame["flag"].fillna(False).to_numpy(bool))


def write_compound06(path: Path) -> None:
    """As AnnData 0.6 wrote it: `obs` one dataset of records, the categories in `uns`."""
    text = h5py.string_dtype()
    frame = cells()
    records = np.empty(
        N_CELLS,
        dtype=[
            ("index", text),
            ("donor", "i1"),
            ("tissue", "i1"),
            ("type", text),
            ("age", "i8"),
            ("flag", "?"),
        ],
    )
    records["index"] = frame.index
    for name in ("donor", "tissue"):
        records[name] = frame[name].cat.codes
    records["type"], records["age"], records["flag"] = (
        frame["type"],
        frame["age"],
        frame["flag"].fillna(False),
    )
    with h5py.File(path, "w") as file:
        file.create_dataset("obs", data=records, chunks=(16,), compression="gzip")
        for name in ("donor", "tissue"):
            file.create_dataset(f"uns/{name}_categories", data=list(frame[name].cat.categories), dtype=text)


def write_zarr(path: Path, version: int) -> None:
    """A Zarr store of either format, in several chunks."""
    with warnings.catch_warnings(), anndata.settings.override(zarr_write_format=version):
        warnings.simplefilter("ignore")
        annotated().write_zarr(path)


def write_parquet(path: Path) -> None:
    """Three row groups."""
    cells().to_parquet(path, row_group_size=25)


def write_book(path: Path) -> None:
    """A workbook."""
    cells().to_excel(path)


def write_r(path: Path) -> None:
    """A data frame as `saveRDS` and `save` write it, compressed by gzip."""
    import rdata

    frame = cells()
    frame["age"] = frame["age"].astype("int32")
    frame["donor"] = frame["donor"].astype(object)  # rdata writes no missing value of a factor
    if path.suffix == ".rds":
        rdata.write_rds(path, frame)
    else:
        rdata.write_rda(path, {"cells": frame})


FORMATS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "current": (".h5ad", write_h5ad),
    "packed": (".h5ad", write_packed),
    "group07": (".h5ad", write_group07),
    "compound06": (".h5ad", write_compound06),
    "zarr2": (".zarr", lambda path: write_zarr(path, 2)),
    "zarr3": (".zarr", lambda path: write_zarr(path, 3)),
    "parquet": (".parquet", write_parquet),
    "xlsx": (".xlsx", write_book),
    "rds": (".rds", write_r),
    "rdata": (".RData", write_r),
}
