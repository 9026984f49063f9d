"""Step 09: do directions agree from annotated types over clusters of the tissue to states within a type?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.granularity import compare_levels
from concentra.design import Settings
from concentra.study.declare import column, step
from concentra.study.questions import TYPES, stacked
from concentra.study.steps._states import ShiftTable, compared

SCALES = ["types", "clusters", "states"]


class SubstateScale(ShiftTable):
    """Kidney against spleen: the shifts over types, over clusters of the tissue, and over states within each type."""

    scale: str = column("what the parts are; of states, `level` is the cell type", among=SCALES)
    opposite: bool = column("of types and these parts one is more, the other less concentrated")
    p_opposite: float = column("largest p of all four shifts, where opposite", low=0, high=1, nullable=True)

    class Config(ShiftTable.Config):
        unique = ["cohort", "contrast", "stratum", "scale", "level", "metric"]
        first = ["cohort", "contrast", "stratum", "scale", "level", "metric", "n_parts"]


@step(SubstateScale)
def substate_figure(
    state_counts: pd.DataFrame, substate_contrast: pd.DataFrame, *, strata: list[str], **settings: Any
) -> pd.DataFrame:
    """Kidney against spleen from coarse to fine parts"""
    chosen, found = Settings(**settings), {}
    named = state_counts["stratum"].str.casefold().isin([name.casefold() for name in strata])
    for cohort, counts in state_counts[named & (state_counts["level"] != "states")].groupby(
        "cohort", sort=False
    ):
        if "clusters" in set(counts["level"]):
            scales = compared(counts, chosen)[1]
            within = _within(substate_contrast[substate_contrast["cohort"] == cohort], set(counts["stratum"]))
            found[str(cohort)] = _opposed(scales, within)
    return stacked(found)


def _within(contrasts: pd.DataFrame, strata: set[str]) -> pd.DataFrame:
    """States within the types of these tissues: the stratum is the tissue, the level the type."""
    pieces = contrasts["stratum"].str.split(", ", n=1)
    found = contrasts.assign(stratum=pieces.str[0], level=pieces.str[1]).drop(columns="cohort")
    return found[found["stratum"].isin(strata)]


def _opposed(scales: pd.DataFrame, within: pd.DataFrame) -> pd.DataFrame:
    """Every row with the comparison to the types of its tissue."""
    types = scales["level"] == TYPES
    rows = pd.concat(
        [
            scales.assign(scale=types.map({True: "types", False: "clusters"})),
            within.assign(scale="states"),
        ],
        ignore_index=True,
    )
    pairs = compare_levels(scales[types], rows[rows["scale"] != "types"])
    keys = ["contrast", "stratum", "level"]
    joined = rows.merge(pairs[[*keys, "opposite", "p_opposite"]], on=keys, how="left", validate="many_to_one")
    return joined.assign(opposite=joined["opposite"].eq(True))
