"""The tables of the manuscript: each made from tables of the run, or a line that reports its absence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concentra.errors import ArgumentError, nearest
from concentra.report import markdown
from concentra.study.claims import Judgement
from concentra.study.documents import _rows as made
from concentra.study.documents import _rows_heads, _rows_levels
from concentra.study.documents._rows import Rows, Source
from concentra.study.results import Results


@dataclass(frozen=True)
class Made:
    """One table of the manuscript: what it needs, its caption, its rows."""

    needs: str
    caption: str
    rows: Callable[[Source], Rows]


class Tables:
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
        """The table with its caption, or a line that reports its absence."""
        label, one = self.label(key), (TEXT | SUPPLEMENT)[key]
        rows = one.rows(self.source) if self._there(one) else []
        if not rows:
            return f"*{label} is absent: this run has no rows for it. It would show: {one.caption}*"
        return f"{markdown.table(rows, weighted=True)}\n\n: **{label}.** {one.caption}"

    def supplement(self) -> str:
        """All tables of the supplement, in order."""
        return "\n\n".join(self.table(key) for key in SUPPLEMENT)

    def _there(self, one: Made) -> bool:
        return not one.needs or one.needs in self.source.results.names


EFFECTS = (
    "Ratio and difference: effects of the linear model, old to young or old minus young, with 95% intervals; q: the "
    "two p-values combined and adjusted (Benjamini-Hochberg)"
)
TEXT: dict[str, Made] = {
    "verdicts": Made(
        "",
        "Statements of the published analysis and what this study finds. *Numbers* compares what was stated with what "
        "was found, and the worst part decides; *established* is the verdict of the inference over donors on the same "
        "tissues; *withheld*: the noise of the published ablations is unknown. *Crystallizes* and *disperses* are the "
        "words of the source for more and less concentrated.",
        made.verdicts,
    ),
    "tested": Made(
        "age_contrast",
        "Old against young mice in every tissue that can be tested. Donors: young / old. Gini and eff_N: shifts of "
        "medians over donors, as published, with the exact two-sided Mann-Whitney p, where the groups have similar "
        f"numbers of cells. {EFFECTS} over the tissues of the platform.",
        made.tested_tissues,
    ),
    "models": Made(
        "head_first_checkpoint",
        "Shifts of head importance in four models to their last checkpoint. In brackets: 95% bands over resampled "
        "heads, which measure sensitivity to single heads. The last column would be the verdict if the noise of the "
        "published evaluations were known to be small.",
        _rows_heads.models,
    ),
    "blood": Made(
        "level_contrast",
        "Ageing human blood counted over 7, 27 and 69 nested cell types, each donor once over all visits. Donors: "
        "young / old. Ratio and difference: effects of the linear model with 95% intervals, along age those of the "
        "change from the youngest to the oldest donor; adjusted: for sex and cytomegalovirus (CMV) serostatus.",
        _rows_levels.blood,
    ),
}
SUPPLEMENT: dict[str, Made] = {
    "donors": Made(
        "composition", "Cells of Tabula Muris Senis that were kept and left out, and how their donors are known.",
        made.donors_known,
    ),
    "totals": Made(
        "mouse_totals",
        "Cells assigned to each three-month FACS mouse here against the totals of the official annotation.",
        made.mouse_totals,
    ),
    "confounding": Made(
        "confounding",
        "Age and sex in the tissues with donors in both groups. Least p: the smallest that the exact test can give, "
        "with all mice and with males alone.",
        made.confounding,
    ),
    "first_checkpoints": Made(
        "head_first_checkpoint",
        "The shift of head importance to the last checkpoint from every earlier one. Columns as in "
        f"Table {list(TEXT).index('models') + 1}.",
        _rows_heads.first_checkpoints,
    ),
    "terms": Made(
        "level_shift",
        "The change in ageing blood over fine types as an exact sum of terms between and within coarse types, as "
        "counted and adjusted for sex and CMV, with 95% intervals. The Gini coefficient has a third term, of coarse "
        "types whose fine types overlap in rank.",
        _rows_levels.level_terms,
    ),
    "nested": Made(
        "level_nested",
        f"Old against young blood donors within each coarse type, adjusted for sex and CMV. {EFFECTS} over the coarse "
        "types of one level.",
        _rows_levels.nested,
    ),
}  # fmt: skip
