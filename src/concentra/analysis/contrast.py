"""Does the concentration of a later group of donors differ from that of an earlier one, and can one tell?"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from concentra.metrics import gini, hill_number
from concentra.metrics.depth import hill_q1_corrected
from concentra.stats._groups import Metrics
from concentra.stats.bootstrap import ShiftInterval, bootstrap_shift
from concentra.stats.effect import cliffs_delta, hodges_lehmann
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.permutation import permutation_test

GINI, EFFECTIVE = "gini_present", "hill_q1"
CRYSTALLIZES, DISPERSES, MIXED = "crystallizes", "disperses", "mixed"
UNRESOLVED, CANNOT_REACH, NO_TEST = "unresolved", "cannot reach", "no test"
DIRECTIONS = (CRYSTALLIZES, DISPERSES, MIXED)
VERDICTS = (*DIRECTIONS, UNRESOLVED, CANNOT_REACH, NO_TEST)
AS_COUNTED: Metrics = {
    "gini_present": gini,
    "gini_stratum": partial(gini, support="stratum"),
    "hill_q1": hill_number,
    "hill_q2": partial(hill_number, q=2.0),
}
AT_DEPTH: Metrics = {"gini_rarefied": gini, "hill_q1_rarefied": hill_number}
CORRECTED: Metrics = {"hill_q1_corrected": hill_q1_corrected}


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


def seeded(seed: int, *names: str) -> np.random.Generator:
    """A generator for one named place: the same whatever else is computed, and in whatever order.

    >>> bool(seeded(1, "lung").integers(10**9) == seeded(1, "lung").integers(10**9))
    True
    """
    return np.random.default_rng([seed, *(zlib.crc32(name.encode("utf-8")) for name in names)])


def group_counts(
    composition: pd.DataFrame, units: pd.DataFrame, group: str = "age_group"
) -> dict[str, tuple[pd.Index, np.ndarray]]:
    """Donors and their counts (donors, parts) of the early and the late group of one stratum.

    Parameters
    ----------
    composition
        `donor`, `part`, `n_cells` of one stratum; absent parts need no row.
    units
        `donor` and the group, of the donors compared; the parts are those of all donors in `composition`.

    Examples
    --------
    >>> rows = pd.DataFrame({"donor": ["a", "a", "b"], "part": ["B", "T", "T"], "n_cells": [1, 2, 3]})
    >>> units = pd.DataFrame({"donor": ["a", "b"], "age_group": ["early", "late"]})
    >>> found = group_counts(rows, units)
    >>> found["early"][1].tolist(), found["late"][1].tolist()
    ([[1, 2]], [[0, 3]])
    """
    wide = composition.pivot(index="donor", columns="part", values="n_cells").fillna(0).sort_index()
    found = {}
    for name in ("early", "late"):
        donors = wide.index[wide.index.isin(units.loc[units[group] == name, "donor"])]
        found[name] = (donors, wide.loc[donors].to_numpy(dtype=np.int64))
    return found


def contrast(
    units: pd.DataFrame,
    *,
    metrics: Sequence[str],
    alpha: float,
    level: float = 0.95,
    group: str = "age_group",
) -> pd.DataFrame:
    """The shift of the median over donors from the early to the late group, per stratum and metric, and its tests.

    Parameters
    ----------
    units
        One row a unit: `stratum`, the metrics, and the group: "early", "late" or missing; `sex` where it is known.
        Units below the minimum number of cells are to be left out before.
    metrics
        Columns to compare. `gini_present` and `hill_q1` among them decide `direction` and `verdict`.
    alpha
        Level of the tests and of the false discovery rate, one family a metric.
    level
        Of the intervals of the effect sizes.
    group
        Name of the group column.

    Returns
    -------
    One row a (stratum, metric):

    - `n_early`, `n_late`, the medians `early` and `late`, `shift` = late - early;
    - `p_value` (exact two-sided Mann-Whitney), `p_adjusted` (Benjamini-Hochberg over the strata that can be tested),
      `p_attainable` and `p_adjusted_attainable` (the smallest that these numbers of donors allow), `n_family` (tests
      in the family), `n_untestable`;
    - `hodges_lehmann` and `cliffs_delta`, each with `_low` and `_high`;
    - `n_early_males`, `n_late_males`, `shift_males`, `p_males`: the same among males alone;
    - `direction` and `verdict` of the stratum: "crystallizes", "disperses" or "mixed" where both metrics differ at
      `alpha` after adjustment; "cannot reach" where even the most extreme data would not have reached `alpha`;
      "no test" where a group has fewer than two donors; otherwise "unresolved".

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "age_group": ["early", "early", "late", "late"],
    ...     "gini_present": [0.0, 0.1, 0.4, 0.3], "hill_q1": [2.0, 1.96, 1.38, 1.65]})
    >>> found = contrast(units, metrics=["gini_present", "hill_q1"], alpha=0.05).set_index("metric")
    >>> found[["shift", "p_attainable", "verdict"]].round(2).values.tolist()[0]  # two against two: at best 2 of 6
    [0.3, 0.33, 'cannot reach']
    """
    rows = [
        {"stratum": stratum, "metric": metric} | _compared(of_stratum, metric, group, level)
        for stratum, of_stratum in units.groupby("stratum", sort=True)
        for metric in metrics
    ]
    return judged(pd.DataFrame(rows), alpha)


def shift_intervals(
    units: pd.DataFrame,
    composition: pd.DataFrame,
    *,
    level: float,
    n_draws: int,
    depth: int,
    seed: int,
    group: str = "age_group",
    place: str = "",
) -> pd.DataFrame:
    """Intervals of the shift of medians per stratum and metric: donors are resampled, then cells within donors.

    Parameters
    ----------
    units
        As for `contrast`; `stratum`, `donor` and the group are used.
    composition
        `stratum`, `donor`, `part`, `n_cells`.
    level, n_draws, depth, seed
        Coverage, draws, the common number of cells of the rarefied metrics, and the seed.
    place
        A name (cohort) that, with the stratum's, seeds the draws.

    Returns
    -------
    One row a (stratum, metric) with donors in both groups: `corrected`, the shift corrected for depth; `low`, `high`;
    and `interval`: "interval", "range" at two donors, "none". See `concentra.stats.bootstrap.bootstrap_shift`.

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "age_group": ["early"] * 2 + ["late"] * 2})
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> found = shift_intervals(units, rows, level=0.95, n_draws=200, depth=50, seed=0).set_index("metric")
    >>> row = found.loc["gini_present"]
    >>> row["interval"], bool(row["low"] < 0.3 < row["high"])
    ('range', True)
    """
    rows: list[dict[str, Any]] = []
    for stratum, of_stratum in units.groupby("stratum", sort=True):
        counts = group_counts(composition[composition["stratum"] == stratum], of_stratum, group)
        found = _intervals(counts, level, n_draws, depth, seeded(seed, place, str(stratum)))
        rows += [
            {
                "stratum": stratum,
                "metric": metric,
                "corrected": shift.corrected,
                "low": shift.low,
                "high": shift.high,
                "interval": shift.kind,
            }
            for metric, shift in found.items()
        ]
    return pd.DataFrame(rows, columns=["stratum", "metric", "corrected", "low", "high", "interval"])


def judged(frame: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Compared strata with adjusted p, one family a metric, and the direction and verdict of each stratum.

    Parameters
    ----------
    frame
        One row a (stratum, metric): `shift`, `p_value`, `p_attainable`; `gini_present` and `hill_q1` among the metrics.
    alpha
        As for `contrast`, which says what the verdicts mean.

    Examples
    --------
    >>> rows = [("lung", metric, shift, 0.01, 0.01) for metric, shift in (("gini_present", 0.1), ("hill_q1", -2.0))]
    >>> frame = pd.DataFrame(rows, columns=["stratum", "metric", "shift", "p_value", "p_attainable"])
    >>> judged(frame, 0.05)["verdict"].tolist(), judged(frame, 0.005)["verdict"].tolist()
    (['crystallizes', 'crystallizes'], ['cannot reach', 'cannot reach'])
    """
    frame = pd.concat([_adjusted(family, alpha) for _, family in frame.groupby("metric")]).sort_index()
    decided = {stratum: _decide(rows, alpha) for stratum, rows in frame.groupby("stratum")}
    frame["direction"] = frame["stratum"].map(
        {stratum: found[0] or None for stratum, found in decided.items()}
    )
    frame["verdict"] = frame["stratum"].map({stratum: found[1] for stratum, found in decided.items()})
    return frame


