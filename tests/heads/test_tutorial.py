"""Every snippet and command of the tutorial runs, in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.cli import heads, heads_sweep  # noqa: E402
from concentra.heads.table import read_table  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "heads.md"


def application() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(heads_sweep.sweep)
    app.command()(heads.trajectory)
    return app


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    printed = ""
    for language, code in re.findall(
        r"```(python|sh)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S
    ):
        if language == "python":
            exec(compile(code, str(PAGE), "exec"), names)
            continue
        for line in code.strip().splitlines():
            words = shlex.split(line)
            assert words[:2] == ["concentra", "heads"]
            done = CliRunner().invoke(application(), words[2:], catch_exceptions=False)
            assert done.exit_code == 0, done.output
            printed += done.output
    swept = read_table("heads.csv")
    assert swept["checkpoint"].unique().tolist() == ["step10", "step20", "step40"]
    assert (
        names["importance"]["delta"].tolist() == swept.loc[swept["checkpoint"] == "step40", "delta"].tolist()
    )
    said = ("withheld", "undecided", "more concentrated", "less concentrated", "mixed")
    assert any(verdict in printed for verdict in said)
