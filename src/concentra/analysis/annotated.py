"""Compositions as annotated matrices: units × parts, counts in X, labels of units in `obs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.tally import WHOLE, about_name, as_labels
from concentra.errors import AmountError, ArgumentError, ColumnError, TableError, nearest

KEY = "concentra"


def to_anndata(composition: pd.DataFrame, about: Sequence[str] = ()) -> Any:
    """The composition of units as an AnnData.

    Parameters
    ----------
    composition
        `stratum`, `donor`, `part`, `n_cells` and the columns of `about`; absent parts need no row.

    Returns
    -------
    AnnData
        X: whole counts (units, parts); obs: `donor`, `stratum`, the columns of `about`, `n_cells`; var: parts, with
        `n_cells` and `n_units`.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": ["a", "a", "b"], "part": list("TBT"), "n_cells": [3, 1, 2]})
    >>> adata = to_anndata(rows)
    >>> adata.X.tolist(), adata.var_names.tolist(), adata.obs["n_cells"].tolist()
    ([[1, 3], [0, 2]], ['B', 'T'], [4, 2])
    """
    from anndata import AnnData

    unit = ["stratum", "donor"]
    wide = composition.pivot_table(index=unit, columns="part", values="n_cells", aggfunc="sum", fill_value=0)
    counts = wide.to_numpy(dtype=np.int64)
    labels = composition.drop_duplicates(unit).set_index(unit).loc[wide.index, list(about)].reset_index()
    obs = pd.DataFrame({name: as_labels(labels[name]).to_numpy() for name in ("donor", "stratum", *about)})
    obs = obs.astype("category").assign(n_cells=counts.sum(axis=1))
    obs.index = pd.Index(_distinct(labels["stratum"] + "|" + labels["donor"]), dtype=object)
    var = pd.DataFrame(
        {"n_cells": counts.sum(axis=0), "n_units": (counts > 0).sum(axis=0)},
        index=pd.Index(wide.columns.astype(str), dtype=object, name=None),
    )
    return AnnData(X=counts, obs=obs, var=var)


def _distinct(names: pd.Series) -> list[str]:
    """The names, repeated ones numbered."""
    again = names.groupby(names).cumcount()
    return [f"{name}#{n}" if n else name for name, n in zip(names, again, strict=True)]


def from_anndata(adata: Any, columns: Sequence[str] = ()) -> pd.DataFrame:
    """The composition that an AnnData of units × parts holds, one row a (unit, part) with cells.

    Parameters
    ----------
    adata
        Counts in X, dense or sparse. `obs` may have `donor` (default: the names of the units) and `stratum`
        (default: one stratum). Units of one donor and stratum (before and after) keep names of their own; the
        donor is then in the column "donor (label)".
    columns
        Columns of `obs` to keep, as text.

    Raises
    ------
    AmountError
        A count is negative, not whole or not finite.
    ColumnError, TableError
        A column is not there; part names are repeated.

    Examples
    --------
    >>> from anndata import AnnData
    >>> adata = AnnData(np.array([[3, 1], [0, 2]]), obs=pd.DataFrame({"age": ["3m", "24m"]}, index=["a", "b"]),
    ...                 var=pd.DataFrame(index=["T", "B"]))
    >>> from_anndata(adata, ["age"]).values.tolist()
    [['all cells', 'a', '3m', 'B', 1], ['all cells', 'a', '3m', 'T', 3], ['all cells', 'b', '24m', 'B', 2]]
    """
    if not adata.var_names.is_unique:
        twice = adata.var_names[adata.var_names.duplicated()][0]
        raise TableError(
            found=f"part {twice!r} twice in var",
            expected="one column for each part",
            fix="adata.var_names_make_unique()",
        )
    counts = whole_counts(adata)
    names = pd.Series(adata.obs_names.astype(str), dtype=object)
    labels = pd.DataFrame({
        "stratum": _label(adata, "stratum", pd.Series(WHOLE, index=names.index)),
        "donor": _label(adata, "donor", names),
    })  # fmt: skip
    donor = labels["donor"]
    if labels.duplicated(["stratum", "donor"]).any():
        labels["donor"] = names
    for column in columns:
        labels[column] = donor if column == about_name("donor") else _required(adata, column)
    rows, places = np.nonzero(counts)
    frame = labels.iloc[rows].reset_index(drop=True)
    frame["part"] = adata.var_names.astype(str).to_numpy(dtype=object)[places]
    frame["n_cells"] = counts[rows, places]
    return frame.sort_values(["stratum", "donor", "part"], ignore_index=True)


def whole_counts(adata: Any) -> NDArray[np.int64]:
    """The counts (units, parts) of an AnnData, dense; the first that is no count is an error that names it.

    >>> from anndata import AnnData
    >>> whole_counts(AnnData(np.array([[3.0, 1.0], [0.0, 2.0]]))).tolist()
    [[3, 1], [0, 2]]
    """
    matrix = adata.X
    if matrix is None:
        raise AmountError(
            found="an AnnData without X", expected="counts of cells in X, units by parts", fix="set adata.X"
        )
    dense = np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)
    bad = np.argwhere(~(np.isfinite(dense) & (dense >= 0) & (dense == np.floor(dense))))
    if bad.size:
        row, column = bad[0]
        raise AmountError(
            found=f"{dense[row, column]!r} for unit {adata.obs_names[row]!r}, part {adata.var_names[column]!r}",
            expected="numbers of cells: whole, 0 or more",
            fix="pass counts, not shares or expression; concentra.pp.composition makes them from cells",
        )
    return dense.astype(np.int64)


def _label(adata: Any, name: str, default: pd.Series) -> pd.Series:
    if name not in adata.obs:
        return default
    labels = _required(adata, name)
    if labels.isna().any():
        unit = adata.obs_names[np.flatnonzero(labels.isna())[0]]
        raise TableError(
            found=f"unit {unit!r} without {name!r}",
            expected=f"a {name} for every unit",
            fix="fill it in, or drop the unit",
        )
    return labels


def _required(adata: Any, column: str) -> pd.Series:
    if column not in adata.obs:
        known = [str(name) for name in adata.obs.columns]
        hint = nearest(column, known)
        raise ColumnError(
            found=f"no column {column!r} in obs",
            expected="a column that describes the units",
            fix=f"{hint}; or add it with about= when the composition is made",
        )
    labels = as_labels(adata.obs[column].reset_index(drop=True)).astype(object)
    return labels.where(labels.notna(), None)


def storable(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame as `.h5ad` stores it: text as categoricals, an index of text.

    >>> storable(pd.DataFrame({"a": ["x", None]})).dtypes.astype(str).to_dict()
    {'a': 'category'}
    """
    columns = {}
    for name in frame.columns:
        values = frame[name]
        text = values.dtype == object or isinstance(values.dtype, pd.StringDtype)
        columns[str(name)] = as_labels(values).array if text else values.to_numpy()
    kept = pd.DataFrame(columns, columns=[str(name) for name in frame.columns])
    kept.index = pd.Index([str(place) for place in range(len(frame))], dtype=object)
    return kept


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """A stored frame as it was: text as text, rows numbered.

    >>> frame = pd.DataFrame({"part": ["T", None], "n": [1, 2]})
    >>> tidy(storable(frame)).equals(frame)
    True
    """
    texts = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    made = frame.reset_index(drop=True)
    for name in texts:
        made[name] = made[name].astype(object).where(made[name].notna(), None)
    return made


