"""Tables that are counts already: recognised by one rule where rows are read, and refused where cells are counted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from concentra.composition.checks import wide_table
from concentra.composition.roles import Roles, candidates
from concentra.composition.rows import COUNT_NAMES, canonical_name, count_column
from concentra.errors import ConcentraError, TableError
from concentra.io.blocks import Block, label_blocks
from concentra.io.cells import label_columns

OF_CELLS = "a row for each cell"


def recognised_counts(
    rows: pd.DataFrame, roles: Roles, sample: str | None, wanted: Sequence[str]
) -> tuple[str, list[str]] | None:
    """The column of counts of a table that may hold a row a cell, and the labels that occur once; else None.

    Parameters
    ----------
    rows
        The table.
    roles, sample
        Its columns of donors, tissues and types, and that of samples where it was named.
    wanted
        Other labels that may tell its rows apart: what is compared.

    Examples
    --------
    >>> rows = pd.DataFrame({"donor": ["a", "a"], "type": ["T", "B"], "n": [30, 12]})
    >>> recognised_counts(rows, Roles("donor", None, "type"), None, [])
    ('n', ['donor', 'type'])
    """
    keys = [one for one in (roles.donor, roles.stratum, sample, roles.part) if one is not None]
    for labels in (keys, [*keys, roles.sample] if roles.sample else keys, [*keys, *wanted]):
        distinct = list(dict.fromkeys(labels))
        found = count_column(rows, distinct)
        if found is not None:
            return found, distinct
    return None


def refuse_counts(path: str | Path, by: Sequence[str]) -> None:
    """Raise where the rows of a table are no cells: where each is a count, or a sample with a column for each type.

    The first rows decide, about a million of them.

    Parameters
    ----------
    path
        A cell table.
    by
        The labels by which its rows are to be counted.

    Raises
    ------
    TableError
        With the column of counts, or the number of types.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = path.write_text("donor,cell_type,n\\na,B,30\\na,T,12\\n")
    >>> refuse_counts(path, ["donor"])
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: 'counts.csv' is counted already, in column 'n': each row is a count, because
      every combination of donor, cell_type occurs once
    expected: a row for each cell
    fix: `concentra analyze ... --amount n` takes counts as they are; else name the file of the cells
    """
    columns = [name for name, kind in label_columns(path).items() if kind != "other"]
    guessed = [next(iter(candidates(columns, role)), None) for role in ("donor", "stratum", "part")]
    keys = list(dict.fromkeys([*(name for name in guessed if name is not None), *by]))
    amounts = [name for name in columns if canonical_name(name) in COUNT_NAMES and name not in keys]
    rows = _first_rows(path, [*keys, *amounts])
    if len(rows) < 2 or rows[keys].astype(object).duplicated().any():
        return
    file = Path(path).name
    found = count_column(rows, keys)
    if found is not None:
        raise TableError(
            found=f"{file!r} is counted already, in column {found!r}: each row is a count, because every combination "
            f"of {', '.join(keys)} occurs once",
            expected=OF_CELLS,
            fix=f"`concentra analyze ... --amount {shlex.quote(found)}` takes counts as they are; else name the file "
            "of the cells",
        )
    try:
        parts = wide_table(_first_rows(path, columns), keys, file=file).parts
    except ConcentraError:
        return  # nor does it have a column of counts for each type
    if len(parts) > 1:
        raise TableError(
            found=f"{file!r} is counted already: every {', '.join(keys)} has one row, with counts in "
            f"{len(parts)} columns, such as {parts[0]!r}",
            expected=OF_CELLS,
            fix="`concentra analyze ... --wide` takes a row for each sample as it is; else name the file of the cells",
        )


def _first_rows(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """The first block of rows."""
    block = next(iter(label_blocks(path, columns)), Block(()))
    found = {}
    for name, column in zip(columns, block.labels, strict=False):
        values = column.values
        listed = values.to_pylist() if hasattr(values, "to_pylist") else list(values)
        found[name] = np.array([*listed, None], dtype=object)[column.codes]
    return pd.DataFrame(found)
