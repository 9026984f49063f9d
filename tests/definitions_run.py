"""One small cohort in every form in which people hold theirs, and what every analysis has to satisfy."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from concentra.run import Analysis
from concentra.run.declared import declared
from concentra.simulate import default_plan, simulate_labels

LABELS = ["mouse.id", "age", "sex", "tissue"]
PART = "cell_ontology_class"
QUESTION: dict[str, Any] = {"contrast": "age:3m:24m", "draws": 100, "multiverse": False}
ASKED = ("--contrast", "age:3m:24m", "--draws", "100", "--no-multiverse")
UNDECLARED = {"composition", "parts", "confounding", "clusters", "stability"}
"""Tables without a declaration of their own."""


def cells() -> pd.DataFrame:
    """One row a cell: three donors an age, four tissues."""
    made = simulate_labels(default_plan(1), n_donors=3, n_cells=120, rng=1).cells
    return pd.DataFrame(made).astype(str)


def long_counts() -> pd.DataFrame:
    """The same cells, one row a count."""
    return cells().groupby([*LABELS, PART]).size().rename("n_cells").reset_index()


def wide_counts() -> pd.DataFrame:
    """The same cells, one row a donor and tissue, one column a cell type."""
    made = long_counts().pivot_table(index=LABELS, columns=PART, values="n_cells", fill_value=0).astype(int)
    return made.rename_axis(columns=None).reset_index()


def levels() -> pd.DataFrame:
    """A coarser type for every cell type."""
    parts = sorted(cells()[PART].unique())
    return pd.DataFrame({"type": parts, "half": ["first" if one < "type_07" else "second" for one in parts]})


def annotated(rows: pd.DataFrame) -> anndata.AnnData:
    """Cells as an AnnData with an empty matrix."""
    obs = rows.set_axis([f"c{place}" for place in range(len(rows))]).astype("category")
    return anndata.AnnData(sparse.csr_matrix((len(rows), 2)), obs=obs)


def write_old(path: Path, rows: pd.DataFrame) -> None:
    """An `.h5ad` as AnnData 0.6 wrote it: codes in a compound dataset, categories beside them."""
    columns = {name: rows[name].astype("category") for name in rows}
    kinds = [("index", h5py.string_dtype())] + [(name, np.int8) for name in columns]
    table = np.zeros(len(rows), dtype=kinds)
    table["index"] = [f"c{place}" for place in range(len(rows))]
    with h5py.File(path, "w") as file:
        for name, column in columns.items():
            table[name] = column.cat.codes
            file[f"uns/{name}_categories"] = column.cat.categories.to_numpy(dtype=object)
        file["obs"] = table
        file["X"] = np.zeros((len(rows), 1), dtype="f4")


def write(path: Path, rows: pd.DataFrame) -> Path:
    """Cells in the form that the ending of the file names."""
    name = path.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how anndata will write zarr one day
        if name.endswith(".old.h5ad"):
            write_old(path, rows)
        elif name.endswith(".h5ad"):
            annotated(rows).write_h5ad(path)
        elif name.endswith(".zarr"):
            annotated(rows).write_zarr(path)
        elif name.endswith(".parquet"):
            rows.to_parquet(path)
        elif name.endswith(".xlsx"):
            rows.to_excel(path, index=False)
        else:
            rows.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return path


def check(analysis: Analysis, n_read: float | None = None) -> None:
    """Every table is as it is declared, and every cell that was read is counted or left out with a reason."""
    known = declared()
    assert set(analysis.tables) - set(known) <= UNDECLARED
    for name, frame in analysis.tables.items():
        if name in known:
            known[name].check(frame.reset_index(drop=True), name)
    made = analysis.composition
    counted = analysis.tables["composition"]["n_cells"].sum()
    assert np.isclose(counted, made.n_cells.sum())
    if n_read is not None:
        lost = made.left_out["n_cells"].sum() if len(made.left_out) else 0
        assert counted + lost == n_read
    compared = {
        (row.contrast, row.stratum) for row in analysis.tables.get("contrast", pd.DataFrame()).itertuples()
    }
    assert len(analysis.verdicts) == len(compared)
    assert analysis.tables["left_out"]["reason"].notna().all()
    assert repr(analysis).startswith("Concentration of ")
    assert analysis._repr_html_().startswith("<p>")
