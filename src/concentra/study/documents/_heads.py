"""One page a model: concentration of head importance along training, and what the shift rests on."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.report.markdown import number
from concentra.study.documents._rows import head_shift_row
from concentra.study.results import Results
from concentra.study.summaries._shared import title_of

Block = dict[str, Any]
NOTE = (
    "Importance of a head is the relative change of loss when it is switched off. Bands: 95 % over resampled heads, "
    "which measure sensitivity to single heads. Where only some heads of a model were ablated (144 of 384 in "
    "Pythia-410M and Pythia-1.4B) these are a sample, and effective numbers are those of the sample. The noise of the "
    "published evaluations is unknown, so that verdicts on them are withheld. Dotted: what noise alone would show."
)
METRICS = {"gini": "Gini coefficient over heads", "hill_q1": "effective number of heads"}
VALUES = {"abs": "size of the change", "harm": "harm only", "help": "help only", "signed": "with its sign"}
SLOT = {"abs": 3, "harm": 4, "help": 5, "signed": 7}
DASH = {"abs": "", "harm": "6 3", "help": "2 3", "signed": "8 3 2 3"}
SHOWN = ("abs",)


def pages(results: Results) -> dict[str, list[Block]]:
    """Blocks by model."""
    along = results.rows("head_trajectory")
    if along.empty:
        return {}
    return {
        title_of(str(model)): [block for block in _page(results, rows, str(model)) if block]
        for model, rows in along.groupby("cohort", sort=False)
    }


def _page(results: Results, along: pd.DataFrame, model: str) -> list[Block]:
    blocks = [_trajectory(along, metric, label) for metric, label in METRICS.items()]
    blocks += [_firsts(results, model, metric, label) for metric, label in METRICS.items()]
    blocks += [_influence(results, model, metric, label) for metric, label in METRICS.items()]
    return [*blocks, _table(results, model)]


def _trajectory(along: pd.DataFrame, metric: str, label: str) -> Block:
    series = []
    for value, rows in along[along["checkpoint"] > 0].groupby("value", sort=False):
        points = [_point(row, metric, str(value)) for _, row in rows.sort_values("checkpoint").iterrows()]
        common = {"tags": [str(value)], "slot": SLOT.get(str(value), 6)}
        if f"{metric}_low" in rows:
            bands = [point | {"low": low, "high": high} for point, low, high in zip(
                points, rows[f"{metric}_low"], rows[f"{metric}_high"], strict=True)]  # fmt: skip
            series.append(common | {"kind": "band", "points": bands})
        series.append(
            common | {"kind": "line", "dash": DASH.get(str(value), ""), "size": 4, "points": points}
        )
        if f"{metric}_noise" in rows and value == "abs":
            noise = [
                {"x": row["checkpoint"], "y": row[f"{metric}_noise"], "label": ""}
                for _, row in rows.iterrows()
            ]
            series.append(
                common | {"kind": "line", "silent": True, "dash": "1 4", "width": 1.5, "points": noise}
            )
    legend = [
        {"tag": str(value), "label": VALUES.get(str(value), str(value)), "slot": SLOT.get(str(value), 6),
         "dash": DASH.get(str(value), ""), "on": value in SHOWN}
        for value in along["value"].unique()
    ]  # fmt: skip
    return _chart(f"{label[0].upper()}{label[1:]} along training.", "", label, series, legend)


def _point(row: pd.Series, metric: str, value: str) -> dict[str, Any]:
    decimals = 3 if metric == "gini" else 1
    return {
        "x": row["checkpoint"],
        "y": row[metric],
        "label": f"step {row['checkpoint']:,}, {VALUES.get(value, value)}\n{number(row[metric], decimals)} over "
        f"{row['n_heads']} heads\nlargest: {row['top_head']}, {row['top_share']:.0%}",
    }


def _chart(
    title: str, note: str, label: str, series: list[Any], legend: list[Any] | None, zero: bool = False
) -> Block:
    view = {
        "name": "",
        "x": {"label": "training step", "log": True},
        "y": {"label": label, "zero": zero},
        "series": series,
    }
    return {"kind": "chart", "title": title, "note": note, "spec": {"views": [view], "legend": legend}}


def _firsts(results: Results, model: str, metric: str, label: str) -> Block:
    rows = results.rows("head_first_checkpoint", cohort=model, value="abs")
    rows = rows[rows["first"] > 0] if len(rows) else rows
    if rows.empty:
        return {}
    decimals = 3 if metric == "gini" else 1
    points = [
        {
            "x": row["first"],
            "y": row[metric],
            "low": row.get(f"{metric}_low"),
            "high": row.get(f"{metric}_high"),
            "label": f"from step {row['first']:,} to {row['last']:,}\n{number(row[metric], decimals, sign=True)}"
            f"\n{row['direction']}; verdict: {row.get('verdict', '–')}",
        }
        for _, row in rows.iterrows()
    ]
    series = [{"kind": "points", "slot": 3, "marker": "diamond", "points": points}]
    block = _chart(
        f"Shift in the {label} by first checkpoint.",
        "Bars: intervals over resampled heads.",
        "shift",
        series,
        None,
        True,
    )
    block["spec"]["views"][0]["x"]["label"] = "checkpoint taken as first"
    return block


def _influence(results: Results, model: str, metric: str, label: str) -> Block:
    rows = results.rows("head_influence", cohort=model, value="abs").head(8)
    if rows.empty:
        return {}
    decimals = 3 if metric == "gini" else 2
    return {
        "kind": "bars",
        "caption": f"The shift in the {label} without one head, for the heads that move it most.",
        "columns": ["without", "shift", "value"],
        "rows": [
            {
                "name": f"layer {row['layer']}, head {row['head']}",
                "value": row[metric],
                "text": number(row[metric], decimals, sign=True),
            }
            for _, row in rows.iterrows()
        ],
    }


def _table(results: Results, model: str) -> Block:
    rows = results.rows("head_shift", cohort=model)
    if rows.empty:
        return {}
    made = [
        {"importance": VALUES.get(row["value"], row["value"])} | head_shift_row(row)
        for _, row in rows.iterrows()
    ]
    columns = [name for name in made[0] if name != "model"]
    return {
        "kind": "table",
        "caption": "First against last checkpoint, by what counts as importance; bands over resampled heads.",
        "columns": columns,
        "rows": [[row[name] for name in columns] for row in made],
    }
