"""The report of an analysis as Markdown: the answer, the verdicts, what limits them, the methods."""

from __future__ import annotations

from collections.abc import Mapping

from concentra.report import markdown, sentences
from concentra.report.findings import Findings
from concentra.report.sections.answer import verdict_rows


def summary(found: Findings, pictures: Mapping[str, str] | None = None) -> str:
    """The report as Markdown that is readable as it is; labels are escaped only where they would be markup.

    Parameters
    ----------
    found
        The tables of the analysis and what is known about them.
    pictures
        Captions of figures by their path as seen from the file.

    Examples
    --------
    >>> import pandas as pd
    >>> units = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "n_cells": [3, 4], "hill_q1": [1.9, 1.0]})
    >>> text = summary(Findings({"concentration": units, "composition": pd.DataFrame({"part": ["B", "T"]})}))
    >>> text.splitlines()[2].split(";")[0]
    '2 donors, 1 tissue, 2 cell types, 7 cells'
    """
    blocks = [f"# {markdown.escape(found.title)}"]
    if found.verdicts.empty:
        blocks.append(markdown.escape(sentences.description(found.tables), 4_000))
    else:
        answers = sentences.answer(
            found.table("contrast"), level=found.level, types=sentences.types_counted(found.tables)
        )
        for name, words in zip(found.contrasts, answers, strict=True):
            rows = found.verdicts[found.verdicts["contrast"] == name]
            shown = [
                {key: str(value) for key, value in row.items()} for row in verdict_rows(rows, found.level)
            ]
            blocks += [f"## {markdown.escape(name)}", markdown.escape(words, 20_000), markdown.table(shown)]
        blocks += [markdown.escape(words, 1_000) for words in sentences.across(found.table("across"))]
        used = [word for word in sentences.MEANINGS if (found.verdicts["verdict"] == word).any()]
        blocks.append("\n".join(f"- *{word}*: {sentences.MEANINGS[word]}" for word in used))
    notes = sentences.notes_of(found.notes)
    if notes:
        blocks += [
            "## Left out, guessed, or limiting",
            "\n".join(f"- {markdown.escape(one, 1_000)}" for one in notes),
        ]
    blocks += [f"![{markdown.escape(words, 500)}]({path})" for path, words in (pictures or {}).items()]
    text, cited = sentences.methods(found.tables, found.options, found.versions)
    references = "\n".join(
        f"{place}. {markdown.escape(one, 500)}" for place, one in enumerate(cited, start=1)
    )
    blocks += ["## Methods", markdown.escape(found.methods or text, 10_000)]
    return markdown.join(*blocks, "" if found.methods else references)
