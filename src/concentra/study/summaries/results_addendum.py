"""`results_addendum.md`: what was not computed, and why; what was left out."""

from __future__ import annotations

import pandas as pd

from concentra.report import markdown
from concentra.report.markdown import number
from concentra.study.declare import summary
from concentra.study.summaries._shared import contrast_rows, title_of

WITHIN = """The activity of a hundred ontology terms in each marrow cell is a feature space that stands apart from the
expression matrix: real cells, real donors. Cells of a type are clustered in it over all donors together, no more than
a set number of each donor, and donors are compared as in step 08. It says nothing about genes or about kidney.
Shown is the published resolution, 0.8; *same direction* and *smallest q* are over five."""
PUBLISHED = "0.8"
TOTALS = """Official totals of cells per mouse check the mice that were inferred. Shown are ages and sexes in which
nearly every cell has a mouse. The differences of each sex sum to its cells without a mouse; cells that a mouse has
beyond its total belong to another mouse of its age and sex."""


@summary
def results_addendum(
    sources: pd.DataFrame,
    left_out: pd.DataFrame,
    concentration: pd.DataFrame,
    composition: pd.DataFrame,
    confounding: pd.DataFrame,
    activity_contrast: pd.DataFrame,
    mouse_totals: pd.DataFrame,
) -> str:
    """What was not computed, and why"""
    return markdown.join(
        "# Addendum: sources, what was left out, what is confounded",
        "## Where the numbers come from",
        markdown.table(_sources(sources)),
        _absent(sources),
        "## How donors are known",
        markdown.table(_donors(composition)),
        "## Inferred mice against official totals",
        TOTALS,
        markdown.table(_totals(mouse_totals)),
        _explained(mouse_totals),
        "## Cells left out",
        "Cells without a known donor belong to no unit and enter no number.",
        markdown.table(_left_out(left_out, composition)),
        "## Units with too few cells",
        markdown.table(_few(concentration)),
        "## Age and sex",
        "A tissue whose two groups have no sex in common cannot tell age from sex; "
        "one in which the shares of a sex differ by more than a quarter is partly confounded.",
        markdown.table(_confounded(confounding)),
        "## Within types of marrow, by activity of ontology terms",
        WITHIN,
        markdown.table(_within(activity_contrast)),
    )


def _sources(sources: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "cohort": row["title"],
            "numbers from": row["status"],
            "source": row["citation"],
            "licence": row["licence"],
        }
        for _, row in sources.iterrows()
    ]


def _absent(sources: pd.DataFrame) -> str:
    absent = sources[sources["status"].isin(["absent", "archived tables"])]
    lines = [
        f"- {markdown.escape(row['title'])}: {markdown.escape(row['obtain'])}" for _, row in absent.iterrows()
    ]
    return "\n".join(["Raw data that is not here, and how to get it:", "", *lines]) if lines else ""


def _donors(composition: pd.DataFrame) -> list[dict[str, object]]:
    cells = composition.groupby(["cohort", "donor_source"], sort=False)["n_cells"].sum().reset_index()
    return [
        {"cohort": title_of(row["cohort"]), "donor": row["donor_source"], "cells": row["n_cells"]}
        for _, row in cells.iterrows()
    ]


def _totals(mouse_totals: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "mouse": row["donor"],
            "official": row["n_official"],
            "assigned": row["n_assigned"],
            "difference": number(row["difference"], 0, sign=True),
            "without a mouse, this age and sex": row["n_unassigned"],
        }
        for row in mouse_totals[mouse_totals["compared"].astype(bool)].to_dict("records")
    ]


def _explained(mouse_totals: pd.DataFrame) -> str:
    """Where the cells are that the mouse with the greatest lack of cells is without."""
    compared = mouse_totals[mouse_totals["compared"].astype(bool) & mouse_totals["closed"].astype(bool)]
    if compared.empty:
        return ""
    rows = compared.sort_values("difference").to_dict("records")
    same = [row for row in rows if all(row[name] == rows[0][name] for name in ("age_months", "sex"))]
    above = [str(row["donor"]) for row in same if row["difference"] > 0]
    if rows[0]["difference"] >= 0 or not above:
        return ""
    lacking = -sum(row["difference"] for row in same if row["difference"] < 0)
    return (
        f"{markdown.escape(rows[0]['donor'])} lacks most. Together with others of its age and sex it lacks {lacking} "
        f"cells: {rows[0]['n_unassigned']} have no mouse, and {rows[0]['n_surplus']} were assigned to "
        f"{markdown.escape(' and '.join(above))}. The multiverse compares tissues with and without this mouse."
    )


def _left_out(left_out: pd.DataFrame, composition: pd.DataFrame) -> list[dict[str, object]]:
    kept = composition.groupby("cohort")["n_cells"].sum()
    lost = left_out.groupby(["cohort", "reason"], sort=False)["n_cells"].sum().reset_index()
    return [
        {
            "cohort": title_of(row["cohort"]),
            "reason": row["reason"],
            "cells left out": row["n_cells"],
            "cells kept": int(kept[row["cohort"]]),
        }
        for _, row in lost.iterrows()
    ]


def _few(concentration: pd.DataFrame) -> list[dict[str, object]]:
    few = concentration[~concentration["included"]]
    return [
        {
            "cohort": title_of(row["cohort"]),
            "tissue": row["stratum"],
            "donor": row["donor"],
            "cells": row["n_cells"],
        }
        for _, row in few.iterrows()
    ]


def _confounded(confounding: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "cohort": title_of(row["cohort"]),
            "tissue": row["stratum"],
            "young (female)": f"{row['n_reference']} ({row['n_reference_female']})",
            "old (female)": f"{row['n_other']} ({row['n_other_female']})",
            "age with sex": row["with_sex"],
            "smallest p": markdown.p_text(row["p_attainable"]),
            "males alone": markdown.p_text(row["p_attainable_males"]),
        }
        for _, row in confounding.iterrows()
    ]


def _within(contrast: pd.DataFrame) -> list[dict[str, object]]:
    rows = []
    for (cohort, stratum), every in contrast.groupby(["cohort", "stratum"], sort=False):
        once = every[every["metric"] == "hill_q1"]
        row = contrast_rows(every[every["level"] == PUBLISHED])[0]
        agree = f"{(once['direction'] == row['direction']).sum()} of {len(once)}"
        rows.append(
            {"platform": title_of(str(cohort)).split(", ")[1], "type": str(stratum).partition(", ")[2]}
            | {name: value for name, value in row.items() if name != "tissue"}
            | {"same direction": agree, "smallest q": markdown.p_text(every["p_adjusted"].min())}
        )
    return rows
