"""Step 11: is the direction in the independent cohort the same at every clustering resolution?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.design import Settings
from concentra.stats.verdict import DIRECTIONS
from concentra.study.claims import hypotheses
from concentra.study.declare import Table, column, step
from concentra.study.questions import stacked
from concentra.study.steps._states import ShiftTable, compared


class ValidationResolutions(ShiftTable):
    """Young against old per tissue at every resolution."""


class ValidationRobustness(Table):
    """At how many resolutions a tissue moves in the direction claimed, or in its most frequent one."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    hypothesis: str = column("direction claimed, where one was", nullable=True, among=DIRECTIONS)
    counted: str = column("direction counted: the claimed one, else the most frequent", among=DIRECTIONS)
    n_agree: int = column("resolutions with this direction", low=0)
    n_resolutions: int = column("resolutions", low=1)
    agreement: str = column("both in words")

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


@step(ValidationResolutions, ValidationRobustness)
def kimmel_robustness(
    state_counts: pd.DataFrame, *, cohorts: list[str], **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The direction in the independent cohort at every resolution"""
    clusters = state_counts[state_counts["level"] == "clusters"]
    claimed = hypotheses("kimmel-directions")
    found = {
        name: compared(clusters[clusters["cohort"] == name], Settings(**settings))[1] for name in cohorts
    }
    rows = [
        {"cohort": name, "stratum": stratum} | _agreed(here, claimed.get(str(stratum).casefold()))
        for name, frame in found.items()
        if len(frame)
        for stratum, here in frame.groupby("stratum")
        if here["direction"].notna().any()
    ]
    return stacked(found), pd.DataFrame(rows)


def _agreed(found: pd.DataFrame, hypothesis: str | None) -> dict[str, object]:
    directions = found.drop_duplicates("level")["direction"]
    counted = hypothesis or max(DIRECTIONS, key=directions.tolist().count)
    n_agree = int((directions == counted).sum())
    return {
        "hypothesis": hypothesis,
        "counted": counted,
        "n_agree": n_agree,
        "n_resolutions": len(directions),
        "agreement": f"{counted} {n_agree} of {len(directions)}",
    }
