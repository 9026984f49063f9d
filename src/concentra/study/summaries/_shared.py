"""What the summaries share: cohorts by their titles, rows of the plane."""

from __future__ import annotations

import pandas as pd

from concentra.report.markdown import number, p_text
from concentra.study.cohorts import cohorts


def title_of(cohort: str) -> str:
    """The cohort's name as people read it."""
    return cohorts()[cohort].title if cohort in cohorts() else cohort


def contrast_rows(contrast: pd.DataFrame) -> list[dict[str, object]]:
    """One row a tissue of one cohort: both shifts with their tests, what is attainable, and the verdict."""
    gini, effective = (
        contrast[contrast["metric"] == metric].set_index("stratum").to_dict("index")
        for metric in ("gini_present", "hill_q1")
    )
    return [
        {
            "tissue": str(tissue).replace("_", " "),
            "donors": f"{row['n_early']} / {row['n_late']}",
            "Gini": number(row["shift"], sign=True),
            "p": p_text(row["p_value"]),
            "q": p_text(row["p_adjusted"]),
            "eff_N": number(effective[tissue]["shift"], 2, sign=True),
            "p ": p_text(effective[tissue]["p_value"]),
            "q ": p_text(effective[tissue]["p_adjusted"]),
            "smallest p": p_text(row["p_attainable"]),
            "direction": row["direction"] if isinstance(row["direction"], str) else "–",
            "verdict": row["verdict"],
        }
        for tissue, row in gini.items()
    ]
