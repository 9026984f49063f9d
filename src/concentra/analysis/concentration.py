"""How concentrated is each unit? Both metrics, beside them support, evenness, dominance and depth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from concentra.metrics import compute
from concentra.metrics.depth import coverage, hill_q1_corrected, hill_q1_miller_madow
from concentra.metrics.rarefaction import rarefied_gini, rarefied_hill

PLAIN = ("gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q2", "evenness", "largest_share")
DEPTH = ("coverage", "hill_q1_corrected", "hill_q1_miller_madow", "gini_rarefied", "hill_q1_rarefied")


def concentration(composition: pd.DataFrame, *, rarefaction_cells: int) -> pd.DataFrame:
    """The concentration of every unit over the parts of its stratum.

    Parameters
    ----------
    composition
        One row a (stratum, donor, part) with `n_cells`, whole numbers; absent parts need no row.
    rarefaction_cells
        The common number of cells at which the rarefied values are expected.

    Returns
    -------
    One row a unit, sorted by stratum and donor: `stratum`, `donor`, `n_cells`, then

    - `gini_present`, `gini_stratum` (absent parts as zeros), `hill_q0` (parts present), `hill_q1` (effective
      number), `hill_q2`, `evenness`, `largest_share` as observed;
    - `coverage`, `hill_q1_corrected` (Chao, Wang & Jost 2013), `hill_q1_miller_madow`, and `gini_rarefied`,
      `hill_q1_rarefied`: expected values at `rarefaction_cells`, NaN for a unit with fewer.

    Examples
    --------
    >>> rows = {"stratum": "lung", "donor": "a", "part": ["B", "T"], "n_cells": [30, 10]}
    >>> concentration(pd.DataFrame(rows), rarefaction_cells=20)[["gini_present", "hill_q0"]].values.tolist()
    [[0.25, 2.0]]
    """
    frames = [
        _of_stratum(str(stratum), rows, rarefaction_cells)
        for stratum, rows in composition.groupby("stratum", sort=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _of_stratum(stratum: str, rows: pd.DataFrame, rarefaction_cells: int) -> pd.DataFrame:
    counts = rows.pivot(index="donor", columns="part", values="n_cells").fillna(0).sort_index()
    amounts = counts.to_numpy(dtype=float)
    measured = {
        **compute(amounts, PLAIN),
        "coverage": coverage(amounts),
        "hill_q1_corrected": hill_q1_corrected(amounts),
        "hill_q1_miller_madow": hill_q1_miller_madow(amounts),
        "gini_rarefied": rarefied_gini(amounts, rarefaction_cells),
        "hill_q1_rarefied": rarefied_hill(amounts, rarefaction_cells, q=1),
    }
    frame = pd.DataFrame(measured, columns=[*PLAIN, *DEPTH])
    frame.insert(0, "stratum", stratum)
    frame.insert(1, "donor", counts.index.to_numpy())
    frame.insert(2, "n_cells", amounts.sum(axis=1).astype(np.int64))
    return frame
