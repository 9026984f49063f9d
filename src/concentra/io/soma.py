"""Cells of a SOMA experiment, such as the CELLxGENE Census: columns of `obs`, filtered where they lie.

Two things differ from a file of one study. Cells that several data sets share are marked: only one copy of each
`is_primary_data`, and only those are counted unless asked otherwise. And a `donor_id` names a person within its data
set alone, so that donors are told apart as ``dataset_id:donor_id``. The placeholders "unknown", "pooled" and "na" name
no single donor: those cells are counted with a missing donor, never as the cells of one.

The counts of a Census are one small table, which `concentra analyze` takes::

    concentra count soma/census_data/homo_sapiens --where "tissue_general == 'lung' and disease == 'normal'" \\
        --by donor_id,tissue_general,cell_type,sex --out lung.csv
    concentra analyze lung.csv --donor donor_id --stratum tissue_general --part cell_type --amount n_cells \\
        --contrast sex:female:male
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concentra.errors import ArgumentError, ConcentraError, FileFormatError, MissingDependencyError, nearest
from concentra.io.blocks import WHOLE, Block, Coded, Share, coded, kept, stretch
from concentra.io.grouping import MEMORY, grouped
from concentra.io.labels import label_text
from concentra.io.tables import require_columns

if TYPE_CHECKING:
    import pandas as pd

DONOR, DATASET, PRIMARY, PLACE = "donor_id", "dataset_id", "is_primary_data", "soma_joinid"
NO_DONOR = frozenset({"unknown", "pooled", "na"})
"""What the schema of CELLxGENE writes for a donor that is not known, not one, or none; in any case of letters."""
BUFFER_BYTES = 1 << 26  # of each column that is read at a time
GROUP_FILES = ("__tiledb_group.tdb", "__group", "__schema")
Tell = Callable[[str], None]


def is_soma(cells: str | Path) -> bool:
    """Whether this is an address, or a folder that TileDB wrote; nothing is opened.

    >>> is_soma("s3://bucket/census_data/homo_sapiens"), is_soma("cells.h5ad")
    (True, False)
    """
    return "://" in str(cells) or any((Path(cells) / name).exists() for name in GROUP_FILES)


def count_soma(
    uri: str | Path,
    by: Sequence[str],
    *,
    where: str | None = None,
    primary_only: bool = True,
    shard: Share = WHOLE,
    memory: str = MEMORY,
    tell: Tell | None = None,
) -> pd.DataFrame:
    """The number of cells of every combination of labels in a SOMA experiment.

    Parameters
    ----------
    uri
        A folder or an address (``s3://...``) of a SOMA experiment.
    by
        Columns of `obs`. `donor_id` becomes ``dataset_id:donor_id`` where `obs` has a `dataset_id`.
    where
        A value filter of SOMA, such as ``tissue_general == 'lung' and sex in ['female', 'male']``.
    primary_only
        Count only cells whose `is_primary_data` is true; without that column all are counted, and that is told.
    shard
        (i, n): only the i-th of n stretches of `soma_joinid`.
    memory
        As `concentra.io.counting.count_cells`.
    tell
        Called with a sentence each on which cells were read, how donors are named, and cells without a single donor.

    Returns
    -------
    As `concentra.io.counting.count_cells`; `donor_id` is missing where it names no single donor.

    Raises
    ------
    ColumnError
        A column is not in `obs`.
    ArgumentError
        The filter cannot be understood, or the experiment cannot be divided.
    FileFormatError
        This is no SOMA experiment.
    MissingDependencyError
        tiledbsoma is not installed.

    Examples
    --------
    >>> count_soma("census_data/homo_sapiens", ["donor_id", "tissue_general", "cell_type"])  # doctest: +SKIP
                 donor_id tissue_general  cell_type  n_cells
    0   0041b9c3:D001           lung     B cell      118
    """
    blocks = soma_blocks(uri, by, where=where, primary_only=primary_only, share=shard, tell=tell)
    with kept(blocks, by) as again, grouped(again, by, amounts=True, memory=memory) as counts:
        return counts.frame()


def soma_blocks(
    uri: str | Path,
    labels: Sequence[str],
    *,
    where: str | None = None,
    primary_only: bool = True,
    share: Share = WHOLE,
    tell: Tell | None = None,
) -> Iterator[Block]:
    """The named columns of the cells that `count_soma` counts, in blocks; its parameters and errors.

    All blocks must be read before DuckDB works in the same process (`concentra.io.blocks.kept`): tiledbsoma 2.3 and
    DuckDB 2.0, when both work at a time, spoil each other's memory, whether or not they share any.
    """
    tell = tell or (lambda sentence: None)
    with _opened(str(uri)) as obs:
        existing = list(obs.keys())
        require_columns(str(uri), labels, existing)
        filters = _filters(where, primary_only, existing, tell)
        keyed = DONOR in labels and DATASET in existing
        if DONOR in labels:
            tell(_naming(keyed))
        names = list(dict.fromkeys([*labels, *([DATASET] if keyed else [])]))
        n_read, nobody = 0, Counter[str]()
        for batch in _batches(obs, names, filters, share):
            columns = {name: coded(batch.column(name)) for name in names}
            if DONOR in columns:
                columns[DONOR] = donors(columns[DONOR], columns[DATASET] if keyed else None, nobody)
            n_read += batch.num_rows
            yield Block(tuple(columns[name] for name in labels))
        tell(_account(n_read, obs.count, filters, share))
        if nobody:
            which = ", ".join(f"{count:,} {name!r}" for name, count in sorted(nobody.items()))
            tell(f"{nobody.total():,} cells name no single donor ({which}): their {DONOR} is left missing")


def donors(donor: Coded, dataset: Coded | None, nobody: Counter[str]) -> Coded:
    """Donors told apart by their data set; those that are no single donor are missing, and added to `nobody`.

    Examples
    --------
    >>> import numpy as np
    >>> nobody = Counter()
    >>> found = donors(Coded(np.array([0, 0, 1]), ["D1", "pooled"]), Coded(np.array([0, 1, 1]), ["a", "b"]), nobody)
    >>> [found.values[code] for code in found.codes], nobody
    (['a:D1', 'b:D1', None], Counter({'pooled': 1}))
    """
    import numpy as np
    import pandas as pd

    names = [label_text(value) for value in _listed(donor.values)] + [None]
    sets = [label_text(value) for value in _listed(dataset.values)] + [None] if dataset else [""]
    one = donor.codes.astype(np.int64) % len(names)  # -1, missing, is the last
    other = dataset.codes.astype(np.int64) % len(sets) if dataset else 0
    codes, pairs = pd.factorize(other * len(names) + one)
    cells = np.bincount(codes, minlength=len(pairs))
    keys: list[str | None] = []
    for pair, count in zip(pairs.tolist(), cells.tolist(), strict=True):
        name, place = names[pair % len(names)], sets[pair // len(names)]
        if name is not None and name.strip().casefold() in NO_DONOR:
            nobody[name] += count
            name = None
        keys.append(None if name is None or place is None else f"{place}:{name}" if dataset else name)
    return Coded(codes, keys)


def _listed(values: Any) -> list[object]:
    return values.to_pylist() if hasattr(values, "to_pylist") else list(values)


def _filters(where: str | None, primary_only: bool, existing: Sequence[str], tell: Tell) -> list[str]:
    filters = [where] if where else []
    if primary_only and PRIMARY in existing:
        filters.append(f"{PRIMARY} == True")
    elif primary_only:
        tell(f"no column {PRIMARY!r}: all cells are counted, copies of a cell too if there are any")
    return filters


def _naming(keyed: bool) -> str:
    if keyed:
        return f"donors are told apart by their data set: {DATASET}:{DONOR}"
    return f"no column {DATASET!r}: donors of the same name are one"


def _account(n_read: int, n_all: int, filters: Sequence[str], share: Share) -> str:
    which = f", where {' and '.join(filters)}" if filters else ""
    part = f", shard {share[0]} of {share[1]}" if share != WHOLE else ""
    return f"{n_read:,} of {n_all:,} cells counted{which}{part}"


def _batches(obs: Any, names: Sequence[str], filters: Sequence[str], share: Share) -> Iterator[Any]:
    """Record batches of the wanted rows."""
    condition = " and ".join(f"({one})" for one in filters) or None
    coords = _coords(obs, share)
    if coords is None:
        return
    for table in obs.read(coords=coords, column_names=list(names), value_filter=condition):
        yield from table.select(list(names)).to_batches()


def _coords(obs: Any, share: Share) -> tuple[slice, ...] | None:
    """The stretch of `soma_joinid` that is a share; None where it has no cell."""
    if share == WHOLE:
        return ()
    if tuple(obs.index_column_names) != (PLACE,):
        raise ArgumentError(
            found=f"a share of cells that are indexed by {', '.join(obs.index_column_names)}",
            expected=f"cells indexed by {PLACE}",
            fix="count this experiment whole",
        )
    first, last = map(int, obs.non_empty_domain()[0])
    low, high = stretch(last + 1 - first, share)
    return (slice(first + low, first + high - 1),) if high > low else None


@contextmanager
def _opened(uri: str) -> Iterator[Any]:
    """The `obs` of the experiment; what TileDB says of a failure becomes an error that names it."""
    try:
        import tiledbsoma
    except ImportError as problem:
        raise MissingDependencyError(
            found="tiledbsoma is not installed",
            expected="the package that reads SOMA experiments",
            fix='pip install "concentra[census]"',
        ) from problem
    try:
        context = tiledbsoma.SOMATileDBContext(tiledb_config={"soma.init_buffer_bytes": BUFFER_BYTES})
        with tiledbsoma.open(uri, context=context) as found:
            if found.soma_type != "SOMAExperiment":
                raise _no_experiment(uri, found)
            yield found.obs
    except ConcentraError:
        raise
    except (tiledbsoma.SOMAError, RuntimeError) as problem:
        raise _mistaken(uri, str(problem).splitlines()[0]) from problem


def _no_experiment(uri: str, found: Any) -> FileFormatError:
    inside = list(found.keys()) if found.soma_type == "SOMACollection" else []
    return FileFormatError(
        found=f"{uri!r} is a {found.soma_type}",
        expected="a SOMA experiment, such as census_data/homo_sapiens of a Census",
        fix=f"name one inside it: {nearest('', inside)}" if inside else "name the experiment that holds it",
    )


def _mistaken(uri: str, problem: str) -> ConcentraError:
    """A filter that is not understood, or a store that cannot be read: TileDB has one error for both."""
    if "QueryCondition" in problem or "does not exist in schema" in problem:
        return ArgumentError(
            found=f"the filter of {uri!r}: {problem}",
            expected="columns of obs compared with values: tissue_general == 'lung' and sex in ['female']",
            fix="correct --where; `concentra count` names the columns when one of --by is misspelt",
        )
    return FileFormatError(
        found=f"{uri!r} cannot be read: {problem}",
        expected="a whole SOMA experiment",
        fix="fetch or write it again",
    )
