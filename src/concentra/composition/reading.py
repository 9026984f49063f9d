"""The one way in: any file, several files, a frame or an AnnData becomes a composition. Each file is opened once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.composition.annotated import is_annotated, whole_counts
from concentra.composition.composition import Composition
from concentra.composition.labels import about_name, as_labels
from concentra.composition.roles import Roles, candidates, guess_roles, require
from concentra.composition.units import Columns, count_units
from concentra.errors import ArgumentError, ColumnError, LabelError, TableError, nearest
from concentra.notes import Note

WIDE_PART, WIDE_AMOUNT, FILE = "part", "n_cells", "file"
ANNOTATED = (".h5ad", ".zarr")


def read(
    source: Any,
    *,
    donor: str | None = None,
    tissue: str | None = None,
    cell_type: str | None = None,
    sample: str | None = None,
    amount: str | None = None,
    wide: bool = False,
    donors: Any = None,
    missing: Collection[str] = (),
    allow_missing: bool = False,
    needed: Callable[[Collection[str]], Sequence[str]] | Sequence[str] = (),
    splitting: Sequence[str] = (),
    name: str = "",
    progress: Callable[[str], None] = lambda what: None,
) -> Composition:
    """The composition of every sample in files, frames, or an AnnData.

    Parameters
    ----------
    source
        A path, a frame or an AnnData; or several, which are one data set. Rows are cells; or counts (`amount`); or
        units, with a column of counts for each part (`wide`).
    donor, tissue, cell_type, sample
        Columns; None: guessed from their names, and noted. ``tissue="none"``: one stratum. `sample` distinguishes
        several samples (visits, biopsies) of one donor.
    amount, wide
        The column of counts, where a row is one; whether each part is a column.
    donors
        A sheet with more labels of donors: a path or a frame with the donor column.
    missing
        Labels that stand for a missing value, such as "unknown".
    allow_missing
        Leave out cells without donor, tissue or type even where these are more than half.
    needed
        Columns that the question needs: names, or a function from the columns that exist to names.
    splitting
        Those of them whose values distinguish samples of one donor (before and after).
    name, progress
        Of the data set; called with a few words when a piece of work begins.

    Raises
    ------
    ColumnError, LabelError, AmountError, DesignError, TableError, FileFormatError
        See `concentra.composition.units`.

    Examples
    --------
    >>> cells = pd.DataFrame({"donor": ["a", "a", "b"], "cell_type": list("BTT"), "age": ["3m", "3m", "24m"]})
    >>> made = read(cells)
    >>> made.units[["donor", "age"]].values.tolist(), made.counts.toarray().tolist()
    ([['a', '3m'], ['b', '24m']], [[1, 1], [0, 1]])
    """
    frames = [_opened(one, wide, progress) for one in _several(source)]
    rows, kinds = _together(frames)
    sheet = None if donors is None else _opened(donors, False, progress)
    known = [*rows.columns, *([] if sheet is None else [c for c in sheet.columns if c not in rows.columns])]
    if wide:
        roles = guess_roles(
            [*rows.columns, WIDE_PART], donor=donor, stratum=tissue, part=WIDE_PART, sample=sample,
            constant=_constant(rows, ["donor"]) if donor is None else (),
        )  # fmt: skip
    else:
        guessed = [role for role, given in (("donor", donor), ("part", cell_type)) if given is None]
        roles = guess_roles(
            rows.columns, donor=donor, stratum=tissue, part=cell_type, sample=sample, constant=_constant(rows, guessed)
        )  # fmt: skip
    wanted = list(dict.fromkeys(needed(known) if callable(needed) else needed))
    for one in wanted:
        require(one, known, "question")
    notes = [note for note in roles.notes if not (wide and note.text.startswith("part"))]
    if wide:
        rows, more = _long(rows, roles, wanted, kinds)
        notes += more
        amount = WIDE_AMOUNT
    elif amount is not None:
        require(amount, rows.columns, "--amount")
    taken = {roles.donor, roles.stratum, roles.part}
    columns = Columns(
        donor=roles.donor,
        part=roles.part,
        stratum=roles.stratum,
        sample=roles.sample if roles.sample not in taken and (sample or _repeats(rows, roles)) else None,
        amount=amount,
        required=tuple(one for one in wanted if one in rows and one not in taken and one != roles.sample),
        splitting=tuple(splitting),
        ignored=(FILE,) if len(frames) > 1 else (),
    )
    progress("counting")
    made = count_units(rows, columns, missing=missing, limit=1.0 if allow_missing else 0.5, name=name)
    made = replace(
        made,
        roles={role: column for role, column in (("donor", roles.donor), ("stratum", roles.stratum),
               ("part", roles.part), ("sample", columns.sample)) if column is not None},
    )  # fmt: skip
    if sheet is not None:
        made = join_donors(made, sheet, roles.donor)
    return replace(made, notes=(*notes, *made.notes))


def join_donors(made: Composition, sheet: pd.DataFrame, donor: str) -> Composition:
    """The composition with the labels of a donor sheet; rows without a counterpart are noted, both ways.

    Parameters
    ----------
    sheet
        One row a donor, with a column named `donor` (the donor column's name, or another that names donors).

    Raises
    ------
    LabelError
        A donor has two rows; no donor of the sheet has cells.

    Examples
    --------
    >>> made = read(pd.DataFrame({"donor": ["a", "b"], "cell_type": ["T", "B"]}))
    >>> sheet = pd.DataFrame({"donor": ["a", "c"], "bmi": [21.5, 30.0]})
    >>> joined = join_donors(made, sheet, "donor")
    >>> joined.units["bmi"].tolist(), str(joined.notes[-1])
    (['21.5', None], "1 donor of the sheet without cells: 'c'")
    """
    column = donor if donor in sheet else next(iter(candidates(map(str, sheet.columns), "donor")), None)
    if column is None:
        raise ColumnError(
            found="a sheet of donors without a column of donors",
            expected=f"a column {donor!r}",
            fix=nearest(donor, map(str, sheet.columns)),
        )
    names = as_labels(sheet[column]).astype(object).map(lambda text: text if text is None else str(text).strip())
    known = sheet.assign(**{column: names})[names.notna().to_numpy()]
    twice = known[column].duplicated()
    if twice.any():
        raise LabelError(
            found=f"donor {known.loc[twice, column].iloc[0]!r} in several rows of the sheet",
            expected="one row for each donor",
            fix="join the rows",
        )
    donors, listed = set(made.units["donor"]), set(known[column])
    if not donors & listed:
        raise LabelError(
            found=f"no donor of the sheet has cells: {sorted(listed)[:3]} against {sorted(donors)[:3]}",
            expected="the names of donors as the cells have them",
            fix="correct the sheet, or name its column of donors as that of the cells",
        )
    labels = {}
    for other in known.columns:
        if other != column:
            texts = as_labels(known[other]).astype(object)
            values = dict(zip(known[column], texts.where(texts.notna(), None), strict=True))
            labels[about_name(str(other))] = [values.get(one) for one in made.units["donor"]]
    notes = [
        Note("limits", f"{len(some)} donor{'s' * (len(some) > 1)} {what}: {', '.join(map(repr, sorted(some)[:5]))}"
             + (f" and {len(some) - 5} more" if len(some) > 5 else ""))
        for some, what in ((donors - listed, "without a row in the sheet of donors"),
                           (listed - donors, "of the sheet without cells"))
        if some
    ]  # fmt: skip
    return made.with_labels(labels).noted(*notes)


def _several(source: Any) -> list[Any]:
    sources = list(source) if isinstance(source, (list, tuple)) else [source]
    if not sources:
        raise ArgumentError(
            found="no file of cells",
            expected="one or more of .h5ad, .zarr, .csv, .tsv, .xlsx, .parquet",
            fix="concentra analyze cells.h5ad --contrast age:3m:24m",
        )
    return sources


def _opened(source: Any, wide: bool, progress: Callable[[str], None]) -> pd.DataFrame:
    """All columns of one source that can be labels or counts, one row a cell (count, unit)."""
    if isinstance(source, (str, Path)):
        progress(f"reading {Path(source).name}")
        if wide and str(source).lower().endswith(ANNOTATED):
            import anndata

            read_it = anndata.read_h5ad if str(source).lower().endswith(".h5ad") else anndata.read_zarr
            return _opened(read_it(source), wide, progress)
        from concentra.io.cells import read_all_labels

        return read_all_labels(source)
    if is_annotated(source):
        if not wide:
            return source.obs.reset_index(drop=True)
        counts = pd.DataFrame(whole_counts(source), columns=source.var_names.astype(str))
        return pd.concat([source.obs.reset_index(drop=True), counts], axis=1)
    if isinstance(source, pd.DataFrame):
        _refuse_doubled(source)
        return source.rename(columns=str).reset_index(drop=True)
    raise ArgumentError(
        found=f"cells of type {type(source).__name__}",
        expected="a path, a frame or an AnnData, or a list of them",
        fix="read the file into a pandas DataFrame first",
    )


def _refuse_doubled(frame: pd.DataFrame) -> None:
    names = frame.columns.astype(str)
    if not names.is_unique:
        raise TableError(
            found=f"column {names[names.duplicated()][0]!r} more than once",
            expected="one column of each name",
            fix="rename or drop one of them",
        )


def _together(frames: list[pd.DataFrame]) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    """All sources as one frame with the columns that each of them has."""
    if len(frames) == 1:
        return frames[0], {}
    shared = [name for name in frames[0].columns if all(name in other for other in frames[1:])]
    kept = []
    for number, frame in enumerate(frames):
        columns = {
            name: frame[name].astype(object) if isinstance(frame[name].dtype, pd.CategoricalDtype) else frame[name]
            for name in shared
        }
        kept.append(pd.DataFrame(columns).assign(**{FILE: str(number)}))
    return pd.concat(kept, ignore_index=True), {}


def _constant(rows: pd.DataFrame, roles: Collection[str]) -> list[str]:
    """Of the columns that could be guessed to play these roles, those with one value."""
    names = dict.fromkeys(name for role in roles for name in candidates(rows.columns, role))
    return [name for name in names if rows[name].dropna().nunique() < 2]


def _repeats(rows: pd.DataFrame, roles: Roles) -> bool:
    """Whether a guessed column of samples says that a donor has several in one stratum."""
    if roles.sample is None:
        return False
    by = [name for name in (roles.stratum, roles.donor) if name is not None]
    pairs = rows[[*by, roles.sample]].dropna().drop_duplicates()
    return bool(pairs.duplicated(by).any()) and pairs[roles.sample].nunique() <= len(rows) / 2


def _long(
    rows: pd.DataFrame, roles: Roles, wanted: Sequence[str], kinds: Mapping[str, Any]
) -> tuple[pd.DataFrame, list[Note]]:
    """A table of units × parts as rows of counts; every column of numbers that is no label is a part."""
    labels = {one for one in (roles.donor, roles.stratum, roles.sample, FILE, *wanted) if one in rows}
    parts = [n for n in rows if n not in labels and pd.api.types.is_numeric_dtype(rows[n]) and rows[n].dtype != bool]
    if not parts:
        raise TableError(
            found="no column of counts",
            expected="a column of whole numbers for each part, beside the labels",
            fix="leave out --wide if each row is a cell; --amount COLUMN if each row is a count",
        )
    others = [name for name in rows if name not in parts]
    if roles.sample is None and rows.duplicated([n for n in (roles.stratum, roles.donor) if n in rows]).any():
        rows = rows.assign(**{ROW: [f"row {number + 1}" for number in range(len(rows))]})
        others.append(ROW)
    long = pd.concat(
        [rows[others].assign(**{WIDE_PART: str(part), WIDE_AMOUNT: rows[part].fillna(0)}) for part in parts],
        ignore_index=True,
    )
    shown = ", ".join(map(repr, parts[:6])) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")
    return long, [Note("guessed", f"{len(parts)} columns are cell types: {shown}")]


ROW = "row of the table"


def levels_of(source: Any) -> pd.DataFrame:
    """Coarser parts of every part: a frame indexed by part, from a file or a frame whose first column is the part.

    Raises
    ------
    TableError, LabelError
        No second column; a part with two coarser ones.

    Examples
    --------
    >>> levels_of(pd.DataFrame({"fine": ["B1", "B2", "T"], "coarse": ["B", "B", "T"]}))["coarse"].tolist()
    ['B', 'B', 'T']
    """
    frame = _opened(source, False, lambda what: None)
    if frame.shape[1] < 2:
        raise TableError(
            found="a file of levels with one column",
            expected="the finest part, then one column for each coarser level",
            fix="add a column",
        )
    texts = pd.DataFrame({name: as_labels(frame[name]).astype(object) for name in frame}).drop_duplicates()
    first = texts.columns[0]
    twice = texts[first].duplicated()
    if twice.any():
        raise LabelError(
            found=f"part {texts.loc[twice, first].iloc[0]!r} in two coarser ones",
            expected="one coarser part for every part",
            fix="correct the file of levels",
        )
    return texts[texts[first].notna()].set_index(first).rename_axis("part")


def natural_order(values: Collection[object]) -> list[str]:
    """Labels in the order of the numbers in them, where they have any, else as text.

    >>> natural_order(["24m", "3m", "18m"])
    ['3m', '18m', '24m']
    """
    import re

    def key(value: str) -> tuple[list[Any], str]:
        pieces = re.split(r"(\d+(?:\.\d+)?)", value)
        return ([float(one) if number % 2 else one for number, one in enumerate(pieces)], value)

    return sorted((str(value) for value in values if value is not None and not (value != value)), key=key)


