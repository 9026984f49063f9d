"""The README's Python runs and gives what it says; its commands exist; its files are there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^concentra ([a-z]+(?: trajectory)?)", README, re.MULTILINE)))


def test_python_gives_what_it_says() -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    scope: dict[str, object] = {}
    for line in code[1].splitlines():
        statement, _, said = line.partition("#")
        if not said:
            exec(statement, scope)
            continue
        numbers = [float(number) for number in re.findall(r"\d+\.\d+", said)]
        assert np.allclose(eval(statement, scope), numbers, atol=0.01)  # type: ignore[arg-type]


def test_the_output_shown_is_what_is_printed(tmp_path: Path) -> None:
    """Every line of the block of text is printed by the commands above it, at 80 columns."""
    from concentra.datasets import path

    command = re.search(r"^concentra analyze mice\.csv (.*)$", README, re.MULTILINE)
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert command is not None
    assert shown is not None
    code = "from concentra.cli import main; main()"
    words = [
        "analyze",
        str(path("mouse_ageing")),
        *command[1].split(),
        "--no-multiverse",
        "--out",
        str(tmp_path / "out"),
    ]
    ended = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
    )
    printed = ended.stdout.splitlines()
    for line in shown[1].splitlines():
        assert line in (*printed, "..."), line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    words = [sys.executable, "-c", "from concentra.cli import main; main()", *command.split(), "--help"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Example: concentra" in ended.stdout


def test_every_make_target_exists() -> None:
    targets = re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_path_of_the_recipes_exists() -> None:
    """Paths in CONTRIBUTING are below the package unless they begin with the name of another folder."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:\w+/)*\w+(?:\.(?:py|toml|md)|/))`", text))
    for line in re.findall(r"^pytest (.*)$", text, re.MULTILINE):
        named |= set(line.split(" -")[0].split("#")[0].split())
    fixed = {path for path in named if "NAME" not in path}
    assert len(fixed) > 30
    for path in fixed:
        assert (ROOT / path).exists() or (ROOT / "src" / "concentra" / path).exists(), path


@pytest.mark.parametrize("name", ["tables.md", "study_tables.md"])
def test_generated_pages_of_tables_are_current(name: str) -> None:
    from concentra.study.describe import PAGES

    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("rule", ["concentra", "exact ranks, both adjusted"])
def test_what_few_donors_show_is_what_was_calibrated(rule: str) -> None:
    rows = pd.read_csv(ROOT / "docs" / "calibration_cohorts.csv").set_index(["kind", "rule", "n"])
    first, second, third = (f"{100 * rows.loc[('changed', rule, n), 'called']:.0f}" for n in (3, 4, 6))
    assert f"{first}, {second} and {third}%" in " ".join(README.split())
