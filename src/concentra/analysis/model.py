"""The model that decides: both responses of every stratum, fitted together, and the verdict on each.

Strata are one family: their variances are moderated together (`concentra.stats.moderated`), and their p-values adjusted
together (`concentra.stats.verdict`). Samples of one donor are never independent: equal rows of the design are averaged,
others weighted with the common correlation within a donor (`concentra.stats.linear_model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.concentration import aligned
from concentra.design.design import Design, Stratum, Term
from concentra.design.settings import FEWEST_CELLS
from concentra.stats.linear_model import LinearModel, donor_correlation, linear_model
from concentra.stats.moderated import ContrastTests, contrast_tests, omnibus_tests
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.verdict import NOT_TESTABLE, intervals, judge
from concentra.tables import Table, column

Floats = NDArray[np.float64]
EFFECTIVE, GINI = DECIDING = ("hill_q1", "gini_stratum")
"""The rows that hold the deciding tests, in the order of the responses."""
SMALLER = "a change, and smaller than the margin"


def responses(units: pd.DataFrame) -> Floats:
    """ln effective number and logit Gini coefficient of every unit, (units, 2); NaN where there is none.

    The effective number is that of Chao, Wang & Jost (2013), the Gini coefficient, over all parts of the stratum, that
    expected at the stratum's common number of cells. Of shares both are as they are.

    >>> units = pd.DataFrame({"hill_q1_corrected": [1.0], "hill_q1": [1.0], "gini_stratum_rarefied": [0.5],
    ...                       "gini_stratum": [0.5]})
    >>> responses(units).tolist()
    [[0.0, 0.0]]
    """
    shares = units["hill_q1_corrected"].isna().all()
    effective = units["hill_q1" if shares else "hill_q1_corrected"].to_numpy(dtype=np.float64)
    gini = units["gini_stratum" if shares else "gini_stratum_rarefied"].to_numpy(dtype=np.float64)
    inside = (gini > 1e-12) & (gini < 1 - 1e-12)
    logit = np.full(len(gini), np.nan)
    logit[inside] = np.log(gini[inside] / (1 - gini[inside]))
    return np.stack([np.log(effective), logit], axis=1)


def judged_strata(design: Design, units: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """For each (term, stratum) the verdict, its reason, and the model's columns of both deciding rows.

    Several pairs of groups are one family with the strata; the coefficients of a formula are a family each.

    Examples
    --------
    >>> from concentra.analysis.concentration import concentration
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> found = judged_strata(design, concentration(design.composition))[design.terms[0].name, "lung"]
    >>> found["verdict"], round(float(found["hill_q1"]["effect"]), 2)  # donor a has a Gini coefficient of 0
    ('not testable', 0.76)
    """
    values = responses(units)
    y = [values[stratum.rows] for stratum in design.strata]
    correlation = _correlation(design.strata, y)
    families = [design.terms] if design.groups is not None else [(term,) for term in design.terms]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for terms in families:
        tests = [_tested(design.strata, term, y, correlation) for term in terms]
        places = [(term.name, stratum.name) for term in terms for stratum in design.strata]
        found |= dict(zip(places, _judged(design, _stacked(tests)), strict=True))
    for term in design.terms:
        for stratum in design.strata:
            judgement = found[term.name, stratum.name]
            if judgement["verdict"] == NOT_TESTABLE:
                judgement["reason"] = _reason(design, stratum, term) or judgement["reason"]
    return found


def _reason(design: Design, stratum: Stratum, term: Term) -> str:
    """What in the data of a stratum makes a test impossible, in the words of the data; empty where it is the model."""
    absent = [one for one in (term.reference, term.other) if one and not stratum.n_donors(one)]
    if absent:
        return f"no donor of {' or '.join(absent)}"
    if len(stratum.parts) == 1:
        return "a single cell type"
    few = 0 if design.composition.of_shares else int((stratum.n_cells < FEWEST_CELLS).sum())
    return (
        f"{few} of {len(stratum.n_cells)} samples with fewer than {FEWEST_CELLS} cells, too few for a Gini "
        f"coefficient; --min-cells {FEWEST_CELLS} leaves them out"
        if few
        else ""
    )


def _correlation(strata: Sequence[Stratum], y: Sequence[Floats]) -> float:
    """The common correlation of a donor's samples under different conditions; 0 where there are none."""
    kept = [
        (values, stratum)
        for values, stratum in zip(y, strata, strict=True)
        if stratum.repeated and np.isfinite(values).all() and len(values) > stratum.matrix.shape[1]
    ]
    if not kept:
        return 0.0
    return donor_correlation(
        [values for values, _ in kept],
        [one.matrix for _, one in kept],
        [one.block_of_donor.tolist() for _, one in kept],
    )


def _tested(strata: Sequence[Stratum], term: Term, y: Sequence[Floats], correlation: float) -> ContrastTests:
    models: dict[tuple[Any, ...], LinearModel] = {}
    chosen = []
    for stratum in strata:
        donors, groups = (
            stratum.block_of_donor.tolist(),
            None if stratum.group is None else stratum.group.tolist(),
        )
        wanted = stratum.contrasts[term.name]
        key = (
            stratum.matrix.tobytes(),
            stratum.matrix.shape,
            wanted.tobytes(),
            tuple(donors),
            tuple(groups or ()),
        )
        if key not in models:
            models[key] = stratum_model(stratum, term, correlation)
        chosen.append(models[key])
    return contrast_tests(chosen, y, [_shares(stratum) for stratum in strata], moderate=len(strata) > 1)


