"""What the shift of one tissue rests on: cell types, choices of analysis, granularity, levels of a hierarchy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.analysis.attribution import NUMBER_OF_PARTS
from concentra.report import charts, sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number, p_text, together
from concentra.report.page import Cell, Page, p_cell

METRICS = (
    ("hill_q1", "effective number"),
    ("gini_stratum", "Gini coefficient"),
    ("gini_present", "Gini coefficient, present types"),
)
"""Those whose drivers and specifications are shown."""
MOST_DRIVERS = 12
ENDS = {"low": "low", "high": "high", "joint_low": "low_adjusted", "joint_high": "high_adjusted"}
"""Ends of the lines of a contribution in the chart, and their columns."""
APPEARANCE = "(types gained or lost)"
"""How `NUMBER_OF_PARTS` is shown."""


def _metrics(rows: pd.DataFrame) -> list[tuple[str, str]]:
    there = set(rows["metric"].astype(str))
    found = [pair for pair in METRICS if pair[0] in there]
    return found[:2] if len(found) > 2 else found


def _titled(found: Findings, title: str, contrast: str | None) -> str:
    """The title of a chart, with the contrast where there are several."""
    return f"{title}: {sentences.plain(contrast)}" if contrast and len(found.contrasts) > 1 else title


def drivers(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """The chart of the cell types that drive the shift; None without the table."""
    rows = found.of_stratum("drivers", stratum, contrast)
    if rows.empty:
        return None
    metrics = _metrics(rows)
    labels = sentences.distinct(rows["part"], 40) | {NUMBER_OF_PARTS: APPEARANCE}
    values: list[dict[str, Any]] = []
    for place, (metric, _) in enumerate(metrics):
        here = rows[rows["metric"] == metric]
        here = here.reindex(here["contribution"].abs().sort_values(ascending=False).index[:MOST_DRIVERS])
        for row in sentences.records(here):
            more = (row["contribution"] < 0) == (metric == "hill_q1")
            values.append({
                "part": labels[str(row["part"])], "metric": place, "contribution": row["contribution"],
                "size": abs(row["contribution"]),
                **{name: _number(row.get(column)) for name, column in ENDS.items()},
                "toward": f"toward {'more' if more else 'less'} concentrated",
                "shares": _shares(row), "p": p_text(row.get("p_adjusted")),
            })  # fmt: skip
    if not values:
        return None
    return page.chart(
        charts.drivers(values, metrics=metrics), _titled(found, "Cell types that drive the shift", contrast),
        "Contributions add up to the shift." + _lines(rows),
        width="" if len(found.contrasts) > 1 and found.table("multiverse").empty else "double",
    )  # fmt: skip


def _lines(rows: pd.DataFrame) -> str:
    """What the lines of contributions are, where there are any.

    >>> _lines(pd.DataFrame({"low": [-1.0], "low_adjusted": [-2.0]}))
    ' Lines: intervals over donors; thin lines hold for all cell types together.'
    >>> _lines(pd.DataFrame({"low": [-1.0], "interval": ["range"]})), _lines(pd.DataFrame({"low": [None]}))
    (' Lines: ranges over pairs of donors.', '')
    """
    if rows["low"].isna().all():
        return ""
    if "interval" in rows and (rows["interval"] == "range").all():
        return " Lines: ranges over pairs of donors."
    joint = "; thin lines hold for all cell types together" if _joint(rows) else ""
    return f" Lines: intervals over donors{joint}."


def _joint(rows: pd.DataFrame) -> bool:
    """Whether there are intervals that hold for all cell types together."""
    return "low_adjusted" in rows and bool(rows["low_adjusted"].notna().any())


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def driver_table(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """Every cell type with its shares, the test of its change, and its contributions; None without the table."""
    rows = found.of_stratum("drivers", stratum, contrast)
    if rows.empty or "p_adjusted" not in rows:
        return None
    metrics = _metrics(rows)
    labels = sentences.distinct(rows["part"], 120) | {NUMBER_OF_PARTS: APPEARANCE}
    by_part: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in sentences.records(rows):
        by_part.setdefault(str(row["part"]), {})[str(row["metric"])] = row
    shown = []
    for part, of in by_part.items():
        first = next(iter(of.values()))
        shown.append(
            {
                "cell type": labels[part],
                "share": _shares(first),
                "p": p_cell(first["p_value"]),
                "adjusted p": p_cell(first["p_adjusted"]),
            }
            | {title: _contribution(of.get(name)) for name, title in metrics}
        )
    tested = "p: moderated t-test of the centred log-ratio of the share, adjusted over the cell types of the tissue. "
    held = " with intervals that hold for all cell types together" if _joint(rows) else ""
    caption = f"{tested if rows['p_value'].notna().any() else ''}Contributions to the shift{held}."
    table = page.table(shown, caption, name="drivers")
    return page.folded(
        _titled(found, "Every cell type: shares, tests, contributions", contrast), table, aside=True
    )


def _shares(row: Mapping[str, Any]) -> str:
    before, after = (
        row.get("share_reference", row.get("share_early")),
        row.get("share_other", row.get("share_late")),
    )
    if before is None or pd.isna(before):
        return "–"
    return f"{number(100 * float(before), 1)}% to {number(100 * float(after or 0), 1)}%"


def _contribution(row: Mapping[str, Any] | None) -> str | Cell:
    if row is None:
        return "–"
    middle, low, high = together(
        (row[name] for name in ("contribution", "low_adjusted", "high_adjusted")), sign=True
    )
    text = middle if low == "–" else f"{middle} ({low} to {high})"
    return Cell(text, float(row["contribution"]))


def multiverse(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """The chart of the shift under every choice of analysis; None without the table."""
    rows = found.of_stratum("multiverse", stratum, contrast)
    if rows.empty:
        return None
    metrics = [("hill_q1", "effective number"), ("gini", "Gini coefficient")]
    numbers = {"contrast", "stratum", "specification", "gini", "hill_q1", "counts_gini", "counts_hill_q1", "published",
               "direction", "n_early", "n_late", "common_cells", "n_reference", "n_other"}  # fmt: skip
    choices = [name for name in rows.columns if name not in numbers and rows[name].astype(str).nunique() > 1]
    values = []
    for place, (metric, _) in enumerate(metrics):
        here = rows[rows[f"counts_{metric}"].astype(bool)].sort_values(metric, kind="stable")
        for rank, row in enumerate(sentences.records(here)):
            values.append({
                "metric": place, "rank": rank, "value": row[metric], "made": charts.MADE[0 if row["published"] else 1],
                "choices": ", ".join(f"{name.replace('_', ' ')} {sentences.plain(row[name], 20)}" for name in choices),
            })  # fmt: skip
    note = (
        f"{sentences.counted(len(rows), 'combination')} of defensible choices, one point for each that affects the "
        "metric, which is also the unit of the shift; the diamond is the choice made."
    )
    return page.chart(
        charts.multiverse(values, metrics=metrics), _titled(found, "Multiverse of analyses", contrast), note
    )


def scales(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """The chart of the effect at the levels of a hierarchy of types or at several resolutions; None without them."""
    rows = found.of_stratum("granularity", stratum, contrast)
    if rows.empty:
        return None
    values = [
        {
            "scale": f"{sentences.plain(row['level'], 20)} ({int(row['n_parts'])})", "effect": row["effect"],
            "low": row["low"], "high": row["high"], "verdict": str(row["verdict"]),
        }
        for row in sentences.records(rows[rows["metric"] == "hill_q1"].sort_values("n_parts", kind="stable"))
    ]  # fmt: skip
    note = "From coarse to fine; in brackets the number of types. Filled: established."
    chart = charts.scales(values, ratio=True, title="ratio of effective numbers")
    return page.chart(chart, _titled(found, "Granularity", contrast), note)


def levels(page: Page, found: Findings, stratum: str, contrast: str | None) -> Markup | None:
    """The table of the change as a sum of terms between coarser types and within them; None without it."""
    rows = found.of_stratum("levels", stratum, contrast)
    rows = rows[(rows["metric"] == "entropy") & (rows["term"] != "overlap")] if len(rows) else rows
    if rows.empty:
        return None
    interval = f"{100 * found.level:g}% interval"
    words = {"total": "all of it", "between": "between coarse types", "within": "within coarse types"}
    shown = [
        {
            "change": words.get(str(row["term"]), f"within {sentences.plain(row['part'], 40)}"),
            "types": f"{sentences.plain(row['fine'], 20)} in {sentences.plain(row['coarse'], 20)}",
            "shift": number(row["shift"], sign=True),
            interval: "\xa0to\xa0".join(together((row["low"], row["high"]), sign=True)),
        }
        for row in sentences.records(rows[rows["shift"] != 0])
    ]
    caption = (
        "Where the change lies: terms of the change in the logarithm of the effective number, as counted, which add up "
        "exactly."
    )
    return page.table(shown, caption, name="levels")
