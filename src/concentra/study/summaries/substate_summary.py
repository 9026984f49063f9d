"""`substate_summary.md`: within types, from coarse to fine, and the rescue of marrow."""

from __future__ import annotations

import pandas as pd

from concentra.report import markdown
from concentra.report.markdown import number, p_text
from concentra.study.declare import summary
from concentra.study.summaries._shared import contrast_rows, title_of

HOW = """Cells of one type are clustered over all donors together, then counted per donor; shifts, tests and
verdicts are those of `results_summary.md`, *q* adjusted over all types of the cohort. The cohorts called
simulated hold no measurement: what was planted in them is shown beside what was found."""
SCALE = """Directions of one tissue over annotated types, over clusters at five resolutions, and within its types. A
direction is a sign: it is there also where nothing differs. *p of a flip* is the largest p of the model's four
effects."""
RESCUE = """The old group stands in both contrasts, so that an old group which by chance lies apart is "rescued" by any
other: the share is to be judged against exchanged labels. P(rescue > 0) over cells says how precisely these animals
were measured, and nothing about other animals."""
STABLE = """Clusters depend on the seed of the search: the adjusted Rand index of two seeds' clusters is 1 where they
are the same and about 0 where they are unrelated. What rests on clusters of a low index rests on chance."""


@summary
def substate_summary(
    substate_contrast: pd.DataFrame,
    substate_scale: pd.DataFrame,
    state_stability: pd.DataFrame,
    kidney_granularity: pd.DataFrame,
    rescue: pd.DataFrame,
    planted_states: pd.DataFrame,
) -> str:
    """Within cell types, from coarse to fine parts, and what restriction undoes"""
    blocks = ["# Within types, and from coarse to fine", HOW, "## Within types"]
    for cohort, rows in substate_contrast.groupby("cohort", sort=False):
        planted = planted_states[planted_states["cohort"] == cohort]
        blocks += [
            f"### {markdown.escape(title_of(str(cohort)))}",
            markdown.table(within_rows(rows, planted)),
        ]
    blocks += ["## From coarse to fine", SCALE, markdown.table(_scales(substate_scale))]
    blocks += ["## Stability over seeds", STABLE, markdown.table(_stability(state_stability))]
    blocks += ["## Kidney", markdown.table(_kidney(kidney_granularity))]
    return markdown.join(
        *blocks, "## Caloric restriction in rat marrow", RESCUE, markdown.table(_rescue(rescue))
    )


def within_rows(contrast: pd.DataFrame, planted: pd.DataFrame) -> list[dict[str, object]]:
    """One row a "tissue, type": both shifts, their tests, and what was planted where that is known."""
    within = planted[planted["level"] == "within"]
    names = within["stratum"].astype(str) + ", " + within["part"].astype(str)
    truth = dict(
        zip(names.str.replace("_", " "), within["direction"].replace("none", "nothing"), strict=True)
    )
    rows = contrast_rows(contrast)
    return [row | ({"planted": truth[str(row["tissue"])]} if truth else {}) for row in rows]


def _scales(found: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for (cohort, stratum), here in found.groupby(["cohort", "stratum"], sort=False):
        once = here[here["metric"] == "gini_present"]
        flips = once[(once["scale"] == "clusters") & once["opposite"]]
        rows.append(
            {
                "cohort": title_of(str(cohort)),
                "tissue": str(stratum),
                **{scale: _counts(once[once["scale"] == scale]) for scale in ("types", "clusters", "states")},
                "opposite to types": f"{len(flips)} of {(once['scale'] == 'clusters').sum()}",
                "largest p of a flip": p_text(flips["p_opposite"].max()),
            }
        )
    return rows


def _counts(rows: pd.DataFrame) -> str:
    counts = rows["direction"].value_counts()
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "–"


def _stability(found: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "cohort": title_of(str(cohort)),
            "tissue": str(stratum).replace("_", " "),
            "clusters": "of all cells" if level == "clusters" else "within types",
            "clusterings": len(rows),
            "seeds": rows["n_seeds"].max(),
            "index, median": number(rows["rand_index_mean"].median(), 2),
            "least": number(rows["rand_index_low"].min(), 2),
            "least stable": _least_stable(rows),
        }
        for (cohort, stratum, level), rows in found.groupby(["cohort", "stratum", "level"], sort=False)
    ]


def _least_stable(rows: pd.DataFrame) -> str:
    row = rows.iloc[int(rows["rand_index_low"].to_numpy().argmin())]
    return f"resolution {row['resolution']:g}" if row["level"] == "clusters" else str(row["part"])


def _kidney(found: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "cohort": title_of(row["cohort"]),
            "over types": row["direction_annotated"],
            "more concentrated at": f"{row['n_more']} of {row['n_resolutions']}",
            "less at": f"{row['n_less']} of {row['n_resolutions']}",
            "flips at all": row["flips"],
        }
        for _, row in found.iterrows()
    ]


def _rescue(found: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "cohort": title_of(row["cohort"]),
            "metric": "Gini" if row["metric"] == "gini_present" else "eff_N",
            "libraries": f"{row['n_young']} / {row['n_old']} / {row['n_treated']}",
            "old less young": number(row["ageing_shift"], sign=True),
            "restricted less old": number(row["treatment_shift"], sign=True),
            "rescued": f"{row['rescued_percent']:.0f}%",
            "over libraries": f"{100 * row['rescue_donor_low']:.0f} to {100 * row['rescue_donor_high']:.0f}%",
            "P over cells": number(row["p_rescue_cells"]),
            "exchanged, median": f"{100 * row['null_rescue_median']:.0f}%",
            "p": p_text(row["p_permutation"]),
            "smallest p": p_text(row["p_attainable"]),
        }
        for _, row in found.iterrows()
    ]
