"""The manuscript: every number looked up, what is absent said to be, one change seen everywhere."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from concentra.errors import ArgumentError, ColumnError, ConcentraError, DataAbsentError, TableError
from concentra.study import claims, engine, numbers
from concentra.study.declare import nodes
from concentra.study.documents import _paper, _tables, _words
from concentra.study.report.answer import tally
from concentra.study.results import Results
from concentra.tables import AlteredError
from definitions_documents import HOSTILE, picture, small

pypdf = pytest.importorskip("pypdf")
FRAME = pd.DataFrame(
    {"cohort": ["tms_facs", "tms_facs", "rat_cr"], "n": [1, 2, 3], "shift": [0.5, -0.25, float("nan")]}
)


def results(frame: pd.DataFrame | None = FRAME) -> Results:
    sources = pd.DataFrame({"cohort": ["tms_facs", "rat_cr"], "status": ["raw data", "absent"]})
    return SimpleNamespace(table=lambda name: frame, rows=lambda name: sources)  # type: ignore[return-value]


def looked_up(entry: str, frame: pd.DataFrame | None = FRAME, tmp_path: Path | None = None) -> numbers.Number:
    import tomllib

    declared = numbers.Group.model_validate(tomllib.loads(entry))
    return numbers.look_up({"a": declared}, results(frame))["a"]["x"]


@pytest.mark.parametrize(
    ("where", "show", "text"),
    [
        ("{ n = 1 }", '{ column = "shift", format = "+2" }', "+0.50"),
        ("{ n = 2 }", '{ column = "shift", format = "3" }', "−0.250"),
        ("{ n = 1 }", '{ column = "cohort", format = "text" }', "FACS"),
        ("{ n = 1 }", '{ column = "shift", format = "%" }', "50%"),
        ("{ n = 1 }", '{ column = "shift", format = "%1" }', "50.0%"),
        ("{ n = 1 }", '{ column = "shift", format = "p" }', "0.50"),
        ("{}", '{ column = "n", reduce = "sum", format = "," }', "6"),
        ("{ n = [1, 2] }", '{ column = "n", reduce = "count", format = "," }', "2"),
        (
            "{}",
            '{ column = "cohort", reduce = "list", format = "text" }',
            "FACS and rat atlas of caloric restriction",
        ),
        ("{ n = [1, 2] }", '{ column = "n", by = "shift", reduce = "first", format = "," }', "2"),
        ("{ n = [1, 2] }", '{ column = "shift", reduce = "largest", format = "2" }', "0.50"),
        ("{}", '{ column = "cohort", reduce = "unique", format = "," }', "2"),
        ("{}", '{ column = "shift", reduce = "min", format = "2" }', "−0.25"),
        ("{ n = 3 }", '{ column = "shift", format = "2" }', numbers.NONE),
        ("{ n = 4 }", '{ column = "shift", format = "2" }', numbers.NONE),
        ('{ cohort = "rat_cr", n = 9 }', '{ column = "shift", format = "2" }', numbers.ABSENT),
        ('{ cohort = "unheard of" }', '{ column = "shift", format = "2" }', numbers.ABSENT),
    ],
)
def test_numbers_are_written_as_declared(where: str, show: str, text: str) -> None:
    assert str(looked_up(f'table = "t"\nwhere = {where}\nshow = {{ x = {show} }}')) == text


def test_a_number_of_a_table_that_is_not_there_says_so_and_is_false() -> None:
    found = looked_up('table = "t"\nshow = { x = "2" }', None)
    assert str(found) == numbers.UNCOMPUTED
    assert not found


def test_several_rows_need_a_reduction() -> None:
    with pytest.raises(TableError, match=r"'a.x' means 2 rows[\s\S]*narrow its `where`"):
        looked_up(
            'table = "t"\nwhere = { cohort = "tms_facs" }\nshow = { x = { column = "n", format = "2" } }'
        )


def test_a_misspelt_column_names_the_nearest() -> None:
    with pytest.raises(ColumnError, match=r"'a.x' names the column 'shft'[\s\S]*did you mean 'shift'"):
        looked_up('table = "t"\nshow = { x = { column = "shft", format = "2" } }')


@pytest.mark.parametrize("entry", ["[a]\ntable = 3", "[a", '[a]\ntable = "t"\nshow = { x = "many" }'])
def test_a_wrong_declaration_is_an_error_in_three_parts(entry: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers.toml"
    path.write_text(entry, encoding="utf-8")
    with pytest.raises(TableError, match=r"error: numbers.toml[\s\S]*expected[\s\S]*fix"):
        numbers.read_groups(path)


GROUP = {"a": numbers.Numbers({"x": numbers.Number("+0.145", 0.145)})}


def test_a_text_is_filled() -> None:
    assert _paper.fill("G {{ a.x }} {#anchor}", GROUP, {}) == "G +0.145 {#anchor}"


def test_a_missing_key_is_an_error_also_in_a_branch_not_taken() -> None:
    with pytest.raises(ColumnError, match=r"line 2, quotes 'a.y'[\s\S]*did you mean 'a.x'"):
        _paper.fill("{{ a.x }}\n{% if not a %}{{ a.y }}{% endif %}", GROUP, {})


def test_a_missing_group_is_an_error() -> None:
    with pytest.raises(ColumnError, match="quotes 'b'"):
        _paper.fill("{{ a.x }} {{ b.x }}", GROUP, {})


def test_an_unused_key_is_an_error() -> None:
    with pytest.raises(TableError, match=r"does not quote: a.x[\s\S]*take it out of numbers.toml"):
        _paper.fill("nothing", GROUP, {})


def test_a_key_used_in_a_branch_not_taken_counts_as_used() -> None:
    assert _paper.fill("{% if not a %}{{ a.x }}{% endif %}end", GROUP, {}) == "end"


def test_a_broken_template_names_the_line() -> None:
    with pytest.raises(TableError, match=r"manuscript\.md, line 2"):
        _paper.fill("one\n{% if %}", GROUP, {})


def test_words_that_numbers_decide() -> None:
    half, minus, none = (numbers.Number("", value) for value in (0.5, -0.5, None))
    inside, outside = (minus, half, 0.0), (half, half, 0.0)
    assert _words.includes(inside, inside) == "both intervals include no change"
    assert _words.includes(outside, outside) == "both intervals exclude no change"
    assert _words.includes(inside, outside) == "only the first interval includes no change"
    assert (_words.rises(half), _words.rises(minus)) == ("rises", "falls")
    assert (_words.sign(half, minus), _words.sign(half, half)) == ("changes sign", "keeps its sign")
    unknown = {_words.rises(none), _words.includes(inside, (none, half, 0.0)), _words.sign(half, none)}
    assert unknown | {_words.agreement(("kidney", none, half)), _words.of(none, half)} == {numbers.UNCOMPUTED}


@pytest.mark.parametrize(
    ("directions", "sentence"),
    [
        ("aa", "agree in direction in kidney"),
        ("ab", "disagree in direction in kidney"),
        ("ab ab", "disagree in direction in kidney and lung"),
        ("aa ab", "agree in direction in kidney and disagree in lung"),
        ("ab aa ab", "agree in direction in lung and disagree in kidney and spleen"),
    ],
)
def test_places_that_agree_are_named_once(directions: str, sentence: str) -> None:
    pairs = [[numbers.Number(one, one) for one in pair] for pair in directions.split()]
    places = zip(("kidney", "lung", "spleen"), pairs, strict=False)
    assert _words.agreement(*((name, *pair) for name, pair in places)) == sentence


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 14, "none of the 14"),
        (1, 14, "one of the 14"),
        (13, 14, "13 of the 14"),
        (14, 14, "all 14"),
        (0, 1, "none of the one"),
        (1, 1, "the only"),
        (2, 2, "both"),
        (1, 2, "one of the two"),
    ],
)
def test_a_part_of_a_whole_in_words(part: int, whole: int, words: str) -> None:
    assert _words.of(part, numbers.Number(f"{whole}", whole)) == words


def test_the_count_of_published_statements_leaves_predictions_out(tmp_path: Path) -> None:
    judged = claims.judge(small(tmp_path))
    said = _words.functions(Results(tmp_path), judged)
    extra = [one for one in judged if not one.published]
    assert said["tally"]() == len(judged) - len(extra) > 0
    assert sum(said["tally"](verdict) for verdict in claims.ORDER) == said["tally"]()
    assert tally(judged).startswith(f"Of {said['tally']()} published statements")


def test_unknown_claims_tables_and_parameters_are_errors(tmp_path: Path) -> None:
    said = _words.functions(Results(small(tmp_path)), [])
    for call in (
        lambda: said["verdict"]("x"),
        lambda: said["label"]("x"),
        lambda: said["parameter"]("summary", "x"),
    ):
        with pytest.raises(ArgumentError, match=r"error: the manuscript asks for"):
            call()


def test_a_figure_that_is_not_there_is_said_to_be_absent(tmp_path: Path) -> None:
    said = _words.functions(Results(small(tmp_path)), [])
    assert said["figure"]("1").startswith("*Figure 1 is absent")
    assert said["table"]("blood").startswith("*Table 4 is absent")
    assert "is absent" in said["supplement"]()


def test_figures_that_the_text_does_not_place_are_shown_at_its_end(tmp_path: Path) -> None:
    names = [node.name for node in nodes().values() if node.kind == "figure"]
    for name in names:
        picture(small(tmp_path), name)
    found = Results(tmp_path)
    said = _words.functions(found, [])
    first = next(iter(found.pictures))
    assert f"figure_{first}.png" in said["figure"](first)
    assert said["other_figures"]().count("![") == len(names) - 1


def test_labels_cannot_break_tables(tmp_path: Path) -> None:
    for place, label in enumerate(HOSTILE.values()):
        out = small(tmp_path / str(place), tissue=label)
        text = _tables.Tables(Results(out), []).table("tested")
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len(rows) == 3
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_the_paper_command_needs_results(tmp_path: Path) -> None:
    from concentra.cli.paper import paper

    with pytest.raises(DataAbsentError, match="no results in"):
        paper(tmp_path)


def test_every_key_of_the_manuscript_is_declared_and_quoted_and_every_reference_cited(tmp_path: Path) -> None:
    text, references, declared = _paper.paper_files()
    one = numbers.Number("1", 1.0)
    keys = {
        name: numbers.Numbers(dict.fromkeys(group.show, one))
        for name, group in numbers.read_groups(declared).items()
    }
    said = dict.fromkeys(_words.functions(Results(tmp_path), []), lambda *words: "said")
    assert "{{" not in _paper.fill(text.read_text(encoding="utf-8"), keys, said)
    cited = set(re.findall(r"@([a-z]+\d{4}[a-z]*)", text.read_text(encoding="utf-8")))
    assert cited == set(re.findall(r"^@\w+\{(\w+),", references.read_text(encoding="utf-8"), flags=re.M))


@pytest.mark.slow
def test_the_whole_manuscript(archive_run: object) -> None:
    out: Path = archive_run.out  # type: ignore[attr-defined]
    reader = pypdf.PdfReader(io.BytesIO((out / "paper" / "manuscript.pdf").read_bytes()))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    found = json.loads((out / "paper" / "numbers.json").read_text(encoding="utf-8"))
    for key in ("large.gini", "large.hill_q1", "marrow_facs_gini.shift", "marrow_droplet_effective.shift"):
        assert found[key]["text"] in text, key
    absent = [key for key, one in found.items() if one["value"] is None and one["text"].strip("[]") != "none"]
    assert not absent
    assert "[none]" not in text
    judged = pd.read_csv(out / "tables" / "claims.csv").set_index("id")
    assert judged.loc["pythia-shift", "verdict"] == "reproduced"
    assert judged.index[~judged["published"]].tolist() == ["models-shift", "blood-direction"]


@pytest.mark.slow
def test_one_number_changes_the_manuscript_and_the_report(copied: Callable[[], Path]) -> None:
    out = copied()
    before = {
        name: (out / name).read_bytes()
        for name in ("paper/manuscript.pdf", "paper/numbers.json", "report.html")
    }
    for name in ("build_pdf", "report"):
        engine.run_node(name, data=None, out=out)
    assert before == {name: (out / name).read_bytes() for name in before}
    path = out / "tables" / "head_shift.csv"
    frame = pd.read_csv(path, float_precision="round_trip")
    frame.loc[(frame["cohort"] == "pythia_410m") & (frame["value"] == "abs"), "gini"] = 0.2345
    frame.to_csv(path, index=False, lineterminator="\n", quoting=2)
    with pytest.raises(AlteredError, match="is not what was written"):
        engine.run_node("report", data=None, out=out)
    for noted in (path.with_suffix(".provenance.json"), path.with_name("provenance.json")):
        noted.unlink(missing_ok=True)  # as a step would have written it
    for name in ("build_pdf", "report"):
        engine.run_node(name, data=None, out=out)
    assert (
        json.loads((out / "paper" / "numbers.json").read_text(encoding="utf-8"))["large.gini"]["text"]
        == "+0.234"
    )
    assert all((out / name).read_bytes() != content for name, content in before.items())
    assert "shift in Gini +0.2345" in (out / "report.html").read_text(encoding="utf-8")


def test_errors_have_three_parts() -> None:
    assert issubclass(TableError, ConcentraError)
