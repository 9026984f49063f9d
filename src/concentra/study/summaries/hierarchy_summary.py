"""`hierarchy_summary.md`: a large cohort at every level of its cell types, and what a few of its donors would show."""

from __future__ import annotations

import pandas as pd

from concentra.report import markdown
from concentra.report.markdown import number, p_text
from concentra.study.declare import summary
from concentra.study.summaries._shared import effect_text, readable, title_of

HOW = """Each donor counts once: the cells of all its samples are summed, or the values of its samples averaged.
*Ratio* is that of effective numbers (corrected for unseen types), *difference* that of Gini coefficients over all types
(expected at the common number of cells); for a trend both are those over the ages of the donors."""
TERMS = """The logarithm of the effective number, as counted, over fine types is exactly its value over coarse types
plus, for each coarse type, its share times the entropy within it. The Gini coefficient has three terms: between,
within, and of the overlap of ranks. Terms of corrected estimates do not add; *largest gap* says by how much."""
CHOICES = """Donors of one CMV status or both, with at least 50, 2,000 or 10,000 cells, absent types counted or not,
medians or means: every combination, as counted."""
FEW = """The published rule reads the signs of both shifts of medians: it always answers, and where nothing changes its
answer is that of a coin."""
BLIND = """The direction that is stated for ageing marrow predicts more concentration. This was not a blind prediction:
the numbers of this cohort were known when it was written down. Blood is not marrow: it holds the mature progeny, hardly
a progenitor, and few of the B-lineage intermediates that are stated to drive marrow."""


@summary
def hierarchy_summary(
    level_contrast: pd.DataFrame,
    level_judged: pd.DataFrame,
    level_shift: pd.DataFrame,
    donor_terms: pd.DataFrame,
    level_nested: pd.DataFrame,
    level_agreement: pd.DataFrame,
    small_studies: pd.DataFrame,
) -> str:
    """A large cohort at every level of its cell types"""
    blocks = ["# A large cohort at every level of its cell types", HOW]
    for cohort, rows in level_contrast.groupby("cohort", sort=False):
        inside = level_nested[(level_nested["cohort"] == cohort) & (level_nested["asked"] == "adjusted")]
        terms = level_shift[(level_shift["cohort"] == cohort) & (level_shift["asked"] == "adjusted")]
        of = [frame[frame["cohort"] == cohort] for frame in (level_judged, donor_terms, small_studies)]
        blocks += [
            f"## {markdown.escape(title_of(str(cohort)))}",
            markdown.table(_contrasts(rows)),
            _judged(of[0]),
            BLIND,
        ]
        agreed = level_agreement[level_agreement["cohort"] == cohort]
        blocks += ["### Under other choices", CHOICES, markdown.table(_agreed(agreed))]
        blocks += ["### Between coarse types, or within them", TERMS, markdown.table(_terms(terms, of[1]))]
        blocks += ["### Within each coarse type, adjusted", markdown.table(_within(inside))]
        blocks += ["### What a few donors would have shown", FEW, markdown.table(_few(of[2]))]
    return markdown.join(*blocks)


def _contrasts(rows: pd.DataFrame) -> list[dict[str, object]]:
    keys = ["asked", "donors", "values", "level"]
    gini = rows[rows["metric"] == "gini_stratum"].set_index(keys).to_dict("index")
    return [
        {
            "level": row["level"],
            "question": {
                "plain": "old, young",
                "adjusted": "old, young, adjusted",
                "trend": "along age, adjusted",
            }[str(row["asked"])],
            "donors": f"{readable(row['donors'])} ({row['n_reference']} / {row['n_other']})"
            if row["n_other"]
            else readable(row["donors"]),
            "value": row["values"],
            "ratio": effect_text(row, 3),
            "p": p_text(row["p_value"]),
            "difference": effect_text(gini[tuple(row[key] for key in keys)], 4, sign=True),
            "p ": p_text(gini[tuple(row[key] for key in keys)]["p_value"]),
            "verdict": row["verdict"],
        }
        for row in rows[rows["metric"] == "hill_q1"].to_dict("records")
    ]


def _agreed(rows: pd.DataFrame) -> list[dict[str, object]]:
    names = {"gini": "Gini coefficient", "hill_q1": "effective number", "both": "both signs"}
    return [
        {
            "level": row["level"],
            "metric": names[str(row["metric"])],
            "specifications": row["n_specifications"],
            "same sign as the published one": f"{row['share_same_sign']:.0%}",
            "from": number(row["low"], sign=True),
            "to": number(row["high"], sign=True),
            "joint p": p_text(row["p_value"]),
        }
        for row in rows.to_dict("records")
    ]


def _judged(rows: pd.DataFrame) -> str:
    words = [
        f"{row['asked'].capitalize()}: {row['verdicts']}. The verdict depends on the level: {row['depends']}; "
        f"opposite directions are established at two levels: {row['flips']}. Within {row['n_within']} of "
        f"{row['n_within_tested']} coarse types, over all pairs of levels, a direction is established."
        for row in rows.to_dict("records")
    ]
    return "\n".join(f"- {markdown.escape(one, 2_000)}" for one in words)


def _terms(rows: pd.DataFrame, units: pd.DataFrame) -> list[dict[str, object]]:
    pairs = units["fine"] + ", " + units["coarse"]
    gaps = units["corrected_gap"].abs().groupby(pairs).max()
    names = {"entropy": "ln effective number", "gini_stratum": "Gini coefficient"}
    found: list[dict[str, object]] = []
    for (fine, coarse, metric), here in rows[rows["part"].isna()].groupby(
        ["fine", "coarse", "metric"], sort=False
    ):
        shift = here.set_index("term")["shift"]
        found.append(
            {"fine": fine, "coarse": coarse, "metric": names[str(metric)]}
            | {term: number(shift[term], 4, sign=True) for term in ("total", "between", "within", "overlap")}
            | {"largest gap": number(gaps[f"{fine}, {coarse}"], 4) if metric == "entropy" else "–"}
        )
    return found


def _within(rows: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "within": str(row["part"]).replace("_", " "),
            "of": row["coarse"],
            "over": f"{row['n_parts']} of {row['fine']}",
            "donors": f"{row['n_reference']} / {row['n_other']}",
            "ratio": effect_text(row, 2),
            "q": p_text(row["p_adjusted"]),
            "verdict": row["verdict"],
        }
        for row in rows[rows["metric"] == "hill_q1"].to_dict("records")
    ]


def _few(rows: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            "level": row["level"],
            "all donors": row["all_donors"],
            "donors": f"{row['n_donors']} / {row['n_donors']}",
            "rule": row["rule"],
            "more": f"{row['more']:.1%}",
            "less": f"{row['less']:.1%}",
            "mixed": f"{row['mixed']:.1%}",
            "undecided": f"{row['undecided']:.1%}",
        }
        for row in rows.to_dict("records")
    ]
