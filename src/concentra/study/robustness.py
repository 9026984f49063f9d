"""How far a claim's number can be relied on: its interval, and the share of the multiverse that agrees in sign."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.report.markdown import together
from concentra.study.declare import AlteredError, table_path, tables

SUMMARIES = {
    "age_contrast": "multiverse_summary",
    "head_shift": "head_multiverse_summary",
    "level_contrast": "level_agreement",
}
METRICS = {"gini_present": "gini", "gini": "gini", "hill_q1": "hill_q1"}
EFFECTS = {
    "gini_present": ("gini_stratum", "difference in Gini", 0.0, 3),
    "hill_q1": ("hill_q1", "ratio of effective numbers", 1.0, 2),
}
"""For a published shift: the row whose effect the model estimates, what it is, its value where nothing changes, and
its decimals."""

DECIMALS = {"hill_q1": 1}
"""Of the interval of a shift over heads; three otherwise."""


def robustness(table: str, column: str, row: Mapping[str, Any], out: Path) -> str:
    """How an interval and the multiverse support one cell of a table; empty where neither is known.

    Parameters
    ----------
    table, column
        Where the cell stands.
    row
        Its row.
    out
        Output folder.
    """
    interval = _effect(row, out) if (table, column) == ("age_contrast", "shift") else _interval(column, row)
    found = [interval, _multiverse(table, column, row, out)]
    return ", ".join(text for text in found if text)


def _effect(row: Mapping[str, Any], out: Path) -> str:
    """The effect of the model that belongs to a published shift."""
    if row.get("metric") not in EFFECTS or not table_path("age_contrast", out).exists():
        return ""
    metric, name, nothing, decimals = EFFECTS[row["metric"]]
    frame = tables()["age_contrast"].read(out)
    here = (
        (frame["cohort"] == row["cohort"])
        & (frame["stratum"] == row["stratum"])
        & (frame["metric"] == metric)
    )
    known = frame.loc[here, ["effect", "low", "high"]].dropna()
    if known.empty:
        return ""
    low, high = known.iloc[0][["low", "high"]]
    covers = "includes" if low <= nothing <= high else "excludes"
    words = together(known.iloc[0], decimals, sign=nothing == 0)
    return f"{name} {words[0]}, interval {words[1]} to {words[2]} {covers} no change"


def _interval(column: str, row: Mapping[str, Any]) -> str:
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    covers = "excludes 0" if low > 0 or high < 0 else "includes 0"
    ends = " to ".join(together((low, high), DECIMALS.get(column, 3), sign=True))
    return f"interval {ends} {covers}"


def _multiverse(table: str, column: str, row: Mapping[str, Any], out: Path) -> str:
    name = SUMMARIES.get(table)
    if name is None or name not in tables() or not table_path(name, out).exists():
        return ""
    metric = "both" if column in ("direction", "verdict") else METRICS.get(str(row.get("metric", column)), "")
    try:
        frame = tables()[name].read(out)
    except AlteredError:
        return f"{name} was altered"
    for key in ("cohort", "stratum", "level"):
        if key in frame and key in row:
            frame = frame[frame[key] == row[key]]
    frame = frame[frame["metric"] == metric]
    if len(frame) != 1:
        return ""
    one = frame.iloc[0]
    return f"{one['share_same_sign']:.0%} of {one['n_specifications']} specifications agree in sign"
