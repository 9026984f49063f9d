"""Which cells does each unit have? Counts per (donor, stratum, part), and what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from concentra.errors import ColumnError, LabelError, nearest

NO_DONOR = "donor unknown"
NO_PART = "part unknown"
POOLED = "label names several donors"


def count_parts(
    cells: pd.DataFrame,
    *,
    donor: str = "donor",
    stratum: str = "stratum",
    part: str = "part",
    about: Sequence[str] = ("age", "sex"),
    pooled: str | None = None,
    exclude: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts and shares of the parts of every unit, and the cells that were left out.

    Parameters
    ----------
    cells
        One row a cell; missing labels are missing.
    donor, stratum, part
        Names of the columns. A unit is a donor within a stratum.
    about
        Columns that say something of the donor and must be the same for all its cells in a stratum.
    pooled
        A mark by which a donor label names several donors ("3-M-5/6"); such cells are left out, because they are no
        donor's own and may count a donor twice.
    exclude
        A column that gives the reason for which a cell is left out; missing for the others.

    Returns
    -------
    composition
        One row a (unit, part) with at least one cell: `stratum`, `donor`, the columns of `about`, `part`, `n_cells`,
        `share` (of the unit's cells, above 0, at most 1). Sorted by these columns.
    left_out
        One row a (stratum, values of `about`, `reason`) with `n_cells` > 0.

    Raises
    ------
    ColumnError
        A column is missing.
    LabelError
        A unit has two values in a column of `about`.

    Examples
    --------
    >>> cells = pd.DataFrame({"donor": ["a", "a", None], "stratum": "lung", "part": ["B", "T", "T"], "age": "3m"})
    >>> composition, left_out = count_parts(cells, about=["age"])
    >>> composition["share"].tolist(), left_out["reason"].tolist()
    ([0.5, 0.5], ['donor unknown'])
    """
    for name in (donor, stratum, part, *about, *([exclude] if exclude else [])):
        if name not in cells:
            raise ColumnError(
                found=f"the cells have no column {name!r}",
                expected="one column each for donor, stratum, part and what is said of a donor",
                fix=nearest(name, cells.columns),
            )
    reason = _reasons(cells, donor, part, pooled)
    if exclude is not None:
        reason = reason.where(reason.notna(), cells[exclude].astype(object))
    left_out = _tally(cells.assign(reason=reason)[reason.notna()], [stratum, *about, "reason"])
    kept = cells[reason.isna()]
    counts = _tally(kept, [stratum, donor, *about, part])
    _one_value_a_unit(counts, [stratum, donor], about)
    counts["share"] = counts["n_cells"] / counts.groupby([stratum, donor])["n_cells"].transform("sum")
    names = {stratum: "stratum", donor: "donor", part: "part"}
    return counts.rename(columns=names), left_out.rename(columns=names)


def _reasons(cells: pd.DataFrame, donor: str, part: str, pooled: str | None) -> pd.Series:
    reason = pd.Series(None, index=cells.index, dtype=object)
    if pooled is not None:
        labels = cells[donor].astype("category").cat
        several = [label for label in labels.categories if pooled in str(label)]
        reason[cells[donor].isin(several)] = POOLED
    reason[cells[part].isna()] = NO_PART
    reason[cells[donor].isna()] = NO_DONOR
    return reason


def _tally(cells: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rows per combination that occurs, sorted by the labels as text."""
    sizes = cells.groupby(by, observed=True, dropna=False).size().rename("n_cells").reset_index()
    for name in by:
        sizes[name] = sizes[name].astype(object).where(sizes[name].notna(), None)
    return sizes.sort_values(by, ignore_index=True)


def _one_value_a_unit(counts: pd.DataFrame, unit: list[str], about: Sequence[str]) -> None:
    for name in about:
        values = counts[[*unit, name]].drop_duplicates()
        twice = values[values.duplicated(unit, keep=False)]
        if len(twice):
            place = twice.iloc[0]
            several = twice.loc[(twice[unit] == place[unit]).all(axis=1), name].tolist()
            raise LabelError(
                found=f"donor {place[unit[1]]!r} has {name} {' and '.join(map(repr, several))} in {place[unit[0]]!r}",
                expected=f"one {name} for each donor within a stratum",
                fix="correct the label, or give the donors different names",
            )


def parts_of_strata(composition: pd.DataFrame) -> pd.DataFrame:
    """The support of each stratum: every part found in any of its units.

    Parameters
    ----------
    composition
        As `count_parts` returns it.

    Returns
    -------
    One row a (stratum, part): `n_units` that have the part, `n_cells` of it in all units, and `n_units_stratum`.

    Examples
    --------
    >>> cells = pd.DataFrame({"donor": ["a", "b", "b"], "stratum": "lung", "part": ["B", "B", "T"]})
    >>> parts_of_strata(count_parts(cells, about=[])[0])[["part", "n_units", "n_cells"]].values.tolist()
    [['B', 2, 2], ['T', 1, 1]]
    """
    grouped = composition.groupby(["stratum", "part"], sort=True)
    parts = grouped.agg(n_units=("donor", "nunique"), n_cells=("n_cells", "sum")).reset_index()
    units = composition.groupby("stratum")["donor"].nunique()
    return parts.assign(n_units_stratum=parts["stratum"].map(units))
