"""The composition of every sample: counts of cells by part, with the labels of samples and the account of the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from concentra.composition.labels import about_name
from concentra.errors import AmountError, ColumnError, LabelError, TableError, nearest
from concentra.notes import Note

KEY = ("stratum", "donor", "sample")
LEFT_OUT = ["stratum", "donor", "sample", "reason", "n_cells"]


@dataclass(frozen=True)
class Composition:
    """Counts of cells of every part in every unit (one sample of a donor within a stratum).

    Attributes
    ----------
    units
        One row a unit: `stratum`, `donor`, `sample` (the donor's name where it has one sample), and one column for
        each label that has one value in every unit, as text; missing labels are None. Sorted by the first three.
    parts
        Index: the parts, sorted; one column for each coarser level of a hierarchy, if there are any.
    counts
        Cells, whole numbers (units, parts), sparse; shares where `of_shares`.
    left_out
        Cells and donors that no unit holds: `stratum`, `donor`, `sample`, `reason`, `n_cells`, and labels.
    notes
        What was guessed, repaired or left out.
    name
        Of the data set.
    of_shares
        Whether amounts are shares, whose depth is unknown.
    roles
        The columns of the data behind donor, stratum, part and sample.
    cells
        The unit and the part of every row that was read, (N,) each, -1 for those left out; None where rows are counts.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": ["a", "a", "b"], "part": list("TBT"), "n_cells": [3, 1, 2]})
    >>> made = from_table(rows)
    >>> made.n_cells.tolist(), made.counts.toarray().tolist(), made.parts.index.tolist()
    ([4, 2], [[1, 3], [0, 2]], ['B', 'T'])
    """

    units: pd.DataFrame
    parts: pd.DataFrame
    counts: csr_array
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LEFT_OUT))
    notes: tuple[Note, ...] = ()
    name: str = ""
    of_shares: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None

    @property
    def labels(self) -> list[str]:
        """Names of the columns that describe units."""
        return [str(name) for name in self.units.columns if name not in KEY]

    def label(self, column: str) -> pd.Series:
        """A column of the data as one value a unit: a label, or the column of donors, strata or samples.

        Raises
        ------
        ColumnError
            There is no such column, or it differs within a unit.
        """
        for role in ("donor", "stratum", "sample"):
            if self.roles.get(role, role) == column and about_name(column) not in self.units.columns:
                return self.units[role]
        name = about_name(column) if about_name(column) in self.units else column
        if name not in self.units:
            raise ColumnError(
                found=f"no column {column!r} that describes donors or samples",
                expected="a column with one value for each donor or sample",
                fix=nearest(column, self.labels),
            )
        return self.units[name]

    @property
    def n_cells(self) -> NDArray[np.int64]:
        """Cells of every unit, (units,)."""
        return np.asarray(self.counts.sum(axis=1)).ravel()

    @property
    def account(self) -> str:
        """One sentence on what was read: how many cells are counted, and how many are left out.

        >>> rows = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "part": "T", "n_cells": [3, 4]})
        >>> from_table(rows).account
        '7 cells read: 7 counted in 2 samples, 0 left out'
        """
        if self.of_shares:
            lost = len(self.left_out)
            return f"shares of {len(self.units):,} samples read, {lost:,} row{'s' * (lost != 1)} left out"
        counted, lost = int(self.counts.sum()), int(self.left_out["n_cells"].sum())
        return f"{counted + lost:,} cells read: {counted:,} counted in {len(self.units):,} samples, {lost:,} left out"

    @property
    def strata(self) -> list[str]:
        """Names of the strata, sorted."""
        return sorted(self.units["stratum"].unique())

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        """The rows of each stratum in `units`: found once for all."""
        found = self.units.groupby("stratum", sort=False, observed=True).indices
        return {str(name): np.asarray(rows, dtype=np.int64) for name, rows in found.items()}

    def of_stratum(self, stratum: str) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
        """Counts (n, K) of the units of a stratum, its parts (those found in any of its units), rows in `units`."""
        rows = self._places.get(stratum, np.arange(0))
        block = self.counts[rows]
        present = np.unique(block.indices[block.data > 0]) if block.nnz else np.array([], dtype=np.int64)
        return block[:, present].toarray(), self.parts.index[present].astype(str).tolist(), rows

    def table(self) -> pd.DataFrame:
        """One row a (unit, part) with cells: `stratum`, `donor`, `sample`, labels, `part`, `n_cells`, `share`."""
        matrix = self.counts.tocoo()
        rows, places = matrix.coords
        kept = matrix.data > 0
        rows, places, amounts = rows[kept], places[kept], matrix.data[kept]
        order = np.lexsort((places, rows))
        frame = self.units.iloc[rows[order]].reset_index(drop=True)
        frame["part"] = self.parts.index.to_numpy(dtype=object)[places[order]]
        frame["n_cells"] = amounts[order]
        frame["share"] = amounts[order] / self.n_cells[rows[order]]
        return frame

    def parts_table(self) -> pd.DataFrame:
        """The support of each stratum: `stratum`, `part`, `n_units` that have it, `n_cells`, `n_units_stratum`."""
        frames = []
        for stratum in self.strata:
            counts, parts, rows = self.of_stratum(stratum)
            frames.append(
                pd.DataFrame(
                    {
                        "stratum": stratum,
                        "part": parts,
                        "n_units": (counts > 0).sum(axis=0),
                        "n_cells": counts.sum(axis=0),
                        "n_units_stratum": len(rows),
                    }
                )
            )
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def kept(self, keep: NDArray[np.bool_], reason: str = "") -> Composition:
        """The units for which `keep` is true; the others go to `left_out` with the reason, if one is given."""
        gone = self.units[~keep]
        left_out = self.left_out
        if reason and len(gone):
            lost = gone.assign(reason=reason, n_cells=self.n_cells[~keep])
            left_out = pd.concat([left_out, lost], ignore_index=True)
        moved = None
        if self.cells is not None:
            place = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1).astype(np.int32)
            moved = (place[self.cells[0]], self.cells[1])
        return replace(
            self,
            cells=moved,
            units=self.units[keep].reset_index(drop=True),
            counts=self.counts[np.flatnonzero(keep)],
            left_out=left_out,
        )

    def of_strata(self, strata: Collection[str]) -> Composition:
        """The units of these strata alone, over all parts."""
        return self.kept(self.units["stratum"].isin(list(strata)).to_numpy())

    def at_level(self, level: str) -> Composition:
        """The same cells counted over a coarser level of the hierarchy, which `parts` names.

        Raises
        ------
        ColumnError, LabelError
            There is no such level; a part has no value of it.
        """
        if level not in self.parts:
            raise ColumnError(
                found=f"no level {level!r} of the parts",
                expected="a column that groups the parts",
                fix=nearest(level, self.parts.columns),
            )
        coarser = self.parts[level].astype(object)
        if coarser.isna().any():
            raise LabelError(
                found=f"part {coarser.index[coarser.isna()][0]!r} without {level!r}",
                expected="a coarser part for every part",
                fix="complete the file of levels",
            )
        names, place = np.unique(coarser.astype(str).to_numpy(dtype=object), return_inverse=True)
        join = csr_array(
            (np.ones(len(place), dtype=self.counts.dtype), (np.arange(len(place)), place)),
            shape=(len(place), len(names)),
        )
        parts = pd.DataFrame(index=pd.Index(names, dtype=object, name="part"))
        for other in self.parts.columns:
            if other != level and (self.parts.groupby(level)[other].nunique(dropna=False) == 1).all():
                parts[other] = self.parts.groupby(level)[other].first().reindex(names)
        return replace(self, parts=parts, counts=csr_array(self.counts @ join))

    def with_levels(self, levels: pd.DataFrame) -> Composition:
        """The composition with coarser levels of its parts: a frame indexed by part, one column a level."""
        missing = [name for name in self.parts.index if name not in levels.index]
        if missing:
            raise LabelError(
                found=f"{len(missing)} part{'s' * (len(missing) > 1)} without a coarser one, such as {missing[0]!r}",
                expected="a row for every part in the file of levels",
                fix=nearest(missing[0], map(str, levels.index)),
            )
        return replace(self, parts=levels.reindex(self.parts.index).rename_axis("part"))

    def with_labels(self, labels: Mapping[str, Any]) -> Composition:
        """The composition with more columns about units, one value a unit."""
        return replace(self, units=self.units.assign(**labels))

    def noted(self, *notes: Note) -> Composition:
        """The composition with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def from_table(
    counts: pd.DataFrame,
    *,
    labels: Sequence[str] | None = None,
    left_out: pd.DataFrame | None = None,
    notes: Sequence[Note] = (),
    name: str = "",
    of_shares: bool = False,
) -> Composition:
    """The composition that a long table of counts holds.

    Parameters
    ----------
    counts
        One row a (stratum, donor, sample, part) with `n_cells`; `sample` may be absent: one sample a donor.
    labels
        Columns that describe units; None: all others.
    left_out, notes, name, of_shares
        As in `Composition`.

    Raises
    ------
    ColumnError, LabelError, TableError, AmountError
        A column is missing; a unit has two values of a label; a row is repeated; an amount is no amount.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "age": ["3m", "24m"], "part": "T", "n_cells": 2})
    >>> from_table(rows).units[["donor", "age"]].values.tolist()
    [['a', '3m'], ['b', '24m']]
    """
    for column in ("stratum", "donor", "part", "n_cells"):
        if column not in counts:
            raise ColumnError(
                found=f"no column {column!r}",
                expected="stratum, donor, part and n_cells",
                fix=nearest(column, counts.columns),
            )
    rows = counts if "sample" in counts else counts.assign(sample=counts["donor"])
    about = (
        [c for c in rows.columns if c not in (*KEY, "part", "n_cells", "share")] if labels is None else labels
    )
    _check_rows(rows, of_shares)
    units = rows[[*KEY, *about]].drop_duplicates().sort_values(list(KEY), ignore_index=True)
    _one_row_a_unit(units, about)
    codes = pd.MultiIndex.from_frame(units[list(KEY)]).get_indexer(pd.MultiIndex.from_frame(rows[list(KEY)]))
    names, place = np.unique(rows["part"].astype(str).to_numpy(dtype=object), return_inverse=True)
    kind = np.float64 if of_shares else np.int64
    matrix = csr_array(
        (rows["n_cells"].to_numpy(dtype=kind), (codes, place)), shape=(len(units), len(names)), dtype=kind
    )
    matrix.sort_indices()
    parts = pd.DataFrame(index=pd.Index(names, dtype=object, name="part"))
    units = units.astype(object).where(units.notna(), None)
    account = pd.DataFrame(columns=LEFT_OUT) if left_out is None else left_out
    return Composition(units, parts, matrix, account, tuple(notes), name, of_shares)


