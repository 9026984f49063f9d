"""From labelled rows to units: which cells belong to which sample of which donor, and what describes each unit."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from concentra.composition._codes import Codes, combinations, recoded, spelled
from concentra.composition.checks import amount_column
from concentra.composition.composition import KEY, Composition
from concentra.composition.described import described
from concentra.composition.labels import SEPARATOR, WHOLE, about_name, as_labels
from concentra.composition.spelling import DOUBTFUL
from concentra.errors import AmountError, DesignError, LabelError
from concentra.notes import Note

NO_DONOR, NO_PART, NO_STRATUM, NO_SAMPLE = (
    "donor unknown",
    "part unknown",
    "stratum unknown",
    "sample unknown",
)
POOLED, NO_CELLS = "label names several donors", "no cells"
LIMIT = 0.5
"""The largest share of the cells in which a label may be missing that every cell needs."""
FIXED = re.compile(r"(?i)^(age|sex|gender|species|strain|genotype|ethnicity|birth)|development_stage|_age$")
"""Columns that have one value for each donor by nature."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table play which role.

    Attributes
    ----------
    donor, part
        Names of columns.
    stratum, sample, amount, exclude
        Names of columns, or None: one stratum; no column of samples; a cell a row; nothing excluded. `exclude` gives
        the reason for which a row is left out.
    required
        Columns that the question needs: one value in every unit.
    splitting
        Those of `required` whose values distinguish the samples of a donor (before and after).
    ignored
        Columns that are not kept as labels.
    shares
        Whether amounts are shares.
    file, separator
        Of the amounts, as for `concentra.composition.checks.amount_column`.
    """

    donor: str
    part: str
    stratum: str | None = None
    sample: str | None = None
    amount: str | None = None
    exclude: str | None = None
    required: tuple[str, ...] = ()
    splitting: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    shares: bool = False
    file: str = "the table"
    separator: str | None = None

    def keys(self) -> dict[str, str | None]:
        """The column behind each name that decides to which unit a row belongs."""
        keys: dict[str, str | None] = {"stratum": self.stratum, "donor": self.donor, "part": self.part}
        if self.sample is not None:
            keys["sample"] = self.sample
        return keys | {about_name(name): name for name in self.required}


def count_units(
    rows: pd.DataFrame,
    columns: Columns,
    *,
    missing: Collection[str] = (),
    limit: float = LIMIT,
    name: str = "",
) -> Composition:
    """The composition of labelled cells, or of counts.

    Parameters
    ----------
    rows
        One row a cell; or one row a count, where `columns.amount` names the column of counts.
    columns
        Their roles. Every other column that has one value in every unit becomes a label.
    missing
        Labels that stand for a missing value.
    limit
        The largest share of cells, 0 to 1, without donor, stratum or part.
    name
        Of the data set.

    Raises
    ------
    LabelError, AmountError, DesignError
        A unit has two values of a required column; too many cells lack a label; an amount is no count; the donors
        are as many as the cells.

    Examples
    --------
    >>> cells = pd.DataFrame({"m": ["a", "a", "b", None], "t": list("TBTT"), "age": ["3m", "3m", "24m", "3m"]})
    >>> made = count_units(cells, Columns(donor="m", part="t"))
    >>> made.units[["donor", "age"]].values.tolist(), made.left_out[["reason", "n_cells"]].values.tolist()
    ([['a', '3m'], ['b', '24m']], [['donor unknown', 1]])
    """
    keys = columns.keys()
    labels = {
        key: as_labels(rows[column] if column is not None else pd.Series(WHOLE, index=rows.index))
        for key, column in keys.items()
    }
    amounts, written = (None, []) if columns.amount is None else _amounts(rows, columns)
    spelling, notes = spelled(labels, amounts, missing)
    notes += written
    codes = {key: recoded(values, spelling[key]) for key, values in labels.items()}
    reason = _excluded(rows, columns)
    if reason is not None:
        codes["reason"] = reason
    combined, place = combinations(codes)
    totals = np.bincount(place, weights=amounts, minlength=len(combined))
    combined["n_cells"] = totals if columns.shares else totals.astype(np.int64)
    kept, left_out, lost = _with_roles(combined, limit)
    notes += lost
    if not columns.shares:
        _refuse_cells_as_donors(kept)
    kept, more = _sampled(kept, columns)
    notes += more
    unit = _unit_of_rows(kept, len(combined))[place]
    units = kept.drop_duplicates(list(KEY)).sort_values(list(KEY), ignore_index=True)
    taken = {*columns.keys().values(), columns.amount, columns.exclude, *columns.ignored}
    about = described(rows.drop(columns=[one for one in rows if one in taken]), unit, len(units), missing)
    required = {about_name(one): units[about_name(one)].to_numpy() for one in columns.required}
    units = units[list(KEY)].assign(**about, **required)
    made = _matrix(kept, units, left_out, notes, name)
    if columns.amount is None:
        part = np.append(made.parts.index.get_indexer(pd.Index(combined["part"])), -1)[place]
        made = replace(made, cells=(unit.astype(np.int32), part.astype(np.int32)))
    made = made.kept(made.n_cells > 0, NO_CELLS)
    check_account(float(totals.sum()), made)
    return as_shares(made) if columns.shares else made


def check_account(n_read: float, made: Composition) -> None:
    """Raise where cells (or shares, but for rounding) that were read are neither counted nor left out.

    >>> check_account(0, count_units(pd.DataFrame({"d": ["a"], "p": ["T"]}), Columns("d", "p"))) # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    concentra.errors.AmountError: error: 0 cells read, 1 counted and 0 left out...
    """
    counted, lost = float(made.counts.sum()), float(made.left_out["n_cells"].sum())
    whole = made.counts.dtype.kind in "iu"  # exact below 2^53
    if counted + lost != n_read if whole else abs(counted + lost - n_read) > 1e-9 * n_read:
        raise AmountError(
            found=f"{n_read:,.10g} cells read, {counted:,.10g} counted and {lost:,.10g} left out",
            expected="every cell counted or left out",
            fix="report this with the file: it is an error of the program",
        )


def as_shares(made: Composition) -> Composition:
    """The composition with amounts that sum to 1 in every unit, marked as shares.

    >>> made = count_units(pd.DataFrame({"d": ["a", "a"], "p": ["T", "B"]}), Columns("d", "p"))
    >>> as_shares(made).counts.toarray().tolist()
    [[0.5, 0.5]]
    """
    counts = made.counts.astype(np.float64)
    counts.data = counts.data / np.repeat(made.n_cells, np.diff(counts.indptr))
    return replace(made, counts=csr_array(counts), of_shares=True)


def _amounts(rows: pd.DataFrame, columns: Columns) -> tuple[NDArray[np.float64], list[Note]]:
    """The column of amounts as numbers, checked; counts are below 2^53 in all. How they are written is noted."""
    assert columns.amount is not None
    found, written = amount_column(
        rows[columns.amount], shares=columns.shares, file=columns.file, separator=columns.separator
    )
    values = found.astype(np.float64)
    if values.sum() >= 2**53 and not columns.shares:
        raise AmountError(
            found=f"{values.sum():.3g} cells in column {columns.amount!r}",
            expected="fewer than 2^53 cells in all",
            fix="correct the largest of them",
        )
    return values, [Note("guessed", text) for text in written]


def _excluded(rows: pd.DataFrame, columns: Columns) -> pd.Categorical | None:
    if columns.exclude is None:
        return None
    return pd.Categorical(rows[columns.exclude].astype(object))


def _with_roles(combined: pd.DataFrame, limit: float) -> tuple[pd.DataFrame, pd.DataFrame, list[Note]]:
    """Combinations with every role, those without with the reason, and a note on them."""
    reason = (
        combined["reason"].copy()
        if "reason" in combined
        else pd.Series(None, index=combined.index, dtype=object)
    )
    total = combined["n_cells"].sum()
    notes = []
    roles = [("part", NO_PART), ("stratum", NO_STRATUM), ("sample", NO_SAMPLE), ("donor", NO_DONOR)]
    for name, why in roles:
        if name not in combined:
            continue
        lacking = combined[name].isna() & reason.isna()
        reason[combined[name].isna() & (reason.isna() | (name == "donor"))] = why
        n_missing = combined.loc[lacking, "n_cells"].sum()
        if n_missing > limit * total:
            raise LabelError(
                found=f"{name} missing in {n_missing:,} of {total:,} cells",
                expected=f"at most {limit:.0%} of the cells without it",
                fix=f"name another column, --{name} COLUMN; or --allow-missing, to leave these cells out",
            )
        if n_missing:
            notes.append(Note("left out", f"{n_missing:,} of {total:,} cells left out: {why}"))
    lost = combined.assign(reason=reason)[reason.notna()]
    by = [name for name in lost.columns if name not in ("part", "n_cells")]
    left_out = lost.groupby(by, dropna=False, sort=True)["n_cells"].sum().reset_index()
    left_out = left_out[left_out["n_cells"] > 0].reset_index(drop=True).astype(object)
    left_out = left_out.where(left_out.notna(), None).astype({"n_cells": combined["n_cells"].dtype})
    return combined[reason.isna()].drop(columns="reason", errors="ignore"), left_out, notes


def _refuse_cells_as_donors(kept: pd.DataFrame) -> None:
    n_donors, n_cells = kept["donor"].nunique(), int(kept["n_cells"].sum())
    if n_cells == 0 or (n_donors > 20 and n_donors > 0.2 * n_cells):
        raise DesignError(
            found=f"{n_donors:,} donors with {n_cells:,} cells",
            expected="donors of many cells each",
            fix="name the column of the animal or person with --donor: this one seems to name cells; or "
            "--wide, if each row is a sample and each cell type a column of counts",
        )


def _sampled(kept: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, list[Note]]:
    """Combinations with the name of their sample; required labels with one value a unit."""
    required = [about_name(name) for name in columns.required]
    notes: list[Note] = []
    names = kept["donor"].astype(object)
    if "sample" in kept:
        several = kept.groupby(["stratum", "donor"])["sample"].nunique() > 1
        repeated = set(several[several].reset_index()["donor"])
        names = names.where(~kept["donor"].isin(repeated), names + SEPARATOR + kept["sample"].astype(str))
        if repeated:
            notes.append(
                Note(
                    "guessed",
                    f"{len(repeated)} donors have several samples (column {columns.sample!r}): "
                    "repeats of one donor, never independent donors",
                )
            )
    kept = kept.assign(sample=names)
    for name, column in zip(required, columns.required, strict=True):
        varied = _varied(kept, name)
        if not len(varied):
            continue
        if column not in columns.splitting:
            _refuse_varied(kept, name, column, varied, columns)
            notes.append(
                Note(
                    "limits",
                    f"{len(varied)} donors have several values of {column!r}: they are treated "
                    f"as samples of one donor; --paired-by {columns.donor!r} compares these with each other",
                )
            )
        inside = kept["donor"].isin(varied) & kept[name].notna()
        kept = kept.assign(
            sample=kept["sample"].where(~inside, kept["sample"] + SEPARATOR + kept[name].astype(str))
        )
    for name in required:
        kept, note = _filled(kept, name)
        notes += note
    return kept, notes


def _varied(kept: pd.DataFrame, name: str) -> list[str]:
    """Donors with a sample that has two values of the label in one stratum."""
    known = kept.loc[kept[name].notna(), [*KEY, name]].drop_duplicates()
    return sorted(known.loc[known.duplicated(list(KEY)), "donor"].unique())


def _refuse_varied(kept: pd.DataFrame, name: str, column: str, varied: list[str], columns: Columns) -> None:
    if columns.sample is None and len(varied) > 1 and not FIXED.search(column):
        return
    values = sorted(kept.loc[(kept["donor"] == varied[0]) & kept[name].notna(), name].unique())
    others = f"; so have {len(varied) - 1} other donors" if len(varied) > 1 else ""
    doubtful = [value for value in values if value.casefold() in DOUBTFUL]
    hint = f"--missing {doubtful[0]!r} (missing=), if it stands for a missing value; or " if doubtful else ""
    raise LabelError(
        found=f"donor {varied[0]!r} has {len(values)} values of {name!r}: {', '.join(map(repr, values[:4]))}{others}",
        expected=f"one value of {name!r} for each donor, or for each sample of a donor",
        fix=hint
        + "correct the labels; or, where donors were measured repeatedly, --sample COLUMN names their "
        "samples, and --paired-by the donor compares each donor with itself",
    )


def _filled(kept: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Note]]:
    """One value of the label in every unit; blanks filled where the unit's (donor's) other cells agree."""
    notes: list[Note] = []
    for place in (list(KEY), ["donor"]):
        pairs = kept.loc[kept[name].notna(), [*place, name]].drop_duplicates()
        values = pairs[~pairs.duplicated(place, keep=False)].set_index(place)[name]
        where = pd.MultiIndex.from_frame(kept[place]) if len(place) > 1 else pd.Index(kept[place[0]])
        found = pd.Series(values.reindex(where).to_numpy(dtype=object), index=kept.index)
        filled = kept[name].isna() & found.notna()
        if filled.any():
            n_cells, n_donors = int(kept.loc[filled, "n_cells"].sum()), kept.loc[filled, "donor"].nunique()
            notes.append(
                Note(
                    "repaired",
                    f"{n_cells:,} cells of {n_donors} donor{'s' * (n_donors > 1)} lack {name!r}: "
                    "taken from the donor's other cells",
                )
            )
            kept = kept.assign(**{name: kept[name].where(~filled, found)})
    return kept, notes


def _unit_of_rows(kept: pd.DataFrame, n_combinations: int) -> Codes:
    """The number of the unit of every combination; -1 for those left out."""
    units = pd.MultiIndex.from_frame(kept.drop_duplicates(list(KEY)).sort_values(list(KEY))[list(KEY)])
    codes = np.full(n_combinations, -1, dtype=np.int64)
    codes[kept.index.to_numpy()] = units.get_indexer(pd.MultiIndex.from_frame(kept[list(KEY)]))
    return codes


def _matrix(
    kept: pd.DataFrame, units: pd.DataFrame, left_out: pd.DataFrame, notes: Sequence[Note], name: str
) -> Composition:
    rows = pd.MultiIndex.from_frame(units[list(KEY)]).get_indexer(pd.MultiIndex.from_frame(kept[list(KEY)]))
    names, place = np.unique(kept["part"].to_numpy(dtype=object), return_inverse=True)
    amounts = kept["n_cells"].to_numpy()
    counts = csr_array((amounts, (rows, place)), shape=(len(units), len(names)), dtype=amounts.dtype)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    units = units.astype(object).where(units.notna(), None)
    parts = pd.DataFrame(index=pd.Index(names, dtype=object, name="part"))
    return Composition(units, parts, counts, left_out, tuple(notes), name)