def stored(adata: Any, name: str, kind: str) -> dict[str, Any]:
    """What `concentra.tl` stored under a key, or an error that says which function stores it.

    >>> from anndata import AnnData
    >>> adata = AnnData(np.ones((1, 1)), uns={KEY: {"lorenz": {"parameters": {"support": "present"}}}})
    >>> stored(adata, "lorenz", "lorenz")["parameters"]["support"]
    'present'
    """
    found = adata.uns.get(KEY, {})
    if name not in found:
        raise ArgumentError(
            found=f"no {name!r} in adata.uns[{KEY!r}]"
            + (f", which has {', '.join(sorted(found))}" if found else ""),
            expected="a result that is stored there",
            fix=f"run concentra.tl.{kind}(adata, ...) first",
        )
    entry: dict[str, Any] = found[name]
    return entry


def modality_of(data: Any, modality: str | None) -> Any:
    """The AnnData itself, or the named modality of a MuData.

    >>> from types import SimpleNamespace
    >>> mudata = SimpleNamespace(mod={"rna": "cells", "coda": "counts"})
    >>> modality_of(mudata, "coda"), modality_of("an AnnData", None)
    ('counts', 'an AnnData')
    """
    if isinstance(data, pd.DataFrame) or not hasattr(data, "mod"):
        return data
    known = list(data.mod)
    if modality is None and len(known) == 1:
        return data.mod[known[0]]
    if modality not in known:
        raise ArgumentError(
            found=f"modality={modality!r} of a MuData with {', '.join(map(repr, known))}",
            expected="the name of one of them",
            fix="write modality= with the one that holds the cells (for pp) or the counts of units (for tl)",
        )
    return data.mod[modality]