def _intervals(
    counts: Mapping[str, tuple[pd.Index, np.ndarray]],
    level: float,
    n_draws: int,
    depth: int,
    rng: np.random.Generator,
) -> dict[str, ShiftInterval]:
    early, late = counts["early"][1], counts["late"][1]
    if not (len(early) and len(late)):
        return {}
    draw = partial(bootstrap_shift, early, late, level=level, n_draws=n_draws)
    found = dict(draw(AS_COUNTED, rng=rng).shifts) | draw(CORRECTED, rng=rng, correct_bias=False).shifts
    if all((group.sum(axis=1) >= depth).any() for group in (early, late)):
        found |= draw(AT_DEPTH, rng=rng, depth=depth).shifts
    return found


def _compared(units: pd.DataFrame, metric: str, group: str, level: float) -> dict[str, Any]:
    early, late = (units.loc[units[group] == name, metric].dropna().to_numpy() for name in ("early", "late"))
    males = units[units["sex"] == "male"] if "sex" in units else units.iloc[:0]
    early_males, late_males = (
        males.loc[males[group] == name, metric].dropna().to_numpy() for name in ("early", "late")
    )
    test = mann_whitney_exact(early, late)
    pairwise, dominance = hodges_lehmann(early, late, level=level), cliffs_delta(early, late, level=level)
    return {
        "n_early": early.size,
        "n_late": late.size,
        "early": _median(early),
        "late": _median(late),
        "shift": _median(late) - _median(early),
        "p_value": test.p_value,
        "p_attainable": test.p_attainable,
        "hodges_lehmann": pairwise.estimate,
        "hodges_lehmann_low": pairwise.low,
        "hodges_lehmann_high": pairwise.high,
        "cliffs_delta": dominance.estimate,
        "cliffs_delta_low": dominance.low,
        "cliffs_delta_high": dominance.high,
        "n_early_males": early_males.size,
        "n_late_males": late_males.size,
        "shift_males": _median(late_males) - _median(early_males),
        "p_males": mann_whitney_exact(early_males, late_males).p_value,
    }


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")


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


