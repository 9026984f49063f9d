"""`platform_summary.md`: where FACS and Droplet agree, where not, and what differs between them."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.report import markdown
from concentra.report.markdown import number, together
from concentra.study.declare import summary
from concentra.study.summaries._shared import title_of

HOW = """Both platforms measured mice of one colony, and some of the same mice: agreement is technical replication, and
says nothing of other mice. Shifts are medians over old donors minus medians over young donors, with the exact 95%
interval of the median difference (Hodges-Lehmann) where the donors allow one."""
METHODS = """FACS sorts cells by gates into plates and reads few cells of a mouse; Droplet takes an unsorted suspension
and reads many. The gates change which types are seen and in which shares (in marrow, fractions are sorted apart), the
depth changes how many rare types are found, and the annotation of the two files is not the same. The ages differ too:
3 against 24 months on FACS, 1 and 3 against 24 and 30 months on Droplet, where most tissues have one young mouse.
A difference in shift between the platforms can be any of these; it cannot be resolved here."""
METRICS = {"gini_present": ("Gini", 3), "hill_q1": ("eff_N", 2)}


@summary
def platform_summary(
    concordance: pd.DataFrame, concordance_paired: pd.DataFrame, platform_agreement: pd.DataFrame
) -> str:
    """Where FACS and Droplet agree, and what differs between them"""
    both = concordance[concordance["shift"].notna() & concordance["metric"].isin(METRICS)]
    return markdown.join(
        "# Platforms: FACS against Droplet",
        HOW,
        "## Shifts",
        markdown.table(_shifts(both)),
        _agreement(platform_agreement),
        "## What differs",
        METHODS,
        markdown.table(_differences(both[both["metric"] == "hill_q1"])),
        *(_disagreement(both, tissue) for tissue in ("Lung", "Kidney")),
        "## The same mice",
        _mice(concordance_paired),
    )


def _shifts(both: pd.DataFrame) -> list[dict[str, object]]:
    rows = []
    for (tissue, metric), here in both.groupby(["stratum", "metric"], sort=True):
        name, decimals = METRICS[str(metric)]
        row: dict[str, object] = {"tissue": tissue_name(str(tissue)), "metric": name}
        for cohort, side in here.set_index("cohort").sort_index(ascending=False).iterrows():
            row[_platform(str(cohort))] = number(side["shift"], decimals, sign=True)
            row[f"{_platform(str(cohort))} interval"] = _interval(side, decimals)
        rows.append(row | {"same sign": "yes" if here["same_sign"].all() else "no"})
    return rows


def _interval(row: pd.Series, decimals: int) -> str:
    low, high = row["hodges_lehmann_low"], row["hodges_lehmann_high"]
    return "–" if pd.isna(low) else " to ".join(together((low, high), decimals, sign=True))


def _platform(cohort: str) -> str:
    return title_of(cohort).rpartition(", ")[2]


def _agreement(found: pd.DataFrame) -> str:
    known = found[found["metric"].isin(METRICS)]
    lines = [
        f"- {METRICS[row['metric']][0]}, {row['what']}: rank correlation over {row['n_strata']} tissues "
        f"{number(row['correlation'], 2)}"
        + (f", same sign in {row['n_same_sign']} of {row['n_strata']}" if row["what"] == "shift" else "")
        for _, row in known.iterrows()
    ]
    return "\n".join(["Agreement over tissues (no test: the tissues share mice):", "", *lines])


def _differences(both: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "tissue": tissue_name(row["stratum"]),
            "platform": _platform(row["cohort"]),
            "ages (months)": f"{row['ages_reference']} / {row['ages_other']}",
            "donors": f"{row['n_reference']} / {row['n_other']}",
            "males": f"{row['n_reference_males']} / {row['n_other_males']}",
            "cells of a donor": f"{row['n_cells_reference']:.0f} / {row['n_cells_other']:.0f}",
            "cell types": row["n_types"],
            "named alike": row["n_types_shared"],
        }
        for _, row in both.iterrows()
    ]


def _disagreement(both: pd.DataFrame, tissue: str) -> str:
    """One sentence a platform from its rows; empty where the tissue is not on both."""
    here = both[both["stratum"] == tissue]
    if here["cohort"].nunique() < 2:
        return ""
    found = []
    for cohort, rows in here.groupby("cohort", sort=False):
        row = rows[rows["metric"] == "hill_q1"].iloc[0]
        gini = rows[rows["metric"] == "gini_present"].iloc[0]
        found.append(
            f"{_platform(str(cohort))} {row['direction']} (Gini "
            f"{number(gini['shift'], sign=True)}, eff_N {number(row['shift'], 2, sign=True)}; "
            f"{row['n_reference']} against {row['n_other']} donors of "
            f"{row['ages_reference']} and {row['ages_other']} months, "
            f"{row['n_reference_males']} and {row['n_other_males']} of them male; {row['n_cells_reference']:.0f} and "
            f"{row['n_cells_other']:.0f} cells a donor; {row['n_types']} cell types)"
        )
    return (
        f"**{tissue_name(tissue).capitalize()}**: "
        + ", ".join(markdown.escape(one, 400) for one in found)
        + "."
    )


def _mice(paired: pd.DataFrame) -> str:
    if paired.empty:
        return (
            "No mouse is known on both platforms in one tissue here: droplet donors of 18 to 24 months are segments "
            "without official names, so that they cannot be matched to mice of the plates. With the official "
            "annotation the pairs appear in `concordance_paired`."
        )
    rows = paired[paired["metric"].isin(METRICS)]
    return markdown.table(
        [
            {
                "tissue": tissue_name(row["stratum"]),
                "mouse": row["donor"],
                "metric": METRICS[row["metric"]][0],
                "FACS": number(row["facs"], METRICS[row["metric"]][1]),
                "Droplet": number(row["droplet"], METRICS[row["metric"]][1]),
                "difference": number(row["difference"], METRICS[row["metric"]][1], sign=True),
            }
            for _, row in rows.iterrows()
        ]
    )
