"""Every snippet and command of the tutorial runs, in its order, and prints what the page shows."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.heads.table import read_table  # noqa: E402

DOCS = Path(__file__).parents[2] / "docs"
NUMBER = re.compile(r"[+−-]?\d*\.?\d+(?:e[+-]\d+)?")


@pytest.fixture(scope="module")
def outputs() -> Any:
    """The script that records what the page prints."""
    spec = importlib.util.spec_from_file_location("heads_outputs", DOCS / "heads_outputs.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_the_tutorial_runs_and_prints_what_it_shows(
    outputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed, names = outputs.run_page()
    swept = read_table("heads.csv")
    assert swept["checkpoint"].unique().tolist() == ["step10", "step20", "step40"]
    assert (
        names["importance"]["delta"].tolist() == swept.loc[swept["checkpoint"] == "step40", "delta"].tolist()
    )
    said = ("withheld", "undecided", "more concentrated", "less concentrated", "mixed")
    assert any(verdict in printed[max(printed)] for verdict in said)
    shown = {int(path.stem): path.read_text(encoding="utf-8") for path in outputs.OUTPUTS.glob("*.txt")}
    assert set(shown) == set(printed), "run `make docs-heads`"
    for place, text in shown.items():
        assert text.split("\n")[0] == printed[place].split("\n")[0], "run `make docs-heads`"
    if json.loads((outputs.OUTPUTS / "versions.json").read_text()) == outputs.versions():
        for place, text in shown.items():
            assert numbers(printed[place]) == pytest.approx(numbers(text), rel=0.1, abs=0.02), place


def test_the_page_shows_every_output(outputs: Any) -> None:
    page = outputs.PAGE.read_text(encoding="utf-8")
    for path in outputs.OUTPUTS.glob("*.txt"):
        assert f"heads_outputs/{path.name}" in page


def numbers(text: str) -> list[float]:
    """Every number of a text, in order."""
    return [float(one.replace("−", "-")) for one in NUMBER.findall(text)]
