"""Cells or counts, however labelled, as the composition of units; what was mended or left out is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from concentra.analysis.composition import NO_DONOR, NO_PART
from concentra.analysis.concentration import DEPTH, PLAIN
from concentra.analysis.spelling import DOUBTFUL
from concentra.errors import AmountError, DesignError, LabelError
from concentra.io.labels import label_text

NO_STRATUM = "stratum unknown"
WHOLE = "all cells"
"""The name of the only stratum, where no column says one."""
SEVERAL = " + "
ROLES = (
    "stratum",
    "donor",
    "part",
    "n_cells",
    "share",
    "reason",
    "included",
    "side",
    "within",
    "pair",
    "contrast",
)
RESERVED = frozenset({*ROLES, *PLAIN, *DEPTH})
"""Names that columns of tables have already."""
LIMIT = 0.5


@dataclass(frozen=True)
class Tally:
    """The composition of every unit.

    Attributes
    ----------
    composition
        One row a (stratum, donor, part) with cells: `stratum`, `donor`, the columns of `about`, `part`,
        `n_cells`, `share`.
    left_out
        One row a reason and stratum: `stratum`, `reason`, `n_cells`.
    said
        What was mended or left out, one sentence each.
    """

    composition: pd.DataFrame
    left_out: pd.DataFrame
    said: tuple[str, ...]


def about_name(column: str) -> str:
    """The name of a label column beside the roles: as it is, unless a role has that name.

    >>> about_name("age"), about_name("part")
    ('age', 'part (label)')
    """
    return f"{column} (label)" if column in RESERVED else column


def as_labels(values: pd.Series) -> pd.Series:
    """A column as a categorical of text; missing values, blanks among them, are missing.

    >>> as_labels(pd.Series([3, 24, 3])).tolist(), as_labels(pd.Series([" ", "a", None])).isna().tolist()
    (['3', '24', '3'], [True, False, True])
    """
    column = values.astype("category")
    texts = [label_text(value) for value in column.cat.categories]
    names = sorted({text for text in texts if text is not None})
    place = {text: code for code, text in enumerate(names)}
    lookup = np.array(
        [place.get(text, -1) if text is not None else -1 for text in texts] + [-1], dtype=np.int64
    )
    codes = lookup[column.cat.codes.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(names, dtype=object)), index=values.index)


def combinations(
    cells: pd.DataFrame, columns: Mapping[str, str | None], amount: str | None = None
) -> pd.DataFrame:
    """How many cells have each combination of labels that occurs.

    Parameters
    ----------
    cells
        One row a cell; or one row a count, where `amount` names the column of counts.
    columns
        The column behind each name of the result; None: all cells have the label `WHOLE`.

    Returns
    -------
    The named columns, as text (missing: None), and `n_cells`, sorted.

    Examples
    --------
    >>> cells = pd.DataFrame({"mouse": ["a", "a", "b"], "type": ["T", "T", None]})
    >>> combinations(cells, {"donor": "mouse", "part": "type"}).values.tolist()
    [['a', 'T', 2], ['b', None, 1]]
    """
    labels = {
        name: as_labels(cells[column] if column is not None else pd.Series(WHOLE, index=cells.index))
        for name, column in columns.items()
    }
    key = np.zeros(len(cells), dtype=np.int64)
    for column in labels.values():
        width = len(column.cat.categories) + 1
        key = np.unique(key, return_inverse=True)[1] * width + column.cat.codes.to_numpy() + 1
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    weights = None if amount is None else _amounts(cells, amount)
    counts = np.bincount(place, weights=weights, minlength=len(first))
    frame = pd.DataFrame({name: column.iloc[first].to_numpy(dtype=object) for name, column in labels.items()})
    frame = frame.where(frame.notna(), None)
    frame["n_cells"] = counts.astype(np.int64)
    return frame[frame["n_cells"] > 0].sort_values(list(columns), ignore_index=True)


def _amounts(cells: pd.DataFrame, amount: str) -> np.ndarray:
    values = pd.to_numeric(cells[amount].astype(object), errors="coerce").to_numpy(dtype=float)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0) & (values == np.floor(values))))
    if bad.size:
        raise AmountError(
            found=f"{cells[amount].iloc[bad[0]]!r} in column {amount!r}, data row {bad[0] + 1}",
            expected="numbers of cells: whole, 0 or more",
            fix="correct the row; shares cannot be analysed, because their depth is unknown",
        )
    return values


def tally(counted: pd.DataFrame, *, about: Sequence[str] = (), loose: Sequence[str] = ()) -> Tally:
    """The composition of every donor within a stratum, from combinations of labels.

    Parameters
    ----------
    counted
        As `combinations` returns it: `stratum`, `donor`, `part`, the columns of `about` and `loose`, `n_cells`.
    about
        Columns that say something of the donor and must be the same for all its cells. Where they are missing
        for some cells of a donor, and the others agree, these are taken.
    loose
        Columns that may differ within a donor (batch): their values are joined by " + ".

    Raises
    ------
    LabelError
        A donor has two values in a column of `about`; or more than half of the cells lack a label that every
        cell needs.
    DesignError
        The donors are as many as the cells, or nearly.

    Examples
    --------
    >>> cells = pd.DataFrame({"d": ["a", "a", "a"], "p": ["T", "B", "T"], "age": ["3m", None, "3m"]})
    >>> counted = combinations(cells, {"stratum": None, "donor": "d", "part": "p", "age": "age"})
    >>> found = tally(counted, about=["age"])
    >>> found.composition[["part", "age", "n_cells"]].values.tolist(), found.said
    ([['B', '3m', 1], ['T', '3m', 2]], ("1 cells of 1 donors lack 'age': taken from the donor's other cells",))
    """
    kept, left_out, said = _labelled(counted)
    _refuse_cells_as_donors(kept)
    for name in about:
        kept = _settled(kept, name, said)
    for name in loose:
        kept = _joined(kept, name, said)
    by = ["stratum", "donor", *about, *loose, "part"]
    composition = kept.groupby(by, dropna=False, sort=False)["n_cells"].sum().reset_index()
    composition = composition.sort_values(["stratum", "donor", "part"], ignore_index=True)
    totals = composition.groupby(["stratum", "donor"])["n_cells"].transform("sum")
    return Tally(composition.assign(share=composition["n_cells"] / totals), left_out, tuple(said))


def _labelled(counted: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Rows with every role, the cells without, and a sentence on them."""
    reason = pd.Series(None, index=counted.index, dtype=object)
    total = counted["n_cells"].sum()
    said = []
    for name, why in (("part", NO_PART), ("stratum", NO_STRATUM), ("donor", NO_DONOR)):
        missing = counted[name].isna()
        reason[missing] = why
        n_missing = int(counted.loc[missing, "n_cells"].sum())
        if n_missing > LIMIT * total:
            raise LabelError(
                found=f"{name} missing in {n_missing:,} of {total:,} cells",
                expected=f"at most {LIMIT:.0%} of the cells without it",
                fix=f"name another column, --{name} COLUMN, or leave those cells out of the file",
            )
        if n_missing:
            said.append(f"{n_missing:,} of {total:,} cells left out: {why}")
    lost = counted.assign(reason=reason)[reason.notna()]
    left_out = lost.groupby(["stratum", "reason"], dropna=False)["n_cells"].sum().reset_index()
    return counted[reason.isna()].reset_index(drop=True), left_out, said


