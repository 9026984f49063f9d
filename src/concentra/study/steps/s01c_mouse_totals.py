"""Step 01, checked: cells of each mouse whose identity was inferred, against the totals of the official annotation."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from concentra.study.declare import Table, column, step

COHORT = "tms_facs"
MOST = 0.95
"""Mice are compared where at least this share of the cells of their age and sex has a mouse."""


class MouseTotals(Table):
    """Cells of every mouse by the official annotation, and by the labels that the study uses."""

    cohort: str = column("cohort")
    donor: str = column("mouse, or several that were pooled, by its official name")
    sex: str = column("sex")
    age_months: float = column("age", unit="months", low=0)
    n_official: int = column("cells by the official annotation, all tissues", unit="cells", low=0)
    n_assigned: int = column("cells with this mouse in the study's labels", unit="cells", low=0)
    difference: int = column("assigned - official", unit="cells")
    n_unassigned: int = column("cells of this age and sex without a mouse", unit="cells", low=0)
    n_surplus: int = column(
        "cells that mice of this age and sex have beyond their official totals: at least so many have a wrong mouse",
        unit="cells", low=0,
    )  # fmt: skip
    closed: bool = column("all differences of this age and sex sum to the cells without a mouse")
    compared: bool = column(
        "nearly all cells of this age and sex have a mouse, so that totals can be compared"
    )

    class Config(Table.Config):
        unique = ["cohort", "donor"]


@step(MouseTotals)
def mouse_totals(cells: Mapping[str, pd.DataFrame], official_totals: pd.DataFrame) -> pd.DataFrame:
    """Inferred mice against the totals of the official annotation"""
    if COHORT not in cells or official_totals.empty:
        return MouseTotals.empty()
    return compared_totals(cells[COHORT], official_totals).assign(cohort=COHORT)


def compared_totals(cells: pd.DataFrame, official: pd.DataFrame) -> pd.DataFrame:
    """One row a mouse of the official totals.

    Parameters
    ----------
    cells
        One row a cell: `donor` (missing where unknown), `sex`, `age` such as "3m".
    official
        `donor_id`, `sex`, `age_months`, `n_cells`.
    """
    months = cells["age"].astype(str).str.removesuffix("m").astype(float)
    labels = pd.DataFrame(
        {"donor": cells["donor"].astype(object), "sex": cells["sex"].astype(str), "age_months": months}
    )
    by = ["age_months", "sex"]
    totals = labels.groupby(by).size().rename("n_all")
    without = labels[labels["donor"].isna()].groupby(by).size().rename("n_unassigned")
    frame = official.rename(columns={"donor_id": "donor", "n_cells": "n_official"}).astype(
        {"age_months": float}
    )
    frame["n_assigned"] = frame["donor"].map(labels["donor"].value_counts()).fillna(0).astype(int)
    frame["difference"] = frame["n_assigned"] - frame["n_official"]
    frame = frame.merge(totals.reset_index(), on=by, how="left").merge(
        without.reset_index(), on=by, how="left"
    )
    frame["n_unassigned"] = frame["n_unassigned"].fillna(0).astype(int)
    frame["n_surplus"] = (
        frame["difference"].clip(lower=0).groupby([frame[name] for name in by]).transform("sum")
    )
    frame["closed"] = frame.groupby(by)["difference"].transform("sum") + frame["n_unassigned"] == 0
    frame["compared"] = frame["n_unassigned"] <= (1 - MOST) * frame["n_all"]
    return frame[[name for name in MouseTotals.columns() if name != "cohort"]]
