"""An `.h5ad` file whose CSR matrix is written row chunk by row chunk, and that says that it is simulated."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from concentra.errors import FileFormatError

ELEMENTS_PER_CHUNK = 1 << 18
MARK = "simulated_by"


@contextmanager
def created(path: Path) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Yield a new HDF5 file, and a function to be called now and then: it raises where the disk did not take all.

    The HDF5 library crashes when a write fails while it closes a file. It writes through `Sink`, which keeps the error,
    and what the disk did not take, until the file is closed.
    """
    import h5py

    with path.open("w+b", buffering=0) as handle:
        sink = Sink(handle.fileno())
        try:
            with h5py.File(sink, "w") as file:
                yield file, sink.check
        finally:
            sink.check()


class Sink(io.RawIOBase):
    """A file in which no write fails: after an error what is written stays in memory, until `check` raises it."""

    def __init__(self, number: int) -> None:
        self._number, self._place, self._end = number, 0, 0
        self._problem: OSError | None = None
        self._kept: list[tuple[int, bytes]] = []

    def check(self) -> None:
        """Raise the first error of the disk."""
        if self._problem is not None:
            raise self._problem

    def write(self, content: Any) -> int:
        left = memoryview(content).cast("B")
        size = len(left)
        while left:
            left = left[self._written(left) :]
        return size

    def _written(self, left: memoryview) -> int:
        try:
            size = len(left) if self._problem else os.pwrite(self._number, left, self._place)
        except OSError as problem:
            self._problem, size = problem, len(left)
        if self._problem:
            self._kept.append((self._place, bytes(left)))
        self._place += size
        self._end = max(self._end, self._place)
        return size

    def readinto(self, target: Any) -> int:
        into = memoryview(target).cast("B")
        size = max(0, min(len(into), self._end - self._place))
        found = os.pread(self._number, size, self._place)
        into[: len(found)] = found
        into[len(found) : size] = bytes(size - len(found))
        for start, content in self._kept:
            low, high = max(start, self._place), min(start + len(content), self._place + size)
            if low < high:
                into[low - self._place : high - self._place] = content[low - start : high - start]
        self._place += size
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def truncate(self, size: int | None = None) -> int:
        self._end = self._place if size is None else size
        try:
            os.ftruncate(self._number, self._end)
        except OSError as problem:
            self._problem = self._problem or problem
        return self._end

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def open_rows(file: Any, n_rows: int, n_columns: int, most_values: int) -> Any:
    """An empty CSR matrix X of that shape in an open HDF5 file, to be filled by `append_rows`.

    Both index arrays are of one kind, which readers rely on: 32 bits where `most_values` fits, else 64.
    """
    index = np.int32 if most_values <= np.iinfo(np.int32).max else np.int64
    file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    group = file.create_group("X")
    group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
    group.attrs["shape"] = np.array([n_rows, n_columns], dtype=np.int64)
    for name, kind in (("data", np.float32), ("indices", index)):
        group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(ELEMENTS_PER_CHUNK,))
    group.create_dataset("indptr", (n_rows + 1,), index)
    return group


def append_rows(group: Any, start: int, rows: csr_matrix) -> None:
    """Append the rows that begin at row `start`, which is the first that is not yet written."""
    used = group["data"].shape[0]
    for name in ("data", "indices"):
        group[name].resize((used + rows.nnz,))
        group[name][used:] = getattr(rows, name)
    group["indptr"][start : start + rows.shape[0] + 1] = used + rows.indptr.astype(np.int64)


def finish(file: Any, obs: pd.DataFrame, genes: list[str]) -> None:
    """Write `obs` (text as categoricals), `var` and the empty groups that an annotated matrix has."""
    from anndata.io import write_elem

    kinds = {name: "category" for name in obs if obs[name].dtype == object and name != "cell"}
    write_elem(file, "obs", obs.astype(kinds))
    write_elem(file, "var", pd.DataFrame(index=pd.Index(genes, name="index")))
    for name in ("obsm", "obsp", "varm", "varp", "layers"):
        write_elem(file, name, {})
    write_elem(file, "uns", {MARK: "concentra.simulate"})


def is_simulated(path: str | Path) -> bool:
    """Whether a file is an atlas that `simulate_atlas` wrote: it says so in `uns`.

    Examples
    --------
    >>> is_simulated("cells.csv")
    False
    """
    path = Path(path)
    if path.suffix != ".h5ad" or not path.is_file():
        return False
    state = path.stat()
    return _is_marked(path, (state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=64)
def _is_marked(path: Path, stamp: tuple[int, int, int]) -> bool:
    from concentra.io.store import opened

    try:
        with opened(path, ".h5ad") as store:
            return store.has(f"uns/{MARK}")
    except FileFormatError:  # no whole HDF5 file: whoever reads it will say so
        return False
