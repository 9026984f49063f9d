"""How far a claim's number can be relied on: its interval, and the share of the multiverse that agrees in sign."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.study.declare import AlteredError, table_path, tables

SUMMARIES = {"age_contrast": "multiverse_summary", "head_shift": "head_multiverse_summary"}
METRICS = {"gini_present": "gini", "gini": "gini", "hill_q1": "hill_q1"}


def robustness(table: str, column: str, row: Mapping[str, Any], out: Path) -> str:
    """What an interval and the multiverse say of one cell of a table; empty where they say nothing.

    Parameters
    ----------
    table, column
        Where the cell stands.
    row
        Its row.
    out
        Output folder.
    """
    found = [_interval(column, row), _multiverse(table, column, row, out)]
    return ", ".join(text for text in found if text)


def _interval(column: str, row: Mapping[str, Any]) -> str:
    prefix = "" if column == "shift" else f"{column}_"
    low, high = row.get(f"{prefix}low"), row.get(f"{prefix}high")
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    kind = row.get("interval", "interval")
    says = "excludes 0" if low > 0 or high < 0 else "includes 0"
    return f"{kind} {low:+.3g} to {high:+.3g} {says}"


def _multiverse(table: str, column: str, row: Mapping[str, Any], out: Path) -> str:
    name = SUMMARIES.get(table)
    if name is None or name not in tables() or not table_path(name, out).exists():
        return ""
    metric = "both" if column == "direction" else METRICS.get(str(row.get("metric", column)), "")
    try:
        frame = tables()[name].read(out)
    except AlteredError:
        return f"{name} was altered"
    for key in ("cohort", "stratum"):
        if key in frame and key in row:
            frame = frame[frame[key] == row[key]]
    frame = frame[frame["metric"] == metric]
    if len(frame) != 1:
        return ""
    one = frame.iloc[0]
    return f"{one['share_same_sign']:.0%} of {one['n_specifications']} specifications agree in sign"
