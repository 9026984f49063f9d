"""A GPT-NeoX of a quarter of a million parameters, trained and measured by this package on Python's own manual."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from concentra.study.cohorts._cohort import Model, first_of


def load(files: list[Path]) -> pd.DataFrame:
    """The table in the form of `concentra.io.importance`."""
    from concentra.io.importance import read_importance

    return read_importance(files[0], model_heads=16)


COHORT = Model(
    name="tiny_neox",
    title="tiny GPT-NeoX",
    citation="trained and ablated by concentra.heads.demo",
    licence="MIT",
    obtain="run `concentra heads demo` and put its table, named tiny_neox_ablations.csv, into the data folder",
    find=first_of("tiny_neox/tiny_neox_ablations.csv", "tiny_neox_ablations.csv"),
    order=4,
    demonstration=True,
    load=load,
)
