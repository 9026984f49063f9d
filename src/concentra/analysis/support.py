"""Who is compared with whom in every stratum, and who is left out and why?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from concentra.composition.composition import Composition
from concentra.design.design import Design, Stratum, Term
from concentra.stats.exact import smallest_attainable_p, smallest_attainable_p_paired
from concentra.tables import Table, column


class Support(Table):
    """What each tissue has to compare."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    n_reference: int = column("donors of the reference group (of a number: all)", unit="donors", low=0)
    n_other: int = column("donors of the other group", unit="donors", low=0)
    n_few_cells: int = column("donors with too few cells", unit="donors", low=0)
    n_samples: int = column("samples compared", low=0)
    cells_reference: float = column("median cells of a unit, reference group", unit="cells", nullable=True)
    cells_other: float = column("median cells of a unit, other group", unit="cells", nullable=True)
    depth: float = column("common number of cells", unit="cells", nullable=True)
    p_attainable: float = column("smallest p of the exact test, without ties", low=0, high=1, nullable=True)
    file: ClassVar[str] = "design"

    class Config(Table.Config):
        unique = ["contrast", "stratum"]


class LeftOut(Table):
    """Cells and donors that are not counted or not compared, and why."""

    contrast: str = column("the question; missing: never counted", nullable=True)
    stratum: str = column("tissue", nullable=True)
    donor: str = column("donor", nullable=True)
    sample: str = column("sample", nullable=True)
    reason: str = column("why")
    n_cells: int = column("cells", unit="cells", low=0)


def support(design: Design) -> pd.DataFrame:
    """What each stratum has to compare: one row a (term, stratum), the columns of `Support`.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "part": "T", "n_cells": [60, 70, 80, 9],
    ...                      "age": ["3m", "3m", "24m", "24m"]})
    >>> found = support(resolve(from_table(rows), Question("age", ("3m",), (("24m",),))))
    >>> found[["n_reference", "n_other", "n_few_cells"]].values.tolist()
    [[2, 1, 1]]
    """
    few = (
        design.excluded[design.excluded["reason"].str.startswith("fewer than")]
        .groupby("stratum")["donor"]
        .nunique()
    )
    rows = [
        {"contrast": term.name, "stratum": stratum.name, "n_few_cells": int(few.get(stratum.name, 0))}
        | _row(design, stratum, term)
        for term in design.terms
        for stratum in design.strata
    ]
    return pd.DataFrame(rows, columns=list(Support.columns()))


def _row(design: Design, stratum: Stratum, term: Term) -> dict[str, float]:
    sizes = (
        [stratum.n_donors(group) for group in (term.reference, term.other)]
        if term.other
        else [stratum.n_donors(), 0]
    )
    cells = [float(np.median(stratum.n_cells[rows])) if len(rows) else np.nan
             for rows in (stratum.of_group(group) for group in (term.reference, term.other))]  # fmt: skip
    attainable = np.nan
    if term.other and not design.question.within and min(sizes) >= 2:
        paired = design.question.paired_by
        attainable = smallest_attainable_p_paired(min(sizes)) if paired else smallest_attainable_p(*sizes)
    return {
        "n_reference": sizes[0],
        "n_other": sizes[1],
        "n_samples": len(stratum.rows),
        "cells_reference": cells[0],
        "cells_other": cells[1],
        "depth": np.nan if design.composition.of_shares else stratum.depth(design.settings),
        "p_attainable": attainable,
    }


def left_out_table(composition: Composition, designs: Sequence[Design] = ()) -> pd.DataFrame:
    """Every cell that is not counted and every donor that is not compared, with the reason.

    Examples
    --------
    >>> from concentra.composition import read
    >>> made = read(pd.DataFrame({"donor": ["a", "b", None], "cell_type": list("TBT")}))
    >>> left_out_table(made)[["reason", "n_cells"]].values.tolist()
    [['donor unknown', 1]]
    """
    columns = list(LeftOut.columns())
    frames = [composition.left_out.assign(contrast=None)]
    frames += [design.excluded.assign(contrast=design.name) for design in designs]
    return pd.concat([frame.reindex(columns=columns) for frame in frames if len(frame)] or [LeftOut.empty()],
                     ignore_index=True)  # fmt: skip
