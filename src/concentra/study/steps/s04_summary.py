"""Step 04: young against old per tissue."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.across import Across, across
from concentra.analysis.contrast import Contrast, contrast
from concentra.design import Design, Settings
from concentra.study.declare import OfCohorts, column, step
from concentra.study.questions import among, designs, stacked

MALES = {
    "n_reference": "n_reference_males", "n_other": "n_other_males", "shift": "shift_males", "p_exact": "p_males"
}  # fmt: skip


class AgeContrast(OfCohorts, Contrast):
    """The shift of each metric from the young to the old donors of a tissue, and what can be concluded."""

    n_reference_males: int = column("young males", unit="donors", low=0)
    n_other_males: int = column("old males", unit="donors", low=0)
    shift_males: float = column("shift among males alone", nullable=True)
    p_males: float = column("the exact test among males alone", low=0, high=1, nullable=True)


class AcrossTissues(OfCohorts, Across):
    """All tissues of a cohort in one test: labels permuted per mouse, over all its tissues together."""


@step(AgeContrast, AcrossTissues)
def summary(
    composition: pd.DataFrame, concentration: pd.DataFrame, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Young against old per tissue, and over all tissues of a mouse together"""
    asked = designs(composition, Settings(**settings))
    units = {name: concentration[concentration["cohort"] == name] for name in asked}
    return (
        stacked({name: _with_males(one, units[name]) for name, one in asked.items()}),
        stacked({name: across(one, units[name]) for name, one in asked.items()}),
    )


def _with_males(design: Design, units: pd.DataFrame) -> pd.DataFrame:
    males = among(design, "sex", "male")
    beside = (Contrast.empty() if males is None else contrast(males, units)).rename(columns=MALES)
    place = ["stratum", "metric"]
    found = contrast(design, units).merge(beside[[*place, *MALES.values()]], on=place, how="left")
    counts = ["n_reference_males", "n_other_males"]
    return found.assign(**found[counts].astype(float).fillna(0).astype(int))
