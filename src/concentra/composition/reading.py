"""The one way in: any file, several files, a frame or an AnnData becomes a composition. Each file is opened once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from concentra.composition._sources import FILE, annotated, name_of, opened, several, together
from concentra.composition.annotated import from_anndata
from concentra.composition.checks import Blanks, wide_table
from concentra.composition.composition import Composition
from concentra.composition.donors import (
    Shared,
    dataset_columns,
    donor_names,
    donor_notes,
    join_samples,
    join_sheet,
    tell_apart,
)
from concentra.composition.labels import about_name, as_labels
from concentra.composition.recognised import recognised_counts
from concentra.composition.roles import SHOWN, Roles, candidates, guess_roles, refuse_turned, require
from concentra.composition.rows import refuse_repeated_counts, refuse_same_file
from concentra.composition.totals import refuse_totals
from concentra.composition.units import Columns, count_units
from concentra.errors import ColumnError, LabelError, TableError, nearest
from concentra.notes import Note

WIDE_PART, WIDE_AMOUNT, ROW = "part", "n_cells", "row of the table"


def read(
    source: Any,
    *,
    donor: str | None = None,
    tissue: str | None = None,
    cell_type: str | None = None,
    sample: str | None = None,
    amount: str | None = None,
    wide: bool = False,
    shares: bool = False,
    parts: Sequence[str] = (),
    about: Sequence[str] = (),
    blanks: Blanks = "refuse",
    shared_donors: Shared = "refuse",
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
    shares
        Amounts are shares or percentages: there is no depth to correct for.
    parts, about, blanks
        Of a wide table: the columns that are parts (none: all of numbers), those that are not, and whether a blank is
        refused or is "zero".
    shared_donors
        What a donor name in several data sets is: "refuse", "apart" or "same".
    donors
        A sheet with more labels of donors: a path or a frame with the donor column; or with a row for each sample, and
        the columns of samples and of donors.
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
    sources = several(source)
    refuse_same_file([one for one in sources if isinstance(one, (str, Path))])
    notes: list[Note] = []
    alone = sources[0] if wide and donors is None and len(sources) == 1 else None
    if alone is not None and (adata := annotated(alone, progress)) is not None:
        return _wide_annotated(adata, donor, tissue, sample, name)
    named = [one for one in (donor, tissue, cell_type, sample, amount) if one is not None]
    frames = [opened(one, wide, progress, notes, named) for one in sources]
    rows = together(frames)
    sheet = None if donors is None else opened(donors, False, progress, notes)
    if sheet is not None and not wide and (key := _sample_key(rows, sheet, donor, sample)) is not None:
        rows, sentences = join_samples(rows, sheet, *key)
        sheet, notes = None, [*notes, *(Note("limits", text) for text in sentences)]
    known = [*rows.columns, *([] if sheet is None else [c for c in sheet.columns if c not in rows.columns])]
    roles = _roles(rows, donor, tissue, WIDE_PART if wide else cell_type, sample, wide)
    wanted = list(dict.fromkeys(needed(known) if callable(needed) else needed))
    for one in wanted:
        require(one, known, "question")
    if roles.sample in wanted:  # asked about, it is a label whose values are compared
        roles = replace(roles, sample=None)
    notes += [note for note in roles.notes if not (wide and note.text.startswith(SHOWN["part"]))]
    file = name_of(sources)
    if wide:
        separator = _separator(sources[0])
        rows, more = _long(rows, roles, [*wanted, *about], list(parts), blanks, shares, file, separator)
        amount = WIDE_AMOUNT
    else:
        amount, more = _amount(rows, roles, amount, sample, [one for one in wanted if one in rows], file)
    notes += more
    rows, more = _told_apart(rows, roles, len(frames), shared_donors)
    taken = {roles.donor, roles.stratum, roles.part}
    columns = Columns(
        donor=roles.donor,
        part=roles.part,
        stratum=roles.stratum,
        sample=ROW
        if ROW in rows
        else roles.sample
        if roles.sample not in taken and (sample or _repeats(rows, roles))
        else None,
        amount=amount,
        required=tuple(one for one in wanted if one in rows and one not in taken and one != roles.sample),
        splitting=tuple(splitting),
        ignored=(FILE,) if len(frames) > 1 else (),
        shares=shares,
        file=file,
        separator=None if wide else _separator(sources[0]),
    )
    progress("counting")
    made = count_units(rows, columns, missing=missing, limit=1.0 if allow_missing else 0.5, name=name)
    found = {"donor": roles.donor, "stratum": roles.stratum, "part": roles.part, "sample": columns.sample}
    made = replace(made, roles={role: column for role, column in found.items() if column is not None})
    if amount is not None:
        refuse_totals(made, file, of_parts=not wide)
    if sheet is not None:
        made = join_donors(made, sheet, roles.donor)
    more += [Note("limits", text) for text in donor_notes(made.units["donor"].unique())]
    return replace(made, notes=(*notes, *more, *made.notes))


def _roles(
    rows: pd.DataFrame,
    donor: str | None,
    tissue: str | None,
    cell_type: str | None,
    sample: str | None,
    wide: bool,
) -> Roles:
    guessed = [role for role, given in (("donor", donor), ("part", cell_type)) if given is None]
    columns = [*rows.columns, WIDE_PART] if wide else list(rows.columns)
    found = guess_roles(
        columns, donor=donor, stratum=tissue, part=cell_type, sample=sample, constant=_constant(rows, guessed)
    )
    if wide:
        refuse_turned(found.donor)
    return found


def _separator(source: Any) -> str | None:
    from concentra.io.tables import separator_of

    return separator_of(source) if isinstance(source, (str, Path)) else None


def _amount(
    rows: pd.DataFrame, roles: Roles, amount: str | None, sample: str | None, wanted: Sequence[str], file: str
) -> tuple[str | None, list[Note]]:
    """The column of counts: as named, or recognised where every combination of labels occurs once."""
    if amount is None:
        found = recognised_counts(rows, roles, sample, wanted)
        if found is None:
            return None, []
        return found[0], [Note("guessed", f"each row is a count: column {found[0]!r} (every combination of "
                               f"{', '.join(found[1])} occurs once)")]  # fmt: skip
    require(amount, rows.columns, "--amount")
    labels = [str(n) for n in rows if n != amount and not pd.api.types.is_float_dtype(rows[n].dtype)]
    refuse_repeated_counts(rows, labels, file)
    return amount, []


def _told_apart(
    rows: pd.DataFrame, roles: Roles, n_sources: int, shared: Shared
) -> tuple[pd.DataFrame, list[Note]]:
    """Donors whose name stands in several data sets or files: refused, or as the user decided."""
    found = [
        one
        for one in dataset_columns(rows.columns)
        if one not in (roles.donor, roles.stratum, roles.part, FILE)
    ]
    column = found[0] if found else FILE if n_sources > 1 else None
    if column is None or column not in rows or rows[column].nunique() < 2:
        return rows, []
    if column == FILE and shared == "refuse" and roles.stratum is not None:
        places = rows[[roles.donor, roles.stratum, FILE]].astype(object).drop_duplicates()
        if not places.duplicated([roles.donor, roles.stratum]).any():
            shared = "same"  # each file holds other tissues of the same donors
    pairs = rows[[roles.donor, column]].astype(object)
    distinct = pairs.drop_duplicates()
    names, notes = tell_apart(distinct[roles.donor], distinct[column], shared=shared)
    if not notes or shared == "same":
        return rows, [Note("limits", text) for text in notes]
    lookup = dict(zip(distinct.itertuples(index=False, name=None), names, strict=True))
    told = [lookup[pair] for pair in pairs.itertuples(index=False, name=None)]
    return rows.assign(**{roles.donor: told}), [Note("limits", text) for text in notes]


def _wide_annotated(
    adata: Any, donor: str | None, tissue: str | None, sample: str | None, name: str
) -> Composition:
    """The composition of an AnnData of units × parts, its donors in the column named or guessed."""
    obs = adata.obs.reset_index(drop=True)
    roles = _roles(obs, donor, tissue, WIDE_PART, sample, wide=True)
    adata = adata.copy()
    found = {"donor": roles.donor, "stratum": roles.stratum, "sample": sample}
    for role, column in found.items():
        if column is not None and column != role:
            adata.obs[role] = adata.obs[column].to_numpy()
    made = from_anndata(adata)
    notes = [note for note in roles.notes if not note.text.startswith(SHOWN["part"])]
    columns = {role: column for role, column in found.items() if column is not None}
    return replace(made, roles=columns, name=name, notes=(*notes, *made.notes))


def _donors_of(sheet: pd.DataFrame, donor: str | None) -> str | None:
    """The column of a sheet that names donors."""
    return donor if donor in sheet else next(iter(candidates(map(str, sheet.columns), "donor")), None)


def _sample_key(
    rows: pd.DataFrame, sheet: pd.DataFrame, donor: str | None, sample: str | None
) -> tuple[str, str] | None:
    """The columns of samples and of donors by which a sheet of samples is joined; None of a sheet of donors."""
    named = _donors_of(sheet, donor)
    if named is None:
        return None
    known = donor in rows if donor is not None else bool(candidates(map(str, rows.columns), "donor"))
    if known and not donor_names(sheet[named])[0].duplicated().any():
        return None
    keys = candidates(map(str, sheet.columns), "sample") if sample is None else [sample]
    shared = [key for key in keys if key in rows and key in sheet and key != named]
    return (shared[0], named) if len(shared) == 1 else None


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
    (['21.5', None], "donors of 'the donor sheet' without cells: 'c'")
    """
    column = _donors_of(sheet, donor)
    if column is None:
        raise ColumnError(
            found="a sheet of donors without a column of donors",
            expected=f"a column {donor!r}",
            fix=nearest(donor, map(str, sheet.columns)),
        )
    names = made.units["donor"]
    found, notes = join_sheet(list(dict.fromkeys(names)), sheet, column)
    labels = {}
    for other in found.columns:
        texts = as_labels(found[other].reset_index(drop=True)).astype(object)
        values = dict(zip(found.index, texts.where(texts.notna(), None), strict=True))
        labels[about_name(str(other))] = [values[one] for one in names]
    return made.with_labels(labels).noted(*(Note("limits", text) for text in notes))


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
    rows: pd.DataFrame,
    roles: Roles,
    labels: Sequence[str],
    parts: list[str],
    blanks: Blanks,
    shares: bool,
    file: str,
    separator: str | None,
) -> tuple[pd.DataFrame, list[Note]]:
    """A table of units × parts as rows of counts; every column of numbers that is no label is a part."""
    held: list[str] = [
        one for one in (roles.donor, roles.stratum, roles.sample, FILE, *labels) if one in rows and one
    ]
    held = [one for one in dict.fromkeys(held) if one not in parts]
    truths = [str(name) for name in rows if pd.api.types.is_bool_dtype(rows[name].dtype)]
    found = wide_table(
        rows, list(dict.fromkeys([*held, *truths])), parts=parts or None, blanks=blanks, shares=shares, file=file,
        separator=separator,
    )  # fmt: skip
    others = rows[list(found.labels)]
    keys = [one for one in (roles.stratum, roles.donor) if one in rows]
    if roles.sample is None and rows[keys].astype(object).duplicated().any():
        others = others.assign(**{ROW: [f"row {number + 1}" for number in range(len(rows))]})
    n_parts = len(found.parts)
    long = others.iloc[np.repeat(np.arange(len(rows)), n_parts)].reset_index(drop=True)
    names = pd.Categorical.from_codes(np.tile(np.arange(n_parts), len(rows)), pd.Index(found.parts))
    long = long.assign(**{WIDE_PART: names, WIDE_AMOUNT: found.amounts.ravel()})
    return long, [Note("guessed", text) for text in found.notes]


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
    frame = opened(source, False, lambda what: None, [])
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
