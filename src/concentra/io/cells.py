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

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from concentra.errors import ArgumentError, FileFormatError
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
    if not kinds:
        raise FileFormatError(
            found=f"{str(path)!r} holds no column of labels",
            expected="the donor, tissue and type of each cell in columns (of `obs`)",
            fix="name the file that holds the labels; of several modalities (MuData), write one with its labels",
        )
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
