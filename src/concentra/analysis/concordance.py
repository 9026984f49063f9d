"""Do two platforms agree on the concentration of a stratum, in level and in direction?

Where the platforms measured the same donors, agreement is technical replication: it says that the measurement can be
repeated, not that other donors would show the same. Disagreement may be of the platforms, or of the ages, sexes,
depths and cell types at which they were used: these stand beside every level.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from concentra.stats.trend import spearman

_OFFICIAL = re.compile(r"^(\d+)_(\d+)_([FM])$")
_TURNED = re.compile(r"^(\d+)-([FM])-(\d+)$")


def donor_key(label: str) -> str | None:
    """One spelling of a mouse: age-sex-number; None for a label that names no single known mouse.

    Tabula Muris Senis writes the same mouse `24_60_M` on plates and `24-M-60` in droplets. Segments
    (`24-M-seg1`) and several mice in one label (`3-M-5/6`) cannot be matched.

    Examples
    --------
    >>> donor_key("24_60_M"), donor_key("24-M-60"), donor_key("24-M-seg1"), donor_key("3-M-5/6")
    ('24-M-60', '24-M-60', None, None)
    """
    if found := _OFFICIAL.match(label):
        return f"{found[1]}-{found[3]}-{found[2]}"
    return label if _TURNED.match(label) else None


def levels(units: pd.DataFrame, *, metrics: Sequence[str]) -> pd.DataFrame:
    """The level of each metric in every group of every stratum and cohort.

    Parameters
    ----------
    units
        One row a unit: `cohort`, `stratum`, `donor`, `age_months`, `group`, `n_cells`, and the metrics.

    Returns
    -------
    One row a (cohort, stratum, group, metric) with a donor in it: `n_donors`, `ages` (text), `n_cells`
    (median over donors), `level` (median over donors), `lowest`, `highest` (the range over donors: so few donors
    allow no interval of a median at 95%).

    Examples
    --------
    >>> units = pd.DataFrame({"cohort": "x", "stratum": "lung", "donor": ["a", "b"], "age_months": [3, 3],
    ...                       "group": "young", "n_cells": [100, 300], "gini": [0.2, 0.6]})
    >>> levels(units, metrics=["gini"])[["n_donors", "ages", "n_cells", "level", "lowest"]].values.tolist()
    [[2, '3', 200.0, 0.4, 0.2]]
    """
    rows = []
    for place, here in units.groupby(["cohort", "stratum", "group"], sort=False):
        about = {
            **dict(zip(("cohort", "stratum", "group"), place, strict=True)),
            "n_donors": len(here),
            "ages": ", ".join(f"{age:g}" for age in sorted(here["age_months"].unique())),
            "n_cells": float(here["n_cells"].median()),
        }
        for metric in metrics:
            values = here[metric].dropna()
            rows.append(
                about
                | {
                    "metric": metric,
                    "level": values.median() if len(values) else np.nan,
                    "lowest": values.min(),
                    "highest": values.max(),
                }
            )
    return pd.DataFrame(rows)


def paired(units: pd.DataFrame, *, metrics: Sequence[str], first: str, second: str) -> pd.DataFrame:
    """Donors measured in both cohorts in one stratum: one row a (stratum, donor, metric).

    Returns
    -------
    `stratum`, `donor` (as `donor_key` spells it), `age_months`, `metric`, `first`, `second` (the two values) and
    `difference` = second - first. Empty where no donor is known in both.

    Examples
    --------
    >>> units = pd.DataFrame({"cohort": ["x", "y"], "stratum": "lung", "donor": ["24_60_M", "24-M-60"],
    ...                       "age_months": 24, "gini": [0.25, 0.5]})
    >>> paired(units, metrics=["gini"], first="x", second="y")[["donor", "difference"]].values.tolist()
    [['24-M-60', 0.25]]
    """
    keyed = units.assign(donor=units["donor"].map(donor_key)).dropna(subset=["donor"])
    long = keyed.melt(["cohort", "stratum", "donor", "age_months"], list(metrics), "metric", "value")
    place = ["stratum", "donor", "age_months", "metric"]
    halves = [
        long.loc[long["cohort"] == cohort, [*place, "value"]].rename(columns={"value": name})
        for name, cohort in (("first", first), ("second", second))
    ]
    both = halves[0].merge(halves[1], on=place, validate="one_to_one").dropna(subset=["first", "second"])
    return both.assign(difference=both["second"] - both["first"])


def agreement(pairs: pd.DataFrame) -> pd.DataFrame:
    """How far two platforms agree over strata, one row a (metric, what).

    Parameters
    ----------
    pairs
        One row a (metric, what, stratum) with `first` and `second`.

    Returns
    -------
    `n_strata`, `correlation` (Spearman over strata), `n_same_sign` (both above or both below 0: of shifts),
    `mean_difference` (second - first). No p: strata of the same donors are not independent.

    Examples
    --------
    >>> rows = {"metric": "gini", "what": "shift", "stratum": ["a", "b"], "first": [1.0, -1.0], "second": [2.0, 1.0]}
    >>> agreement(pd.DataFrame(rows))[["n_strata", "correlation", "n_same_sign"]].values.tolist()
    [[2.0, 1.0, 1.0]]
    """
    rows = []
    for (metric, what), here in pairs.dropna(subset=["first", "second"]).groupby(
        ["metric", "what"], sort=False
    ):
        rows.append(
            {
                "metric": metric,
                "what": what,
                "n_strata": len(here),
                "correlation": spearman(here["first"], here["second"]),
                "n_same_sign": int((np.sign(here["first"]) * np.sign(here["second"]) > 0).sum()),
                "mean_difference": float((here["second"] - here["first"]).mean()),
            }
        )
    return pd.DataFrame(
        rows, columns=["metric", "what", "n_strata", "correlation", "n_same_sign", "mean_difference"]
    )
