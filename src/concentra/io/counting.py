"""Counting cells by their labels at any scale: partial counts that add up, whatever the shards.

Cells are read in blocks of codes (`concentra.io.blocks`), grouped and sorted as such (`concentra.io.grouping`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from concentra.errors import ArgumentError, FileFormatError, TableError
from concentra.io.blocks import WHOLE, Block, Share, amount_blocks, label_blocks
from concentra.io.grouping import COUNT, MEMORY, OUTPUTS, Counted, ending_of_output, grouped
from concentra.io.tables import file_ending, table_columns
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
        Cell tables (`.parquet`, `.h5ad`, `.zarr`, `.csv[.gz]`, `.tsv[.gz]`), read as one; only the columns of `by` are
        read.
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
    with grouped(_blocks(paths, by, shard), by, memory=memory) as counts:
        return counts.frame()


def count_to(
    out: str | Path,
    paths: Sequence[str | Path],
    by: Sequence[str],
    *,
    shard: Share = WHOLE,
    memory: str = MEMORY,
) -> Counted:
    """Write `count_cells` to a `.csv` or `.parquet` file, without holding it in memory.

    The file is whole or absent, and the same cells give the same bytes, whatever the order and number of their files.

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
    with grouped(_blocks(paths, by, shard), by, memory=memory) as counts:
        found = counts.summary()
        if shard == WHOLE and not found.n_cells:
            raise FileFormatError(
                found=f"no cells in {', '.join(map(repr, map(str, paths)))}",
                expected="a row for each cell",
                mend="name other files",
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
            found="no partial counts", expected="one or more files", mend="name the files to merge"
        )
    refuse_output(Path(out), parts)
    labels = _labels_of([Path(part) for part in parts])
    blocks = (block for part in track(parts, "merging") for block in amount_blocks(part, labels, COUNT))
    with grouped(blocks, labels, amounts=True, memory=memory) as counts:
        counts.write(Path(out))
        return counts.summary()


def check_request(paths: Sequence[str | Path], by: Sequence[str], shard: Share = WHOLE) -> None:
    """Refuse labels, shares and files that cannot be counted, before anything is read."""
    labels, (place, shards) = list(by), shard
    if not labels or len(set(labels)) < len(labels) or COUNT in labels or "" in labels:
        raise ArgumentError(
            found=f"by={labels}",
            expected=f"one or more different label columns, none of them {COUNT!r}",
            mend="name each column once, such as --by donor_id,tissue,cell_type",
        )
    if not 1 <= place <= shards:
        raise ArgumentError(
            found=f"shard {place}/{shards}", expected="I/N with 1 <= I <= N", mend="such as --shard 1/8"
        )
    if not paths:
        raise ArgumentError(
            found="no cell table", expected="one or more files", mend="name the files to count"
        )


def refuse_output(out: Path, paths: Sequence[str | Path]) -> None:
    """Refuse an output that cannot be written, or that is one of the files that are read."""
    ending_of_output(out)
    for path in map(Path, paths):
        if path.exists() and out.exists() and path.samefile(out):
            raise ArgumentError(
                found=f"{str(out)!r} as input and as output",
                expected="an output that is none of the files that are read",
                mend="name another file with --out",
            )


def _blocks(paths: Sequence[str | Path], by: Sequence[str], shard: Share) -> Iterator[Block]:
    check_request(paths, by, shard)
    return (block for path in track(paths, "counting") for block in label_blocks(path, by, share=shard))


def _labels_of(parts: Sequence[Path]) -> list[str]:
    """The labels by which all parts were counted."""
    labels: list[str] | None = None
    for part in parts:
        names = list(table_columns(part, file_ending(part, OUTPUTS)))
        if names[-1:] != [COUNT] or not names[:-1] or (labels is not None and names[:-1] != labels):
            raise TableError(
                found=f"{part.name} has the columns {', '.join(names)}",
                expected=f"{', '.join([*(labels or ['labels']), COUNT])}, the same in every part",
                mend="merge only parts that `concentra count` wrote by the same labels",
            )
        labels = names[:-1]
    return labels or []
