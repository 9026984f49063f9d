"""The study's report: what is reproduced and what is established, every table whole, nothing that a label can break."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from concentra.stats.verdict import VERDICTS
from concentra.study.claims import Judgement
from concentra.study.declare import tables
from concentra.study.documents.report import report
from concentra.study.report import background, hierarchy
from concentra.study.report.answer import claim_rows, outcome, powered, tally
from concentra.study.results import Results
from definitions_documents import HOSTILE, layered, picture, small, write
from definitions_report import Elements

ONE = Judgement(
    "a", True, "Marrow concentrates", "Gini +0.09", "Gini +0.0873", "reproduced", "undecided", "", ""
)


def written(out: Path) -> str:
    return report(Results(out))["report.html"]


def sections(parsed: Elements) -> list[str]:
    ids = [value or "" for name, value in parsed.attributes if name == "id"]
    return [value.removesuffix("-title") for value in ids if value.endswith("-title")]


@pytest.mark.parametrize(
    ("verdict", "established", "words"),
    [
        ("reproduced", "undecided", "number reproduced; change undecided"),
        ("close", "more concentrated", "number close; change established"),
        ("reproduced", "withheld", "number reproduced; verdict withheld"),
        ("reproduced", "FACS more concentrated; Droplet undecided", "number reproduced; change established in part"),
        ("reproduced", "FACS undecided; Droplet not testable", "number reproduced; change undecided"),
        ("reproduced", "no change beyond the margin", "number reproduced; no change beyond the margin"),
        ("reproduced", "", "number reproduced"),
        ("differs", "undecided", "differs"),
        ("data absent", "", "data absent"),
    ],
)  # fmt: skip
def test_a_number_that_reproduces_is_not_a_change_that_is_established(
    verdict: str, established: str, words: str
) -> None:
    assert outcome(replace(ONE, verdict=verdict, established=established)) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expected", "kind"), [("direction more concentrated", "direction"), ("it yes", "statement")]
)
def test_what_was_stated_is_named(expected: str, kind: str) -> None:
    assert outcome(replace(ONE, expected=expected, established="")) == f"{kind} reproduced"


def test_the_answer_counts_published_statements_alone() -> None:
    firm = replace(ONE, statement="Marrow", established="more concentrated")
    others = [
        ONE,
        replace(ONE, verdict="differs"),
        replace(ONE, verdict="data absent"),
        replace(ONE, published=False),
    ]
    assert tally([firm, *others]) == (
        "Of 4 published statements, two are reproduced (exactly or within 5%), one differs and one lacks data; a "
        "change is established behind one of those reproduced (Marrow)."
    )
    assert tally([replace(ONE, verdict="differs")] * 2) == (
        "Of 2 published statements, no are reproduced (exactly or within 5%) and two differ."
    ).replace("no are", "none is")


def test_the_powered_cohort_answers_for_every_level(tmp_path: Path) -> None:
    (words,) = powered(Results(layered(small(tmp_path))))
    assert words == (
        "In ageing human blood, with enough donors to decide (3 young, 3 old; adjusted for sex and CMV), composition "
        "is more concentrated in old donors at 27 and 69 cell types (effective number 0.89 times that of young "
        "donors at each; 95% intervals 0.85 to 0.93 and 0.85 to 0.93) and shows no change beyond the margin at 7."
    )


@pytest.mark.parametrize("verdict", VERDICTS)
def test_any_verdict_makes_a_sentence(tmp_path: Path, verdict: str) -> None:
    (words,) = powered(Results(layered(small(tmp_path), [verdict] * 3)))
    assert words.endswith(".")
    assert "None" not in words


def test_verdicts_of_parts_keep_their_names() -> None:
    one = replace(ONE, established="FACS more concentrated; Droplet undecided")
    assert [str(line) for line in claim_rows([one])[0]["verdict"]] == [
        "FACS: more concentrated",
        "Droplet: undecided",
    ]
    assert claim_rows([ONE])[0]["verdict"] == ("undecided",)


def test_every_part_has_its_section(tmp_path: Path) -> None:
    out = layered(small(tmp_path))
    picture(out, "figure_1_overlay")
    assert sections(Elements(written(out))) == [
        "answer", "tms_facs", "blood_ageing", "models", "design", "figures", "methods", "provenance", "tables",
    ]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_labels_are_never_markup(label: str, tmp_path: Path) -> None:
    plain = Elements(written(small(tmp_path / "plain", tissue="z", donor="z")))
    hostile = Elements(written(small(tmp_path / "hostile", tissue=label, donor=label)))
    assert hostile.names == plain.names
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]


def test_a_nearly_empty_run_names_what_is_absent(tmp_path: Path) -> None:
    write(tmp_path, "sources", [{"cohort": "tms_facs", "kind": "atlas", "status": "absent", "title": "FACS cells",
                                 "obtain": "get them there"}])  # fmt: skip
    parsed = Elements(written(tmp_path))
    assert sections(parsed) == ["answer", "states", "methods", "provenance", "tables"]
    assert "get them there" in parsed.text


def test_one_number_changes_the_report(tmp_path: Path) -> None:
    one, two = (Elements(written(small(tmp_path / str(gini), gini=gini))) for gini in (0.1449, 0.1549))
    assert any(text.startswith("shift in Gini +0.1449") for text in one.text)
    assert any(text.startswith("shift in Gini +0.1549") for text in two.text)
    plane = next(chart for chart in two.data()["charts"].values() if "hill_q1" in chart["data"]["values"][0])
    assert 0.1549 in [row["gini"] for row in plane["data"]["values"]]


def test_the_same_results_give_the_same_report(tmp_path: Path) -> None:
    out = layered(small(tmp_path))
    assert written(out) == written(out)


def test_levels_stand_in_the_place_of_tissues(tmp_path: Path) -> None:
    found = hierarchy.findings(Results(layered(small(tmp_path))), "blood_ageing")
    assert set(found.strata) == {"7 types", "27 types", "69 types"}
    parts = found.table("composition").groupby("stratum")["part"].nunique()
    assert parts.to_dict() == {"7 types": 1, "27 types": 2, "69 types": 4}
    assert found.table("composition").groupby("stratum")["n_cells"].sum().unique().tolist() == [6000]


@pytest.mark.slow
def test_the_whole_report(archive_run: object) -> None:
    """Every table has all its rows, as an independent reader finds them; simulated cells come last; five megabytes."""
    out: Path = archive_run.out  # type: ignore[attr-defined]
    text = (out / "report.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 5_000_000
    parsed = Elements(text)
    held = parsed.data()["tables"]
    for name in Results(out).names:
        frame = pd.read_csv(tables()[name].path(out), low_memory=False)
        if len(frame) and name not in background.CLOUDS:
            assert len(held[name]["rows"]) == len(frame), name
            assert sorted(held[name]["names"]) == sorted(frame.columns), name
    there = sections(parsed)
    assert there.index("blood_ageing") < there.index("simulated")
    assert {
        "tms_facs",
        "tms_droplet",
        "models",
        "drivers",
        "multiverse",
        "states",
        "left-out",
        "figures",
    } <= set(there)
