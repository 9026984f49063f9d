"""The Lorenz curve of every unit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from concentra.composition import Composition
from concentra.metrics import Support, lorenz_curve


def lorenz_curves(composition: Composition, support: Support = "present") -> pd.DataFrame:
    """Points of the Lorenz curve of every unit: `stratum`, `donor`, `sample`, `population`, `cumulative`.

    Parameters
    ----------
    composition
        Counts.
    support
        "present": the parts of the unit; "stratum": all parts found in its stratum.

    Returns
    -------
    DataFrame
        `population` is the share of the parts, the smallest first, `cumulative` their share of the cells, both from
        0 to 1.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": "a", "part": ["T", "B"], "n_cells": [3, 1]})
    >>> lorenz_curves(from_table(rows))[["population", "cumulative"]].values.tolist()
    [[0.0, 0.0], [0.5, 0.25], [1.0, 1.0]]
    """
    frames = []
    for stratum in composition.strata:
        counts, _, rows = composition.of_stratum(stratum)
        population, cumulative = lorenz_curve(counts, support=support)
        units = composition.units.iloc[np.repeat(rows, population.shape[1])][["stratum", "donor", "sample"]]
        frames.append(units.assign(population=population.ravel(), cumulative=cumulative.ravel()))
    return pd.concat(frames, ignore_index=True).drop_duplicates()
