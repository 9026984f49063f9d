"""What was compared: donors in each group, what is confounded with the groups, what could have been detected."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Cell, Page, Section, p_cell

MANY = 30
"""Rows above which a table is folded."""
HEADS = {
    "n_donors": "donors",
    "n_reference": "donors, reference",
    "n_other": "donors, other",
    "n_few_cells": "donors with few cells",
    "n_donors_few_cells": "donors with few cells",
    "n_samples": "samples",
    "n_cells": "cells",
    "n_cells_left_out": "cells left out",
    "cells_reference": "median cells, reference",
    "cells_other": "median cells, other",
    "depth": "common number of cells",
    "p_attainable": "smallest p of an exact test",
}
"""How columns are shown where their name is not plain."""
UNITS = ("donor", "sample", "covariate")
"""Columns whose values are looked up elsewhere and therefore shown as they are."""


def design(page: Page, found: Findings) -> Section:
    """Numbers of donors and cells, confounding, detectable change."""
    blocks: list[Markup] = [page.text(f"{_there(found)}. {_few(found)} for having too few cells.")]
    for name, caption in (
        (
            "confounding",
            "Other columns in the groups, or along the trend. Complete: the two cannot be separated.",
        ),
        ("design", "Donors in each tissue."),
    ):
        rows = readable_rows(_sides_named(_compared(found.table(name))), found.tissue)
        if rows:
            table = page.table(rows, caption, name=name)
            blocks.append(
                table if len(rows) <= MANY else page.folded(caption.split(".")[0], table, aside=True)
            )
    detectable = _detectable(found)
    if detectable:
        blocks.append(
            page.table(detectable, "What these donors could have shown with 80% power.", name="detectable")
        )
    return Section("design", "Design", tuple(blocks))


def _there(found: Findings) -> str:
    """How many donors, tissues, cell types and cells there are.

    >>> units = pd.DataFrame({"stratum": ["2 types", "3 types"], "donor": "a"})
    >>> cells = pd.DataFrame({"stratum": ["2 types"] * 2 + ["3 types"] * 3, "part": list("BTBUV"),
    ...                       "n_cells": [4, 2, 4, 1, 1]})
    >>> _there(Findings({"concentration": units, "composition": cells}))
    '1 donor, 2 tissues, 4 cell types, 12 cells'
    >>> _there(Findings({"concentration": units, "composition": cells}, tissue="granularity"))
    '1 donor; 6 cells, counted over 2 and 3 cell types'
    """
    donors = sentences.counted(found.units["donor"].nunique(), "donor")
    rows = found.table("composition")
    if found.same_cells:
        of = rows.groupby("stratum")
        types = sentences.listed(sorted(of["part"].nunique()))
        return f"{donors}; {sentences.counted(int(of['n_cells'].sum().max()), 'cell')}, counted over {types} cell types"
    return ", ".join([
        donors, sentences.counted(len(found.strata), "tissue"),
        sentences.counted(rows["part"].nunique(), "cell type"),
        sentences.counted(int(rows["n_cells"].sum()), "cell"),
    ])  # fmt: skip


def _few(found: Findings) -> str:
    units = found.units
    few = int((~units["included"].astype(bool)).sum()) if "included" in units else 0
    who = sentences.counted(few, "donor was", "donors were") if few else "No donor was"
    return f"{who} left out of a {found.tissue}"


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of donors without the columns of a second group, where there is none (a trend)."""
    if "n_other" not in frame or frame["n_other"].any():
        return frame
    empty = [name for name in frame.columns if frame[name].isna().all()]
    return frame.drop(columns=["n_other", *empty]).rename(columns={"n_reference": "n_donors"})


