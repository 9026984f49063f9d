"""Data frames that R saved."""

from __future__ import annotations

import bz2
import gzip
import lzma
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from concentra.errors import FileFormatError, MissingDependencyError
from concentra.io.dialect import ROW_NAMES

EXPORT = 'write.csv(as.data.frame(x), "x.csv", row.names = FALSE)'
"""The line of R that writes what is not a data frame, such as the result of `table()`, as text."""


def read_r_frame(path: str | Path, notes: list[str]) -> pd.DataFrame:
    """The data frame in a file that R saved by `saveRDS` or `save`; factors as categoricals, row names as a column.

    Parameters
    ----------
    path
        An ``.rds``, ``.RData`` or ``.rda`` file, uncompressed or compressed by gzip, bzip2, xz or Zstandard.
    notes
        Sentences on other objects of the file and on row names are appended.

    Raises
    ------
    FileFormatError
        The file is damaged, or holds no data frame, or several.
    MissingDependencyError
        The package that reads such files is not installed.
    """
    frames = {name: value for name, value in _objects(path).items() if isinstance(value, pd.DataFrame)}
    if len(frames) != 1:
        what = f"{len(frames)} data frames ({', '.join(frames)})" if frames else "no data frame"
        raise FileFormatError(
            found=f"{what} in {str(path)!r}", expected="one data frame", fix=f"in R: {EXPORT}"
        )
    ((_, frame),) = frames.items()
    return _tidy(path, frame, notes)


def _objects(path: str | Path) -> dict[str, Any]:
    try:
        import rdata
    except ImportError as problem:
        raise MissingDependencyError(
            found="rdata is not installed",
            expected="the package that reads files of R",
            fix=f'pip install "concentra[r]"; or in R: {EXPORT}',
        ) from problem
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on classes without a counterpart
            found = rdata.conversion.convert(rdata.parser.parse_data(_unpacked(path)), _Classes())
    except MissingDependencyError:
        raise
    except Exception as problem:  # the parser meets damaged bytes with any of them
        raise FileFormatError(
            found=f"{str(path)!r} cannot be read: {' '.join(str(problem).split())[:200] or type(problem).__name__}",
            expected="an object that R saved",
            fix=f"save it again; or in R: {EXPORT}",
        ) from problem
    return found if isinstance(found, dict) else {"the object": found}


class _Classes(dict[str, Callable[..., Any]]):
    """What makes a value of each class of R: as `rdata` does, or stricter."""

    def __init__(self) -> None:
        import rdata

        super().__init__(rdata.conversion.DEFAULT_CLASS_MAP)
        self["data.frame"] = partial(_frame, self["data.frame"])
        self["factor"] = partial(_factor, ordered=False)
        self["ordered"] = partial(_factor, ordered=True)
        self["integer64"] = _integer64

    def get(self, name: str, default: Any = None) -> Any:
        """Of a class without an entry, what sees to it that it is no factor in disguise."""
        return super().get(name, _unknown)


def _unknown(value: Any, attributes: Mapping[str, Any]) -> Any:
    """The value as it is, by what other class it may have; codes without the class of a factor are no labels."""
    if "levels" in attributes and not {"factor", "ordered"} & set(attributes["class"]):
        raise ValueError(
            f"levels, and the class {', '.join(map(str, attributes['class']))}, which is no factor"
        )
    return NotImplemented


def _integer64(values: Any, attributes: Mapping[str, Any]) -> Any:
    """Whole numbers of 64 bits, which the package bit64 keeps in the bytes of floats."""
    whole = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    missing = whole == np.iinfo(np.int64).min
    return pd.arrays.IntegerArray(np.where(missing, 1, whole), missing)


def _factor(codes: Any, attributes: Mapping[str, Any], *, ordered: bool) -> pd.Categorical:
    """The values of a factor; `rdata` counts a code of 0 from the end of the levels."""
    levels = list(attributes["levels"])
    _require_text("levels of a factor", levels)
    places = np.ma.filled(codes, 0) - 1
    present = ~np.ma.getmaskarray(codes)
    if places.ndim != 1 or ((places < 0) | (places >= len(levels)))[present].any():
        raise ValueError(f"a factor of {len(levels)} levels has codes that stand for none of them")
    kind = pd.CategoricalDtype(levels, ordered=ordered)
    return pd.Categorical.from_codes(np.where(present, places, -1), dtype=kind)


def _frame(made: Callable[..., pd.DataFrame], columns: Any, attributes: Mapping[str, Any]) -> pd.DataFrame:
    """A data frame whose columns are all there; `rdata` keeps the last of one name, and repeats a single value."""
    names, rows = list(map(str, attributes["names"])), np.asarray(attributes["row.names"])
    _require_text("names of columns", attributes["names"])
    if rows.dtype.kind not in "if":
        _require_text("names of rows", rows)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"column {name!r} more than once")
        if np.ndim(columns[name]) != 1:
            raise ValueError(f"column {name!r} is no vector")
        if isinstance(columns[name], np.ndarray) and columns[name].dtype.kind not in "biuf":
            _require_text(f"column {name!r}", columns[name])
    return made(columns, attributes)


def _require_text(what: str, values: Iterable[Any]) -> None:
    for value in values:
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise ValueError(f"{what}: {str(value)!r} is no text of R")


def _unpacked(path: str | Path) -> bytes:
    data = Path(path).read_bytes()
    for magic, unpack in (
        (b"\x1f\x8b", gzip.decompress),
        (b"BZh", bz2.decompress),
        (b"\xfd7zXZ", lzma.decompress),
    ):
        if data.startswith(magic):
            return unpack(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        return bytes(pyarrow.input_stream(pyarrow.BufferReader(data), compression="zstd").read())
    return data


def _tidy(path: str | Path, frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Text columns as categoricals, nullable numbers as pandas has them in Parquet, row names as a first column."""
    names = [str(name) for name in frame.columns]
    columns: dict[str, Any] = {}
    if pd.api.types.is_string_dtype(frame.index.dtype) and ROW_NAMES not in names:
        columns[ROW_NAMES] = pd.Categorical(frame.index)
        notes.append(f"the row names of {str(path)!r} are read as column {ROW_NAMES!r}")
    for name, (_, values) in zip(names, frame.items(), strict=True):
        if pd.api.types.is_string_dtype(values.dtype) or pd.api.types.is_object_dtype(values.dtype):
            values = values.astype(object).astype("category")
        elif isinstance(values.dtype, pd.CategoricalDtype):
            values = values.cat.as_ordered()  # the order of the levels is the user's
        elif isinstance(values.dtype, pd.Int32Dtype | pd.Int64Dtype):
            values = values.astype("Int64" if values.isna().any() else "int64")
        columns[name] = values.array
    return pd.DataFrame(columns)