def across_strata(
    units: pd.DataFrame, *, metrics: Sequence[str], seed: int, group: str = "age_group"
) -> pd.DataFrame:
    """One test over all strata at once: labels are permuted per donor, over all its strata together.

    The strata of one donor are not independent; permuting its label everywhere at once keeps them together.

    Returns
    -------
    One row a metric: `n_strata` (with at least two donors of both groups), `n_early`, `n_late` (donors), `mean_shift`
    (mean over strata of the difference of medians), `share_up` (share of strata with a shift above 0), `p_value`
    (two-sided), `p_attainable`, `n_arrangements`, `exact`.

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "age_group": ["early", "early", "late", "late"],
    ...     "gini_present": [0.0, 0.1, 0.4, 0.3], "hill_q1": [2.0, 1.96, 1.38, 1.65]})
    >>> found = across_strata(pd.concat([units, units.assign(stratum="liver")]), metrics=["gini_present"], seed=0)
    >>> found[["n_strata", "mean_shift", "share_up", "n_arrangements"]].round(3).values.tolist()
    [[2.0, 0.3, 1.0, 6.0]]
    """
    compared = units[units[group].notna()]
    sizes = compared.groupby(["stratum", group]).size().unstack(fill_value=0)
    enough = sizes.index[(sizes.reindex(columns=["early", "late"], fill_value=0) >= 2).all(axis=1)]
    compared = compared[compared["stratum"].isin(enough)]
    rows = []
    for metric in metrics:
        wide = compared.pivot(index=["donor", group], columns="stratum", values=metric).reset_index()
        early, late = (
            wide.loc[wide[group] == name, list(enough)].to_numpy(dtype=float) for name in ("early", "late")
        )
        test = permutation_test(early, late, statistic="median", rng=seeded(seed, metric))
        shifts = np.nanmedian(late, axis=0) - np.nanmedian(early, axis=0) if len(enough) else np.array([])
        rows.append(
            {
                "metric": metric,
                "n_strata": len(enough),
                "n_early": test.n_early,
                "n_late": test.n_late,
                "mean_shift": test.statistic,
                "share_up": float((shifts > 0).mean()) if shifts.size else np.nan,
                "p_value": test.p_value,
                "p_attainable": test.p_attainable,
                "n_arrangements": test.n_arrangements,
                "exact": test.exact,
            }
        )
    return pd.DataFrame(rows)
