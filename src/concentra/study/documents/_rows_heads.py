"""Rows of the manuscript's tables of models: the shift of head importance from one checkpoint to the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from concentra.study.documents._rows import Rows, Source, shift_text
from concentra.study.summaries._shared import title_of

FIRSTS = (512, 1000)  # the published first checkpoint, and the earliest that all models have


def models(source: Source) -> Rows:
    """The shift of every published model from the first checkpoints that are compared."""
    rows = first_checkpoints(source, firsts=FIRSTS)
    heads = source.results.rows("head_models").set_index("cohort")
    return [
        {"model": f"{row['model']} ({_heads(heads, str(row['model']))})"} | _without(row, "model")
        for row in rows
    ]


def _without(row: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in names}


def _heads(heads: pd.DataFrame, model: str) -> str:
    """How many of a model's heads were ablated."""
    for cohort, row in heads.iterrows():
        if title_of(str(cohort)) == model:
            every = pd.isna(row["model_heads"]) or row["n_heads"] == row["model_heads"]
            return (
                f"all {row['n_heads']} heads"
                if every
                else f"{row['n_heads']} of {row['model_heads']:.0f} heads"
            )
    return "heads not counted"


def first_checkpoints(source: Source, firsts: Sequence[int] | None = None) -> Rows:
    """The shift of every published model to its last checkpoint from every earlier one, or from some."""
    frame = source.results.rows("head_first_checkpoint", value="abs")
    models = source.results.rows("head_models", included=True)
    if frame.empty or models.empty:
        return []
    chosen = frame["cohort"].isin(models["cohort"]) & (
        frame["first"].isin(firsts) if firsts else frame["first"] > 0
    )
    return [
        {
            "model": title_of(row["cohort"]),
            "steps": f"{row['first']:,} to {row['last']:,}",
            "Gini": shift_text(row, 3, ("gini", "gini_low", "gini_high")),
            "eff_N": shift_text(row, 1, ("hill_q1", "hill_q1_low", "hill_q1_high")),
            "direction": row["direction"],
            "verdict if noise were small": row["verdict_of_heads"],
        }
        for _, row in frame[chosen].iterrows()
    ]
