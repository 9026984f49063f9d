"""Lines for people: at any width no word is broken, without colour where none is wanted, whole in a pipe."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.cli import _terminal as terminal
from concentra.cli._terminal import Line
from concentra.report.sentences import MEANINGS
from definitions_report import contrast

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Screen(io.StringIO):
    """A terminal that keeps what is printed."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return monkeypatch


NAMES = ["Marrow", "Brain_Non-Myeloid", "x" * 300, "Limb_Muscle", "Lung", "Kidney", "Skin"]


def shown(file: io.StringIO) -> list[str]:
    lines = terminal.verdict_lines(contrast(NAMES, tuple(MEANINGS)))
    for found in lines.values():
        terminal.print_lines(found, file=file)
    return file.getvalue().splitlines()


def test_at_80_columns_a_tissue_is_one_line_and_no_word_is_broken(narrow: pytest.MonkeyPatch) -> None:
    lines = [ANSI.sub("", line) for line in shown(Screen())]
    assert len(lines) == len(NAMES)
    assert max(map(len, lines)) <= 80
    assert lines[0] == "▲ Marrow                more concentrated, ratio 0.77 (0.67 to 0.87)"
    assert lines[-1].split(None, 2)[2] == "not testable: one donor in 24m"


def test_marks_are_coloured_on_a_terminal_alone(narrow: pytest.MonkeyPatch) -> None:
    assert ANSI.search(shown(Screen())[0])
    assert not ANSI.search("".join(shown(io.StringIO())))
    narrow.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", "".join(shown(Screen())))


def test_in_a_pipe_a_result_is_one_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    file = io.StringIO()
    terminal.print_lines([Line("▲", "Marrow", "word " * 100)], file=file)
    assert len(file.getvalue().splitlines()) == 1


def test_outputs_that_are_not_utf8_get_plain_signs() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    terminal.print_lines([Line("▲", "Marrow", "−2 …é")], file=file)
    file.flush()
    assert raw.getvalue() == b"^ Marrow  -2 ...\\xe9\n"


@given(st.text(max_size=200), st.integers(20, 120))
def test_every_line_holds_whole_words(text: str, width: int) -> None:
    words = terminal.printable(text).split()
    assert " ".join(terminal.wrapped(" ".join(words), width)).split() == words
    for line in terminal.wrapped(" ".join(words), width):
        assert len(line) <= width or len(line.split()) == 1


@given(
    st.dictionaries(
        st.sampled_from(["tissue", "verdict", "a long heading", "p"]), st.text(max_size=60), min_size=1
    )
)
def test_wide_tables_become_blocks_without_a_broken_word(row: dict[str, str]) -> None:
    file = Screen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "40")
        terminal.print_rows([row, row], file=file)
    found = ANSI.sub("", file.getvalue()).split()
    for value in row.values():
        for word in terminal.printable(value).split():
            assert word in found


def test_contrasts_stay_in_their_order_whatever_changed() -> None:
    """The blocks of tissues follow the sentences above them."""
    both = pd.concat([contrast(["Lung"], ["undecided"]),
                      contrast(["Lung"], ["more concentrated"], title="sex: f to m")])  # fmt: skip
    assert list(terminal.verdict_lines(both)) == ["age: 3m to 24m", "sex: f to m"]


def test_control_characters_never_reach_the_terminal() -> None:
    file = io.StringIO()
    terminal.print_lines([Line("▲", "a\x1b[2Jb", "c\rd\ne")], file=file)
    assert file.getvalue() == "▲ a [2Jb  c d e\n"


def test_steps_tell_a_shared_reason_once(
    narrow: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from concentra.cli.steps import show

    why = "code of concentra.metrics.gini, concentra.metrics.hill and concentra.stats.exact changed; waits"
    stale = {"title": "What is " + "in it " * 20, "state": "stale", "why": why}
    rows = [stale | {"node": f"step_{place}"} for place in range(3)]
    show([*rows, {"node": "drawn", "title": "A figure", "state": "fresh", "why": ""}])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("code of" in line for line in lines) == 1
    assert "".join(lines[4:6]).replace("    ", " ").startswith(f"[1] {why}"[:100])
    assert lines[3].split() == ["✓", "drawn", "fresh", "A", "figure"]
    assert lines[-1] == "3 of 4 would run again"


def test_verify_prints_a_line_a_claim_and_all_of_it_with_long(
    narrow: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = pytest.importorskip("concentra.study.claims")
    from concentra.cli.verify import show

    made = [
        claims.Judgement("marrow-facs", published, "Marrow concentrates with age, " + "so it was stated " * 5, "-2.19",
                         "-2.180", verdict, "undecided", "", "a note")
        for verdict, published in
        (("close", True), ("differs", False), ("differs", True), ("data absent", True))
    ]  # fmt: skip
    show(made)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:2] for line in lines[1:4]] == ["✓ ", "✗ ", "– "]
    assert "close (undecided): Marrow" in lines[1]
    assert max(map(len, lines)) <= 80
    assert lines[4] == "1 close, 1 differs, 1 data absent"
    assert lines[-1] == "1 differs"
    assert lines[5].startswith("Predictions")
    show([one for one in made if one.verdict == "differs" and one.published] * 2)
    assert capsys.readouterr().out.splitlines()[-1] == "2 differ"
    show(made, long=True)
    assert "  observed: -2.180" in capsys.readouterr().out


def test_why_a_tissue_cannot_be_tested_stands_beside_its_ratio(narrow: pytest.MonkeyPatch) -> None:
    file, frame = Screen(), contrast(["Lung"], ("not testable",)).assign(reason="a single cell type")
    frame.loc[frame["metric"] == "hill_q1", "effect"] = 1.0
    for lines in terminal.verdict_lines(frame).values():
        terminal.print_lines(lines, file=file)
    text = ANSI.sub("", file.getvalue())
    assert text.rstrip().endswith("not testable, ratio 1.00 without an interval: a single cell type")
    one = contrast(["Lung"], ("one metric only",)).assign(reason="gini_stratum")
    assert "gini_stratum" not in str(terminal.verdict_lines(one))
