"""Figure S5: kidney against spleen from annotated types over clusters to states within a type."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.study.declare import Drawing, figure
from concentra.study.figures import _scales as scales
from concentra.study.questions import TYPES

SPREAD = 0.7


@figure("S5")
def substate_scale(substate_scale: pd.DataFrame) -> Drawing:
    """Simulated kidney and spleen: the shift from coarse to fine parts"""
    figure, axes, places = scales.grid(substate_scale)
    for (cohort, stratum), pair in zip(places, axes, strict=True):
        here = substate_scale[(substate_scale["cohort"] == cohort) & (substate_scale["stratum"] == stratum)]
        for ax, metric in zip(pair, scales.METRICS, strict=True):
            _drawn(ax, here[here["metric"] == metric])
        pair[-1].set_xlabel("Leiden resolution", fontsize=6)
    scales.legend(figure)
    return Drawing(figure, _caption(substate_scale), scales.words(substate_scale))


def _drawn(ax: Any, rows: pd.DataFrame) -> None:
    coarse = scales.from_coarse(rows[rows["scale"] != "states"])
    within = rows[rows["scale"] == "states"]
    scales.panel(ax, coarse, range(len(coarse)))
    names = ["\ntypes" if level == TYPES else scales.level_name(level) for level in coarse["level"]]
    end = len(names)
    if len(within):
        n = len(within)
        offsets = [end + SPREAD * (place / max(1, n - 1) - 0.5) * (n > 1) for place in range(n)]
        scales.panel(ax, within, offsets)
        names.append("\nwithin")
    ax.set_xticks(range(len(names)), names)
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.tick_params(axis="x", labelsize=6)


def _caption(rows: pd.DataFrame) -> str:
    n = len(rows.loc[rows["scale"] == "states", ["cohort", "stratum", "level"]].drop_duplicates())
    return (
        "Shift of medians, old − young, with exact 95% intervals, of both measures over parts from coarse to fine: "
        "annotated cell types, clusters of the whole tissue at five Leiden resolutions, and states within one cell "
        f"type (one mark for each type, {n} types in all). All donors were clustered together. Donors: "
        f"{scales.donors(rows)}. Cohorts called simulated hold no measurement: they show what the step finds where a "
        "flip was planted in kidney and opposite shifts within two types of spleen."
    )
