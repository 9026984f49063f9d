"""Counting cells by their labels at any scale: partial counts that add up, whatever the shards.

Cells are read in blocks of codes (`concentra.io.blocks`), grouped and sorted as such (`concentra.io.grouping`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from concentra.errors import ArgumentError, FileFormatError, TableError
from concentra.io.blocks import WHOLE, Share, amount_blocks, kept, label_blocks
from concentra.io.cells import label_columns
from concentra.io.grouping import COUNT, MEMORY, OUTPUTS, Counted, Counts, ending_of_output, grouped
from concentra.io.soma import Tell, is_soma, soma_blocks
from concentra.io.tables import file_ending, require_columns, table_columns
from concentra.progress import track

if TYPE_CHECKING:
    import pandas as pd


def count_cells(
    paths: Sequence[str | Path], by: Sequence[str], *, shard: Share = WHOLE, memory: str = MEMORY
) -> pd.DataFrame:
    """The number of cells of every combination of labels.

    Parameters
    ----------
    paths
        Cell tables (`.h5ad`, `.zarr`, the formats of `concentra.io.tables`), and folders or addresses of SOMA
        experiments (see `concentra.io.soma`), counted as one; only the columns of `by` are read.
    by
        Label columns, at least one.
    shard
        (i, n): count only the i-th of n shares of the rows of each file, 1 <= i <= n. The counts of all n shards,
        merged by `merge_counts`, are those of the whole.
    memory
        What DuckDB may use, such as "1GB"; beyond that it works on disk.

    Returns
    -------
    One row a combination that occurs: the columns of `by` as text, missing (None) where a label is missing, blank, or
    says so (`nan`, `NaN`, `NA`, `<NA>`), and `n_cells` > 0; sorted by the labels as bytes, missing ones last, so that
    the same cells give the same table.

    Raises
    ------
    ColumnError, FileFormatError, DataAbsentError
        As `concentra.io.cells.read_labels`.
    ArgumentError
        Labels, shard or memory are out of range.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cells.csv"
    >>> _ = path.write_text("donor,type\\na,B\\na,T\\na,B\\n")
    >>> count_cells([path], ["donor", "type"]).values.tolist()
    [['a', 'B', 2], ['a', 'T', 1]]
    """
    with _counted(paths, by, shard, memory) as counts:
        return counts.frame()


def count_to(
    out: str | Path,
    paths: Sequence[str | Path],
    by: Sequence[str],
    *,
    where: str | None = None,
    primary_only: bool = True,
    shard: Share = WHOLE,
    memory: str = MEMORY,
    tell: Tell | None = None,
) -> Counted:
    """Write the counts of `count_cells` to a `.csv` or `.parquet` file, without holding them in memory.

    The file is whole or absent, and the same cells give the same bytes, whatever the order and number of their files.

    Parameters
    ----------
    out
        The file; one that exists is replaced once the counts are whole.
    paths, by, shard, memory
        As `count_cells`.
    where, primary_only
        Of SOMA experiments, as `concentra.io.soma.count_soma`.
    tell
        Called with each sentence on how a file was read: what a SOMA experiment leaves out, the separator or encoding
        of text.

    Returns
    -------
    How many combinations and cells there are, and in how many cells each label is missing.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "cells.csv").write_text("type\\nB\\nT\\nB\\n")
    >>> str(count_to(folder / "counts.csv", [folder / "cells.csv"], ["type"]))
    '2 combinations of 3 cells'
    >>> (folder / "counts.csv").read_text()
    'type,n_cells\\nB,2\\nT,1\\n'
    """
    refuse_output(Path(out), paths)
    with _counted(paths, by, shard, memory, where, primary_only, tell) as counts:
        found = counts.summary()
        if shard == WHOLE and not found.n_cells:
            raise FileFormatError(
                found=f"no cells in {', '.join(map(repr, map(str, paths)))}"
                + (f", where {where}" if where else ""),
                expected="a row for each cell",
                fix="name other files, or another filter",
            )
        counts.write(Path(out))
        return found


def merge_counts(out: str | Path, parts: Sequence[str | Path], *, memory: str = MEMORY) -> Counted:
    """Write the sum of partial counts, files that `count_to` wrote, as `count_to` would have written it.

    Of all shards it is the whole, byte for byte.

    Raises
    ------
    TableError
        The parts were not counted by the same labels.
    AmountError
        A count is no whole number, missing or negative.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("type,n_cells\\nB,2\\n")
    >>> str(merge_counts(folder / "sum.csv", [folder / "a.csv", folder / "a.csv"]))
    '1 combinations of 4 cells'
    >>> (folder / "sum.csv").read_text()
    'type,n_cells\\nB,4\\n'
    """
    if not parts:
        raise ArgumentError(
            found="no partial counts", expected="one or more files", fix="name the files to merge"
        )
    refuse_output(Path(out), parts)
    labels = _labels_of([Path(part) for part in parts])
    blocks = (block for part in track(parts, "merging") for block in amount_blocks(part, labels, COUNT))
    with grouped(blocks, labels, amounts=True, memory=memory) as counts:
        counts.write(Path(out))
        return counts.summary()


def check_request(
    paths: Sequence[str | Path], by: Sequence[str], shard: Share = WHOLE, where: str | None = None
) -> None:
    """Refuse labels, shares and files that cannot be counted, before a cell is read."""
    labels, (place, shards) = list(by), shard
    if not labels or len(set(labels)) < len(labels) or COUNT in labels or "" in labels:
        raise ArgumentError(
            found=f"by={labels}",
            expected=f"one or more different label columns, none of them {COUNT!r}",
            fix="name each column once, such as --by donor_id,tissue,cell_type",
        )
    if not 1 <= place <= shards:
        raise ArgumentError(
            found=f"shard {place}/{shards}", expected="I/N with 1 <= I <= N", fix="such as --shard 1/8"
        )
    if not paths:
        raise ArgumentError(
            found="no cell table", expected="one or more files", fix="name the files to count"
        )
    for path in paths:
        if is_soma(path):
            continue
        if where is not None:
            raise ArgumentError(
                found=f"--where {where!r} for {str(path)!r}",
                expected="a SOMA experiment, whose cells can be filtered where they lie",
                fix="leave out --where",
            )
        _refuse_folder(Path(path))
        require_columns(path, labels, list(label_columns(path)))


def _refuse_folder(path: Path) -> None:
    if path.is_dir() and path.suffix.lower() != ".zarr":
        raise FileFormatError(
            found=f"{str(path)!r} is a folder",
            expected="a SOMA experiment, a .zarr store, or files",
            fix=f"name its files, such as {path}/*.parquet; or rename it, if it is a store whose name lacks .zarr",
        )


def refuse_output(out: Path, paths: Sequence[str | Path]) -> None:
    """Refuse an output that cannot be written, or that is one of the files that are read."""
    ending_of_output(out)
    for path in map(Path, paths):
        if path.exists() and out.exists() and path.samefile(out):
            raise ArgumentError(
                found=f"{str(out)!r} as input and as output",
                expected="an output that is none of the files that are read",
                fix="name another file with --out",
            )


@contextmanager
def _counted(
    paths: Sequence[str | Path],
    by: Sequence[str],
    shard: Share,
    memory: str,
    where: str | None = None,
    primary_only: bool = True,
    tell: Tell | None = None,
) -> Iterator[Counts]:
    """The counts of all paths; SOMA experiments are read first, files while DuckDB groups."""
    notes: list[str] = []
    check_request(paths, by, shard, where)
    experiments = [path for path in paths if is_soma(path)]
    files = [path for path in paths if not is_soma(path)]
    stored = (
        block
        for path in track(experiments, "reading")
        for block in soma_blocks(path, by, where=where, primary_only=primary_only, share=shard, tell=tell)
    )
    streamed = (
        block
        for path in track(files, "counting")
        for block in label_blocks(path, by, share=shard, notes=notes)
    )
    with (
        kept(stored, by) as first,
        grouped(chain(first, streamed), by, amounts=bool(experiments), memory=memory) as counts,
    ):
        if tell is not None:
            for note in notes:
                tell(note)
        yield counts


def _labels_of(parts: Sequence[Path]) -> list[str]:
    """The labels by which all parts were counted."""
    labels: list[str] | None = None
    for part in parts:
        names = list(table_columns(part, file_ending(part, OUTPUTS)))
        if names[-1:] != [COUNT] or not names[:-1] or (labels is not None and names[:-1] != labels):
            raise TableError(
                found=f"{part.name} has the columns {', '.join(names)}",
                expected=f"{', '.join([*(labels or ['labels']), COUNT])}, the same in every part",
                fix="merge only parts that `concentra count` wrote by the same labels",
            )
        labels = names[:-1]
    return labels or []
