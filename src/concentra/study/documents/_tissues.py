"""One page a tissue: its donors, their Lorenz curves, what drives the shift, and the multiverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from concentra.metrics.lorenz import lorenz_curve
from concentra.report.html import clip
from concentra.report.markdown import number
from concentra.study.documents._plane import slot
from concentra.study.documents._rows import Source, contrast
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

Block = dict[str, Any]
NOTE = "Filled marks enter the comparison (young or old), hollow ones not. Circles: females; squares: males."
METRICS = {"gini_present": "Gini coefficient over parts present", "hill_q1": "effective number of cell types"}
MARKERS = {"female": "circle", "male": "square"}
AGES = [1, 3, 18, 21, 24, 30]
GROUPS = ("young", "old")
DRIVERS = 12
FIRST = "Marrow"


def pages(results: Results) -> dict[str, list[Block]]:
    """Blocks by tissue; marrow first, then by name."""
    units = results.rows("concentration", included=True)
    if units.empty:
        return {}
    units = units[~units["cohort"].isin(results.simulated)]
    names = sorted(units["stratum"].unique(), key=lambda name: (name != FIRST, name))
    return {
        str(name).replace("_", " "): _page(results, units[units["stratum"] == name], str(name))
        for name in names
    }


def _page(results: Results, units: pd.DataFrame, tissue: str) -> list[Block]:
    cohorts = list(dict.fromkeys(units["cohort"]))
    blocks = [_contrast(results, tissue, cohorts)]
    blocks += [_against_age(units, metric, label, cohorts) for metric, label in METRICS.items()]
    for cohort in cohorts:
        blocks += [*_lorenz(results, tissue, cohort), *_multiverse(results, tissue, cohort)]
    for cohort in cohorts:
        blocks += [_drivers(results, tissue, cohort, metric) for metric in METRICS]
    return [block for block in blocks if block]


def _contrast(results: Results, tissue: str, cohorts: list[str]) -> Block:
    rows = [
        {"cohort": title_of(cohort)} | row
        for cohort in cohorts
        for row in contrast(cohort)(Source(results, ()))
        if row["tissue"] == tissue.replace("_", " ")
    ]
    if not rows:
        return {}
    columns = [name for name in rows[0] if name != "tissue"]
    return {
        "kind": "table",
        "caption": f"{clip(tissue.replace('_', ' '), 80)}: old against young donors, with 95 % intervals of the model.",
        "columns": [name.strip() for name in columns],
        "rows": [[row[name] for name in columns] for row in rows],
    }


def _against_age(units: pd.DataFrame, metric: str, label: str, cohorts: list[str]) -> Block:
    series = []
    for cohort in cohorts:
        here = units[units["cohort"] == cohort]
        for (group, sex), rows in here.fillna({"group": "other", "sex": "unknown"}).groupby(["group", "sex"]):
            series.append(
                {
                    "kind": "points",
                    "tags": [cohort],
                    "slot": slot(cohort),
                    "marker": MARKERS.get(str(sex), "diamond"),
                    "hollow": group == "other",
                    "points": [_donor(row, metric) for _, row in rows.iterrows()],
                }
            )
        series += _medians(here, metric, cohort)
    ages = sorted(set(units["age_months"]))
    return {
        "kind": "chart",
        "title": f"{label[0].upper()}{label[1:]} against age.",
        "note": "One mark a donor; bars join medians of the groups compared.",
        "spec": {
            "views": [
                {
                    "name": "",
                    "x": {"label": "age (months)", "ticks": [[age, f"{age:g}"] for age in ages]},
                    "y": {"label": label},
                    "series": series,
                }
            ],
            "legend": [
                {"tag": cohort, "label": title_of(cohort), "slot": slot(cohort), "dash": ""}
                for cohort in cohorts
            ],
        },
    }


def _donor(row: pd.Series, metric: str) -> dict[str, Any]:
    decimals = 3 if metric.startswith("gini") else 2
    sex = row["sex"] if isinstance(row["sex"], str) else "sex unknown"
    return {
        "x": row["age_months"],
        "y": row[metric],
        "label": f"donor {clip(row['donor'], 80)}\n{title_of(row['cohort'])}, {row['age']}, {sex}\n"
        f"{number(row[metric], decimals)} from {row['n_cells']:,} cells; donor {row['donor_source']}",
    }


def _medians(here: pd.DataFrame, metric: str, cohort: str) -> list[dict[str, Any]]:
    groups = here[here["group"].notna()].groupby("group")
    points = [
        {"x": rows["age_months"].mean(), "y": rows[metric].median(), "label": ""}
        for name in GROUPS
        if name in groups.groups
        for rows in [groups.get_group(name)]
    ]
    if len(points) < 2:
        return []
    line = {
        "kind": "line",
        "silent": True,
        "tags": [cohort],
        "slot": slot(cohort),
        "dash": "5 4",
        "points": points,
    }
    return [line]


def _lorenz(results: Results, tissue: str, cohort: str) -> list[Block]:
    counts = results.rows("composition", cohort=cohort, stratum=tissue)
    kept = results.rows("concentration", cohort=cohort, stratum=tissue, included=True)
    counts = counts[counts["donor"].isin(kept["donor"]) & counts["group"].notna()]
    if counts.empty:
        return []
    series: list[dict[str, Any]] = [
        {"kind": "line", "silent": True, "slot": 2, "dash": "3 3", "width": 1,
         "points": [{"x": 0, "y": 0, "label": ""}, {"x": 1, "y": 1, "label": ""}]}
    ]  # fmt: skip
    for (group, donor), rows in counts.groupby(["group", "donor"]):
        parts, held = lorenz_curve(rows["n_cells"].to_numpy(dtype=float))
        series.append(
            _curve(np.asarray(parts), np.asarray(held), str(group), str(donor), str(rows["age"].iloc[0]))
        )
    legend = [{"tag": name, "label": name, "slot": SLOT[name], "dash": DASH[name]} for name in GROUPS]
    return [
        {
            "kind": "chart",
            "title": f"Lorenz curves, {title_of(cohort)}.",
            "note": "One curve a donor: the share of cells that the rarest cell types hold together.",
            "spec": {
                "views": [
                    {
                        "name": "",
                        "x": {"label": "share of cell types present, rarest first", "fixed": [0, 1]},
                        "y": {"label": "share of cells", "fixed": [0, 1]},
                        "series": series,
                    }
                ],
                "legend": legend,
                "list": False,
            },
        }
    ]


SLOT = {"young": 7, "old": 6}
DASH = {"young": "", "old": "6 3"}


def _curve(parts: np.ndarray, held: np.ndarray, group: str, donor: str, age: str) -> dict[str, Any]:
    points = [
        {
            "x": x,
            "y": y,
            "label": f"donor {clip(donor, 80)} ({age}, {group})\nthe rarest {x:.0%} of types hold {y:.1%}",
        }
        for x, y in zip(parts.tolist(), held.tolist(), strict=True)
    ]
    return {
        "kind": "line",
        "tags": [group],
        "slot": SLOT[group],
        "dash": DASH[group],
        "size": 1.8,
        "width": 1.3,
        "points": points,
    }


def _drivers(results: Results, tissue: str, cohort: str, metric: str) -> Block:
    rows = results.rows("drivers", cohort=cohort, stratum=tissue, metric=metric)
    if rows.empty or not {"part", "contribution", "rank"} <= set(rows.columns):
        return {}
    decimals = 3 if metric.startswith("gini") else 2
    first = rows.sort_values("rank").head(DRIVERS)
    return {
        "kind": "bars",
        "caption": f"What drives the shift of the {METRICS[metric]}, {title_of(cohort)}: contributions of cell types, "
        f"which sum to the shift of the means; {len(first)} of {len(rows)} shown, with intervals over donors.",
        "columns": ["cell type", "contribution", "value"],
        "rows": [
            {
                "name": clip(row["part"], 80),
                "value": row["contribution"],
                "low": row.get("low"),
                "high": row.get("high"),
                "text": number(row["contribution"], decimals, sign=True),
            }
            for _, row in first.iterrows()
        ],
    }


CHOICES = ("reference", "other", "restricted_to", "min_cells", "support", "depth", "average")


def _multiverse(results: Results, tissue: str, cohort: str) -> list[Block]:
    rows = results.rows("multiverse", cohort=cohort, stratum=tissue)
    if len(rows) < 2 or not {"gini", "hill_q1", "published"} <= set(rows.columns):
        return []
    views = [
        _curve_of(rows[rows[f"counts_{metric}"]] if f"counts_{metric}" in rows else rows, metric, word)
        for metric, word in (("gini", "Gini"), ("hill_q1", "effective number"))
    ]
    return [
        {
            "kind": "chart",
            "title": f"Multiverse, {title_of(cohort)}.",
            "note": "Every defensible choice, in the order of the shift; the published choice is the large triangle.",
            "spec": {"views": views, "list": False},
        }
    ]


def _curve_of(rows: pd.DataFrame, metric: str, word: str) -> dict[str, Any]:
    ordered = rows.sort_values([metric, "specification"]).reset_index(drop=True)
    points = [
        {
            "x": place + 1,
            "y": row[metric],
            "label": _choices(row, metric),
            "published": bool(row["published"]),
        }
        for place, (_, row) in enumerate(ordered.iterrows())
    ]
    plain, chosen = ([point for point in points if point["published"] is flag] for flag in (False, True))
    return {
        "name": word,
        "x": {"label": f"{len(ordered)} distinct specifications, by size"},
        "y": {"label": f"shift in {word}", "zero": True},
        "series": [
            {"kind": "points", "slot": 2, "size": 2.2, "points": plain},
            {"kind": "points", "slot": 6, "marker": "triangle", "size": 7, "points": chosen},
        ],
    }


def _choices(row: pd.Series, metric: str) -> str:
    words = ", ".join(f"{name.replace('_', ' ')} {row[name]}" for name in CHOICES if name in row)
    return f"{number(row[metric], 3, sign=True)}{' (published choice)' if row['published'] else ''}\n{clip(words)}"
