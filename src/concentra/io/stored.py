"""A matrix in an `.h5ad` file or `.zarr` store, read a stretch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from concentra.errors import FileFormatError

Rows = NDArray[np.int64]

ELEMENTS_PER_CHUNK = 4_000_000
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
    """A matrix in an open `.h5ad` or `.zarr`: its shape, the names of its columns, and chunks of its rows."""

    def __init__(self, file: Any, path: str | Path, matrix: str) -> None:
        self.path = path
        place = matrix if matrix == "X" else next((it for it in ("raw/X", "raw.X") if it in file), "raw/X")
        if place not in file:
            raise refused(path, f"no matrix {place!r}", "a matrix of cells by genes")
        self._matrix = file[place]
        self._var = file["var" if place == "X" else place.replace("X", "var")]
        self._sparse = hasattr(self._matrix, "keys")
        attributes = self._matrix.attrs
        layout = str(attributes.get("encoding-type", attributes.get("h5sparse_format", "csr")))
        if self._sparse and not layout.startswith("csr"):
            raise FileFormatError(
                found=f"{place} of {str(path)!r} is stored as {layout}, by columns",
                expected="a matrix stored by rows (CSR) or dense",
                fix="adata.X = adata.X.tocsr(), and write the file again",
            )
        shape = attributes.get("shape", attributes.get("h5sparse_shape"))
        self.shape = tuple(int(size) for size in (shape if self._sparse else self._matrix.shape))
        self._before = (
            self._matrix["indptr"][()].astype(np.int64)
            if self._sparse
            else np.arange(self.shape[0] + 1, dtype=np.int64) * self.shape[1]
        )

    def names(self) -> NDArray[np.object_]:
        """Names of the columns."""
        if hasattr(self._var, "keys"):
            index = self._var.attrs.get("_index", "_index")
            values = self._var[index][()]
        else:
            names = self._var.dtype.names
            values = self._var[next((it for it in ("_index", "index") if it in names), names[0])]
        texts = [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]
        return np.array(texts, dtype=object)

    def chunks(self, rows: Rows) -> Iterator[csr_matrix]:
        """The rows in their order, as CSR of float, a bounded number of stored values at a time."""
        read: Callable[[Rows], csr_matrix] = self._read_sparse if self._sparse else self._read_dense
        for start, stop in self._spans(rows):
            yield read(rows[start:stop])

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
        span = slice(int(pointers[0]), int(pointers[-1]))
        data, indices = self._matrix["data"][span], self._matrix["indices"][span]
        shape = (int(rows[-1] - rows[0]) + 1, self.shape[1])
        return csr_matrix((data, indices, pointers - pointers[0]), shape=shape)[rows - rows[0]]

    def _read_dense(self, rows: Rows) -> csr_matrix:
        block = self._matrix[int(rows[0]) : int(rows[-1]) + 1][rows - rows[0]]
        return csr_matrix(block.astype(np.float32))
