"""Who is a donor: one name under one rule, pools and unknowns recognised, two people never made one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from concentra.composition.labels import SEPARATOR
from concentra.composition.rows import canonical_name
from concentra.errors import ArgumentError, LabelError, TableError, nearest
from concentra.io.labels import label_text

Shared = Literal["refuse", "apart", "same"]

DATASET_NAMES = (
    "dataset_id", "dataset", "data_set", "dataset_name", "study", "study_id", "study_accession", "project",
    "project_id", "cohort", "cohort_id", "series", "series_id", "gse", "accession", "publication", "source", "file",
)  # fmt: skip
"""Names of columns that tell data sets apart, `canonical_name` of each."""
UNKNOWN = frozenset({
    "unknown", "unassigned", "unlabelled", "unlabeled", "undefined", "undetermined", "not available", "not applicable",
    "not assigned", "none", "null", "na", "n/a", "n.a.", "nan", "-", "--", "?", "missing",
    "doublet", "doublets", "multiplet", "negative", "ambiguous",
})  # fmt: skip
"""Names, in lower case, of those who are nobody: no donor is recorded, or demultiplexing found none or several."""
_POOLED = re.compile(r"pool(?:ed|s)?|mix(?:ed|ture)?|multiple|several|merged|combined", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z]+")
_JOINED = re.compile(r"[0-9A-Za-z]\s*[/&;+]\s*[0-9A-Za-z]|[0-9A-Za-z],\s*[0-9A-Za-z]")
_SHOWN = 6


def donor_names(values: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """The names of donors as text, by the rule that holds for all labels, and notes on names that are nearly one.

    ``1``, ``1.0`` and ``"1"`` are one name, ``"001"`` is another; numbers, truth values and categories may be names.
    Blanks are missing (None). White space at the ends does not count.

    Parameters
    ----------
    values
        The donor of each row.

    Returns
    -------
    names
        Text or None, with the index of `values`.
    notes
        One sentence where names differ in leading zeros, or in case or spaces only: they stay apart.

    Examples
    --------
    >>> names, notes = donor_names(pd.Series([1, 1.0, "1", "01", None], dtype=object))
    >>> names.tolist(), notes
    (['1', '1', '1', '01', None], ("donors '01' and '1' differ only in leading zeros, case or spaces: counted apart",))
    """
    codes, uniques = pd.factorize(values.astype(object))
    texts = [label_text(value.strip() if isinstance(value, str) else value) for value in uniques]
    names = np.array([*texts, None], dtype=object)[codes]
    return pd.Series(names, index=values.index, name=values.name, dtype=object), _nearly_one(texts)


def _nearly_one(texts: Iterable[str | None]) -> tuple[str, ...]:
    alike: dict[str, set[str]] = {}
    for text in texts:
        if text is not None:
            key = re.sub(r"(?<![0-9.])0+(?=[0-9])", "", re.sub(r"\s+", "", text.casefold()))
            alike.setdefault(key, set()).add(text)
    return tuple(
        f"donors {' and '.join(map(repr, sorted(names)))} differ only in leading zeros, case or spaces: counted apart"
        for names in alike.values()
        if len(names) > 1
    )


def pooled_names(names: Iterable[object]) -> tuple[str, ...]:
    """The names that stand for several donors, such as ``pooled``, ``3-M-5/6`` and ``m1+m2``, sorted.

    A pool is no donor: the spread between pools is less than that between donors.

    Examples
    --------
    >>> pooled_names(["3-M-5/6", "pooled", "m1+m2", "3-M-5", "Liverpool-1", None])
    ('3-M-5/6', 'm1+m2', 'pooled')
    """
    found = {text for name in names if (text := label_text(name)) is not None and _is_pooled(text)}
    return tuple(sorted(found))


def _is_pooled(name: str) -> bool:
    if name.strip().casefold() in UNKNOWN:
        return False
    return any(_POOLED.fullmatch(word) for word in _WORDS.findall(name)) or bool(_JOINED.search(name))


def unknown_names(names: Iterable[object]) -> tuple[str, ...]:
    """The names that say that no single donor is known, such as ``unknown``, ``unassigned`` and ``Doublet``, sorted.

    Examples
    --------
    >>> unknown_names(["m1", "Unknown", "Doublet", 3])
    ('Doublet', 'Unknown')
    """
    texts = {text for name in names if (text := label_text(name)) is not None}
    return tuple(sorted(text for text in texts if " ".join(text.split()).casefold() in UNKNOWN))


def donor_notes(names: Iterable[object]) -> tuple[str, ...]:
    """One sentence on names that are nearly one, on names that stand for several donors, and on those of none.

    Examples
    --------
    >>> donor_notes(["m1", "pooled", "unknown"])
    ("1 donor name stands for several: 'pooled'; counted as one donor each",
     "1 donor name stands for none: 'unknown'; counted as one donor each unless --missing names it")
    """
    known = list(names)
    found = list(_nearly_one([label_text(name) for name in known]))
    for kind, some in (("several", pooled_names(known)), ("none", unknown_names(known))):
        if some:
            shown = ", ".join(map(repr, some[:_SHOWN])) + (
                f" and {len(some) - _SHOWN} more" * (len(some) > _SHOWN)
            )
            many = "1 donor name stands" if len(some) == 1 else f"{len(some)} donor names stand"
            out = " unless --missing names it" if kind == "none" else ""
            found.append(f"{many} for {kind}: {shown}; counted as one donor each{out}")
    return tuple(found)


def dataset_columns(columns: Iterable[object]) -> tuple[str, ...]:
    """The columns whose names say that they tell data sets apart, in the order of the table.

    >>> dataset_columns(["donor", "Study", "dataset_id", "age"])
    ('Study', 'dataset_id')
    """
    return tuple(str(name) for name in columns if canonical_name(name) in DATASET_NAMES)


def tell_apart(
    donors: pd.Series, datasets: pd.Series, *, shared: Shared = "refuse"
) -> tuple[pd.Series, tuple[str, ...]]:
    """The names of donors, where one name may stand for another person in another data set.

    Parameters
    ----------
    donors
        The name of each row's donor; missing ones None.
    datasets
        The data set, study or file of each row, named; missing ones are one more data set.
    shared
        What a name in several data sets is. "refuse": an error, because two people are never made one, nor one two,
        without the user. "apart": several donors, each called ``data set · name``. "same": one donor.

    Returns
    -------
    names
        Text or None, with the index of `donors`.
    notes
        One sentence where names are in several data sets.

    Raises
    ------
    LabelError
        A name in several data sets, and `shared` is "refuse".
    ArgumentError
        `shared` is none of the three.

    Examples
    --------
    >>> donors, datasets = pd.Series(["D1", "D1", "D2"]), pd.Series(["x", "y", "y"], name="study")
    >>> tell_apart(donors, datasets, shared="apart")[0].tolist()
    ['x · D1', 'y · D1', 'D2']
    >>> tell_apart(donors, datasets)
    Traceback (most recent call last):
        ...
    concentra.errors.LabelError: error: 1 donor name in several values of 'study', such as 'D1' in 'x', 'y'
    expected: a name for each donor that no other has
    fix: --shared-donors apart, if they are different donors; --shared-donors same, if they are the same
    """
    if shared not in ("refuse", "apart", "same"):
        raise ArgumentError(
            found=f"shared={shared!r}",
            expected="'refuse', 'apart' or 'same'",
            fix=nearest(shared, ["apart", "same"]),
        )
    names, _ = donor_names(donors)
    places = pd.Series(donor_names(datasets)[0].to_numpy(), index=donors.index, dtype=object)
    pairs = pd.DataFrame({"donor": names, "dataset": places})
    pairs = pairs[names.notna()].drop_duplicates()
    counts = pairs["donor"].value_counts()
    several = sorted(counts.index[counts > 1])
    if not several:
        return names, ()
    first = ", ".join(
        repr(str(one)) for one in sorted(pairs.loc[pairs["donor"] == several[0], "dataset"], key=str)
    )
    many = "1 donor name" if len(several) == 1 else f"{len(several)} donor names"
    found = f"{many} in several values of {str(datasets.name)!r}, such as {several[0]!r} in {first}"
    if shared == "refuse":
        raise LabelError(
            found=found,
            expected="a name for each donor that no other has",
            fix="--shared-donors apart, if they are different donors; --shared-donors same, if they are the same",
        )
    if shared == "same":
        return names, (f"{found}: taken for the same donor",)
    inside = names.isin(several)
    prefixed = places.where(places.notna(), "none").astype(str) + SEPARATOR + names.astype(str)
    return names.where(~inside, prefixed), (f"{found}: counted as different donors",)


def join_sheet(
    names: Collection[object],
    sheet: pd.DataFrame,
    donor: str,
    *,
    of: str = "donor",
    file: str = "the donor sheet",
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of a donor sheet for each of the names, and notes on names without a row and rows without a name.

    Parameters
    ----------
    names
        Names of donors of the cells, each once.
    sheet
        One row a donor, with its labels.
    donor
        The column of the sheet that holds the names.
    of
        What has a row of its own: "donor" or "sample".
    file
        The name of the sheet, for messages.

    Returns
    -------
    labels
        The other columns of the sheet, index `names` as text; missing where the sheet has no row.
    notes
        Donors of the cells that the sheet lacks, and donors of the sheet without cells.

    Raises
    ------
    TableError
        A donor in two rows of the sheet, or a row without one; no donor in common.

    Examples
    --------
    >>> sheet = pd.DataFrame({"id": ["1", "2"], "age": ["3m", "24m"]})
    >>> labels, notes = join_sheet([1.0, 3], sheet, "id")
    >>> labels["age"].tolist()
    ['3m', nan]
    >>> notes
    ("donors of the cells that are not in 'the donor sheet': '3'", "donors of 'the donor sheet' without cells: '2'")
    """
    wanted = donor_names(pd.Series(list(names), dtype=object))[0].dropna().drop_duplicates()
    keys, _ = donor_names(sheet[donor])
    for row in np.flatnonzero(keys.isna() | keys.duplicated())[:1]:
        what = f"has no {of}" if keys.iloc[row] is None else f"repeats {of} {keys.iloc[row]!r}"
        raise TableError(
            found=f"data row {row + 1} of {file!r} {what}",
            expected=f"one row for each {of}, named in {donor!r}",
            fix="remove the row; a sheet with a row for each sample needs the column of samples that the cells have",
        )
    labels = sheet.drop(columns=donor).set_axis(pd.Index(keys, name=donor), axis=0)
    lacking = [name for name in wanted if name not in labels.index]
    without = [name for name in labels.index if name not in set(wanted)]
    if len(lacking) == len(wanted):
        raise TableError(
            found=f"none of the {len(wanted)} {of}s of the cells in column {donor!r} of {file!r}",
            expected="the same names in both",
            fix=f"name another column: cells have {_some(lacking)}; the sheet has {_some(without)}",
        )
    notes = [f"{of}s of the cells that are not in {file!r}: {_some(lacking)}"] if lacking else []
    notes += [f"{of}s of {file!r} without cells: {_some(without)}"] if without else []
    return labels.reindex(pd.Index(wanted, name=donor)), tuple(notes)


