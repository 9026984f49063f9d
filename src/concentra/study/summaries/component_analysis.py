"""`component_analysis.md`: which cell types carry each tissue's shift."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.report import markdown
from concentra.report.markdown import number, p_text, together
from concentra.study.declare import summary
from concentra.study.summaries._shared import title_of

TOP = 5
HOW = """The shift of a metric from young to old is attributed to cell types so that the contributions sum to it:
every young donor is paired with every old one, and the attributions are averaged. What is attributed is the
difference of *means* over donors; the published numbers are differences of *medians*, which stand beside it.
Intervals resample donors; with two donors in a group they are the range over pairs, with one there is none. A change
of share is given by its sign, and beside it *towards*: gain or loss where the interval excludes zero, otherwise
unclear. *q* is the Benjamini-Hochberg adjusted exact Mann-Whitney test, over the lineages (or cell types) of one
tissue; *q (log-ratio)* that of the moderated t-test of the centred log-ratio; the *joint interval* holds for all cell
types of the tissue together. Shares are of the cells that were counted: sorting and dissociation act on them before
age does."""
LEAD = """A fraction below 0 or above 1 says that compartments oppose each other; far above 1, that the shift itself is
close to zero and nothing carries it."""
STAGES = {
    "lineage": ["myeloid", "B", "erythroid and megakaryocytic"],
    "stage": ["B-lineage intermediates", "mature B cells", "mature myeloid cells", "myeloid precursors"],
}


@summary
def component_analysis(
    drivers: pd.DataFrame,
    part_shift: pd.DataFrame,
    lineage_shift: pd.DataFrame,
    attributed_shift: pd.DataFrame,
) -> str:
    """Which cell types carry each tissue's shift"""
    blocks = ["# Component analysis: which cell types carry the shift", HOW, "## Marrow"]
    blocks += ["Published: myeloid cells gain, intermediates of the B lineage are lost."]
    blocks.append(markdown.table(_marrow(lineage_shift)))
    blocks += [
        "## Immune compartment, lung and spleen",
        "Published: both disperse (become less concentrated), driven by immune cells.",
    ]
    blocks += [markdown.table(_compartments(lineage_shift, ["Lung", "Spleen"])), LEAD]
    for cohort, rows in attributed_shift.groupby("cohort", sort=False):
        blocks += [f"## {markdown.escape(title_of(str(cohort)))}", markdown.table(_shifts(rows))]
        blocks.append(markdown.table(_top(drivers[drivers["cohort"] == cohort], part_shift)))
    return markdown.join(*blocks)


def _of_shares(row: pd.Series) -> dict[str, object]:
    return {
        "donors": f"{row['n_reference']} / {row['n_other']}",
        "share young": number(row["share_reference"]),
        "share old": number(row["share_other"]),
        "change": number(row["share_change"], sign=True),
        "interval": _interval(row, "share_change_low", "share_change_high"),
        "towards": row["towards"],
        "p": p_text(row["p_value"]),
        "q": p_text(row["p_adjusted"]),
    }


def _interval(row: pd.Series, low: str, high: str, decimals: int = 3) -> str:
    if pd.isna(row[low]):
        return "–"
    bounds = " to ".join(together((row[low], row[high]), decimals, sign=True))
    return f"{bounds} (range)" if row["interval"] == "range" else bounds


def _marrow(lineage_shift: pd.DataFrame) -> list[dict[str, object]]:
    here = lineage_shift[(lineage_shift["stratum"] == "Marrow") & (lineage_shift["metric"] == "hill_q1")]
    return [
        {"cohort": title_of(str(cohort)), "cells": name} | _of_shares(row)
        for cohort, rows in here.groupby("cohort", sort=False)
        for level, names in STAGES.items()
        for name in names
        for _, row in rows[(rows["level"] == level) & (rows["lineage"] == name)].iterrows()
    ]


def _compartments(lineage_shift: pd.DataFrame, tissues: list[str]) -> list[dict[str, object]]:
    here = lineage_shift[
        lineage_shift["stratum"].isin(tissues)
        & (lineage_shift["level"] == "compartment")
        & (lineage_shift["metric"] == "hill_q1")
    ]
    return [
        {
            "cohort": title_of(row["cohort"]),
            "tissue": tissue_name(row["stratum"]),
            "compartment": row["lineage"],
            **_of_shares(row),
            "contribution to eff_N": number(row["contribution"], 2, sign=True),
            "fraction": number(row["fraction_of_shift"], 2),
        }
        for _, row in here.iterrows()
    ]


def _shifts(rows: pd.DataFrame) -> list[dict[str, object]]:
    names = {"gini_present": ("Gini", 3), "hill_q1": ("eff_N", 2)}
    return [
        {
            "tissue": tissue_name(row["stratum"]),
            "metric": names[row["metric"]][0],
            "shift of means": number(row["shift_of_means"], names[row["metric"]][1], sign=True),
            "interval": _interval(row, "low", "high", names[row["metric"]][1]),
            "shift of medians": number(row["shift_of_medians"], names[row["metric"]][1], sign=True),
            "carried by": "–" if pd.isna(row["leading_compartment"]) else row["leading_compartment"],
            "fraction": number(row["leading_fraction"], 2),
        }
        for _, row in rows.iterrows()
    ]


def _top(drivers: pd.DataFrame, part_shift: pd.DataFrame) -> list[dict[str, object]]:
    top = drivers[(drivers["metric"] == "hill_q1") & (drivers["rank"] <= TOP)]
    shares = part_shift.set_index(["cohort", "stratum", "part"])
    return [
        {
            "tissue": tissue_name(row["stratum"]),
            "cell type": row["part"],
            "lineage": row["lineage"],
            "contribution to eff_N": number(row["contribution"], 2, sign=True),
            "interval": _interval(row, "low", "high", 2),
            "joint interval": _interval(row, "low_adjusted", "high_adjusted", 2),
            "share young": number(row["share_reference"]),
            "share old": number(row["share_other"]),
            "towards": shares.loc[(row["cohort"], row["stratum"], row["part"]), "towards"],
            "q": p_text(shares.loc[(row["cohort"], row["stratum"], row["part"]), "p_adjusted"]),
            "q (log-ratio)": p_text(row["p_adjusted"]),
        }
        for _, row in top.iterrows()
    ]
