"""The early and the late donors of one stratum, as two tables of amounts over the same parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import (
    AmountError,
    ArgumentError,
    ColumnError,
    DesignError,
    LabelError,
    TableError,
    nearest,
)

Groups = str | Collection[str]


class Ends(NamedTuple):
    """Parts (K, sorted) and the amounts of early (n_early, K) and late (n_late, K) donors, donors sorted."""

    parts: tuple[str, ...]
    early: NDArray[np.float64]
    late: NDArray[np.float64]


def early_and_late(
    composition: pd.DataFrame,
    *,
    donor: str = "donor",
    part: str = "part",
    amount: str = "n_cells",
    group: str = "age_group",
    early: Groups,
    late: Groups,
) -> Ends:
    """The two ends of a comparison within one stratum.

    Parameters
    ----------
    composition
        One row per donor and part of a single stratum; a missing row is an amount of 0. The parts of all rows
        are the support, whichever group they are in. A missing group is a donor that is not compared.
    donor, part, amount, group
        Names of the columns.
    early, late
        A value of the group column, or several.

    Raises
    ------
    ColumnError, TableError, LabelError, AmountError, ArgumentError, DesignError
        A column is missing; a row is repeated; a donor is in two groups; an amount cannot be measured or a
        donor has none; a group is on both sides; a side has no donor.

    Examples
    --------
    >>> cells = pd.DataFrame({"donor": ["a", "a", "b"], "part": ["x", "y", "x"], "n_cells": [5, 1, 2],
    ...                       "age_group": ["3m", "3m", "24m"]})
    >>> early_and_late(cells, early="3m", late="24m").late.tolist()
    [[2.0, 0.0]]
    """
    rows = _rows(composition, {"donor": donor, "part": part, "amount": amount, "group": group})
    sides = {"early": _values(early), "late": _values(late)}
    both = [value for value in sides["early"] if value in sides["late"]]
    if both:
        raise ArgumentError(
            found=f"group {both[0]!r} both early and late",
            expected="each group on one side",
            fix="choose one side for it",
        )
    wide = rows.pivot(index="donor", columns="part", values="amount").fillna(0.0).sort_index(axis=1)
    groups = rows.drop_duplicates("donor").set_index("donor")["group"].reindex(wide.index)
    tables = {side: wide[groups.isin(values).to_numpy()] for side, values in sides.items()}
    for side, table in tables.items():
        _check_side(table, side, sides[side], groups)
    matrices = [table.to_numpy(dtype=np.float64) for table in tables.values()]
    return Ends(tuple(str(name) for name in wide.columns), matrices[0], matrices[1])


def _rows(composition: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The four columns under their roles' names, checked."""
    for role, column in columns.items():
        if column not in composition.columns:
            raise ColumnError(
                found=f"the composition has no column {column!r}",
                expected=f"a column for the {role}",
                fix=nearest(column, map(str, composition.columns)),
            )
    rows = pd.DataFrame({role: composition[column].to_numpy() for role, column in columns.items()})
    for role in ("donor", "part", "group"):
        rows[role] = rows[role].astype(object)
    _check_keys(rows, columns["group"])
    amounts = pd.to_numeric(rows["amount"], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0)))
    if bad.size:
        raise AmountError(
            found=f"{rows['amount'].iloc[bad[:1]].tolist()[0]!r} in column {columns['amount']!r} at row {bad[0]}",
            expected="finite amounts that are not negative",
            fix="correct the row; a part that is absent has amount 0 or no row",
        )
    return rows.assign(amount=amounts)


def _check_keys(rows: pd.DataFrame, group: str) -> None:
    bad = np.flatnonzero(rows[["donor", "part"]].isna().any(axis=1) | rows.duplicated(["donor", "part"]))
    if bad.size:
        row = rows.iloc[bad[0]]
        raise TableError(
            found=f"donor {row['donor']!r}, part {row['part']!r} unknown or repeated, at row {bad[0]}",
            expected="one row per donor and part of a single stratum",
            fix="select one stratum, and sum the amounts per donor and part",
        )
    n_groups = rows.groupby("donor")["group"].nunique(dropna=False)
    if (n_groups > 1).any():
        raise LabelError(
            found=f"donor {n_groups.idxmax()!r} in {n_groups.max()} groups",
            expected="each donor in one group",
            fix=f"correct column {group!r} for this donor",
        )


def _check_side(table: pd.DataFrame, side: str, values: list[object], groups: pd.Series) -> None:
    if table.empty:
        raise DesignError(
            found=f"no donor in the {side} group {values}",
            expected="at least one donor on each side",
            fix=nearest(str(values[0]) if values else "", map(str, groups.dropna().unique())),
        )
    empty = table.index[table.sum(axis=1) == 0]
    if len(empty):
        raise AmountError(
            found=f"donor {empty[0]!r} with a total of 0",
            expected="at least one cell of any part",
            fix="leave this donor out of this stratum",
        )


def _values(group: Groups) -> list[object]:
    return [group] if isinstance(group, str) or not isinstance(group, Collection) else list(group)
