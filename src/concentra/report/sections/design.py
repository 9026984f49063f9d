"""What was compared: donors in each group, what is confounded with the groups, what could have been detected."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from concentra.report import sentences
from concentra.report.findings import Findings
from concentra.report.markdown import number
from concentra.report.page import Page, Section

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
    units = found.units
    few = int((~units["included"].astype(bool)).sum()) if "included" in units else 0
    cells = int(found.table("composition")["n_cells"].sum())
    blocks: list[Markup] = [page.text(
        f"{sentences.counted(units['donor'].nunique(), 'donor')}, {sentences.counted(len(found.strata), 'tissue')}, "
        f"{sentences.counted(found.table('composition')['part'].nunique(), 'cell type')}, "
        f"{sentences.counted(cells, 'cell')}. "
        f"{'No donor was' if not few else sentences.counted(few, 'donor was', 'donors were')} left out of a tissue for "
        "having too few cells."
    )]  # fmt: skip
    for name, caption in (
        (
            "confounding",
            "Other columns in the two groups. Complete: the groups share no value, so the two cannot be separated.",
        ),
        ("design", "Donors in each tissue."),
    ):
        rows = readable_rows(_compared(found.table(name)), found.tissue)
        if rows:
            table = page.table(rows, caption, name=name)
            blocks.append(table if len(rows) <= MANY else page.folded(caption.split(".")[0], table))
    detectable = _detectable(found)
    if detectable:
        blocks.append(
            page.table(detectable, "What these donors could have shown with 80% power.", name="detectable")
        )
    return Section("design", "Design", tuple(blocks))


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of donors without the columns of a second group, where there is none (a trend)."""
    if "n_other" not in frame or frame["n_other"].any():
        return frame
    empty = [name for name in frame.columns if frame[name].isna().all()]
    return frame.drop(columns=["n_other", *empty]).rename(columns={"n_reference": "n_donors"})


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


def readable_rows(frame: pd.DataFrame, tissue: str = "tissue") -> list[dict[str, str]]:
    """A short table as text for people: plain names of columns, four significant digits; one contrast is not repeated.

    Parameters
    ----------
    frame
        The table.
    tissue
        What a stratum is called.

    Examples
    --------
    >>> readable_rows(pd.DataFrame({"contrast": "age", "stratum": ["lung"], "n_cells": [1200], "p_value": [0.012346]}))
    [{'tissue': 'lung', 'cells': '1,200', 'p value': '0.01235'}]
    """
    if "contrast" in frame and frame["contrast"].nunique() == 1 and len(frame.columns) > 2:
        frame = frame.drop(columns="contrast")
    heads = HEADS | {"stratum": tissue}
    return [
        {
            heads.get(str(key), str(key).replace("_", " ")): _cell(value, str(key))
            for key, value in row.items()
        }
        for row in sentences.records(frame)
    ]


def _cell(value: object, column: str) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    return (sentences.identifier if column in UNITS else sentences.plain)(value, 300)
