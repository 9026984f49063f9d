"""The `obs` columns of annotated matrices (``.h5ad``, ``.zarr``), every encoding since AnnData 0.6; never X.

===========  =============================================================================================
AnnData      how a categorical column of `obs` is stored
===========  =============================================================================================
up to 0.6    `obs` is one compound dataset; the field holds codes, ``uns/<column>_categories`` the labels
0.7          `obs` is a group; the dataset holds codes, ``obs/__categories/<column>`` the labels
since 0.8    `obs` is a group; the column is a group of `codes` and `categories`
===========  =============================================================================================

HDF5 files are read through h5py directly: importing anndata would take longer than reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from concentra.errors import FileFormatError, MissingDependencyError
from concentra.io.labels import label_categorical, merge_blocks
from concentra.io.tables import reading

BLOCK_ROWS = 1 << 20  # rows of text held as Python objects at a time
ALL_ROWS = slice(None)
_KINDS = {
    "i": "integer",
    "u": "integer",
    "f": "float",
    "b": "boolean",
    "O": "string",
    "S": "string",
    "U": "string",
}


def obs_columns(path: str | Path, ending: str) -> dict[str, str]:
    """Name and kind of each column of `obs`: categorical, string, integer, float, boolean or other."""
    with _opened(path, ending) as root:
        return {name: _kind(root, name) for name in _names(root["obs"])}


def obs_length(path: str | Path, ending: str, name: str) -> int:
    """The number of cells, as the column of that name has them; no cell is read."""
    with _opened(path, ending) as root:
        node = root["obs"] if _is_compound(root["obs"]) else root["obs"][name]
        while hasattr(node, "keys"):
            node = node["codes" if "codes" in node else "values"]
        return int(node.shape[0])


def read_obs(path: str | Path, ending: str, names: Sequence[str], *, rows: slice = ALL_ROWS) -> pd.DataFrame:
    """The named columns of `obs`, which exist, in a stretch of rows: labels as categoricals, numbers as numbers."""
    with _opened(path, ending) as root:
        obs = root["obs"]
        fields = _fields(obs, names, rows) if _is_compound(obs) else None
        columns = {}
        for name in names:
            stored = obs[name] if fields is None else fields[name]
            stretch = rows if fields is None else ALL_ROWS
            columns[name] = _column(stored, _old_categories(root, name), path, name, stretch)
        return pd.DataFrame(columns)


@contextmanager
def _opened(path: str | Path, ending: str) -> Iterator[Any]:
    with reading(path, f"a whole {ending} file with `obs`"), opened(path, ending) as root:
        if "obs" not in root:
            raise FileFormatError(
                found=f"no `obs` in {str(path)!r}",
                expected="an annotated matrix, whose `obs` holds a row for each cell",
                fix="name the file that AnnData wrote, not a bare matrix",
            )
        yield root


@contextmanager
def opened(path: str | Path, ending: str) -> Iterator[Any]:
    """The groups of a file or store, to read from."""
    if ending == ".h5ad":
        import h5py

        with h5py.File(path, "r") as file:
            yield file
        return
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError(
            found=f"zarr is not installed, and {str(path)!r} is a zarr store",
            expected="the package zarr, version 3",
            fix="pip install zarr",
        ) from error
    yield zarr.open_group(str(path), mode="r")


def _is_compound(obs: Any) -> bool:
    return not hasattr(obs, "keys") and obs.dtype.names is not None


def _names(obs: Any) -> list[str]:
    """The columns in their order; the index is none of them."""
    if _is_compound(obs):
        names = list(obs.dtype.names)
        return [
            name
            for name in names
            if name != next((it for it in ("_index", "index") if it in names), names[0])
        ]
    index = _text(obs.attrs.get("_index", "_index"))
    order = [_text(name) for name in obs.attrs.get("column-order", [])]
    stored = [name for name in obs if name not in (index, "__categories") and name not in order]
    return [name for name in order if name in obs and name != index] + sorted(stored if not order else [])


def _text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _old_categories(root: Any, name: str) -> list[object] | None:
    """The labels of a column of codes as AnnData 0.6 and 0.7 stored them, None for any other column."""
    obs = root["obs"]
    place = f"uns/{name}_categories" if _is_compound(obs) else f"obs/__categories/{name}"
    if not _is_compound(obs) and (hasattr(obs[name], "keys") or not _is_integer(obs[name])):
        return None
    return _values(root[place]) if place in root else None


def _is_integer(dataset: Any) -> bool:
    return dataset.dtype.kind in "iu"


def _values(node: Any) -> list[object]:
    """The elements of a small dataset, or of a group of `values` and `mask` (masked: None)."""
    if hasattr(node, "keys"):
        masks = np.asarray(node["mask"][()], dtype=bool)
        return [None if mask else value for value, mask in zip(_values(node["values"]), masks, strict=True)]
    return list(np.atleast_1d(np.asarray(node[()], dtype=object)))


def _fields(obs: Any, names: Sequence[str], rows: slice = ALL_ROWS) -> Any:
    """The named fields of a compound dataset, read in one pass."""
    return obs.fields(list(names))[rows] if hasattr(obs, "fields") else obs[rows]


def _kind(root: Any, name: str) -> str:
    obs = root["obs"]
    if _old_categories(root, name) is not None:
        return "categorical"
    if _is_compound(obs):
        return _KINDS.get(obs.dtype[name].kind, "other")
    node = obs[name]
    if hasattr(node, "keys"):
        if "codes" in node:
            return "categorical"
        node = node.get("values", node)
    return "other" if hasattr(node, "keys") else _dtype_kind(node.dtype)


def _dtype_kind(dtype: Any) -> str:
    if dtype.kind == "T" or (dtype.kind == "O" and not (dtype.metadata or {})):
        return "string"
    if dtype.kind == "O":
        return "string" if (dtype.metadata or {}).get("vlen") in (str, bytes) else "other"
    return _KINDS.get(dtype.kind, "other")


def _column(
    node: Any, categories: list[object] | None, path: str | Path, name: str, rows: slice = ALL_ROWS
) -> Any:
    """A categorical or an array of numbers from whatever stores the column."""
    if categories is not None:
        return label_categorical(np.asarray(node[rows]), categories)
    if not hasattr(node, "keys"):
        return _plain(node, path, name, rows)
    if "codes" in node and "categories" in node:
        return label_categorical(np.asarray(node["codes"][rows]), _values(node["categories"]))
    if "values" in node and "mask" in node:
        return _masked(node, path, name, rows)
    raise _unreadable(path, name, f"a group of {', '.join(sorted(node)) or 'nothing'}")


def _plain(node: Any, path: str | Path, name: str, rows: slice) -> Any:
    if node.ndim != 1:
        raise _unreadable(path, name, f"an array of shape {tuple(node.shape)}")
    kind = _dtype_kind(node.dtype)
    if kind == "string":
        first, last, _ = rows.indices(node.shape[0])
        cuts = range(first, last, BLOCK_ROWS)
        return merge_blocks(np.asarray(node[cut : min(cut + BLOCK_ROWS, last)], dtype=object) for cut in cuts)
    if kind == "other":
        raise _unreadable(path, name, f"of type {node.dtype}")
    return np.asarray(node[rows])


def _masked(node: Any, path: str | Path, name: str, rows: slice) -> Any:
    """A nullable column: whole numbers with gaps become float (NaN), truth values with gaps become labels."""
    mask = np.asarray(node["mask"][rows], dtype=bool)
    values = _plain(node["values"], path, name, rows)
    if isinstance(values, pd.Categorical):
        return label_categorical(np.where(mask, -1, values.codes), list(values.categories))
    if not mask.any():
        return values
    if values.dtype.kind == "b":
        return label_categorical(np.where(mask, -1, values), ["False", "True"])
    return np.where(mask, np.nan, values)


def _unreadable(path: str | Path, name: str, what: str) -> FileFormatError:
    return FileFormatError(
        found=f"column {name!r} of `obs` in {str(path)!r} is {what}",
        expected="one label or number for each cell",
        fix="name another column",
    )
