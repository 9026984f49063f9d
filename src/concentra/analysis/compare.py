"""A later group against an earlier one in every stratum: plainly, within a covariate, or in pairs.

============  ======================================  ==============================================
design        shift                                   test (two-sided, exact)
============  ======================================  ==============================================
plain         of the medians over donors              Mann-Whitney
within        of the medians within each value, mean  van Elteren: ranks within each value
paired        median of the differences of pairs      Wilcoxon signed rank
============  ======================================  ==============================================

References
----------
van Elteren 1960, Bulletin of the International Statistical Institute 37:351.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.contrast import (
    AS_COUNTED,
    AT_DEPTH,
    CORRECTED,
    EFFECTIVE,
    GINI,
    judged,
    seeded,
)
from concentra.analysis.question import EARLY, LATE, Comparison
from concentra.metrics import compute
from concentra.metrics.depth import hill_q1_corrected
from concentra.metrics.rarefaction import rarefied_gini, rarefied_hill
from concentra.stats._checks import tied_ranks
from concentra.stats.bootstrap import ShiftInterval, bootstrap_shift
from concentra.stats.effect import cliffs_delta, hodges_lehmann
from concentra.stats.exact import mann_whitney_exact, wilcoxon_signed_rank_exact
from concentra.stats.permutation import PermutationResult, permutation_test, sign_flip_test

PLAIN = (GINI, EFFECTIVE, "gini_stratum", "hill_q0", "hill_q2")
METRICS = (*PLAIN, "hill_q1_corrected", "gini_rarefied", "hill_q1_rarefied")
ALL_UP_TO = 20_000
"""Arrangements within a covariate, or over all strata, up to which all are enumerated."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Sides:
    """The donors of one stratum that are compared.

    Attributes
    ----------
    counts
        Cells, early (n_early, K) and late (n_late, K), over all parts of the stratum.
    donors
        Their names; of pairs, the same on both sides.
    strata
        The covariate's value of each donor, where they are compared within it.
    paired
        Whether row i of both is one pair.
    """

    counts: tuple[Counts, Counts]
    donors: tuple[list[str], list[str]]
    strata: tuple[list[str], list[str]] | None
    paired: bool

    @classmethod
    def of(cls, rows: pd.DataFrame, comparison: Comparison, min_cells: int) -> Sides:
        """The sides of one stratum, from rows with `donor`, `side`, `part`, `n_cells`, `within`, `pair`.

        Donors with fewer cells than `min_cells` are left out, and so are donors whose covariate or pair is
        missing, or has one side only.
        """
        name = "pair" if comparison.paired_by else "donor"
        known = rows[rows["side"].notna() & rows[name].notna()]
        wide = known.groupby(["side", name, "part"], observed=True)["n_cells"].sum().unstack(fill_value=0)
        wide = wide.reindex(columns=sorted(rows["part"].unique()), fill_value=0)
        wide = wide[wide.sum(axis=1) >= min_cells]
        of_side = wide.index.get_level_values("side")
        tables = [wide[of_side == side].droplevel("side") for side in (EARLY, LATE)]
        strata = None
        if comparison.paired_by:
            both = tables[0].index.intersection(tables[1].index)
            tables = [table.loc[both] for table in tables]
        elif comparison.within:
            values = rows.drop_duplicates("donor").set_index("donor")["within"]
            tables, strata = _within(tables, values)
        counts = tuple(table.to_numpy(dtype=np.int64) for table in tables)
        names = tuple([str(name) for name in table.index] for table in tables)
        return cls((counts[0], counts[1]), (names[0], names[1]), strata, bool(comparison.paired_by))


def _within(
    tables: list[pd.DataFrame], values: pd.Series
) -> tuple[list[pd.DataFrame], tuple[list[str], list[str]]]:
    """Donors whose covariate has donors on both sides, and its values."""
    labels = [values.reindex(table.index) for table in tables]
    shared = set(labels[0].dropna()) & set(labels[1].dropna())
    kept = [label.isin(shared).to_numpy() for label in labels]
    strata = [label[keep].astype(str).tolist() for label, keep in zip(labels, kept, strict=True)]
    return [table[keep] for table, keep in zip(tables, kept, strict=True)], (strata[0], strata[1])


