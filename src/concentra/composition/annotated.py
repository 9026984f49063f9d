"""Compositions as annotated matrices: units × parts, counts in X, labels of units in `obs`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from concentra.composition.composition import LEFT_OUT, Composition
from concentra.composition.labels import WHOLE, about_name, as_labels
from concentra.errors import AmountError, ArgumentError, TableError

KEY = "concentra"


def is_annotated(data: Any) -> bool:
    """Whether an object is an AnnData, or has its `obs`, `var` and `X`.

    >>> is_annotated(pd.DataFrame())
    False
    """
    return not isinstance(data, pd.DataFrame) and all(hasattr(data, name) for name in ("obs", "var", "X"))


def to_anndata(composition: Composition) -> Any:
    """The composition as an AnnData.

    Returns
    -------
    AnnData
        X: whole counts (units, parts); obs: `donor`, `stratum`, `sample` where a donor has several, labels, `n_cells`;
        var: parts, with `n_cells`, `n_units` and coarser levels.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": ["a", "a", "b"], "part": list("TBT"), "n_cells": [3, 1, 2]})
    >>> adata = to_anndata(from_table(rows))
    >>> adata.X.tolist(), adata.var_names.tolist(), adata.obs["n_cells"].tolist()
    ([[1, 3], [0, 2]], ['B', 'T'], [4, 2])
    """
    from anndata import AnnData

    counts = composition.counts.toarray()
    units = composition.units
    several = bool((units["sample"] != units["donor"]).any())
    columns = ["donor", "stratum", *(["sample"] if several else []), *composition.labels]
    obs = pd.DataFrame({name: as_labels(units[name]).to_numpy() for name in columns})
    obs = obs.astype("category").assign(n_cells=counts.sum(axis=1))
    obs.index = pd.Index(_distinct(units["stratum"] + "|" + units["sample"]), dtype=object)
    var = pd.DataFrame({"n_cells": counts.sum(axis=0), "n_units": (counts > 0).sum(axis=0)})
    var.index = pd.Index(composition.parts.index.astype(str), dtype=object, name=None)
    for level in composition.parts.columns:
        var[level] = composition.parts[level].to_numpy()
    return AnnData(X=counts, obs=obs, var=var)


def _distinct(names: pd.Series) -> list[str]:
    """The names, repeated ones numbered."""
    again = names.groupby(names).cumcount()
    return [f"{name}#{n}" if n else name for name, n in zip(names, again, strict=True)]


def from_anndata(adata: Any) -> Composition:
    """The composition that an AnnData of units × parts holds.

    Parameters
    ----------
    adata
        Counts in X, dense or sparse. `obs` may have `donor` (default: the names of the units), `stratum` (default: one
        stratum) and `sample`; its other columns are labels. Units of one donor and stratum are samples of that donor.
        Columns of `var` that are no numbers are coarser levels of the parts.

    Raises
    ------
    AmountError
        A count is negative, not whole or not finite.
    TableError
        Part names, or columns of `obs`, are repeated; a unit has no donor.

    Examples
    --------
    >>> from anndata import AnnData
    >>> adata = AnnData(np.array([[3, 1], [0, 2]]), obs=pd.DataFrame({"age": ["3m", "24m"]}, index=["a", "b"]),
    ...                 var=pd.DataFrame(index=["T", "B"]))
    >>> from_anndata(adata).units.values.tolist()
    [['all cells', 'a', 'a', '3m'], ['all cells', 'b', 'b', '24m']]
    """
    for what, names in (("part", adata.var_names), ("column", adata.obs.columns)):
        if not names.is_unique:
            raise TableError(
                found=f"{what} {names[names.duplicated()][0]!r} more than once",
                expected=f"one {what} of each name",
                fix="adata.var_names_make_unique()" if what == "part" else "rename or drop one of them",
            )
    counts = whole_counts(adata)
    units = _units_of(adata)
    order = np.lexsort([units[name].to_numpy(dtype=str) for name in ("sample", "donor", "stratum")])
    names = np.array([str(name) for name in adata.var_names], dtype=object)
    place = np.argsort(names.astype(str), kind="stable")
    parts = pd.DataFrame(index=pd.Index(names[place], dtype=object, name="part"))
    for column in adata.var.columns:
        if not pd.api.types.is_numeric_dtype(adata.var[column].dtype):
            parts[str(column)] = as_labels(adata.var[column]).astype(object).to_numpy()[place]
    made = Composition(
        units.iloc[order].reset_index(drop=True), parts, csr_array(counts[order][:, place]),
        pd.DataFrame(columns=LEFT_OUT),
    )  # fmt: skip
    return made.kept(made.n_cells > 0, "no cells")


def _units_of(adata: Any) -> pd.DataFrame:
    names = pd.Series(adata.obs_names.astype(str), dtype=object)
    donor = _label(adata, "donor", names)
    units = pd.DataFrame(
        {"stratum": _label(adata, "stratum", pd.Series(WHOLE, index=names.index)), "donor": donor}
    )
    sample = _label(adata, "sample", donor)
    repeated = units.assign(sample=sample).duplicated(["stratum", "donor", "sample"], keep=False)
    units["sample"] = sample.where(~repeated, names)
    for column in adata.obs.columns:
        if column not in ("donor", "stratum", "sample", "n_cells"):
            labels = as_labels(adata.obs[column].reset_index(drop=True)).astype(object)
            units[about_name(str(column))] = labels.where(labels.notna(), None)
    return units


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
    labels = as_labels(adata.obs[name].reset_index(drop=True)).astype(object)
    labels = labels.where(labels.notna(), None)
    if labels.isna().any():
        unit = adata.obs_names[np.flatnonzero(labels.isna())[0]]
        raise TableError(
            found=f"unit {unit!r} without {name!r}",
            expected=f"a {name} for every unit",
            fix="fill it in, or drop the unit",
        )
    return labels


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
