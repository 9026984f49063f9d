"""A matrix in an `.h5ad` file or `.zarr` store, read a stretch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from concentra.errors import FileFormatError
from concentra.io.annotated import matrix_shape
from concentra.io.store import Array, Group, Store

Rows = NDArray[np.int64]

ELEMENTS_PER_CHUNK = 4_000_000
NUMBERS = ("integer", "float", "boolean")
GAP_ELEMENTS = 100_000  # unselected values worth reading rather than starting another chunk


def refused(path: str | Path, what: str, expected: str) -> FileFormatError:
    """The error of a matrix that is not expression."""
    return FileFormatError(
        found=f"{what} in {str(path)!r}",
        expected=expected,
        fix='scores and components are features as given (features="given", --features given); counts that lie in '
        'raw are read with matrix="raw", or belong into X',
    )


class StoredMatrix:
    """A matrix in an open `.h5ad` or `.zarr`: its shape, the names of its columns, and chunks of its rows.

    Row pointers, column indices and lengths are checked before anything relies on them.
    """

    def __init__(self, store: Store, matrix: str) -> None:
        self.path = store.path
        place = matrix if matrix == "X" else next((it for it in ("raw/X", "raw.X") if store.has(it)), "raw/X")
        node = store.node(place, depth=1)
        if node is None:
            raise refused(self.path, f"no matrix {place!r}", "a matrix of cells by genes")
        self._place = place
        self._var = store.node("var" if place == "X" else place.replace("X", "var"), depth=1)
        layout = str(node.attributes.get("encoding-type", node.attributes.get("h5sparse_format", "csr")))
        if isinstance(node, Group) and not layout.startswith("csr"):
            raise FileFormatError(
                found=f"{place} of {str(self.path)!r} is stored as {layout}, by columns",
                expected="a matrix stored by rows (CSR) or dense",
                fix="adata.X = adata.X.tocsr(), and write the file again",
            )
        shape = matrix_shape(node)
        if len(shape) != 2:
            raise self._damaged("has no shape of rows and columns", "cells by genes")
        self.shape = (shape[0], shape[1])
        if self._names().shape != (self.shape[1],):
            raise self._damaged(
                f"has {self.shape[1]:,} columns, `var` {self._names().shape} rows",
                "a row of `var` for each column",
            )
        self._dense = node if isinstance(node, Array) else None
        self._sparse = self._arrays(node) if isinstance(node, Group) else {}
        self._before = self._pointers()

    def _damaged(self, found: str, expected: str) -> FileFormatError:
        return FileFormatError(
            found=f"{self._place} of {str(self.path)!r} {found}",
            expected=expected,
            fix="write the file again with anndata, or download it again; it may be truncated or damaged",
        )

    def _arrays(self, node: Group) -> dict[str, Array]:
        """The three arrays of a CSR matrix, of the right types and lengths."""
        found = {name: node.array(name) for name in ("data", "indices", "indptr")}
        arrays = {name: one for name, one in found.items() if one is not None and len(one.shape) == 1}
        if len(arrays) < len(found):
            raise self._damaged("lacks data, indices or indptr, or one of them is no list", "a CSR matrix")
        if arrays["indices"].holds != "integer" or arrays["indptr"].holds != "integer":
            raise self._damaged("has indices that are no whole numbers", "a CSR matrix")
        if arrays["data"].shape != arrays["indices"].shape or arrays["indptr"].shape != (self.shape[0] + 1,):
            raise self._damaged(
                f"has {arrays['data'].shape[0]:,} values, {arrays['indices'].shape[0]:,} indices and "
                f"{arrays['indptr'].shape[0]:,} row pointers for {self.shape[0]:,} rows",
                "as many values as indices, and a pointer more than rows",
            )
        return arrays

    def _pointers(self) -> NDArray[np.int64]:
        """Stored values before each row."""
        if self._dense is not None:
            if self._dense.holds not in NUMBERS:
                raise self._damaged(f"holds {self._dense.type}", "numbers")
            return np.arange(self.shape[0] + 1, dtype=np.int64) * self.shape[1]
        if self._sparse["data"].holds not in NUMBERS:
            raise self._damaged(f"holds {self._sparse['data'].type}", "numbers")
        stored = self._sparse["indptr"].numbers()
        pointers = stored.astype(np.int64)
        lengths = np.diff(pointers)
        right = pointers[0] == 0 and int(pointers[-1]) == self._sparse["indices"].shape[0]
        if not right or (lengths < 0).any() or (lengths > self.shape[1]).any():
            raise self._damaged(
                "has row pointers that contradict its values", "ascending pointers from 0 to their number"
            )
        return pointers

    def _names(self) -> Array:
        """What holds the names of the columns."""
        index = self._var.attributes.get("_index", "_index") if self._var is not None else None
        if isinstance(self._var, Group) and isinstance(index, str):
            found = self._var.array(index)
        elif isinstance(self._var, Array) and self._var.fields:
            found = self._var
        else:
            found = None
        if found is None:
            raise self._damaged("has no names of columns", "`var` with an index")
        return found

    def names(self) -> NDArray[np.object_]:
        """Names of the columns."""
        array, column = self._names(), None
        if array.fields:
            column = next((it for it in ("_index", "index") if it in array.fields), next(iter(array.fields)))
        if (array.fields[column] if array.fields and column else array).holds != "string":
            return np.array([str(name) for name in array.numbers(column=column).tolist()], dtype=object)
        text = array.texts(column=column)
        return np.array([*text.values, ""], dtype=object)[text.codes]

    def chunks(self, rows: Rows, kind: type[np.floating] = np.float32) -> Iterator[csr_matrix]:
        """The rows in their order, as CSR, a bounded number of stored values at a time; dense ones as floats."""
        for start, stop in self._spans(rows):
            some = rows[start:stop]
            yield self._read_sparse(some) if self._sparse else self._read_dense(some, kind)

    def _spans(self, rows: Rows) -> Iterator[tuple[int, int]]:
        """Stretches of `rows` that lie near each other in the file and are small enough to hold."""
        before = self._before  # stored values before each row
        gaps = before[rows[1:]] - before[rows[:-1] + 1]
        edges = [0, *(np.flatnonzero(gaps > GAP_ELEMENTS) + 1).tolist(), rows.size]
        for first, last in pairwise(edges):
            start = first
            while start < last:
                limit = before[rows[start]] + ELEMENTS_PER_CHUNK
                stop = int(np.searchsorted(before[rows[start:last] + 1], limit, side="right")) + start
                stop = max(start + 1, stop)
                yield start, stop
                start = stop

    def _read_sparse(self, rows: Rows) -> csr_matrix:
        pointers = self._before[rows[0] : rows[-1] + 2]
        span = int(pointers[0]), int(pointers[-1])
        data, indices = (self._sparse[name].numbers(*span) for name in ("data", "indices"))
        if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < self.shape[1]:
            raise self._damaged(
                f"has column indices from {indices.min()} to {indices.max()} for {self.shape[1]:,} columns",
                f"indices from 0 to {self.shape[1] - 1}",
            )
        shape = (int(rows[-1] - rows[0]) + 1, self.shape[1])
        return csr_matrix((data, indices, pointers - pointers[0]), shape=shape)[rows - rows[0]]

    def _read_dense(self, rows: Rows, kind: type[np.floating]) -> csr_matrix:
        assert self._dense is not None
        block = self._dense.numbers(int(rows[0]), int(rows[-1]) + 1)[rows - rows[0]]
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused as such
            return csr_matrix(block.astype(kind))
