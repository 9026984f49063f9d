"""Zarr stores of sorted cells, as anndata writes them: chunks of nothing but zeros are left out."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

N_SORTED = 100  # rows, in chunks of ten


def sorted_store(folder: Path, version: int, kept: bool = False) -> tuple[Path, pd.DataFrame]:
    """Cells in the order of their labels, as anndata writes them; and the labels."""
    zarr = pytest.importorskip("zarr")
    row = np.arange(N_SORTED)
    obs = pd.DataFrame(
        {
            "donor": pd.Categorical(np.where(row < 34, "a", np.where(row < 71, "b", "c"))),
            "tissue": pd.Categorical(np.where(row < 55, "lung", "spleen")),
            "doublet": row > 95,
            "n_mito": np.where(row < 88, 0, 7),
            "none": 0.0,
            "type": pd.Categorical(np.where(row % 2, "T", "B")),
        },
        index=[f"cell{number}" for number in row],
    )
    path = folder / f"sorted{version}{kept}.zarr"
    with (
        warnings.catch_warnings(),
        anndata.settings.override(zarr_write_format=version),
        zarr.config.set({"array.write_empty_chunks": kept}),
    ):
        warnings.simplefilter("ignore")
        adata = anndata.AnnData(np.ones((N_SORTED, 1), "f4"), obs)

        def chunked(write, group, name, element, *, dataset_kwargs, iospec):  # type: ignore[no-untyped-def]
            more = {"chunks": (10,)} if np.shape(element) == (N_SORTED,) else {}
            write(group, name, element, dataset_kwargs={**dataset_kwargs, **more})

        root = zarr.open_group(str(path), mode="w", zarr_format=version)
        anndata.experimental.write_dispatched(root, "/", adata, chunked)
    return path, obs


def chunk_of(store: Path, place: str, number: int) -> Path:
    return store / place / (f"c/{number}" if (store / "zarr.json").exists() else str(number))