def sided(composition: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The composition with `side`, `within` and `pair`; rows of donors on neither side have none.

    Parameters
    ----------
    composition
        `stratum`, `donor`, `part`, `n_cells` and the columns that the comparison names.

    Examples
    --------
    >>> rows = pd.DataFrame({"donor": ["a", "b", "c"], "age": ["3m", "24m", "18m"]})
    >>> sided(rows, Comparison("age", ("3m",), ("24m",)))["side"].tolist()
    ['early', 'late', nan]
    """
    missing = pd.Series(None, index=composition.index, dtype=object)
    within = composition[comparison.within] if comparison.within else missing
    pair = composition[comparison.paired_by] if comparison.paired_by else missing
    return composition.assign(side=comparison.side(composition[comparison.column]), within=within, pair=pair)


def measure(counts: Counts, depth: int) -> dict[str, Floats]:
    """Every metric of every donor, (n,) each, by name; rarefied ones at `depth` cells.

    >>> measure(np.array([[50, 50], [90, 10]]), depth=50)["gini_present"].round(3).tolist()
    [0.0, 0.4]
    """
    if not len(counts):
        return {name: np.empty(0) for name in METRICS}
    found: dict[str, Any] = dict(compute(counts, PLAIN))
    found["hill_q1_corrected"] = hill_q1_corrected(counts)
    found["gini_rarefied"] = rarefied_gini(counts, depth)
    found["hill_q1_rarefied"] = rarefied_hill(counts, depth, q=1)
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def compare(
    composition: pd.DataFrame,
    comparison: Comparison,
    *,
    min_cells: int,
    depth: int,
    alpha: float = 0.05,
    level: float = 0.95,
    n_draws: int = 2_000,
    rng: int,
) -> pd.DataFrame:
    """The shift of every metric in every stratum, its interval, its test and a verdict.

    Parameters
    ----------
    composition
        One row a (stratum, donor, part) with `n_cells` and the columns that the comparison names.
    comparison
        The two groups.
    min_cells
        Donors with fewer cells in a stratum are left out of it; of pairs, both halves need as many.
    depth
        The common number of cells of the rarefied metrics.
    alpha, level, n_draws
        Of tests and false discovery rate; of intervals; hierarchical draws.
    rng
        A seed; each stratum has a stream of its own.

    Returns
    -------
    One row a (stratum, metric): `n_early`, `n_late`; `early`, `late`, the medians over donors; `shift`;
    `corrected`, the shift corrected for depth, with `low`, `high` and `interval` ("interval", "range" at two donors,
    "none"); `test`, `p_value`, `p_attainable`, `p_adjusted`, `p_adjusted_attainable`, `n_family`,
    `n_untestable`; `hodges_lehmann`, `cliffs_delta` with `_low` and `_high` (plain design only, else missing);
    `direction` and `verdict`, as in `concentra.analysis.contrast.contrast`.

    Examples
    --------
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = pd.DataFrame([
    ...     {"stratum": "lung", "donor": donor, "age": "3m" if donor < "c" else "24m", "part": part, "n_cells": n}
    ...     for donor, both in counts.items() for part, n in zip("BT", both)])
    >>> found = compare(rows, Comparison("age", ("3m",), ("24m",)), min_cells=50, depth=50, rng=0)
    >>> found[["metric", "shift", "interval", "p_attainable", "verdict"]].round(3).values.tolist()[0]
    ['gini_present', 0.3, 'range', 0.333, 'cannot reach']
    """
    rows: list[dict[str, Any]] = []
    for stratum, of_stratum in sided(composition, comparison).groupby("stratum", sort=True):
        sides = Sides.of(of_stratum, comparison, min_cells)
        values = [measure(counts, depth) for counts in sides.counts]
        bounds = _bounds(sides, depth, level, n_draws, seeded(rng, comparison.name, str(stratum)))
        for metric in METRICS:
            early, late = values[0][metric], values[1][metric]
            rows.append(
                {"stratum": stratum, "metric": metric}
                | _row(early, late, sides, level, seeded(rng, comparison.name, str(stratum), metric))
                | _interval(bounds.get(metric))
            )
    return judged(pd.DataFrame(rows), alpha)


def _interval(found: ShiftInterval | None) -> dict[str, Any]:
    if found is None:
        return {"corrected": np.nan, "low": np.nan, "high": np.nan, "interval": "none"}
    return {"corrected": found.corrected, "low": found.low, "high": found.high, "interval": found.kind}


def _bounds(
    sides: Sides, depth: int, level: float, n_draws: int, rng: np.random.Generator
) -> dict[str, ShiftInterval]:
    early, late = sides.counts
    if not (len(early) and len(late)):
        return {}
    strata = sides.strata or (None, None)
    draw = partial(
        bootstrap_shift, early, late, rng=rng, level=level, n_draws=n_draws, paired=sides.paired,
        strata_early=strata[0], strata_late=strata[1],
    )  # fmt: skip
    found = dict(draw(AS_COUNTED).shifts) | draw(CORRECTED, correct_bias=False).shifts
    if all((group.sum(axis=1) >= depth).all() for group in sides.counts):
        found |= draw(AT_DEPTH, depth=depth).shifts
    return found


def _row(early: Floats, late: Floats, sides: Sides, level: float, rng: np.random.Generator) -> dict[str, Any]:
    missing = dict.fromkeys([f"{name}{end}" for name in ("hodges_lehmann", "cliffs_delta")
                             for end in ("", "_low", "_high")], np.nan)  # fmt: skip
    row: dict[str, Any] = {
        "n_early": int((~np.isnan(early)).sum()),
        "n_late": int((~np.isnan(late)).sum()),
        "early": _median(early),
        "late": _median(late),
        "shift": _shift(early, late, sides),
    }
    test: Any
    if sides.paired:
        name, test = "signed rank", wilcoxon_signed_rank_exact(early, late)
    elif sides.strata is not None:
        name, test = "van Elteren", van_elteren(early, late, *sides.strata, rng=rng)
    else:
        name, test = "Mann-Whitney", mann_whitney_exact(early, late)
        for column, effect in (
            ("hodges_lehmann", hodges_lehmann(early, late, level=level)),
            ("cliffs_delta", cliffs_delta(early, late, level=level)),
        ):
            missing |= {column: effect.estimate, f"{column}_low": effect.low, f"{column}_high": effect.high}
    return row | {"test": name, "p_value": test.p_value, "p_attainable": test.p_attainable} | missing


def _shift(early: Floats, late: Floats, sides: Sides) -> float:
    if sides.paired:
        return _median(late - early)
    if sides.strata is None:
        return _median(late) - _median(early)
    labels = [np.asarray(strata, dtype=object) for strata in sides.strata]
    total = weights = 0.0
    for value in sorted(set(sides.strata[0])):
        first, second = early[labels[0] == value], late[labels[1] == value]
        weight = len(first) * len(second) / (len(first) + len(second))
        total, weights = total + weight * (_median(second) - _median(first)), weights + weight
    return total / weights if weights else float("nan")


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def van_elteren(
    early: Floats,
    late: Floats,
    strata_early: Iterable[str],
    strata_late: Iterable[str],
    *,
    rng: np.random.Generator | int,
) -> PermutationResult:
    r"""The exact two-sided van Elteren test: a rank test of two groups within strata of donors.

    .. math:: T = \sum_h \frac{W_h}{n_h + 1}

    with :math:`W_h` the sum of the midranks of the late donors among the :math:`n_h` donors of stratum h. Labels
    are permuted within strata; one stratum gives the Mann-Whitney test.

    Parameters
    ----------
    early, late
        One value per donor, shapes (n1,) and (n2,); donors with a NaN are left out.
    strata_early, strata_late
        The stratum of each donor.
    rng
        A seed or a Generator, used where there are more than 20,000 arrangements.

    References
    ----------
    van Elteren 1960, Bulletin of the International Statistical Institute 37:351.

    Examples
    --------
    >>> result = van_elteren(np.array([1., 2, 9, 8]), np.array([3., 4, 10, 11]), "ffmm", "ffmm", rng=0)
    >>> round(result.p_value, 3), result.n_arrangements  # 2 of 6 x 6 arrangements
    (0.056, 36)
    """
    labels = np.asarray([*strata_early, *strata_late], dtype=object)
    values = np.concatenate([early, late]).astype(np.float64)
    is_late = np.arange(values.size) >= len(early)
    scores = np.full(values.size, np.nan)
    for label in sorted(set(labels)):
        place = np.flatnonzero((labels == label) & ~np.isnan(values))
        scores[place] = tied_ranks(values[place]) / 2 / (place.size + 1)
    known = ~np.isnan(scores)
    first, second = known & ~is_late, known & is_late
    return permutation_test(
        scores[first], scores[second], strata_early=labels[first].tolist(), strata_late=labels[second].tolist(),
        rng=rng, all_up_to=ALL_UP_TO,
    )  # fmt: skip


def across(composition: pd.DataFrame, comparison: Comparison, *, min_cells: int, rng: int) -> pd.DataFrame:
    """One test over all strata at once: labels are permuted per donor (pair), over all its strata together.

    Returns
    -------
    One row a metric (`gini_present`, `hill_q1`): `n_strata` with at least two donors of both groups, `n_early`,
    `n_late` (donors, or pairs), `mean_shift` (mean over strata of the difference of means; of pairs, the mean of
    their differences), `share_up` (share of strata with a shift above 0), `p_value`, `p_attainable`,
    `n_arrangements`, `exact`.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> found = across(rows, Comparison("age", ("3m",), ("24m",)), min_cells=50, rng=0).set_index("metric")
    >>> found.loc["gini_present", ["mean_shift", "p_value"]].astype(float).round(3).tolist()
    [0.3, 0.333]
    """
    columns: dict[str, tuple[dict[str, list[pd.Series]], dict[str, str]]] = {
        metric: ({EARLY: [], LATE: []}, {}) for metric in (GINI, EFFECTIVE)
    }
    for stratum, of_stratum in sided(composition, comparison).groupby("stratum", sort=True):
        sides = Sides.of(of_stratum, comparison, min_cells)
        if min(map(len, sides.donors)) < 2:
            continue
        for place, side in enumerate((EARLY, LATE)):
            values = compute(sides.counts[place], (GINI, EFFECTIVE))
            for metric, (series, strata) in columns.items():
                series[side].append(
                    pd.Series(np.asarray(values[metric]), index=sides.donors[place], name=stratum)
                )
                if sides.strata is not None:
                    strata |= dict(zip(sides.donors[place], sides.strata[place], strict=True))
    rows = [
        {"metric": metric} | _over_strata(series, strata, comparison, seeded(rng, comparison.name, metric))
        for metric, (series, strata) in columns.items()
    ]
    return pd.DataFrame(rows)


def _over_strata(
    series: dict[str, list[pd.Series]],
    strata: dict[str, str],
    comparison: Comparison,
    rng: np.random.Generator,
) -> dict[str, Any]:
    if not series[EARLY]:
        empty = {"n_strata": 0, "n_early": 0, "n_late": 0, "mean_shift": np.nan, "share_up": np.nan}
        return empty | {"p_value": np.nan, "p_attainable": np.nan, "n_arrangements": 0, "exact": True}
    early, late = (pd.concat(series[side], axis=1).sort_index() for side in (EARLY, LATE))
    if comparison.paired_by:
        late = late.reindex(early.index)
        shifts = (late - early).mean(axis=0)
        test = sign_flip_test(early.to_numpy(), late.to_numpy(), rng=rng, all_up_to=ALL_UP_TO)
    else:
        shifts = late.mean(axis=0) - early.mean(axis=0)
        labels = [[strata.get(donor, "") for donor in table.index] for table in (early, late)]
        test = permutation_test(
            early.to_numpy(), late.to_numpy(), strata_early=labels[0], strata_late=labels[1], rng=rng,
            all_up_to=ALL_UP_TO,
        )  # fmt: skip
    return {
        "n_strata": early.shape[1],
        "n_early": test.n_early,
        "n_late": test.n_late,
        "mean_shift": test.statistic,
        "share_up": float((shifts > 0).mean()),
        "p_value": test.p_value,
        "p_attainable": test.p_attainable,
        "n_arrangements": test.n_arrangements,
        "exact": test.exact,
    }
