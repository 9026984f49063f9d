"""Files that a command writes on request: whole or not at all, the same bytes every time, in a folder that is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from concentra.cli._figures import save_figure
from definitions_cli import Run
from definitions_robustness import MARK, write_inputs


def drawn() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0], label="a line")
    return figure


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_the_same_figure_gives_the_same_bytes(ending: str, tmp_path: Path) -> None:
    for place in ("one", "two"):
        save_figure(drawn(), tmp_path / place / f"a.{ending}")
    assert (tmp_path / f"one/a.{ending}").read_bytes() == (tmp_path / f"two/a.{ending}").read_bytes()


def test_a_figure_that_cannot_be_drawn_leaves_the_former_one(tmp_path: Path) -> None:
    save_figure(drawn(), tmp_path / "a.svg")
    before = (tmp_path / "a.svg").read_bytes()
    broken = drawn()
    broken.savefig = lambda path, **_: (path.write_bytes(b"half"), 1 / 0)  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        save_figure(broken, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == before
    assert [path for path in tmp_path.iterdir() if MARK in path.name] == []


def test_power_and_trajectory_into_folders_that_are_not_there(run: Run, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    table, figure = tmp_path / "new/power.csv", tmp_path / "other/power.svg"
    done = run(
        "power",
        tmp_path / "cells.csv",
        "--part",
        "type",
        "--group",
        "age",
        "--out",
        table,
        "--figure",
        figure,
    )
    assert done.code == 0, done.err
    assert table.read_text().startswith('"stratum"')
    assert figure.read_text().startswith("<?xml")
    figure = tmp_path / "third/heads.svg"
    assert run("heads", "trajectory", tmp_path / "ablations.csv", "--figure", figure).code == 0
    assert figure.read_text().startswith("<?xml")
