"""The `obs` columns of annotated matrices (``.h5ad``, ``.zarr``), every encoding since AnnData 0.6; never X.

===========  =============================================================================================
AnnData      how a categorical column of `obs` is stored
===========  =============================================================================================
up to 0.6    `obs` is one compound dataset; the field holds codes, ``uns/<column>_categories`` the labels
0.7          `obs` is a group; the dataset holds codes, ``obs/__categories/<column>`` the labels
since 0.8    `obs` is a group; the column is a group of `codes` and `categories`
===========  =============================================================================================

Before a column is used, all columns, the index and X must have the same number of rows; codes must be whole numbers
within the range of the categories, categories distinct, masks as long as what they mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import FileFormatError
from concentra.io.labels import label_categorical
from concentra.io.store import Array, Group, Node, Store, opened
from concentra.io.tables import reading

ALL_ROWS = slice(None)
CATEGORIES = "__categories"
READABLE = ("string", "integer", "float", "boolean")


def obs_columns(path: str | Path, ending: str) -> dict[str, str]:
    """Name and kind of each column of `obs`: categorical, string, integer, float, boolean or other."""
    with opened_obs(path, ending) as obs:
        return {name: column.kind for name, column in obs.columns.items()}


def read_obs(
    path: str | Path,
    ending: str,
    names: Sequence[str],
    *,
    rows: slice = ALL_ROWS,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """The named columns of `obs`, which exist, in a stretch of rows: labels as categoricals, numbers as numbers.

    Sentences on what was read although it is not stored are appended to `notes`.
    """
    with opened_obs(path, ending) as obs:
        frame = obs.read(names, rows)
        if notes is not None:
            notes += obs.notes
        return frame


@contextmanager
def opened_obs(path: str | Path, ending: str) -> Iterator[Obs]:
    """The `obs` of a file or store, to read columns of while the context lasts.

    Raises
    ------
    FileFormatError
        There is no `obs`, or its columns, its index and X do not have the same number of rows.
    """
    with reading(path, f"a whole {ending} file with `obs`"), opened(path, ending) as store:
        yield Obs(store)


@dataclass(frozen=True)
class Column:
    """How a column of `obs` is stored.

    Attributes
    ----------
    name
        Of the column.
    node
        What holds it: an array, or a group of arrays.
    categories
        Of a column of codes, what holds the labels; else None.
    field
        Of records, the field.
    """

    name: str
    node: Node
    categories: Node | None = None
    field: str | None = None

    @property
    def kind(self) -> str:
        """categorical, string, integer, float, boolean or other."""
        if self.categories is not None:
            return "categorical"
        array = self.node if isinstance(self.node, Array) else self.node.array("values")
        return array.holds if array is not None else "other"

    @property
    def codes(self) -> Array | None:
        """What holds the codes of a categorical column."""
        return self.node if isinstance(self.node, Array) else self.node.array("codes")

    def lengths(self) -> dict[str, int]:
        """The rows of each array that has one value a cell."""
        if isinstance(self.node, Array):
            return {self.name: self.node.shape[0]} if self.node.shape else {}
        found = {part: self.node.array(part) for part in ("codes", "values", "mask")}
        return {
            f"{self.name}/{part}": one.shape[0]
            for part, one in found.items()
            if one is not None and one.shape
        }


class Obs:
    """The labels of cells.

    Attributes
    ----------
    columns
        By name, in their order; the index is none of them.
    n_cells
        Rows, of every column.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        node = store.node("obs", depth=3)
        if node is None:
            raise FileFormatError(
                found=f"no `obs` in {store.path!r}",
                expected="an annotated matrix, whose `obs` holds a row for each cell",
                fix="name the file that AnnData wrote, not a bare matrix",
            )
        self._labels: dict[str, list[object]] = {}
        if isinstance(node, Group):
            self._index, self.columns = self._of_group(node)
        else:
            self._index, self.columns = None, self._of_records(node)
        self.n_cells = self._common_length(node)

    def read(self, names: Sequence[str], rows: slice = ALL_ROWS) -> pd.DataFrame:
        """The named columns, which exist, in a stretch of rows."""
        first, last, _ = rows.indices(self.n_cells)
        return pd.DataFrame({name: self._values(self.columns[name], first, last) for name in names})

    @property
    def notes(self) -> list[str]:
        """Sentences on what was read although it is not stored."""
        return list(self._store.notes)

    def _of_group(self, obs: Group) -> tuple[Column | None, dict[str, Column]]:
        index = obs.attributes.get("_index", "_index")
        if not isinstance(index, str):
            raise self._damaged(f"the attribute `_index` of `obs` is {index!r}", "the name of the index")
        order = obs.attributes.get("column-order", [])
        order = [order] if isinstance(order, str) else order
        if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
            raise self._damaged(f"the attribute `column-order` of `obs` is {order!r}", "names of columns")
        if missing := [name for name in order if name not in obs.names]:
            raise self._damaged(
                f"`obs` has no column {missing[0]!r}, which its column-order names", "every column"
            )
        if len(set(order)) < len(order):
            raise self._damaged(f"the column-order of `obs` names columns twice: {order!r}", "distinct names")
        if "_index" in obs.attributes and index not in obs.names:
            raise self._damaged(f"`obs` has no index {index!r}, which it names", "the names of the cells")
        names = order or sorted(name for name in obs.names if name != CATEGORIES)
        columns = {name: self._of_node(obs, name) for name in names if name != index}
        return (self._of_node(obs, index) if index in obs.names else None), columns

    def _of_node(self, obs: Group, name: str) -> Column:
        node = obs.members.get(name)
        if node is None:
            raise self._damaged(f"column {name!r} of `obs` is a link to nothing", "one label for each cell")
        if isinstance(node, Group):
            return Column(name, node, node.members.get("categories") if "codes" in node.names else None)
        old = obs.members.get(CATEGORIES)
        categories = old.members.get(name) if isinstance(old, Group) else None
        if node.coded is not None and categories is None:
            raise self._unreadable(name, "of codes whose categories are not there", "the labels of its codes")
        if node.holds == "string":
            categories = None
        if node.coded and node.coded.split("/")[-1] != name:
            raise self._unreadable(name, f"of codes of {node.coded!r}", "codes of its own categories")
        if categories is not None and node.coded is None:
            raise self._unreadable(
                name, "of numbers that do not say whether they are codes", "the attribute `categories`"
            )
        return Column(name, node, categories)

    def _of_records(self, obs: Array) -> dict[str, Column]:
        if obs.fields is None or len(obs.shape) != 1:
            raise self._damaged(
                f"`obs` is no group of columns: {obs.type}, of shape {obs.shape}", "columns of labels"
            )
        names = list(obs.fields)
        index = next((name for name in ("_index", "index") if name in names), names[0])
        uns = self._store.node("uns", depth=2)
        columns = {}
        for name in names:
            field = obs.fields[name]
            categories = uns.members.get(f"{name}_categories") if isinstance(uns, Group) else None
            whole = Array(obs.store, obs.place, obs.shape, field.holds, field.type, obs.row_bytes)
            columns[name] = Column(name, whole, categories if field.holds != "string" else None, name)
        return {name: column for name, column in columns.items() if name != index}

    def _common_length(self, node: Node) -> int:
        lengths: dict[str, int] = {}
        for column in [*self.columns.values(), *([self._index] if self._index else [])]:
            lengths |= column.lengths()
        if isinstance(node, Array):
            lengths["obs"] = node.shape[0]
        matrix = self._store.node("X")
        rows = matrix_shape(matrix)[:1] if matrix is not None else ()
        lengths |= {"X": rows[0]} if rows else {}
        if len(set(lengths.values())) > 1:
            usual = max(set(lengths.values()), key=[*lengths.values()].count)
            name, odd = next((name, length) for name, length in lengths.items() if length != usual)
            raise self._damaged(
                f"{name!r} of {self._store.path!r} has {odd:,} rows, where others have {usual:,}",
                "the same number of cells in every column of `obs`, in its index and in X",
            )
        return next(iter(lengths.values()), 0)

    def _damaged(self, found: str, expected: str) -> FileFormatError:
        where = "" if repr(self._store.path) in found else f" ({self._store.path!r})"
        return FileFormatError(
            found=found + where,
            expected=expected,
            fix="write the file again with anndata, or download it again; it may be truncated or damaged",
        )

    def _unreadable(
        self, name: str, what: str, expected: str = "one label or number for each cell"
    ) -> FileFormatError:
        return FileFormatError(
            found=f"column {name!r} of `obs` in {self._store.path!r} is {what}",
            expected=expected,
            fix="name another column, or write the file again with anndata",
        )

    def _values(self, column: Column, first: int, last: int) -> Any:
        """A categorical or an array of numbers from whatever stores the column."""
        if column.categories is not None:
            return self._categorical(column, first, last)
        if isinstance(column.node, Array):
            return self._plain(column.name, column.node, first, last, column.field)
        values, mask = column.node.array("values"), column.node.array("mask")
        if values is None or mask is None:
            inside = ", ".join(sorted(column.node.names)) or "nothing"
            raise self._unreadable(column.name, f"a group of {inside}")
        masked = self._mask(column.name, mask, self.n_cells, first, last)
        return _with_gaps(self._plain(column.name, values, first, last), masked)

    def _categorical(self, column: Column, first: int, last: int) -> pd.Categorical:
        name, codes = column.name, column.codes
        if codes is None or codes.holds != "integer" or len(codes.shape) != 1:
            found = f"coded by {codes.type} of shape {codes.shape}" if codes is not None else "without codes"
            raise self._unreadable(name, found, "a whole number for each cell, which stands for its label")
        if name not in self._labels:
            self._labels[name] = self._categories(name, column.categories)
        labels = self._labels[name]
        numbers = codes.numbers(first, last, column=column.field)
        if numbers.size and not (int(numbers.min()) >= -1 and int(numbers.max()) < len(labels)):
            raise self._unreadable(
                name, f"codes {numbers.min()} to {numbers.max()} for {len(labels)} categories",
                f"codes from -1 (missing) to {len(labels) - 1}",
            )  # fmt: skip
        return label_categorical(numbers.astype(np.int64, copy=False), labels)

    def _categories(self, name: str, node: Node | None) -> list[object]:
        """The labels that codes stand for, which are distinct; masked ones are None."""
        if isinstance(node, Group) and node.array("values") is not None and node.array("mask") is not None:
            labels = self._categories(name, node.array("values"))
            mask = self._mask(name, node.members["mask"], len(labels), 0, len(labels))
            return [None if gap else label for label, gap in zip(labels, mask, strict=True)]
        if not isinstance(node, Array) or node.holds not in READABLE or len(node.shape) > 1:
            raise self._unreadable(
                name, "without categories that can be read", "a list of labels for its codes"
            )
        if node.holds == "string":
            text = node.texts()
            if len(text.values) + (text.codes < 0).any() < text.codes.size:
                raise self._unreadable(name, "of categories that occur twice", "distinct categories")
            return [text.values[code] if code >= 0 else None for code in text.codes]
        numbers = np.atleast_1d(node.numbers())
        if len(np.unique(numbers)) < numbers.size:
            raise self._unreadable(name, "of categories that occur twice", "distinct categories")
        return list(numbers.tolist())

    def _mask(self, name: str, node: Any, length: int, first: int, last: int) -> NDArray[np.bool_]:
        if not isinstance(node, Array) or node.shape != (length,) or node.holds not in ("boolean", "integer"):
            raise self._unreadable(
                name, "masked by what is no mask of its rows", f"a mask of {length:,} truth values"
            )
        mask = node.numbers(first, last)
        if mask.size and not 0 <= int(mask.min()) <= int(mask.max()) <= 1:
            raise self._unreadable(name, f"masked by {int(mask.min())} to {int(mask.max())}", "true or false")
        return mask.astype(bool)

    def _plain(self, name: str, node: Array, first: int, last: int, field: str | None = None) -> Any:
        if node.holds not in READABLE:
            raise self._unreadable(name, f"of type {node.type}")
        if len(node.shape) != 1:
            raise self._unreadable(name, f"an array of shape {node.shape}")
        if node.holds == "string":
            text = node.texts(first, last, column=field)
            return label_categorical(text.codes, text.values, sort=True)
        values = node.numbers(first, last, column=field)
        return values.astype(np.float32) if values.dtype == np.float16 else values


def _with_gaps(values: Any, mask: NDArray[np.bool_]) -> Any:
    """A nullable column: whole numbers with gaps become float (NaN), truth values with gaps become labels."""
    if isinstance(values, pd.Categorical):
        return label_categorical(np.where(mask, -1, values.codes), list(values.categories))
    if not mask.any():
        return values
    if values.dtype.kind == "b":
        return label_categorical(np.where(mask, -1, values), ["False", "True"])
    return np.where(mask, np.nan, values)


def matrix_shape(node: Node | None) -> tuple[int, ...]:
    """Rows and columns of a stored matrix, dense or sparse; () where it is no matrix."""
    if isinstance(node, Array):
        return node.shape if len(node.shape) == 2 else ()
    if node is None:
        return ()
    shape: Any = node.attributes.get("shape", node.attributes.get("h5sparse_shape"))
    whole = (
        isinstance(shape, list) and len(shape) == 2 and all(type(size) is int and size >= 0 for size in shape)
    )
    return tuple(shape) if whole else ()
