"""What the models share whose heads were ablated in one published study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

SOURCE_OF_TABLES = "companion repository functional-differentiation-dfe of Spiro 2026, arXiv:2604.10571"
CITATION = f"head ablations of Pythia (Biderman et al. 2023, arXiv:2304.01373), {SOURCE_OF_TABLES}"
OBTAIN = (
    "run `concentra fetch {cohort}`, or copy {source} of the repository functional-differentiation-dfe to "
    "{folder}/{cohort}_ablations.csv in the data folder"
)
REPOSITORY = "https://raw.githubusercontent.com/mool32/functional-differentiation-dfe"


def loading(model_heads: int) -> Callable[[list[Path]], pd.DataFrame]:
    """A reader of tables in the form of `concentra.io.importance`, of a model with so many heads."""

    def load(files: list[Path]) -> pd.DataFrame:
        from concentra.io.importance import read_importance

        return read_importance(files[0], model_heads=model_heads)

    return load
