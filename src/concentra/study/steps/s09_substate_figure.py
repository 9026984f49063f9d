"""Step 09: do directions agree from annotated types over clusters of the tissue to states within a type?"""

from __future__ import annotations

import pandas as pd

from concentra.analysis.granularity import compare_scales
from concentra.analysis.states import ANNOTATED, contrast_scales
from concentra.study.declare import column, step
from concentra.study.steps._states import ShiftTable

SCALES = ["types", "clusters", "states"]


class SubstateScale(ShiftTable):
    """Kidney against spleen: the shifts over types, over clusters of the tissue, and over states within each type."""

    scale: str = column("what the parts are", among=SCALES)
    part: str = column("cell type whose states these are", nullable=True)
    opposite: bool = column("of types and these parts one crystallizes, the other disperses")
    p_opposite: float = column("largest p of all four shifts, where opposite", low=0, high=1, nullable=True)

    class Config(ShiftTable.Config):
        unique = ["cohort", "stratum", "scale", "part", "resolution", "metric"]


@step(SubstateScale)
def substate_figure(
    state_counts: pd.DataFrame,
    substate_contrast: pd.DataFrame,
    *,
    strata: list[str],
    min_cells: int,
    alpha: float,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Kidney against spleen from coarse to fine parts"""
    frames = [pd.DataFrame()]
    shown = state_counts[_named(state_counts, strata)]
    for cohort, counts in shown[shown["level"] != "states"].groupby("cohort", sort=False):
        if "clusters" not in set(counts["level"]):
            continue
        found = contrast_scales(counts, min_cells=min_cells, alpha=alpha, level=level, seed=seed)[1]
        found["scale"] = (found["resolution"] == ANNOTATED).map({True: "types", False: "clusters"})
        here = (substate_contrast["cohort"] == cohort) & _named(substate_contrast, strata)
        within = substate_contrast[here].assign(scale="states")
        frames.append(_opposed(found, within).assign(cohort=cohort))
    return pd.concat(frames, ignore_index=True)


def _named(frame: pd.DataFrame, strata: list[str]) -> pd.Series:
    return frame["stratum"].str.casefold().isin([name.casefold() for name in strata])


def _opposed(found: pd.DataFrame, within: pd.DataFrame) -> pd.DataFrame:
    """Every row with the comparison to the types of its tissue."""
    types = found[found["scale"] == "types"]
    clusters = compare_scales(types, found[found["scale"] == "clusters"])
    parts = [
        compare_scales(types, rows).assign(part=part) for part, rows in within.groupby("part", sort=False)
    ]
    pairs = pd.concat([clusters.assign(part=None), *parts], ignore_index=True)
    rows = pd.concat([found.assign(part=None), within], ignore_index=True)
    keys = ["stratum", "part", "resolution"]
    joined = rows.merge(pairs[[*keys, "opposite", "p_opposite"]], on=keys, how="left", validate="many_to_one")
    return joined.assign(opposite=joined["opposite"].eq(True))
