"""Label columns of a cell table, whatever its format, and nothing else of it.

==========================  ==============================================================================
``.h5ad``, ``.zarr``        `obs` of an annotated matrix, every encoding since AnnData 0.6
``.csv``, ``.tsv``          text with a header, and ``.txt``; see `concentra.io.tables`
``.xlsx``                   the first sheet
``.rds``, ``.RData``        a data frame of R
``.parquet``                any writer
==========================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import ArgumentError, ColumnError, FileFormatError, LabelError, TableError, nearest
from concentra.io.annotated import obs_columns, read_obs
from concentra.io.labels import label_column, text_column
from concentra.io.tables import TABLES, UNTYPED, file_ending, read_table, require_columns, table_columns

ENDINGS = (".h5ad", ".zarr", *TABLES)
SAMPLE_ROWS = 4_096
"""Rows in which a column of text that names cells has no label twice."""


def label_columns(path: str | Path) -> dict[str, str]:
    """Name and kind of each column that `read_labels` can read, in the order of the file.

    Parameters
    ----------
    path
        A cell table; see the table above.

    Returns
    -------
    dict
        Kinds are ``categorical``, ``string``, ``integer``, ``float``, ``boolean``; ``text`` for every column
        of a text file or spreadsheet, whose kind only its values show; ``other`` for what is neither label
        nor number. The names of the cells (the index) are not a column of ``.h5ad`` and ``.zarr``; elsewhere
        a first column without name is ``row_names``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> table = pathlib.Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = table.write_text("donor,tissue\\na,lung\\n")
    >>> label_columns(table)
    {'donor': 'text', 'tissue': 'text'}
    """
    ending = file_ending(path, ENDINGS)
    if ending in TABLES:
        columns = table_columns(path, ending)
        return columns if isinstance(columns, dict) else dict.fromkeys(columns, "text")
    return obs_columns(path, ending)


def read_labels(
    path: str | Path,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """The named label columns of a cell table, one row a cell, in the order of the file.

    Only these columns are read, never the matrix: 245,389 cells take a fraction of a second.

    Parameters
    ----------
    path
        A cell table; see the table at the top of this module.
    columns
        Names of columns, each of which must be there.
    optional
        Names of columns that are returned where they are there.
    notes
        Sentences on what was inferred of a text file or spreadsheet (separator, encoding), and on chunks that a Zarr
        store leaves out, are appended.

    Returns
    -------
    DataFrame
        The columns in the order asked for, index 0, 1, .... Labels are unordered categoricals of text without
        unused categories, missing ones NaN; categories that AnnData stored keep their order, others are
        sorted. Numbers stay numbers; whole numbers with gaps are float.

    Raises
    ------
    ColumnError
        A column is not there; the nearest name is given.
    FileFormatError
        The file is truncated, corrupt, empty, or not what its name says.
    DataAbsentError
        There is no such file.

    Notes
    -----
    Empty text, white space, and the texts ``nan``, ``NaN``, ``NA``, ``<NA>`` are missing; ``None`` and
    ``unknown`` are labels. In text files and spreadsheets a column is numeric where every text is a plainly
    written number, and ``001`` is a label (`concentra.io.labels.text_column`).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> table = pathlib.Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = table.write_text("donor,tissue,age\\n001,lung,3\\n,lung,24\\n")
    >>> read_labels(table, ["donor", "age"], optional=["sex"])
      donor  age
    0   001    3
    1   NaN   24
    """
    wanted = _wanted(columns, optional)
    ending = file_ending(path, ENDINGS)
    existing = list(table_columns(path, ending) if ending in TABLES else obs_columns(path, ending))
    require_columns(path, [*dict.fromkeys(columns)], existing)
    names = [name for name in wanted if name in existing]
    if ending in TABLES:
        tidy = text_column if ending in UNTYPED else label_column
        frame = read_table(path, ending, names, notes=notes)
        frame = pd.DataFrame({name: tidy(frame[name]) for name in names})
    else:
        frame = read_obs(path, ending, names, notes=notes)
    if not len(frame):
        raise FileFormatError(
            found=f"{str(path)!r} holds no cells", expected="a row for each cell", fix="name another file"
        )
    return frame


def read_all_labels(
    path: str | Path, *, keep: Sequence[str] = (), notes: list[str] | None = None
) -> pd.DataFrame:
    """Every column of a cell table that can be a label or a number, as `read_labels` returns them.

    Of annotated matrices, columns of text that name every cell apart (barcodes) are passed over.

    Parameters
    ----------
    path
        A cell table.
    keep
        Columns that are read in any case.
    notes
        As for `read_labels`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> table = pathlib.Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = table.write_text("donor,tissue\\na,lung\\n")
    >>> read_all_labels(table).columns.tolist()
    ['donor', 'tissue']
    """
    kinds = {name: kind for name, kind in label_columns(path).items() if kind != "other"}
    text = [name for name, kind in kinds.items() if kind == "string" and name not in keep]
    ending = file_ending(path, ENDINGS)
    if text and ending not in TABLES:
        first = read_obs(path, ending, text, rows=slice(0, SAMPLE_ROWS))
        if len(first) == SAMPLE_ROWS:
            kinds = {
                name: kind
                for name, kind in kinds.items()
                if name not in text or first[name].nunique() < len(first)
            }
    return read_labels(path, list(kinds), notes=notes)


def _wanted(columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    if isinstance(columns, str) or isinstance(optional, str) or not [*columns, *optional]:
        raise ArgumentError(
            found=f"columns={columns!r}, optional={optional!r}",
            expected="lists with at least one column name",
            fix='write columns=["donor", "tissue"]',
        )
    return list(dict.fromkeys([*columns, *optional]))


@dataclass(frozen=True)
class Unlabelled:
    """How many cells were left out for want of a label.

    Attributes
    ----------
    n_cells
        Cells before.
    n_kept
        Cells that have every required label.
    n_missing
        For each required column, the cells in which it is missing; a cell may lack several.
    """

    n_cells: int
    n_kept: int
    n_missing: Mapping[str, int]

    @property
    def n_left_out(self) -> int:
        """Cells that lack at least one required label."""
        return self.n_cells - self.n_kept

    def __str__(self) -> str:
        if not self.n_left_out:
            return f"all {self.n_cells:,} cells are labelled"
        columns = ", ".join(f"{name} missing in {count:,}" for name, count in self.n_missing.items() if count)
        return f"{self.n_left_out:,} of {self.n_cells:,} cells left out: {columns}"


def drop_unlabelled(
    labels: pd.DataFrame, required: Sequence[str], *, limit: float | None = 0.5
) -> tuple[pd.DataFrame, Unlabelled]:
    """The cells that have every required label, and the account of those left out.

    Parameters
    ----------
    labels
        What `read_labels` returns.
    required
        Columns without which a cell cannot be counted: donor, stratum, part.
    limit
        The largest share of cells, 0 to 1, in which one required column may be missing; None sets no limit,
        for a table that is known to name the donors of a part of its cells only.

    Returns
    -------
    kept
        Rows in their order, index renewed, categories without cells gone.
    report
        `Unlabelled`; as text, one sentence.

    Examples
    --------
    >>> labels = pd.DataFrame({"donor": ["a", None, "b"], "part": ["T", "T", "B"]})
    >>> kept, report = drop_unlabelled(labels, ["donor", "part"])
    >>> len(kept), str(report)
    (2, '1 of 3 cells left out: donor missing in 1')
    """
    _require(labels, required)
    if limit is not None and not 0 <= limit <= 1:
        raise ArgumentError(
            found=f"limit={limit}", expected="a share from 0 to 1, or None", fix="write limit=0.5"
        )
    missing = labels[list(required)].isna()
    n_missing = {name: int(missing[name].sum()) for name in required}
    for name, count in n_missing.items():
        if limit is not None and count > limit * len(labels):
            raise LabelError(
                found=f"column {name!r} missing in {count:,} of {len(labels):,} cells",
                expected=f"at most {limit:.0%} of the cells without it",
                fix="name another column, or set limit=None if those cells are meant to be left out",
            )
    kept = labels[~missing.any(axis=1)].reset_index(drop=True)
    for name in kept.columns[[isinstance(dtype, pd.CategoricalDtype) for dtype in kept.dtypes]]:
        kept[name] = kept[name].cat.remove_unused_categories()
    return kept, Unlabelled(len(labels), len(kept), n_missing)


def check_labels(
    labels: pd.DataFrame,
    *,
    donor: str,
    stratum: str | None = None,
    group: str | None = None,
    sex: str | None = None,
) -> None:
    """Raise where labels contradict each other: a donor in two groups, or two sexes in a stratum.

    Parameters
    ----------
    labels
        What `read_labels` returns; rows without donor are passed over, as is a missing group or sex.
    donor, stratum, group, sex
        Names of the columns; what is None is not checked. Without `stratum`, sexes are compared over all
        cells of a donor.

    Raises
    ------
    LabelError
        Naming the donor and its labels.

    Examples
    --------
    >>> check_labels(pd.DataFrame({"donor": ["a", "a"], "age": ["3m", "24m"]}), donor="donor", group="age")
    Traceback (most recent call last):
        ...
    concentra.errors.LabelError: error: donor 'a' with 2 values of 'age': '24m', '3m'
    expected: one value of 'age' for each donor
    fix: correct the labels, or name a donor column whose names are not shared between 'age' groups
    """
    _require(labels, [name for name in (donor, stratum, group, sex) if name is not None])
    if group is not None:
        _one_value(labels, [donor], group, f"names are not shared between {group!r} groups")
    if sex is not None:
        places = [donor] if stratum is None else [stratum, donor]
        _one_value(labels, places, sex, "pooled animals have a name of their own")


def _one_value(labels: pd.DataFrame, places: list[str], column: str, which: str) -> None:
    pairs = labels[[*places, column]].dropna().drop_duplicates()
    doubled = pairs[pairs.duplicated(places, keep=False)]
    if doubled.empty:
        return
    held: dict[Any, list[Any]] = {}
    for row in doubled.itertuples(index=False):
        held.setdefault(tuple(row[:-1]), []).append(row[-1])
    key, values = min(held.items(), key=lambda item: str(item[0]))
    others = f", and {len(held) - 1} more such" if len(held) > 1 else ""
    where = f" of {places[0]} {key[0]!r}" if len(key) > 1 else ""
    shown = ", ".join(repr(value) for value in sorted(values, key=str))
    raise LabelError(
        found=f"donor {key[-1]!r}{where} with {len(values)} values of {column!r}: {shown}{others}",
        expected=f"one value of {column!r} for each donor" + (f" of a {places[0]}" if where else ""),
        fix=f"correct the labels, or name a donor column whose {which}",
    )


def _require(labels: pd.DataFrame, names: Sequence[str]) -> None:
    if labels.empty:
        raise TableError(found="no cells", expected="a row for each cell", fix="read another file")
    for name in names:
        if name not in labels.columns:
            raise ColumnError(
                found=f"no column {name!r} among the labels",
                expected=f"the columns {', '.join(map(repr, names))}",
                fix=f"read it too, or name another: {nearest(name, labels.columns)}",
            )
