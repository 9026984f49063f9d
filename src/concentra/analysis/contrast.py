"""Does the concentration of a later group of donors differ from that of an earlier one, and can one tell?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from concentra.stats.exact import mann_whitney_exact
from concentra.stats.multiplicity import benjamini_hochberg

GINI, EFFECTIVE = "gini_present", "hill_q1"
CRYSTALLIZES, DISPERSES, MIXED = "crystallizes", "disperses", "mixed"
UNRESOLVED, CANNOT_REACH, NO_TEST = "unresolved", "cannot reach", "no test"
VERDICTS = (CRYSTALLIZES, DISPERSES, MIXED, UNRESOLVED, CANNOT_REACH, NO_TEST)


def direction(gini_shift: float, effective_shift: float) -> str:
    """The quadrant of two shifts.

    "crystallizes" where the Gini coefficient rises and the effective number falls, "disperses" the reverse,
    otherwise "mixed" (also where one of them is exactly zero); empty where a shift is NaN.

    >>> direction(0.087, -2.18), direction(-0.04, 1.9), direction(0.01, 0.4)
    ('crystallizes', 'disperses', 'mixed')
    """
    if np.isnan(gini_shift) or np.isnan(effective_shift):
        return ""
    if gini_shift > 0 > effective_shift:
        return CRYSTALLIZES
    return DISPERSES if gini_shift < 0 < effective_shift else MIXED


def contrast(
    units: pd.DataFrame, *, metrics: Sequence[str], group: str = "age_group", alpha: float
) -> pd.DataFrame:
    """The shift of the median over donors from the early to the late group, per stratum and metric.

    Parameters
    ----------
    units
        One row a unit: `stratum`, the metrics, and the group, "early", "late" or missing. Units below the minimum
        number of cells are to be left out before.
    metrics
        Columns to compare. `gini_present` and `hill_q1` among them decide `direction` and `verdict`.
    group
        Name of the group column.
    alpha
        Level of the tests and of the false discovery rate, one family a metric.

    Returns
    -------
    One row a (stratum, metric): `n_early`, `n_late`, the medians `early` and `late`, `shift` = late - early,
    `p_value` (exact two-sided Mann-Whitney), `p_adjusted` (Benjamini-Hochberg over the strata that can be tested),
    `p_attainable` and `p_adjusted_attainable` (the smallest that these numbers of donors allow), `n_family` (tests
    in the family), `n_untestable`, `direction` and `verdict` of the stratum:

    - "crystallizes", "disperses", "mixed": both metrics differ at `alpha` after adjustment, in these directions;
    - "cannot reach": even the most extreme data would not have reached `alpha`;
    - "no test": a group has fewer than two donors, or none; otherwise "unresolved".
    """
    rows = [
        {"stratum": stratum, "metric": metric} | _compared(of_stratum, metric, group)
        for stratum, of_stratum in units.groupby("stratum", sort=True)
        for metric in metrics
    ]
    frame = pd.concat([_adjusted(family, alpha) for _, family in pd.DataFrame(rows).groupby("metric")])
    frame = frame.sort_index()
    decided = {stratum: _decide(rows, alpha) for stratum, rows in frame.groupby("stratum")}
    frame["direction"] = frame["stratum"].map({stratum: found[0] for stratum, found in decided.items()})
    frame["verdict"] = frame["stratum"].map({stratum: found[1] for stratum, found in decided.items()})
    return frame


def _compared(units: pd.DataFrame, metric: str, group: str) -> dict[str, float]:
    values = {name: units.loc[units[group] == name, metric].dropna().to_numpy() for name in ("early", "late")}
    early, late = (float(np.median(found)) if found.size else np.nan for found in values.values())
    test = mann_whitney_exact(values["early"], values["late"])
    return {
        "n_early": values["early"].size,
        "n_late": values["late"].size,
        "early": early,
        "late": late,
        "shift": late - early,
        "p_value": test.p_value,
        "p_attainable": test.p_attainable,
    }


def _adjusted(family: pd.DataFrame, alpha: float) -> pd.DataFrame:
    result = benjamini_hochberg(family["p_value"], family["p_attainable"], alpha)
    return family.assign(
        p_adjusted=result.p_adjusted,
        p_adjusted_attainable=result.p_adjusted_attainable,
        n_family=result.n_tested,
        n_untestable=result.n_untestable,
    )


def _decide(rows: pd.DataFrame, alpha: float) -> tuple[str, str]:
    both = rows.set_index("metric").loc[[GINI, EFFECTIVE]]
    towards = direction(both["shift"].iloc[0], both["shift"].iloc[1])
    if both["p_value"].isna().any():
        return towards, NO_TEST
    if (both["p_attainable"] > alpha).any():
        return towards, CANNOT_REACH
    return towards, towards if (both["p_adjusted"] <= alpha).all() else UNRESOLVED