def stratum_model(stratum: Stratum, term: Term, correlation: float = 0.0) -> LinearModel:
    """The linear model of one stratum for one term, as `concentra.stats.linear_model.linear_model` makes it.

    Parameters
    ----------
    stratum, term
        Of a design.
    correlation
        Of a donor's samples under different conditions.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> model = stratum_model(design.strata[0], design.terms[0])
    >>> model.weights.round(3).tolist(), model.n_donors
    ([[-0.5, -0.5, 0.5, 0.5]], 4)
    """
    wanted = stratum.contrasts[term.name]
    groups = None if stratum.group is None else stratum.group.tolist()
    donors = stratum.block_of_donor.tolist()
    if np.isnan(wanted).any():  # a group without donors here: nothing can be estimated
        ones = np.ones((len(stratum.rows), 2))
        return linear_model(ones, np.array([0.0, 1.0]))
    at = None
    if not term.other:  # the middle of the range over which the change is estimated
        at = np.where(wanted != 0, (term.low + term.high) / 2, stratum.matrix.mean(axis=0))
    return linear_model(stratum.matrix, wanted, groups=groups, donors=donors, correlation=correlation, at=at)


def _shares(stratum: Stratum) -> Floats:
    counts = stratum.counts.astype(np.float64)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _stacked(tests: Sequence[ContrastTests]) -> ContrastTests:
    """The tests of several terms as one family."""
    if len(tests) == 1:
        return tests[0]
    names = ("estimate", "error", "df", "p_value", "centre", "prior_df")
    joined = {name: np.concatenate([getattr(one, name) for one in tests]) for name in names}
    return ContrastTests(**joined, reasons=tuple(reason for one in tests for reason in one.reasons))


def _judged(design: Design, tests: ContrastTests) -> list[dict[str, Any]]:
    settings = design.settings
    found = judge(
        tests, alpha=settings.alpha, ratio_margin=settings.margin_ratio, gini_margin=settings.margin_gini
    )
    low, high = intervals(tests, settings.level)
    rows = []
    for t, verdict in enumerate(found.verdict):
        reason = found.reasons[t] or found.deciding[t]
        if verdict != "no change beyond the margin" and found.within_margin[t] and not reason:
            reason = SMALLER
        row: dict[str, Any] = {"verdict": verdict, "reason": reason}
        for m, metric in enumerate(DECIDING):
            row[metric] = {
                "effect": found.effect[t, m],
                "low": low[t, m],
                "high": high[t, m],
                "low_family": found.low_family[t, m],
                "high_family": found.high_family[t, m],
                "df": tests.df[t, m],
                "p_value": tests.p_value[t, m],
                "p_adjusted": found.p_adjusted[t],
                "detectable": found.detectable[t, m],
            }
        rows.append(row)
    return rows


class Omnibus(Table):
    """Whether several groups differ at all, in each tissue and metric."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    metric: str = column("metric that decides", among=DECIDING)
    statistic: float = column("moderated F", low=0, nullable=True)
    df_numerator: float = column("degrees of freedom", low=0, nullable=True)
    df_denominator: float = column("degrees of freedom", low=0, nullable=True)
    p_value: float = column("of no difference between any groups", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the tissues", low=0, high=1, nullable=True)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "metric"]


def omnibus(design: Design, units: pd.DataFrame) -> pd.DataFrame:
    """One test of all groups together in every stratum and deciding metric: the columns of `Omnibus`.

    Parameters
    ----------
    design
        Three groups or more.
    units
        As `concentra.analysis.concentration.concentration` returns it.

    Examples
    --------
    >>> from concentra.analysis.concentration import concentration
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = [("lung", f"{g}{n}", g, p, 50 + s * (n + 1 + 9 * "abc".index(g))) for g in "abc" for n in range(3)
    ...         for p, s in (("B", 1), ("T", -1))]
    >>> made = from_table(pd.DataFrame(rows, columns=["stratum", "donor", "g", "part", "n_cells"]))
    >>> found = omnibus(resolve(made, Question("g", ("a",), (("b",), ("c",)))), concentration(made))
    >>> found["df_numerator"].tolist(), bool((found["p_value"] < 0.05).all())
    ([2.0, 2.0], True)
    """
    values = responses(aligned(units, design.composition))
    names = [term.name for term in design.terms if term.reference == next(iter(design.question.groups))]
    strata = [one for one in design.strata if not any(np.isnan(one.contrasts[name]).any() for name in names)]
    y = [values[stratum.rows] for stratum in strata]
    correlation = _correlation(strata, y)
    models = [
        linear_model(
            one.matrix, np.stack([one.contrasts[name] for name in names]), correlation=correlation,
            groups=None if one.group is None else one.group.tolist(), donors=one.block_of_donor.tolist(),
        )
        for one in strata
    ]  # fmt: skip
    tests = omnibus_tests(models, y, [_shares(one) for one in strata], moderate=len(strata) > 1)
    frames = []
    for m, metric in enumerate(DECIDING):
        adjusted = benjamini_hochberg(tests.p_value[:, m], alpha=design.settings.alpha).p_adjusted
        frames.append(
            pd.DataFrame(
                {
                    "contrast": design.name,
                    "stratum": [one.name for one in strata],
                    "metric": metric,
                    "statistic": tests.statistic[:, m],
                    "df_numerator": tests.df_numerator[:, m],
                    "df_denominator": tests.df_denominator[:, m],
                    "p_value": tests.p_value[:, m],
                    "p_adjusted": adjusted,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)[list(Omnibus.columns())]