def _check_rows(rows: pd.DataFrame, of_shares: bool) -> None:
    amounts = rows["n_cells"].to_numpy(dtype=np.float64)
    good = np.isfinite(amounts) & (amounts >= 0) & (of_shares | (amounts == np.floor(amounts)))
    if not good.all():
        place = int(np.flatnonzero(~good)[0])
        raise AmountError(
            found=f"{rows['n_cells'].iloc[[place]].tolist()[0]!r} cells in row {place}",
            expected="whole numbers of cells, 0 or more",
            fix="correct the row",
        )
    twice = rows.duplicated([*KEY, "part"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise TableError(
            found=f"donor {row['donor']!r}, part {row['part']!r} of {row['stratum']!r} in several rows",
            expected="one row for each unit and part",
            fix="sum them, or name the column of samples",
        )


def _one_row_a_unit(units: pd.DataFrame, about: Sequence[str]) -> None:
    twice = units[units.duplicated(list(KEY), keep=False)]
    if twice.empty:
        return
    first = twice[(twice[list(KEY)] == twice.iloc[0][list(KEY)]).all(axis=1)]
    name = next(column for column in about if first[column].nunique(dropna=False) > 1)
    values = " and ".join(repr(value) for value in first[name].unique())
    raise LabelError(
        found=f"donor {first['donor'].iloc[0]!r} has {name} {values} in {first['stratum'].iloc[0]!r}",
        expected=f"one {name} for each sample of a donor",
        fix="correct the label, or name the column of samples",
    )
