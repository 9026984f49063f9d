"""Rows of the manuscript's tables of ageing blood: one composition at every level of its cell types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concentra.report.markdown import HARD, p_text
from concentra.study.documents._rows import Rows, Source, shift_column
from concentra.study.summaries._shared import effect_column

COHORT = "blood_ageing"
QUESTIONS = {
    ("adjusted", "all", "cells of all samples"): "old, young; adjusted",
    ("plain", "all", "cells of all samples"): "old, young",
    ("plain", "cmv negative", "cells of all samples"): "old, young; CMV-negative",
    ("plain", "cmv positive", "cells of all samples"): "old, young; CMV-positive",
    ("trend", "all", "cells of all samples"): "along age; adjusted",
}


def blood(source: Source) -> Rows:
    """Ageing blood at every level of its cell types, by question."""
    frame = source.results.rows("level_contrast", cohort=COHORT)
    if frame.empty:
        return []
    keys = ["level", "asked", "donors", "values"]
    gini, effective = (
        frame[frame["metric"] == metric].set_index(keys).to_dict("index")
        for metric in ("gini_stratum", "hill_q1")
    )
    asked = [
        (level, words, effective[level, *kind], gini[level, *kind])
        for level in dict.fromkeys(frame["level"])
        for kind, words in QUESTIONS.items()
        if (level, *kind) in effective
    ]
    ratios = effect_column((row for *_, row, _ in asked), 3)
    differences = effect_column((other for *_, other in asked), 4, sign=True)
    return [
        {
            "types": level.removesuffix(" types"),
            "question": words,
            "donors": _donors(row),
            "ratio of eff_N": ratio,
            "p": p_text(row["p_value"]),
            "difference in Gini": difference,
            "p ": p_text(other["p_value"]),
            "verdict": row["verdict"],
        }
        for (level, words, row, other), ratio, difference in zip(asked, ratios, differences, strict=True)
    ]


def _donors(row: Mapping[Any, Any]) -> str:
    """Young and old donors, or all of them along age."""
    return f"{row['n_reference']}{HARD}/{HARD}{row['n_other']}" if row["n_other"] else f"{row['n_reference']}"


def level_terms(source: Source) -> Rows:
    """The shift over fine types as an exact sum of terms between and within coarse ones, adjusted."""
    frame = source.results.rows("level_shift", cohort=COHORT, asked="adjusted")
    if frame.empty:
        return []
    names = {"entropy": "ln effective number", "gini_stratum": "Gini coefficient"}
    whole = frame[frame["part"].isna()]
    found: Rows = []
    groups = list(whole.groupby(["fine", "coarse", "metric"], sort=False))
    terms = [rows.set_index("term").to_dict("index") for _, rows in groups]
    columns = {
        term: shift_column((one[term] for one in terms), 3)
        for term in ("total", "between", "within", "overlap")
    }
    for place, (fine, coarse, metric) in enumerate(key for key, _ in groups):
        levels = f"{str(fine).removesuffix(' types')} in {str(coarse).removesuffix(' types')}"
        shown: dict[str, object] = {"types": levels, "measure": names[str(metric)]}
        for term, texts in columns.items():
            shown[term] = "–" if term == "overlap" and metric == "entropy" else texts[place]
        found.append(shown)
    return found


def nested(source: Source) -> Rows:
    """Old against young donors within every coarse type, adjusted."""
    frame = source.results.rows("level_nested", cohort=COHORT, asked="adjusted")
    if frame.empty:
        return []
    keys = ["fine", "coarse", "part"]
    gini = frame[frame["metric"] == "gini_stratum"].set_index(keys).to_dict("index")
    rows = frame[frame["metric"] == "hill_q1"].to_dict("records")
    ratios = effect_column(rows, 2)
    differences = effect_column((gini[row["fine"], row["coarse"], row["part"]] for row in rows), 3, sign=True)
    return [
        {
            "within": f"{str(row['part']).replace('_', ' ')} (of {row['coarse'].removesuffix(' types')})",
            "over": f"{row['n_parts']} of {row['fine']}",
            "donors": _donors(row),
            "ratio of eff_N": ratio,
            "difference in Gini": difference,
            "q": p_text(row["p_adjusted"]),
            "verdict": row["verdict"],
        }
        for row, ratio, difference in zip(rows, ratios, differences, strict=True)
    ]
