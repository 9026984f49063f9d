"""Step 11: is the direction in the independent cohort the same at every clustering resolution?"""

from __future__ import annotations

import pandas as pd

from concentra.analysis.contrast import DIRECTIONS
from concentra.analysis.states import agreement, contrast_scales
from concentra.study.claims import hypotheses
from concentra.study.declare import Table, column, step
from concentra.study.steps._states import ShiftTable


class ValidationResolutions(ShiftTable):
    """Young against old per tissue at every resolution."""

    class Config(ShiftTable.Config):
        unique = ["cohort", "stratum", "resolution", "metric"]


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
    state_counts: pd.DataFrame, *, cohorts: list[str], min_cells: int, alpha: float, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The direction in the independent cohort at every resolution"""
    clusters = state_counts[state_counts["level"] == "clusters"]
    claimed = hypotheses("kimmel-directions")
    frames, rows = [pd.DataFrame()], []
    for cohort in cohorts:
        counts = clusters[clusters["cohort"] == cohort]
        if counts.empty:
            continue
        found = contrast_scales(counts, min_cells=min_cells, alpha=alpha, level=level, seed=seed)[1]
        frames.append(found.assign(cohort=cohort))
        rows += [
            {"cohort": cohort, "stratum": stratum} | _agreed(of_stratum, claimed.get(str(stratum).casefold()))
            for stratum, of_stratum in found.groupby("stratum")
            if of_stratum["direction"].notna().any()
        ]
    return pd.concat(frames, ignore_index=True), pd.DataFrame(rows)


def _agreed(found: pd.DataFrame, hypothesis: str | None) -> dict[str, object]:
    directions = found.drop_duplicates("resolution")["direction"]
    counted, n_agree = agreement(directions.dropna().to_list(), hypothesis)
    return {
        "hypothesis": hypothesis,
        "counted": counted,
        "n_agree": n_agree,
        "n_resolutions": len(directions),
        "agreement": f"{counted} {n_agree} of {len(directions)}",
    }
