"""Rows of the manuscript's tables of models: the shift of head importance from one checkpoint to the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from concentra.study.documents._rows import Rows, Source, shift_column
from concentra.study.summaries._shared import title_of

FIRSTS = (512, 1000)  # the published first checkpoint, and the earliest that all models have


def models(source: Source) -> Rows:
    """The shift of every published model from the first checkpoints that are compared."""
    heads = source.results.rows("head_models").set_index("cohort").to_dict("index")
    measured = {title_of(str(cohort)): _measured(row) for cohort, row in heads.items()}
    return [
        {"model": row["model"], "heads": measured.get(str(row["model"]), "–")} | row
        for row in first_checkpoints(source, firsts=FIRSTS)
    ]


def _measured(row: Mapping[Any, Any]) -> str:
    """How many of a model's heads were ablated."""
    every = pd.isna(row["model_heads"]) or row["n_heads"] == row["model_heads"]
    return f"all {row['n_heads']}" if every else f"{row['n_heads']} of {row['model_heads']:.0f}"


def first_checkpoints(source: Source, firsts: Sequence[int] | None = None) -> Rows:
    """The shift of every published model to its last checkpoint from every earlier one, or from some."""
    frame = source.results.rows("head_first_checkpoint", value="abs")
    models = source.results.rows("head_models", included=True)
    if frame.empty or models.empty:
        return []
    chosen = frame["cohort"].isin(models["cohort"]) & (
        frame["first"].isin(firsts) if firsts else frame["first"] > 0
    )
    rows = frame[chosen].to_dict("records")
    ginis = shift_column(rows, 3, ("gini", "gini_low", "gini_high"))
    numbers = shift_column(rows, 1, ("hill_q1", "hill_q1_low", "hill_q1_high"))
    return [
        {
            "model": title_of(row["cohort"]),
            "steps": f"{row['first']:,} to {row['last']:,}",
            "Gini": gini,
            "eff_N": effective,
            "direction": row["direction"],
            "verdict if noise is small": row["verdict_of_heads"],
        }
        for row, gini, effective in zip(rows, ginis, numbers, strict=True)
    ]
