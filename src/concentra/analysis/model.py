"""The model that decides: both responses of every stratum, fitted together, and the verdict on each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats as distributions

from concentra.design.design import Design, Stratum
from concentra.stats.verdict import NOT_TESTABLE, UNDECIDED

Floats = NDArray[np.float64]
GINI, EFFECTIVE = "gini_stratum", "hill_q1"


def responses(units: pd.DataFrame) -> dict[str, Floats]:
    """ln effective number and logit Gini coefficient of every unit, (units,) each; NaN where there is none.

    The effective number is that of Chao, Wang & Jost (2013), the Gini coefficient, over all parts of the stratum, that
    expected at the stratum's common number of cells. Of shares both are as they are.

    >>> units = pd.DataFrame({"hill_q1_corrected": [1.0], "hill_q1": [1.0], "gini_stratum_rarefied": [0.5],
    ...                       "gini_stratum": [0.5]})
    >>> {name: values.tolist() for name, values in responses(units).items()}
    {'hill_q1': [0.0], 'gini_stratum': [0.0]}
    """
    shares = units["hill_q1_corrected"].isna().all()
    effective = units["hill_q1" if shares else "hill_q1_corrected"].to_numpy(dtype=np.float64)
    gini = units["gini_stratum" if shares else "gini_stratum_rarefied"].to_numpy(dtype=np.float64)
    inside = (gini > 0) & (gini < 1)
    logit = np.full(len(gini), np.nan)
    logit[inside] = np.log(gini[inside] / (1 - gini[inside]))
    return {EFFECTIVE: np.log(effective), GINI: logit}


def judged_strata(design: Design, units: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """For each (term, stratum) the verdict, its reason, and the model's columns of both deciding rows."""
    values = responses(units)
    found = {}
    for term in design.terms:
        for stratum in design.strata:
            judgement: dict[str, Any] = {"verdict": NOT_TESTABLE, "reason": "too few donors"}
            for metric in (EFFECTIVE, GINI):
                judgement[metric] = _fitted(stratum, term.name, values[metric][stratum.rows], metric)
            if not any(np.isnan(judgement[metric].get("p_value", np.nan)) for metric in (EFFECTIVE, GINI)):
                judgement |= {"verdict": UNDECIDED, "reason": ""}
            found[term.name, stratum.name] = judgement
    return found


def _fitted(stratum: Stratum, term: str, y: Floats, metric: str) -> dict[str, Any]:
    kept = ~np.isnan(y)
    matrix, wanted = stratum.matrix[kept], stratum.contrasts[term]
    df = int(kept.sum()) - matrix.shape[1]
    if df < 1 or np.isnan(wanted).any() or np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return {}
    beta = np.linalg.lstsq(matrix, y[kept], rcond=None)[0]
    s2 = float(((y[kept] - matrix @ beta) ** 2).sum() / df)
    error = float(np.sqrt(s2 * wanted @ np.linalg.inv(matrix.T @ matrix) @ wanted))
    estimate = float(wanted @ beta)
    if error == 0:
        return {}
    p_value = 2 * distributions.t.sf(abs(estimate) / error, df)
    half = distributions.t.ppf(0.975, df) * error
    centre = float(np.mean(matrix @ beta))
    scale = (lambda d: float(np.exp(d))) if metric == EFFECTIVE else (
        lambda d: float(_expit(centre + d / 2) - _expit(centre - d / 2)))  # fmt: skip
    return {
        "effect": scale(estimate), "low": scale(estimate - half), "high": scale(estimate + half), "df": df,
        "p_value": p_value,
    }  # fmt: skip


def _expit(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
