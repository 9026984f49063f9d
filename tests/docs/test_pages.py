"""Every command and every Python block of README and docs runs, page by page, in the order of the page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from matplotlib import pyplot as plt
from typer.testing import CliRunner

from concentra.cli._application import application
from definitions_docs import DOCS, PAGES, ROOT, Block, blocks, inline_commands, words

ELSEWHERE = {
    "heads sweep": "needs torch: run by tests/heads/test_tutorial.py",
    "count census_data": "needs tiledbsoma: run on an experiment that the test writes, by tests/io/test_soma.py",
    "fetch pythia": "needs the network: run against a local server by tests/cli/test_cli_fetch.py",
    "reproduce": "takes minutes: run by tests/study/test_study_golden.py",
}
"""Commands that are not run here, and why; their options are read all the same."""
WITH_TORCH = DOCS / "tutorials" / "heads.md"
"""Its text blocks need torch: run by tests/heads/test_tutorial.py. Its cells are run here."""
OTHERS = ("make", "pip")


def parsed(arguments: list[str]) -> str:
    """The name of the command whose arguments these are; an error where it would refuse them."""
    command: Any = typer.main.get_command(application)
    names, rest = [], list(arguments)
    while rest and rest[0] in getattr(command, "commands", {}):
        names.append(rest.pop(0))
        command = command.commands[names[-1]]
    command.make_context(" ".join(names), rest, resilient_parsing=not rest)
    return " ".join(names)


def run(line: str) -> None:
    program, *arguments = words(line)
    if program != "concentra":
        assert program in OTHERS, line
        return
    if any(" ".join(arguments).startswith(name) for name in ELSEWHERE):
        assert parsed(arguments)
        return
    ended = CliRunner().invoke(application, arguments, catch_exceptions=False)
    assert ended.exit_code == 0, f"{line}: {ended.output}"


def told(page: Path) -> list[Block]:
    """What a page says to run, unless that is nothing but cells, which building the site executes."""
    found = list(blocks(page))
    return [] if all(block.cell for block in found) else found


@pytest.mark.parametrize(
    "page", [page for page in PAGES if told(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_what_the_page_says_runs(
    page: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONCENTRA_DATA_DIR", raising=False)
    monkeypatch.chdir(shutil.copytree(prepared, tmp_path / "reader"))
    names: dict[str, Any] = {}
    plt.switch_backend("agg")
    for block in told(page):
        if block.kind == "sh":
            for line in block.lines:
                run(line)
        elif block.cell or page != WITH_TORCH:
            exec(compile(block.code, str(page), "exec"), names)
    plt.close("all")


def test_commands_within_sentences_exist() -> None:
    named = [command for page in PAGES for command in inline_commands(page)]
    assert len(named) > 5
    for command in named:
        assert parsed(words(command)[1:]) or command == "concentra --help"


def test_commands_run_elsewhere_are_still_named() -> None:
    lines = [line for page in PAGES for block in blocks(page) if block.kind == "sh" for line in block.lines]
    lines += [command for page in PAGES for command in inline_commands(page)]
    for name in ELSEWHERE:
        assert any(line.startswith(f"concentra {name}") for line in lines), name


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^[a-z_]+(?:/[a-z_]+)*$", index, re.MULTILINE))
    assert listed == {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES[1:]} - {"index"}


def test_reasons_name_tests_that_are_there() -> None:
    for reason in ELSEWHERE.values():
        assert (ROOT / re.search(r"tests/\S+\.py", reason)[0]).exists(), reason  # type: ignore[index]
