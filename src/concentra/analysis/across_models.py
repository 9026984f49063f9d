"""Do models become more concentrated as they are trained? One shift a model, and the mean over models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from concentra.analysis.trajectory import n_model_heads
from concentra.errors import AmountError
from concentra.io.importance import Value, importance_values
from concentra.metrics import gini, hill_number
from concentra.stats.verdict import direction

LN_SHARE = "ln_hill_q1"


def model_shifts(importance: Mapping[str, pd.DataFrame], value: Value = "abs", *, first: int) -> pd.DataFrame:
    r"""The shift of each model from one checkpoint to its last, on axes that compare; one row a model.

    Parameters
    ----------
    importance
        Tables of `concentra.io.importance.read_importance`, by model.
    value
        What counts as a head's importance.
    first
        The step that the comparison starts at; a model without it starts at its own first, and is not `included`.

    Returns
    -------
    DataFrame
        `model`, `first`, `last`, `n_heads`, `model_heads` (missing where unknown), the shifts `gini` and `hill_q1`,
        and on axes that compare between n heads and m: `gini_normalised`, of Gini over :math:`1 - 1/n`, and
        `ln_hill_q1`, of the logarithm of the effective number over n; `direction`, `included`.

    Examples
    --------
    >>> rows = {"checkpoint": np.repeat([1000, 2000], 4), "layer": 0, "head": np.tile(np.arange(4), 2)}
    >>> table = pd.DataFrame(rows | {"delta": [4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]})
    >>> found = model_shifts({"a": table}, first=1000)  # Gini 9/28 to 0; effective number 3.17 to 4
    >>> found[["gini_normalised", "ln_hill_q1"]].round(3).values.tolist(), found["direction"].tolist()
    ([[-0.429, 0.233]], ['less concentrated'])
    """
    rows = [_one_model(name, table, value, first) for name, table in importance.items()]
    return pd.DataFrame([row for row in rows if row is not None])


def over_models(models: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Whether models concentrate as they train: the mean shift over models, which are the units of this question.

    Models of one family share their data and recipe: that they are independent is an assumption.

    Parameters
    ----------
    models
        As `model_shifts` returns them; those that are `included` count.
    level
        Of Student's t interval.

    Returns
    -------
    DataFrame
        One row a metric (`gini_normalised`, `ln_hill_q1`): `metric`, `first`, `n_models`, `mean`, `low`, `high`
        (missing below two models), `p_value` of the two-sided t-test, `n_up`, and `direction` of the two means. Empty
        where no model is included.

    Examples
    --------
    >>> shifts = pd.DataFrame({"first": 1000, "gini_normalised": [-0.3, -0.1], "ln_hill_q1": [0.9, 0.5]})
    >>> found = over_models(shifts.assign(included=True))
    >>> found[["mean", "low", "high"]].round(2).values.tolist(), found["direction"].tolist()
    ([[-0.2, -1.47, 1.07], [0.7, -1.84, 3.24]], ['less concentrated', 'less concentrated'])
    """
    if models.empty or not models["included"].any():
        return pd.DataFrame()
    used = models[models["included"]]
    first = int(used["first"].iloc[0])
    rows = [_over_models(used[metric], metric, first, level) for metric in ("gini_normalised", LN_SHARE)]
    return pd.DataFrame(rows).assign(direction=direction(*(row["mean"] for row in rows)))


def _one_model(name: str, table: pd.DataFrame, value: Value, first: int) -> dict[str, Any] | None:
    try:
        checkpoints, heads, amounts = importance_values(table, value)
    except AmountError:
        return None
    included = first in checkpoints and int(checkpoints[-1]) > first
    ends = amounts[[int(np.searchsorted(checkpoints, first)) if included else 0, -1]]
    n, found = len(heads), (gini(ends, support="stratum"), np.asarray(hill_number(ends, 1.0)))
    shifts = [float(values[1] - values[0]) for values in found]
    return {
        "model": name,
        "first": first if included else int(checkpoints[0]),
        "last": int(checkpoints[-1]),
        "n_heads": n,
        "model_heads": np.nan if n_model_heads(table) is None else float(n_model_heads(table) or 0),
        "gini": shifts[0],
        "hill_q1": shifts[1],
        "gini_normalised": shifts[0] / (1 - 1 / n),
        LN_SHARE: float(np.log(found[1][1] / found[1][0])),
        "direction": direction(*shifts),
        "included": included,
    }


def _over_models(shifts: pd.Series, metric: str, first: int, level: float) -> dict[str, Any]:
    n, mean = len(shifts), float(shifts.mean())
    low = high = p_value = np.nan
    if n > 1:
        error = float(shifts.std(ddof=1)) / np.sqrt(n)
        reach = float(student_t.ppf((1 + level) / 2, n - 1)) * error
        low, high = mean - reach, mean + reach
        p_value = float(2 * student_t.sf(abs(mean) / error, n - 1)) if error > 0 else np.nan
    return {
        "metric": metric,
        "first": first,
        "n_models": n,
        "mean": mean,
        "low": low,
        "high": high,
        "p_value": p_value,
        "n_up": int((shifts > 0).sum()),
    }