def join_samples(
    rows: pd.DataFrame, sheet: pd.DataFrame, sample: str, donor: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of cells with the columns of a sheet that has a row for each sample, its donor among them.

    Parameters
    ----------
    rows
        One row a cell (or count), with the column `sample`.
    sheet
        One row a sample, with the columns `sample` and `donor`.
    sample, donor
        Names of columns.

    Returns
    -------
    rows
        With the columns of the sheet that they lack; missing where the sheet has no row.
    notes
        As `join_sheet`, of samples.

    Raises
    ------
    TableError
        As `join_sheet`, of samples; or cells of a sample have another donor than the sheet says.

    Examples
    --------
    >>> sheet = pd.DataFrame({"sample": ["s1", "s2"], "donor": ["m1", "m1"], "age": ["3m", "3m"]})
    >>> join_samples(pd.DataFrame({"sample": ["s2", "s1"]}), sheet, "sample", "donor")[0].values.tolist()
    [['s2', 'm1', '3m'], ['s1', 'm1', '3m']]
    """
    codes, names = pd.factorize(donor_names(rows[sample])[0])
    labels, notes = join_sheet(list(names), sheet, sample, of="sample")
    found = labels.reindex(names).astype(object).reset_index(drop=True)
    found.loc[len(names)] = None  # of cells without a sample: code -1
    joined = found.iloc[codes].set_axis(rows.index, axis=0)
    if donor in rows:
        own, told = donor_names(rows[donor])[0], donor_names(joined[donor])[0]
        for row in np.flatnonzero(own.notna() & told.notna() & (own != told))[:1]:
            raise TableError(
                found=f"sample {names[codes[row]]!r} of donor {own.iloc[row]!r}, in the sheet of {told.iloc[row]!r}",
                expected="the same donor in both",
                fix="correct one of the two",
            )
    return pd.concat([rows, joined[[name for name in joined if name not in rows]]], axis=1), notes


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN))
