"""Step 13: kidney in the atlas and in the validation cohort, clustered in the same way: does its direction flip?"""

from __future__ import annotations

import pandas as pd

from concentra.analysis.contrast import DIRECTIONS
from concentra.analysis.granularity import compare_scales
from concentra.analysis.states import ANNOTATED, contrast_scales
from concentra.study.declare import Table, column, step
from concentra.study.steps._states import ShiftTable


class KidneyScale(ShiftTable):
    """Kidney, young against old, over annotated types and over clusters at every resolution."""

    class Config(ShiftTable.Config):
        unique = ["cohort", "stratum", "resolution", "metric"]


class KidneyGranularity(Table):
    """Whether kidney crystallizes over annotated types and disperses over clusters."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    direction_types: str = column("quadrant over annotated types", nullable=True, among=DIRECTIONS)
    n_crystallize: int = column("resolutions at which it crystallizes", low=0)
    n_disperse: int = column("resolutions at which it disperses", low=0)
    n_resolutions: int = column("resolutions", low=1)
    flips: str = column("crystallizes over types, disperses at every resolution", among=["yes", "no"])
    p_opposite: float = column(
        "largest over resolutions of the p that all four shifts are real, where all are opposite",
        low=0, high=1, nullable=True,
    )  # fmt: skip

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


@step(KidneyScale, KidneyGranularity)
def tms_kidney_leiden(
    state_counts: pd.DataFrame, *, stratum: str, min_cells: int, alpha: float, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Kidney of the atlas clustered as the validation cohort was"""
    kidney = state_counts["stratum"].str.casefold() == stratum.casefold()
    shown = state_counts[kidney & (state_counts["level"] != "states")]
    frames, rows = [pd.DataFrame()], []
    for cohort, counts in shown.groupby("cohort", sort=False):
        if "clusters" not in set(counts["level"]):
            continue
        found = contrast_scales(counts, min_cells=min_cells, alpha=alpha, level=level, seed=seed)[1]
        frames.append(found.assign(cohort=cohort))
        rows += [{"cohort": cohort} | row for row in _flips(found)]
    return pd.concat(frames, ignore_index=True), pd.DataFrame(rows)


def _flips(found: pd.DataFrame) -> list[dict[str, object]]:
    annotated = found["resolution"] == ANNOTATED
    pairs = compare_scales(found[annotated], found[~annotated])
    rows: list[dict[str, object]] = []
    for stratum, here in pairs.groupby("stratum"):
        fine = here["direction_fine"]
        types = here["direction_coarse"].iloc[0]
        disperses = int((fine == "disperses").sum())
        rows.append(
            {
                "stratum": stratum,
                "direction_types": types,
                "n_crystallize": int((fine == "crystallizes").sum()),
                "n_disperse": disperses,
                "n_resolutions": len(here),
                "flips": "yes" if types == "crystallizes" and disperses == len(here) else "no",
                "p_opposite": here["p_opposite"].max() if here["opposite"].all() else None,
            }
        )
    return rows
