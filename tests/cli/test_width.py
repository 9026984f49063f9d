"""At 80 columns no line of any command is longer, and no word is broken: its help, and what it prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
import typer.main

from concentra.cli import application
from definitions_robustness import write_inputs
from definitions_study import Ended

Run = Callable[..., Ended]
WIDTH = 80
BY = ("--by", "donor,tissue,type")
COLUMNS = ("--donor", "donor", "--tissue", "tissue", "--cell-type", "type")
OUTPUTS: dict[str, tuple[str, ...]] = {
    "analyze": ("analyze", "{in}/cells.csv", *COLUMNS, "--contrast", "age:young:old", "--out", "{out}/a"),
    "analyze --long": ("analyze", "{in}/cells.csv", *COLUMNS, "--contrast", "age:young:old", "--long",
                       "--no-multiverse", "--out", "{out}/a"),
    "power": ("power", "{in}/cells.csv", *COLUMNS, "--out", "{out}/p"),
    "metrics": ("metrics", "{in}/wide.csv", "--unit", "donor"),
    "count": ("count", "{in}/cells.csv", *BY, "--out", "{out}/c.csv"),
    "merge": ("merge", "{in}/part_0.csv", "{in}/part_1.csv", "--out", "{out}/m.csv"),
    "simulate": ("simulate", "--out", "{out}/s", "--cells", "500", "--genes", "50"),
    "example": ("example", "--out", "{out}/e.csv"),
    "steps": ("steps", "--out", "{out}/r"),
    "verify": ("verify", "--out", "{out}/r"),
    "verify --long": ("verify", "--out", "{out}/r", "--long"),
    "doctor": ("doctor",),
    "fetch": ("fetch", "--list"),
    "heads trajectory": ("heads", "trajectory", "{in}/heads.csv"),
}  # fmt: skip
"""Commands of which one run is quick; paths of the tests' folders are names of one word, whatever their length."""


def commands(group: click.Group, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command, with the names of the groups that hold it."""
    found: list[tuple[str, ...]] = [words]
    for name, command in group.commands.items():
        inner = (*words, name)
        found += commands(command, inner) if hasattr(command, "commands") else [inner]
    return found


EVERY = commands(typer.main.get_command(application))  # type: ignore[arg-type]


def fits(narrow: Ended, wide: Ended) -> None:
    """No line is longer, unless one word is; every word is one of those that stand on long lines."""
    known = {""} | {word.strip(":…") for word in (wide.out + wide.err).split()}
    for line in (narrow.out + narrow.err).splitlines():
        assert len(line) <= WIDTH or len(line.split()) <= 2, line
        broken = [word for word in line.split() if word.strip(":…") not in known]
        assert not broken, f"{broken} in {line!r}"


def both(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], codes: tuple[int, ...] = (0,)
) -> tuple[Ended, Ended]:
    done = []
    for width in (WIDTH, 5_000):
        monkeypatch.setenv("COLUMNS", str(width))
        done.append(run(*words))
        assert done[-1].code in codes, done[-1]
    return done[0], done[1]


@pytest.mark.parametrize("words", EVERY, ids=lambda words: " ".join(words) or "concentra")
def test_help_fits(words: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow, wide = both(run, monkeypatch, [*words, "--help"])
    assert len(narrow.out) > 100
    fits(narrow, wide)


@pytest.mark.parametrize("name", OUTPUTS)
def test_output_fits(name: str, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    (out / "r/tables").mkdir(parents=True)
    (out / "r/tables/sources.csv").write_text("nothing that a step wrote\n")
    write_inputs(inputs)
    (inputs / "wide.csv").write_text("donor,T,B,NK\na,30,12,5\nb,20,30,10\n")
    steps, layers, heads = np.indices((3, 4, 4)).reshape(3, -1)
    losses = 4 + np.random.default_rng(0).gamma(1.0, 0.1, steps.size)
    ablations = {"checkpoint": 10**steps, "layer_idx": layers, "head_idx": heads, "baseline_loss": 4.0}
    pd.DataFrame(ablations | {"perturbed_loss": losses}).to_csv(inputs / "heads.csv", index=False)
    words = [word.replace("{in}", str(inputs)).replace("{out}", str(out)) for word in OUTPUTS[name]]
    fits(*both(run, monkeypatch, words, codes=(0, 1) if words[0] == "verify" else (0,)))
