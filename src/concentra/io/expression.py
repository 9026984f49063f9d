"""Expression of selected cells: rows streamed in chunks; the whole of X is never in memory.

`select_cells`
    Which rows of the file: by tissue, type, donor, or any other label.
`read_expression`
    Those rows by the most variable genes, normalised, or by features that the file gives.
`read_matrix`
    The whole of X as it is, where it is a table of counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, vstack

from concentra.errors import ArgumentError, LabelError, nearest
from concentra.io.cells import read_labels
from concentra.io.store import opened
from concentra.io.stored import Rows, StoredMatrix, refused
from concentra.io.tables import file_ending, reading
from concentra.io.variable import Moments, most_variable

Scale = Literal["counts", "linear", "log-normalised", "as given"]

TARGET = 1e4
MATRICES = (".h5ad", ".zarr")
LARGEST_LOG = 30.0  # ln(1 + x) of a normalised count is far below


@dataclass(frozen=True)
class Expression:
    """Expression of selected cells.

    Attributes
    ----------
    matrix
        Cells by features, float32: CSR for genes, an array for features as given.
    features
        Names of the columns, shape (n_features,).
    rows
        The row of the file that each cell stands in, shape (n_cells,), ascending.
    scale
        What the file held: "counts" or "linear" (normalised here), "log-normalised" (taken as it was), or
        "as given".
    """

    matrix: csr_matrix | NDArray[np.float32]
    features: NDArray[np.object_]
    rows: Rows
    scale: Scale


def has_matrix(path: str | Path) -> bool:
    """Whether the file holds a matrix of cells by features in X.

    >>> import tempfile, anndata
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> anndata.AnnData(np.ones((2, 3), dtype="f4")).write_h5ad(path)
    >>> has_matrix(path)
    True
    """
    ending = file_ending(path, MATRICES)
    with reading(path, f"a whole {ending} file"), opened(path, ending) as store:
        return store.has("X")


def select_cells(
    path: str | Path,
    where: Mapping[str, str | Collection[str]],
    columns: Sequence[str] = (),
) -> pd.DataFrame:
    """The cells whose labels match, with those labels; the index is the row in the file.

    Parameters
    ----------
    path
        An `.h5ad` file or `.zarr` store.
    where
        Column of `obs` to the label, or labels, that a cell must carry; all columns must match.
    columns
        Further columns to return; a cell without a label in one of them is left out.

    Returns
    -------
    DataFrame
        The columns of `where` and `columns` as categoricals, index `row`, ascending.

    Examples
    --------
    >>> import tempfile, anndata
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> obs = pd.DataFrame({"tissue": ["lung", "liver", "lung"]}, index=list("abc"))
    >>> anndata.AnnData(np.ones((3, 1), dtype="f4"), obs).write_h5ad(path)
    >>> select_cells(path, {"tissue": "lung"}).index.tolist()
    [0, 2]
    """
    labels = read_labels(path, list(dict.fromkeys([*where, *columns])))
    chosen = labels.notna().all(axis=1)
    for column, wanted in where.items():
        accepted = {wanted} if isinstance(wanted, str) else set(wanted)
        known = set(labels[column].cat.categories) if hasattr(labels[column], "cat") else set(labels[column])
        for label in sorted(accepted - known, key=str):
            raise LabelError(
                found=f"no cell with {column} {label!r} in {str(path)!r}",
                expected="a label that the column holds",
                fix=nearest(str(label), map(str, known)),
            )
        chosen &= labels[column].isin(accepted)
    found = labels[chosen].rename_axis("row")
    return found.apply(
        lambda column: column.cat.remove_unused_categories() if hasattr(column, "cat") else column
    )


def read_expression(
    path: str | Path,
    rows: ArrayLike | None = None,
    *,
    n_variable: int = 2000,
    matrix: Literal["X", "raw"] = "X",
    features: Literal["genes", "given"] = "genes",
) -> Expression:
    r"""Selected cells by their most variable genes, normalised; or by the features that the file gives.

    .. math:: y_{ig} = \ln(1 + 10^4 x_{ig} / \sum_g x_{ig})

    where :math:`x_{ig}` are counts of gene g in cell i. Where the file holds values that are no counts
    (not whole) and too small for anything but logarithms (largest at most 30), they are taken as
    log-normalised already, and `scale` says so. Genes are chosen by dispersion within bins of their mean
    (`concentra.io.variable`).

    Parameters
    ----------
    path
        An `.h5ad` file or `.zarr` store whose matrix is CSR or dense.
    rows
        Rows to read, in any order; each once. All rows where left out.
    n_variable
        How many genes to keep, at least 1; all where there are fewer.
    matrix
        "X", or "raw" for the matrix that AnnData keeps in `raw`.
    features
        "genes", or "given": the columns are features already (scores, components), which are neither
        normalised nor chosen among.

    Returns
    -------
    Expression

    Raises
    ------
    FileFormatError
        No matrix, one stored by columns, a file that is no `.h5ad` or `.zarr`, negative or non-finite expression.

    Notes
    -----
    The file is read twice in chunks of about four million stored values: once for the moments of each gene,
    once for the chosen genes. A cell without counts stays zero.

    Examples
    --------
    >>> import tempfile, anndata
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> anndata.AnnData(np.array([[1, 3], [0, 5]], dtype="f4")).write_h5ad(path)
    >>> found = read_expression(path, [0])
    >>> found.scale, found.matrix.toarray().astype(float).round(2).tolist()  # ln(1 + 2500), ln(1 + 7500)
    ('counts', [[7.82, 8.92]])
    """
    if n_variable < 1:
        raise ArgumentError(
            found=f"n_variable={n_variable}", expected="at least 1 gene", fix="leave it out for 2000"
        )
    ending = file_ending(path, MATRICES)
    with reading(path, f"a whole {ending} file"), opened(path, ending) as store:
        stored = StoredMatrix(store, matrix)
        chosen = _rows(rows, stored.shape[0])
        if features == "given":
            return _given(stored, chosen)
        return _genes(stored, chosen, n_variable)


def read_matrix(path: str | Path) -> tuple[csr_matrix, NDArray[np.object_]]:
    """X as CSR of shape (n_rows, n_columns), float64, and the names of its columns; for tables of counts.

    Parameters
    ----------
    path
        An `.h5ad` file or `.zarr` store whose matrix is CSR or dense; all of it is held in memory.

    Raises
    ------
    FileFormatError
        As `read_expression`, but for values, which are not looked at.

    Examples
    --------
    >>> import tempfile, anndata
    >>> path = Path(tempfile.mkdtemp()) / "counts.h5ad"
    >>> anndata.AnnData(np.array([[1, 3], [0, 5]], dtype="f4"), var=pd.DataFrame(index=["T", "B"])).write_h5ad(path)
    >>> counts, names = read_matrix(path)
    >>> counts.toarray().tolist(), names.tolist()
    ([[1.0, 3.0], [0.0, 5.0]], ['T', 'B'])
    """
    ending = file_ending(path, MATRICES)
    with reading(path, f"a whole {ending} file"), opened(path, ending) as store:
        stored = StoredMatrix(store, "X")
        rows = np.arange(stored.shape[0])
        chunks = [csr_matrix((0, stored.shape[1])), *(stored.chunks(rows, np.float64) if rows.size else ())]
        return vstack(chunks, format="csr", dtype=np.float64), stored.names()


def _genes(stored: StoredMatrix, rows: Rows, n_variable: int) -> Expression:
    scale = _scale_of(stored, rows)
    moments = Moments(stored.shape[1])
    for chunk in stored.chunks(rows):
        moments.add(_normalised(chunk, scale, stored.path))
    kept = most_variable(moments, n_variable)
    parts = [_normalised(chunk, scale, stored.path)[:, kept] for chunk in stored.chunks(rows)]
    return Expression(vstack(parts, format="csr", dtype=np.float32), stored.names()[kept], rows, scale)


def _given(stored: StoredMatrix, rows: Rows) -> Expression:
    values = np.empty((rows.size, stored.shape[1]), dtype=np.float32)
    start = 0
    for chunk in stored.chunks(rows):
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused below
            values[start : start + chunk.shape[0]] = chunk.toarray()
        start += chunk.shape[0]
    if not np.isfinite(values).all():
        raise refused(stored.path, "a value that is not finite", "finite features")
    return Expression(values, stored.names(), rows, "as given")


def _rows(rows: ArrayLike | None, n_rows: int) -> Rows:
    """The rows ascending; each once and inside the matrix."""
    chosen = np.arange(n_rows) if rows is None else np.sort(np.asarray(rows, dtype=np.int64).ravel())
    if not chosen.size or chosen[0] < 0 or chosen[-1] >= n_rows or (np.diff(chosen) == 0).any():
        shown = "no row" if not chosen.size else f"{chosen.size} rows from {chosen[0]} to {chosen[-1]}"
        raise ArgumentError(
            found=shown,
            expected=f"at least one row of 0 to {n_rows - 1}, each once",
            fix="pass the index of `select_cells`",
        )
    return chosen


def _scale_of(stored: StoredMatrix, rows: Rows) -> Scale:
    """What the first chunk of the selected cells holds."""
    values = next(stored.chunks(rows)).data
    if (values == np.rint(values)).all():
        return "counts"
    return "log-normalised" if values.max() <= LARGEST_LOG else "linear"


def _normalised(chunk: csr_matrix, scale: Scale, path: str | Path) -> csr_matrix:
    if not np.isfinite(chunk.data).all() or (chunk.data < 0).any():
        raise refused(path, "negative or non-finite expression", "counts or log-normalised values, >= 0")
    if scale == "log-normalised":
        if chunk.data.size and chunk.data.max() > LARGEST_LOG:
            raise refused(path, f"values up to {chunk.data.max():g} among log-normalised ones", "one scale")
        return chunk
    with np.errstate(over="ignore"):
        values = np.append(chunk.data, 0.0).astype(np.float64)
        totals = np.add.reduceat(values, chunk.indptr[:-1], dtype=np.float64)
    if not np.isfinite(totals).all():
        raise refused(path, "expression that has no finite total", "counts or log-normalised values, >= 0")
    totals[np.diff(chunk.indptr) == 0] = 1.0
    totals[totals == 0] = 1.0
    factors = np.repeat(TARGET / totals, np.diff(chunk.indptr))
    data = np.log1p(chunk.data * factors).astype(np.float32)
    return csr_matrix((data, chunk.indices, chunk.indptr), shape=chunk.shape)
