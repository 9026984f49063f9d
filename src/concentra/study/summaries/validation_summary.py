"""`validation_summary.md`: the direction per tissue in the independent cohort, at one and at five resolutions."""

from __future__ import annotations

import pandas as pd

from concentra.report import markdown
from concentra.study.declare import summary
from concentra.study.summaries._shared import contrast_rows, title_of

HOW = """All donors of a tissue are clustered together at the published resolution and counted per donor; the tests are
those of `results_summary.md`. The directions claimed, lung and spleen less concentrated, stand in the claims file
before the data is read. Resolutions share one neighbour graph and the same cells: that they agree is no replication."""
ABSENT = """The cohort itself is not here: the claims about it are *data absent*. A simulated cohort in its layout
stands in to show that the steps work; it holds no measurement."""


@summary
def validation_summary(
    validation_contrast: pd.DataFrame, validation_robustness: pd.DataFrame, sources: pd.DataFrame
) -> str:
    """The direction per tissue in an independent cohort"""
    status = sources.set_index("cohort")["status"]
    blocks = ["# Validation in an independent cohort", HOW]
    if status.get("kimmel2019", "absent") == "absent":
        blocks.append(ABSENT)
    for cohort, rows in validation_contrast.groupby("cohort", sort=False):
        robust = validation_robustness[validation_robustness["cohort"] == cohort]
        blocks += [f"## {markdown.escape(title_of(str(cohort)))}", markdown.table(_rows(rows))]
        blocks += ["Over all resolutions:", markdown.table(_robust(robust))]
    return markdown.join(*blocks)


def _rows(contrast: pd.DataFrame) -> list[dict[str, object]]:
    claimed = contrast.drop_duplicates("stratum").set_index("stratum")
    rows = contrast_rows(contrast)
    for row, (_, first) in zip(rows, claimed.iterrows(), strict=True):
        known = isinstance(first["hypothesis"], str)
        row["claimed"] = first["hypothesis"] if known else "–"
        row["agrees"] = first["agrees"] if known else "–"
    return rows


def _robust(found: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "tissue": row["stratum"].replace("_", " "),
            "claimed": row["hypothesis"] if isinstance(row["hypothesis"], str) else "–",
            "resolutions": row["agreement"],
        }
        for _, row in found.iterrows()
    ]
