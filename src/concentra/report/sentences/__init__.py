"""Sentences that people read: the answer, what was found in a tissue, the paragraph of methods.

Each is a function of the tables of an analysis. A sentence is plain text; who prints it escapes it.
"""

from concentra.report.sentences.answers import (
    DIRECTIONS,
    MEANINGS,
    PREDICATES,
    across,
    answer,
    description,
    effect,
    finding,
    is_whole,
    named_answers,
    types_counted,
    verdicts,
)
from concentra.report.sentences.labels import (
    counted,
    distinct,
    identifier,
    listed,
    notes_of,
    p_words,
    plain,
    quantity,
    records,
    short,
    worded,
)
from concentra.report.sentences.methods import methods

__all__ = [
    "DIRECTIONS", "MEANINGS", "PREDICATES", "across", "answer", "counted", "description", "distinct", "effect",
    "finding", "identifier", "is_whole", "listed", "methods", "named_answers", "notes_of", "p_words", "plain",
    "quantity", "records", "short", "types_counted", "verdicts", "worded",
]  # fmt: skip
