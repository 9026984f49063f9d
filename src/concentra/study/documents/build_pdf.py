"""The manuscript: `paper/manuscript.md` with every number looked up, as PDF, DOCX and HTML; the table of claims."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from concentra.report import pdf
from concentra.study import claims, numbers
from concentra.study.declare import Table, column, document
from concentra.study.documents import _words
from concentra.study.documents._paper import fill, paper_files, read_text
from concentra.study.results import Results

FILES = ("paper/manuscript.pdf", "paper/manuscript.docx", "paper/manuscript.html", "paper/numbers.json")
DECLARED = tuple(Path(claims.__file__).with_name(name) for name in ("claims.toml", "parameters.toml"))


class Claims(Table):
    """Every published number and direction beside ours."""

    id: str = column("name of the claim")
    published: bool = column(
        "stated by the published analysis; otherwise a prediction from it or an extension of it"
    )
    statement: str = column("what is claimed")
    expected: str = column("its parts, at the stated rounding")
    observed: str = column("what our tables say")
    verdict: str = column("the verdict of the worst part", among=claims.ORDER)
    established: str = column(
        "what the inference over donors or heads establishes of the same", nullable=True
    )
    robustness: str = column("interval, and how other choices agree", nullable=True)
    note: str = column("what to know of it", nullable=True)

    class Config(Table.Config):
        unique = ["id"]


@document(*FILES, tables=(Claims,), sources=(*paper_files(), *DECLARED, *pdf.SOURCES))
def build_pdf(results: Results) -> dict[str, str | bytes | pd.DataFrame]:
    """The manuscript with every number looked up"""
    text, references, declared = paper_files()
    found = numbers.look_up(numbers.read_groups(declared), results)
    judgements = claims.judge(results.out)
    filled = fill(read_text(text), found, _words.functions(results, judgements))
    pictures = {
        f"figure_{label}{path.suffix}": path
        for label, one in results.pictures.items()
        for path in (one.png, one.svg)
    }
    made = pdf.render(filled, references=read_text(references), files=pictures)
    documents: dict[str, str | bytes | pd.DataFrame] = {
        f"paper/manuscript.{form}": content for form, content in made.items()
    }
    documents["paper/numbers.json"] = _as_json(found)
    documents["claims"] = pd.DataFrame([judgement.as_dict() for judgement in judgements])
    return documents


def _as_json(found: dict[str, numbers.Numbers]) -> str:
    values = {
        f"{group}.{key}": {"text": one.text, "value": one.value}
        for group, shown in found.items()
        for key, one in shown.items()
    }
    return json.dumps(values, indent=1, ensure_ascii=False, default=str) + "\n"