def _refuse_cells_as_donors(kept: pd.DataFrame) -> None:
    n_donors, n_cells = kept["donor"].nunique(), int(kept["n_cells"].sum())
    if n_cells == 0 or (n_donors > 20 and n_donors > 0.2 * n_cells):
        raise DesignError(
            found=f"{n_donors:,} donors with {n_cells:,} cells",
            expected="donors of many cells each",
            fix="name the column of the animal or person with --donor: this one seems to name cells",
        )


def _settled(kept: pd.DataFrame, name: str, said: list[str]) -> pd.DataFrame:
    """One value of the column for each donor; blanks filled where the donor's other cells agree."""
    pairs = kept.loc[kept[name].notna(), ["donor", name]].drop_duplicates()
    twice = pairs[pairs.duplicated("donor", keep=False)]
    if len(twice):
        donor = twice["donor"].iloc[0]
        values = sorted(twice.loc[twice["donor"] == donor, name])
        raise LabelError(
            found=f"donor {donor!r} has {len(values)} values of {name!r}: {', '.join(map(repr, values[:4]))}"
            + (
                f"; so have {twice['donor'].nunique() - 1} other donors"
                if twice["donor"].nunique() > 1
                else ""
            ),
            expected=f"one value of {name!r} for each donor",
            fix=_doubt(values)
            + "correct the labels; or, where each donor was measured in both, compare them --paired-by the donor",
        )
    value = kept["donor"].map(dict(zip(pairs["donor"], pairs[name], strict=True)))
    filled = kept[name].isna() & value.notna()
    if filled.any():
        n_cells, n_donors = int(kept.loc[filled, "n_cells"].sum()), kept.loc[filled, "donor"].nunique()
        said.append(
            f"{n_cells:,} cells of {n_donors} donors lack {name!r}: taken from the donor's other cells"
        )
    return kept.assign(**{name: value.astype(object).where(value.notna(), None)})


def _doubt(values: Sequence[str]) -> str:
    """A hint where one of the labels may say that there is none."""
    doubtful = [value for value in values if value.casefold() in DOUBTFUL]
    return f"--missing {doubtful[0]!r} (missing=), if it says that there is none; or " if doubtful else ""


def _joined(kept: pd.DataFrame, name: str, said: list[str]) -> pd.DataFrame:
    """The values of the column that each donor has, joined."""
    pairs = kept.loc[kept[name].notna(), ["donor", name]].drop_duplicates().sort_values(["donor", name])
    values = pairs.groupby("donor")[name].agg(SEVERAL.join)
    several = int((pairs.groupby("donor").size() > 1).sum())
    if several:
        said.append(f"{several} donors have more than one {name!r}: their cells are counted together")
    value = kept["donor"].map(values)
    return kept.assign(**{name: value.astype(object).where(value.notna(), None)})
