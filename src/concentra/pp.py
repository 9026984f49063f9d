"""From cells to the composition of units: an AnnData of units × parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from concentra.composition.annotated import KEY, modality_of, storable, to_anndata, whole_counts
from concentra.composition.labels import about_name
from concentra.composition.reading import read
from concentra.composition.roles import NONE, require, says_part
from concentra.errors import AmountError, ArgumentError

__all__ = ["composition"]


def composition(
    data: Any,
    *,
    unit: str | Sequence[str] | None = None,
    stratum: str | None = None,
    part: str | None = None,
    about: Sequence[str] = (),
    amount: str | None = None,
    missing: Sequence[str] = (),
    modality: str | None = None,
) -> Any:
    """The composition of every unit, as a new AnnData: counts of cells, units × parts.

    Parameters
    ----------
    data
        Cells: an AnnData (only `obs` is looked at), a MuData with `modality`, or a frame with one row a cell. Or a
        composition already, units × cell types, as scCODA makes them: then leave out `part`.
    unit
        The column of donors, which are what is resampled; or several columns, the donor first, where a donor was
        measured more than once (before and after).
    stratum
        The column within which parts are compared (tissue); None: one stratum.
    part
        The column of parts: cell types, clusters.
    about
        Columns that say something of a unit (age, sex): the same for all its cells.
    amount
        For a frame with one row a count: the column of counts.
    missing
        Labels that mean that there is none, such as "unknown". Labels that differ only in case or white space are one
        (`concentra.composition.spelling`).
    modality
        Of a MuData, the one that holds the cells.

    Returns
    -------
    AnnData
        X: counts; obs: `donor`, `stratum`, the columns of `about`, `n_cells`; var: parts. In ``uns["concentra"]``,
        `composition`: the columns taken, cells left out and why.

    Raises
    ------
    ColumnError, LabelError, DesignError, AmountError
        A column is missing; a unit has two values of a column in `about`; donors are cells; X holds no counts.

    Examples
    --------
    >>> from concentra.simulate import simulate_labels
    >>> cells = simulate_labels(n_donors=3, n_cells=100).cells
    >>> adata = composition(cells, unit="mouse.id", stratum="tissue", part="cell_ontology_class", about=["age"])
    >>> adata.shape, adata.obs.columns.tolist()
    ((48, 24), ['donor', 'stratum', 'age', 'n_cells'])
    """
    data = modality_of(data, modality)
    if part is None:
        return _as_it_is(data, unit, stratum)
    if isinstance(about, str) or unit is None:
        raise ArgumentError(
            found=f"unit={unit!r}, about={about!r}",
            expected="a unit column, and a list of columns about it",
            fix='write unit="donor_id", about=["age", "sex"]',
        )
    donor, *others = [unit] if isinstance(unit, str) else unit
    made = read(
        data, donor=donor, tissue=stratum or NONE, cell_type=part, amount=amount, missing=missing,
        needed=list(dict.fromkeys([*others, *about])), splitting=others,
    )  # fmt: skip
    kept = [name for name in made.labels if name in {about_name(one) for one in (*others, *about)}]
    made = replace(made, units=made.units[["stratum", "donor", "sample", *kept]])
    adata = to_anndata(made)
    adata.uns[KEY] = {
        "composition": {
            "parameters": {
                "unit": [donor, *others],
                "stratum": stratum or "",
                "part": part,
                "about": list(about),
            },
            "left_out": storable(made.left_out),
            "notes": [str(note) for note in made.notes],
        }
    }
    return adata


def _as_it_is(data: Any, unit: str | Sequence[str] | None, stratum: str | None) -> Any:
    """A copy of a composition, its donor and stratum under their names."""
    if isinstance(data, pd.DataFrame):
        raise ArgumentError(
            found="a frame, and no part=", expected="the column of parts", fix='write part="cell_type"'
        )
    suspects = [str(name) for name in data.obs.columns if says_part(str(name))]
    if suspects:
        raise ArgumentError(
            found=f"no part=, and cells: obs has the column {suspects[0]!r}",
            expected="the column of parts for cells; none for counts of units × parts",
            fix=f'write part="{suspects[0]}"',
        )
    adata = data.copy()
    for role, name in (("donor", unit), ("stratum", stratum)):
        if isinstance(name, str):
            require(name, [str(column) for column in adata.obs.columns], role)
            adata.obs[role] = adata.obs[name].astype("category")
    adata.obs["n_cells"] = whole_counts(adata).sum(axis=1)
    if not adata.obs["n_cells"].any():
        raise AmountError(
            found="an AnnData whose X holds zeros only",
            expected="counts of cells, units by parts",
            fix="write unit= and part= if its rows are cells, or set adata.X",
        )
    adata.uns.setdefault(KEY, {})
    return adata
