"""Models: concentration of the importance of attention heads along training, and what its shift rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.pl import _style as style
from concentra.report import charts, sentences
from concentra.report.markdown import number, together
from concentra.report.page import Page, Section

METRICS = (("gini", "Gini coefficient over heads", 3), ("hill_q1", "effective number of heads", 1))
VALUES = {"abs": "size of the change", "harm": "harm only", "help": "help only", "signed": "with its sign"}
"""What counts as importance of a head, by its name in the tables."""
MOST_HEADS = 8


def models(page: Page, tables: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Section | None:
    """A part for each model; None without a trajectory.

    Parameters
    ----------
    page
        Collects the charts.
    tables
        `head_trajectory`, and where they are there `head_shift`, `head_first_checkpoint`, `head_influence`; the column
        `cohort` names the model.
    titles
        How each model is shown.
    """
    along = tables.get("head_trajectory", pd.DataFrame())
    if along.empty:
        return None
    blocks = [page.text(
        "The importance of a head is the relative change of the loss when the head is switched off. Bands and "
        "intervals: 95% over resampled heads, which measure the sensitivity to single heads. Where only some heads "
        "of a model were measured, they are a sample, and effective numbers are those of the sample. Dotted: what "
        "noise of equal size in every head would show. Where the noise of the evaluation is unknown or large, the "
        "verdict is withheld."
    )]  # fmt: skip
    for place, (name, rows) in enumerate(along.groupby("cohort", sort=False)):
        model = str(name)
        first = rows.iloc[0]
        measured = _measured(int(first["n_heads"]), first.get("model_heads"))
        blocks.append(page.folded(
            titles.get(model, model), *_model(page, rows, {key: _of(frame, model) for key, frame in tables.items()}),
            note=measured, id=f"model-{place + 1}", opened=place == 0,
        ))  # fmt: skip
    return Section("models", "Models", tuple(blocks))


def _measured(n_heads: int, of: float | None) -> str:
    if of is None or pd.isna(of) or int(of) == n_heads:
        return f"all {n_heads} heads measured"
    return f"{n_heads} of {int(of)} heads measured: a sample, not the whole model"


def _of(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    return frame[frame["cohort"] == model] if "cohort" in frame else frame.iloc[:0]


def _model(page: Page, along: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> list[Markup]:
    blocks = [page.grid(*(_trajectory(page, along, metric, title) for metric, title, _ in METRICS))]
    firsts = tables.get("head_first_checkpoint", pd.DataFrame())
    if len(firsts):
        blocks.append(page.grid(*(_firsts(page, firsts, metric, title) for metric, title, _ in METRICS)))
    shifts, influence = (tables.get(name, pd.DataFrame()) for name in ("head_shift", "head_influence"))
    if len(shifts):
        caption = (
            "First against last checkpoint, by what counts as importance; 95% intervals over resampled heads. Verdict: "
            "withheld unless the noise of the evaluation is known and small; in brackets what the heads alone show."
        )
        blocks.append(page.table(_shift_rows(shifts), caption, name="head_shift", verdict="direction"))
    if len(influence):
        caption = f"The shift without one head: the {MOST_HEADS} heads that move it most."
        blocks.append(page.table(_influence_rows(influence), caption, name="head_influence"))
    return blocks


def _trajectory(page: Page, along: pd.DataFrame, metric: str, title: str) -> Markup:
    importances = list(dict.fromkeys(along["value"].astype(str)))
    rows = [
        {"checkpoint": row["checkpoint"], "importance": importances.index(str(row["value"])), "value": row[metric],
         "low": row.get(f"{metric}_low"), "high": row.get(f"{metric}_high"), "noise": row.get(f"{metric}_noise"),
         "n_heads": row["n_heads"], "top_head": str(row.get("top_head", "–")), "top_share": row.get("top_share")}
        for row in sentences.records(along.sort_values("checkpoint", kind="stable"))
    ]  # fmt: skip
    names = [VALUES.get(name, name) for name in importances]
    return page.chart(
        charts.trajectory(rows, importances=names, title=title),
        f"{title[0].upper()}{title[1:]}",
        "At every checkpoint.",
    )


def _firsts(page: Page, firsts: pd.DataFrame, metric: str, title: str) -> Markup:
    rows = [
        {"first": row["first"], "last": row["last"], "shift": row[metric], "low": row.get(f"{metric}_low"),
         "high": row.get(f"{metric}_high"), "verdict": _known(row), "direction": str(row["direction"])}
        for row in sentences.records(firsts[firsts["value"] == "abs"])
    ]  # fmt: skip
    return page.chart(
        charts.first_checkpoint(rows, title=f"shift in {title}"),
        f"Shift in {title}, by first checkpoint",
        "Lines: 95% intervals over resampled heads. Filled: established by the heads.",
    )


def _known(row: Mapping[str, Any]) -> str:
    word = str(row.get("verdict_of_heads", row.get("verdict")))
    return word if word in style.VERDICTS else "undecided"


def _shift_rows(shifts: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "importance": VALUES.get(str(row["value"]), str(row["value"])),
            "steps": f"{row['first']:,} to {row['last']:,}",
            "direction": str(row["direction"]),
            "verdict": _verdict(row),
            **{title: _interval(row, metric, decimals) for metric, title, decimals in METRICS},
        }
        for row in sentences.records(shifts)
    ]


def _verdict(row: Mapping[str, Any]) -> str:
    words, heads = str(row["verdict"]), row.get("verdict_of_heads")
    return words if heads is None or pd.isna(heads) or heads == words else f"{words} ({heads})"


def _interval(row: Mapping[str, Any], metric: str, decimals: int) -> str:
    value, low, high = together(
        (row.get(f"{metric}{end}") for end in ("", "_low", "_high")), decimals, sign=True
    )
    return value if low == "–" else f"{value} ({low} to {high})"


def _influence_rows(influence: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "without": f"layer {row['layer']}, head {row['head']}",
            **{
                f"shift in {title}": number(row[metric], decimals, sign=True)
                for metric, title, decimals in METRICS
            },
        }
        for row in sentences.records(influence[influence["value"] == "abs"].head(MOST_HEADS))
    ]
