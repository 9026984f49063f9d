"""Does the concentration of a stratum rise or fall over all ages, not only from one group to another?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from concentra.analysis.contrast import CANNOT_REACH, NO_TEST, UNRESOLVED, seeded
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.trend import spearman_test, theil_sen

RISES, FALLS = "rises", "falls"
TRENDS = (RISES, FALLS, UNRESOLVED, CANNOT_REACH, NO_TEST)


def age_trend(
    units: pd.DataFrame,
    *,
    metrics: Sequence[str],
    alpha: float,
    level: float,
    n_random: int,
    seed: int,
    place: str = "",
) -> pd.DataFrame:
    """The trend of each metric over all ages of a stratum, one value a donor.

    Parameters
    ----------
    units
        One row a unit: `stratum`, `age_months`, `sex`, and the metrics. Units below the minimum number of cells are
        to be left out before.
    metrics
        Columns to follow.
    alpha
        Level of the false discovery rate; the family is the strata given, one metric.
    level
        Of the intervals of the slope.
    n_random, seed, place
        Random arrangements where all cannot be listed, the seed, and a name (cohort) that seeds with the stratum's.

    Returns
    -------
    One row a (stratum, metric):

    - `n_donors`, `n_males`, `n_ages` and `ages` (those with a value, as text, ascending);
    - `slope` (Theil-Sen, per month) and `intercept` (median of what is left at 0 months), with `slope_low`,
      `slope_high`, `interval` ("interval", "range" where so few donors cannot attain the level, "none") and
      `attained_level` (Sen 1968, exact);
    - `correlation` (Spearman), `p_value`, `p_attainable`, `n_arrangements`, `exact`;
    - `p_adjusted`, `p_adjusted_attainable`, `n_family`, `n_untestable` (Benjamini-Hochberg);
    - `slope_males`, `slope_males_low`, `slope_males_high`, `p_males`: the same among males alone;
    - `trend`: "rises" or "falls" where the adjusted p is at most `alpha`, "cannot reach" where no arrangement of
      these donors has a p of at most `alpha`, "no test" where one donor carries the trend, else "unresolved".

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "age_months": [3, 3, 3, 3, 24, 24, 24, 24], "sex": "male",
    ...                       "gini": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]})
    >>> found = age_trend(units, metrics=["gini"], alpha=0.05, level=0.95, n_random=999, seed=1).iloc[0]
    >>> round(float(found["slope"]) * 21, 3), round(float(found["p_value"]), 4), found["trend"]
    (0.4, 0.0286, 'rises')
    """
    rows = [
        {"stratum": stratum, "metric": metric}
        | _followed(of_stratum, metric, level, n_random, seeded(seed, place, str(stratum), metric))
        for stratum, of_stratum in units.groupby("stratum", sort=True)
        for metric in metrics
    ]
    frame = pd.DataFrame(rows)
    families = [_adjusted(family, alpha) for _, family in frame.groupby("metric", sort=False)]
    return pd.concat(families).sort_index()


def _followed(
    units: pd.DataFrame, metric: str, level: float, n_random: int, rng: np.random.Generator
) -> dict[str, Any]:
    known = units[units[metric].notna()]
    males = known[known["sex"] == "male"]
    slope = theil_sen(known["age_months"], known[metric], level=level)
    test = spearman_test(known["age_months"], known[metric], rng=rng, n_random=n_random)
    among_males = theil_sen(males["age_months"], males[metric], level=level)
    ages = sorted(known["age_months"].unique())
    return {
        "n_donors": len(known),
        "n_males": len(males),
        "n_ages": len(ages),
        "ages": ", ".join(f"{age:g}" for age in ages) or None,
        "slope": slope.slope,
        "intercept": slope.intercept,
        "slope_low": slope.low,
        "slope_high": slope.high,
        "interval": slope.kind,
        "attained_level": slope.attained_level,
        "correlation": test.correlation,
        "p_value": test.p_value,
        "p_attainable": test.p_attainable,
        "n_arrangements": test.n_arrangements,
        "exact": test.exact,
        "slope_males": among_males.slope,
        "slope_males_low": among_males.low,
        "slope_males_high": among_males.high,
        "p_males": spearman_test(males["age_months"], males[metric], rng=rng, n_random=n_random).p_value,
    }


def _adjusted(family: pd.DataFrame, alpha: float) -> pd.DataFrame:
    result = benjamini_hochberg(family["p_value"], family["p_attainable"], alpha)
    family = family.assign(
        p_adjusted=result.p_adjusted,
        p_adjusted_attainable=result.p_adjusted_attainable,
        n_family=result.n_tested,
        n_untestable=result.n_untestable,
    )
    return family.assign(trend=[_trend(row, alpha) for _, row in family.iterrows()])


def _trend(row: pd.Series, alpha: float) -> str:
    if np.isnan(row["p_value"]):
        return NO_TEST
    if row["p_attainable"] > alpha:
        return CANNOT_REACH
    if row["p_adjusted"] > alpha:
        return UNRESOLVED
    return RISES if row["correlation"] > 0 else FALLS
