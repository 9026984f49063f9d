"""Simulated cells with planted shifts that are known exactly."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from concentra.study.cohorts._cohort import Atlas, as_planted
from concentra.study.cohorts._tms import COLUMNS


def load(files: list[Path]) -> pd.DataFrame:
    """The simulated labels, in the words of the study."""
    from concentra.simulate import simulate_labels

    return simulate_labels().cells.rename(columns=COLUMNS).assign(donor_source="simulated", unusable=None)


def planted() -> pd.DataFrame:
    """The shifts that were planted: those of the compositions the cells were drawn from."""
    from concentra.simulate import simulate_labels

    return as_planted(simulate_labels().truth)


COHORT = Atlas(
    name="simulated",
    title="simulated cells with planted shifts",
    citation="simulated by concentra.simulate",
    licence="MIT",
    obtain="nothing to get: it is simulated in every run",
    find=lambda data: [],
    order=9,
    simulated=True,
    early=("3m",),
    late=("24m",),
    load=load,
    planted=planted,
)
