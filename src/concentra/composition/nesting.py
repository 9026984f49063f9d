"""The compositions within each coarser part: what step 08 asks of states within a type, of any hierarchy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from concentra.composition.composition import KEY, LEFT_OUT, Composition


def within_level(composition: Composition, level: str) -> tuple[Composition, pd.DataFrame]:
    """The composition within every coarser part, each a stratum of its own.

    Parameters
    ----------
    composition
        With `level` among the columns of `parts`.
    level
        The coarser level.

    Returns
    -------
    composition
        The same units once for each coarser part of which they have cells; the stratum is "stratum, coarser part", its
        parts are the finer ones within.
    places
        Index: these strata. Columns: `stratum`, as it was, and `part`, the coarser one.

    Raises
    ------
    ColumnError, LabelError
        There is no such level; a part has no value of it.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "blood", "donor": "a", "part": ["T1", "T2", "B1"], "n_cells": [3, 2, 4]})
    >>> fine = from_table(rows).with_levels(pd.DataFrame({"type": list("TTB")}, index=["T1", "T2", "B1"]))
    >>> made, places = within_level(fine, "type")
    >>> made.units["stratum"].tolist(), made.counts.toarray().tolist(), places["part"].tolist()
    (['blood, B', 'blood, T'], [[4, 0, 0], [0, 3, 2]], ['B', 'T'])
    """
    coarse = composition.at_level(level).parts.index.astype(str)
    member = composition.parts[level].astype(str).to_numpy(dtype=object)
    places: dict[str, tuple[str, str]] = {}
    units, blocks = [], []
    for part in coarse:
        inside = composition.counts.copy()
        inside.data = np.where((member == part)[inside.indices], inside.data, 0)
        kept = np.flatnonzero(np.asarray(inside.sum(axis=1)).ravel() > 0)
        here = composition.units.iloc[kept]
        names = here["stratum"].astype(str) + f", {part}"
        places |= {name: (stratum, part) for name, stratum in zip(names, here["stratum"], strict=True)}
        units.append(here.assign(stratum=names))
        blocks.append(inside[kept])
    together = pd.concat(units, ignore_index=True)
    order = together.sort_values(list(KEY), kind="stable").index.to_numpy()
    counts = csr_array(vstack(blocks, format="csr"))[order]
    counts.eliminate_zeros()
    made = replace(
        composition, units=together.iloc[order].reset_index(drop=True), counts=counts, cells=None, notes=(),
        left_out=pd.DataFrame(columns=LEFT_OUT), parts=composition.parts[[]],
    )  # fmt: skip
    return made, pd.DataFrame(list(places.values()), index=list(places), columns=["stratum", "part"])
