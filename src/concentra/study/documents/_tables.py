"""The tables of the manuscript: each made from tables of the run, or a line that says that it is absent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concentra.errors import ArgumentError, nearest
from concentra.report import markdown
from concentra.study.claims import Judgement
from concentra.study.documents import _rows as made
from concentra.study.documents._rows import Rows, Source, chosen, contrast
from concentra.study.results import Results


@dataclass(frozen=True)
class Made:
    """One table of the manuscript: what it needs, its caption, its rows."""

    needs: str
    caption: str
    rows: Callable[[Source], Rows]


class Supplement:
    """Tables by key: those of the text are numbered 1, 2, ..., those of the supplement S1, S2, ..."""

    def __init__(self, results: Results, judgements: Sequence[Judgement]) -> None:
        self.source = Source(results, judgements)

    def label(self, key: str) -> str:
        """The number of a table, as the text quotes it."""
        if key in TEXT:
            return f"Table {list(TEXT).index(key) + 1}"
        if key in SUPPLEMENT:
            return f"Table S{list(SUPPLEMENT).index(key) + 1}"
        raise ArgumentError(
            found=f"the manuscript asks for a table {key!r}",
            expected="a table that the documents of the study declare",
            fix=nearest(key, [*TEXT, *SUPPLEMENT]),
        )

    def table(self, key: str) -> str:
        """The table with its caption, or a line that says it is absent."""
        label, one = self.label(key), (TEXT | SUPPLEMENT)[key]
        rows = one.rows(self.source) if self._there(one) else []
        if not rows:
            return f"*{label} is absent: this run has no rows for it. It would show: {one.caption}*"
        return f"{markdown.table(rows, weighted=True)}\n\n: **{label}.** {one.caption}"

    def everything(self) -> str:
        """All tables of the supplement, in order."""
        return "\n\n".join(self.table(key) for key in SUPPLEMENT)

    def _there(self, one: Made) -> bool:
        return not one.needs or one.needs in self.source.results.names


HOW = (
    "Donors: young / old. Gini, eff_N: differences of medians over donors, as published, each with the p of the exact "
    "two-sided Mann-Whitney test; least p: what these numbers of donors allow at best. Ratio and difference: effects "
    "of the linear model with 95 % intervals; q: Benjamini-Hochberg over the tissues of the cohort."
)
AGREEMENT = {
    "metric": "metric", "what": "of", "n_strata": "tissues", "correlation": "rank correlation",
    "n_same_sign": "same sign", "mean_difference": "mean difference",
}  # fmt: skip
LINEAGES = {
    "cohort": "cohort", "lineage": "lineage", "share_reference": "young", "share_other": "old",
    "share_change": "change", "share_change_low": "low", "share_change_high": "high", "p_value": "p",
    "contribution": "contribution",
}  # fmt: skip
CHOICES = {
    "cohort": "cohort", "stratum": "tissue", "metric": "metric", "n_specifications": "specifications",
    "share_same_sign": "same sign", "median": "median", "low": "least", "high": "greatest", "p_value": "p",
}  # fmt: skip
STATES = {
    "cohort": "cohort", "stratum": "tissue, cell type", "level": "resolution", "n_reference": "young", "n_other": "old",
    "shift": "shift of eff_N", "p_exact": "p", "p_exact_attainable": "least p", "effect": "ratio", "low": "low",
    "high": "high", "p_adjusted": "q", "verdict": "verdict",
}  # fmt: skip
VALIDATION = {"cohort": "cohort", "stratum": "tissue", "hypothesis": "published", "agreement": "found"}
GRANULARITY = {
    "cohort": "cohort", "stratum": "tissue", "direction_annotated": "over types", "n_more": "more concentrated",
    "n_less": "less concentrated", "n_resolutions": "resolutions", "flips": "flips",
}  # fmt: skip
RESCUE = {
    "cohort": "cohort", "metric": "metric", "n_young": "young", "n_old": "old", "n_treated": "treated",
    "rescued_percent": "rescued", "p_rescue_cells": "P by cells", "p_permutation": "p by permutation",
    "p_attainable": "least p", "null_rescue_median": "null median", "null_positive": "null positive",
}  # fmt: skip
TEXT: dict[str, Made] = {
    "verdicts": Made(
        "",
        "The published statements beside what was found here; the verdict is that of the worst part.",
        made.verdicts,
    ),
    "tested": Made(
        "age_contrast", f"Tissues with two donors or more in each group. {HOW}", made.tested_tissues
    ),
}
SUPPLEMENT: dict[str, Made] = {
    "sources": Made("sources", "Cohorts, and where the numbers of this run come from.", made.sources),
    "donors": Made("composition", "How the donors of the cells are known.", made.donors_known),
    "left_out": Made("left_out", "Cells that belong to no donor-tissue unit, and why.", made.cells_left_out),
    "confounding": Made(
        "confounding",
        "Age and sex in the tissues with donors in both groups, and the smallest p.",
        made.confounding,
    ),
    "facs": Made("age_contrast", f"All tissues of the FACS arm. {HOW}", contrast("tms_facs")),
    "droplet": Made("age_contrast", f"All tissues of the Droplet arm. {HOW}", contrast("tms_droplet")),
    "across": Made(
        "across_tissues", "All tissues of a cohort in one test: labels are permuted per donor.", made.across
    ),
    "head_shifts": Made("head_shift", "Head importance, first against last checkpoint.", made.head_shifts),
    "first_checkpoints": Made(
        "head_first_checkpoint",
        "The shift to the last checkpoint from every earlier one.",
        made.first_checkpoints,
    ),
    "influence": Made(
        "head_influence", "The shift without one head: the five that move it most.", made.influence
    ),
    "planted": Made("planted", f"Shifts planted in simulated cells, and what was found. {HOW}", made.planted),
    "agreement": Made(
        "platform_agreement",
        "Agreement of the platforms over tissues: rank correlation of levels and of shifts.",
        chosen("platform_agreement", AGREEMENT),
    ),
    "lineages": Made(
        "lineage_shift",
        "Lineages of the marrow: change of share, and contribution to the shift in Gini, with intervals over donors.",
        chosen("lineage_shift", LINEAGES, stratum="Marrow", metric="gini_present", level="lineage"),
    ),
    "choices": Made(
        "multiverse_summary",
        "Specifications of every tissue that agree in sign with the published one, and the joint tests.",
        chosen("multiverse_summary", CHOICES),
    ),
    "head_choices": Made(
        "head_multiverse_summary",
        "The same for models, which have no labels to permute.",
        chosen("head_multiverse_summary", CHOICES),
    ),
    "activity": Made(
        "activity_contrast",
        "Sub-states within types of marrow cells, in the space of gene-ontology activities.",
        chosen("activity_contrast", STATES, metric="hill_q1"),
    ),
    "substates": Made(
        "substate_contrast",
        "Sub-states within types, from expression.",
        chosen("substate_contrast", STATES, metric="hill_q1"),
    ),
    "validation": Made(
        "validation_robustness",
        "Directions in the validation cohort over clustering resolutions.",
        chosen("validation_robustness", VALIDATION),
    ),
    "granularity": Made(
        "kidney_granularity",
        "Kidney over types and over clusters of growing resolution.",
        chosen("kidney_granularity", GRANULARITY),
    ),
    "rescue": Made(
        "rescue",
        "Share of the ageing shift that a treatment reverses, in per cent.",
        chosen("rescue", RESCUE),
    ),
    "index": Made("", "Every table of this run; each has a file of its name.", made.index),
}
