"""Does concentration differ between groups (or along a number), and what can be concluded?

One linear model per stratum of ln effective number and of logit Gini coefficient decides: interval, test and verdict
come from it (`concentra.stats.verdict`). Beside it stand the published kind of shift (difference of medians) and a test
that assumes nothing (`concentra.analysis.exact`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.concentration import aligned
from concentra.analysis.exact import EFFECTS, Sides, exact_test, shift_of_medians
from concentra.analysis.model import EFFECTIVE, GINI, judged_strata
from concentra.design.design import Design, Stratum, Term
from concentra.progress import counted
from concentra.stats.streams import stream
from concentra.stats.verdict import DIRECTIONS, VERDICTS, direction
from concentra.tables import Table, column

Floats = NDArray[np.float64]
METRICS = (
    "gini_present", "hill_q1", "gini_stratum", "hill_q0", "hill_q2", "hill_q1_corrected", "gini_rarefied",
    "hill_q1_rarefied",
)  # fmt: skip
UNEQUAL = 2.0
"""Where the median cells of two groups differ by this factor, values as counted are not compared by a test."""


class Contrast(Table):
    """The difference of each metric between two groups of donors of a tissue, and what can be concluded."""

    contrast: str = column("the groups compared, or the coefficient")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    reference: str = column("reference group", nullable=True)
    other: str = column("group compared with it", nullable=True)
    n_reference: int = column("donors of the reference group (of a number: all)", unit="donors", low=0)
    n_other: int = column("donors of the other group", unit="donors", low=0)
    median_reference: float = column("median over donors of the reference group", nullable=True)
    median_other: float = column("median over donors of the other group", nullable=True)
    shift: float = column("difference of the medians, as published", nullable=True)
    effect: float = column(
        "of the model: ratio of effective numbers (hill_q1), difference of Gini coefficients (gini_stratum)",
        nullable=True,
    )
    low: float = column("interval of the effect", nullable=True)
    high: float = column("interval of the effect", nullable=True)
    low_family: float = column("interval adjusted over the family", nullable=True)
    high_family: float = column("interval adjusted over the family", nullable=True)
    df: float = column("degrees of freedom of the test", low=0, nullable=True)
    p_value: float = column("two-sided test of the model", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the tissues", low=0, high=1, nullable=True)
    detectable: float = column(
        "smallest effect these donors would have shown with 80% probability", nullable=True
    )
    exact_test: str = column("test that assumes exchangeable donors alone", nullable=True)
    p_exact: float = column("its two-sided p", low=0, high=1, nullable=True)
    p_exact_attainable: float = column("smallest p that these donors allow", low=0, high=1, nullable=True)
    sampled: bool = column("arrangements were sampled instead of enumerated")
    hodges_lehmann: float = column("median of all differences", nullable=True)
    hodges_lehmann_low: float = column("its exact interval", nullable=True)
    hodges_lehmann_high: float = column("its exact interval", nullable=True)
    cliffs_delta: float = column("P(other > reference) - P(other < reference)", low=-1, high=1, nullable=True)
    cliffs_delta_low: float = column("its interval", low=-1, high=1, nullable=True)
    cliffs_delta_high: float = column("its interval", low=-1, high=1, nullable=True)
    direction: str = column("quadrant of the two shifts", nullable=True, among=DIRECTIONS)
    verdict: str = column("verdict on the tissue", among=VERDICTS)
    reason: str = column("why it is not testable, or what limits the verdict", nullable=True)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "metric"]


MODEL = ("effect", "low", "high", "low_family", "high_family", "df", "p_value", "p_adjusted", "detectable")


def contrast(design: Design, units: pd.DataFrame) -> pd.DataFrame:
    """The difference of every metric in every stratum, its interval, its test and a verdict.

    Parameters
    ----------
    design
        Groups, pairs, a formula or a trend.
    units
        As `concentra.analysis.concentration.concentration` returns it for the composition of the design.

    Returns
    -------
    One row a (term, stratum, metric): the columns of `Contrast`. The model's columns are filled in the rows `hill_q1`
    (of its Chao-Wang-Jost estimate) and `gini_stratum` (of its expectation at the stratum's common number of cells);
    `verdict` and `direction` are those of the stratum.

    Examples
    --------
    >>> from concentra.analysis.concentration import concentration
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = pd.DataFrame([
    ...     {"stratum": "lung", "donor": donor, "age": "3m" if donor < "c" else "24m", "part": part, "n_cells": n}
    ...     for donor, both in counts.items() for part, n in zip("BT", both)])
    >>> composition = from_table(rows)
    >>> found = contrast(resolve(composition, Question("age", ("3m",), (("24m",),))), concentration(composition))
    >>> found.set_index("metric").loc["gini_present", ["shift", "p_exact_attainable"]].astype(float).round(3).tolist()
    [0.3, 0.333]
    """
    known = aligned(units, design.composition)
    decided = judged_strata(design, known)
    values = {metric: known[metric].to_numpy(dtype=np.float64) for metric in METRICS}
    rows = []
    for term, stratum in counted([(term, stratum) for term in design.terms for stratum in design.strata]):
        judgement = decided[term.name, stratum.name]
        measured = {metric: values[metric][stratum.rows] for metric in METRICS}
        made = _described(design, stratum, term, measured)
        place = {
            "contrast": term.name,
            "stratum": stratum.name,
            "reference": term.reference or None,
            "other": term.other or None,
            "direction": _direction({row["metric"]: row["shift"] for row in made}, judgement) or None,
            "verdict": judgement["verdict"],
            "reason": judgement["reason"] or None,
        }
        rows += [place | row | judgement.get(row["metric"], {}) for row in made]
    return pd.DataFrame(rows, columns=list(Contrast.columns()))


def _direction(shifts: dict[str, float], judgement: dict[str, Any]) -> str:
    """The quadrant of the published shifts; of a number, of the model's estimates."""
    if not np.isnan(shifts["gini_present"]):
        return direction(shifts["gini_present"], shifts[EFFECTIVE])
    effects = (
        judgement.get(GINI, {}).get("effect", np.nan),
        judgement.get(EFFECTIVE, {}).get("effect", np.nan),
    )
    return direction(effects[0], effects[1] - 1)


def _described(
    design: Design, stratum: Stratum, term: Term, measured: dict[str, Floats]
) -> list[dict[str, Any]]:
    """What is not the model's: one row a metric."""
    model = dict.fromkeys(MODEL, np.nan)
    if not term.other:
        missing = ("median_reference", "median_other", "shift", "p_exact", "p_exact_attainable")
        effects = [f"{name}{end}" for name in EFFECTS for end in ("", "_low", "_high")]
        empty = model | dict.fromkeys([*missing, *effects], np.nan) | {"sampled": False, "n_other": 0}
        return [
            empty | {"metric": metric, "n_reference": len(set(stratum.donor[~np.isnan(values)].tolist()))}
            for metric, values in measured.items()
        ]
    sides, unequal = Sides(stratum, term), unequal_depth(stratum, term)
    rows = []
    for metric, values in measured.items():
        compared, n_donors = sides.ends(values), sides.n_donors(values)
        medians = shift_of_medians(compared, paired=sides.paired)
        row = {"metric": metric, "n_reference": n_donors[0], "n_other": n_donors[1]} | model
        row |= dict(zip(("median_reference", "median_other", "shift"), medians, strict=True))
        rng = partial(stream, design.settings.seed, "exact", stratum.name, metric)
        row |= exact_test(compared, paired=sides.paired, level=design.settings.level, rng=rng)
        if metric == "gini_present" and unequal:
            row |= {"p_exact": np.nan, "p_exact_attainable": np.nan}
        rows.append(row)
    return rows


def unequal_depth(stratum: Stratum, term: Term) -> bool:
    """Whether the median cells of two groups differ twofold.

    Examples
    --------
    See `concentra.analysis.contrast.contrast`.
    """
    medians = [np.median(stratum.n_cells[rows]) for group in (term.reference, term.other)
               if len(rows := stratum.of_group(group))]  # fmt: skip
    return len(medians) == 2 and bool(max(medians) > UNEQUAL * min(medians))