def _sides_named(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with the two groups as heads of columns, where all rows compare the same two.

    >>> frame = pd.DataFrame({"covariate": ["sex"], "reference": "3m", "other": "24m", "reference_values": "male (4)",
    ...                       "other_values": "male (3)"})
    >>> _sides_named(frame).columns.tolist()
    ['covariate', '3m', '24m']
    >>> frame.assign(reference="", other="", other_values="").pipe(_sides_named).columns.tolist()  # along a trend
    ['covariate', 'values along the trend']
    """
    sides = ("reference", "other")
    if (
        "other_values" in frame
        and not (frame["other"].astype(bool) | frame["other_values"].astype(bool)).any()
    ):
        return frame.drop(columns=[*sides, "other_values"]).rename(
            columns={"reference_values": "values along the trend"}
        )
    if (
        not {*sides, *(f"{side}_values" for side in sides)} <= set(frame)
        or len(frame[[*sides]].drop_duplicates()) != 1
    ):
        return frame
    names = {f"{side}_values": str(frame[side].iloc[0]) for side in sides}
    if set(names.values()) & set(frame) or len(set(names.values())) == 1:
        return frame
    return frame.drop(columns=[*sides]).rename(columns=names)


def _detectable(found: Findings) -> list[dict[str, Any]]:
    if found.verdicts.empty:
        return []
    several = len(found.contrasts) > 1
    return [
        {found.tissue: sentences.plain(row["stratum"])}
        | ({"contrast": sentences.plain(row["contrast"])} if several else {})
        | {"effective number, ratio": number(row["hill_q1_detectable"], 2),
           "Gini, difference": number(row["gini_detectable"], 3)}
        for row in sentences.records(found.verdicts.dropna(subset=["hill_q1_detectable"]))
    ]  # fmt: skip


def readable_rows(frame: pd.DataFrame, tissue: str = "tissue") -> list[dict[str, str | Cell]]:
    """A short table as text for people: plain names of columns, as many decimals in all rows of a column.

    A single contrast is not repeated, nor are samples where each donor has one.

    Parameters
    ----------
    frame
        The table.
    tissue
        What a stratum is called.

    Examples
    --------
    >>> rows = pd.DataFrame({"contrast": "age", "stratum": ["lung"], "n_cells": [1200], "p_value": [0.012346]})
    >>> [{name: str(cell) for name, cell in row.items()} for row in readable_rows(rows)]
    [{'tissue': 'lung', 'cells': '1,200', 'p value': '0.012'}]
    """
    if "contrast" in frame and frame["contrast"].nunique() == 1 and len(frame.columns) > 2:
        frame = frame.drop(columns="contrast")
    if _one_sample_a_donor(frame):
        frame = frame.drop(columns=["sample", "n_samples"], errors="ignore")
    heads = HEADS | {"stratum": tissue}
    decimals = {
        str(name): _decimals(frame[name]) for name in frame if pd.api.types.is_float_dtype(frame[name])
    }
    return [
        {
            heads.get(str(key), str(key).replace("_", " ")): _cell(value, str(key), decimals.get(str(key), 3))
            for key, value in row.items()
        }
        for row in sentences.records(frame)
    ]


def _one_sample_a_donor(frame: pd.DataFrame) -> bool:
    """Whether samples repeat what is known of the donors: their names, or their numbers."""
    if {"donor", "sample"} <= set(frame):
        return bool((frame["donor"].astype(str) == frame["sample"].astype(str)).all())
    donors = [name for name in ("n_donors", "n_reference", "n_other") if name in frame]
    return (
        "n_samples" in frame
        and bool(donors)
        and bool((frame["n_samples"] == frame[donors].sum(axis=1)).all())
    )


def _decimals(values: pd.Series) -> int:
    """Of all numbers of a column: none for whole numbers and from a hundred on, else for three digits of the largest.

    >>> _decimals(pd.Series([343, 144.5])), _decimals(pd.Series([61.0, 63.0])), _decimals(pd.Series([0.25, 7.5]))
    (0, 0, 2)
    """
    known = values.dropna().abs()
    if known.empty or known.max() >= 100 or (known % 1 == 0).all():
        return 0
    return 2 - math.floor(math.log10(known.max()))


def _cell(value: object, column: str, decimals: int = 3) -> str | Cell:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return p_cell(value) if column.startswith("p_") else f"{value:,.{decimals}f}".replace("-", "−")
    return (sentences.identifier if column in UNITS else sentences.plain)(value, 300)
