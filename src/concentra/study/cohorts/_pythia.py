"""Pythia: what both sizes share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

CITATION = (
    "head ablations of Pythia (Biderman et al. 2023, arXiv:2304.01373), companion repository "
    "functional-differentiation-dfe of Spiro 2026, arXiv:2604.10571"
)
OBTAIN = (
    "run `concentra fetch {cohort}`, or copy {source} of the repository functional-differentiation-dfe to "
    "pythia/{cohort}_ablations.csv in the data folder"
)
REPOSITORY = "https://raw.githubusercontent.com/mool32/functional-differentiation-dfe"


def load(files: list[Path]) -> pd.DataFrame:
    """The table in the form of `concentra.io.importance`."""
    from concentra.io.importance import read_importance

    return read_importance(files[0])
