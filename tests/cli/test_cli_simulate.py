"""`concentra simulate`."""

from __future__ import annotations

import json

import anndata
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from concentra.cli.simulate import simulate
from concentra.errors import ArgumentError

ARGUMENTS = ["--cells", "300", "--genes", "60", "--layout", "kimmel2019"]


@pytest.fixture
def run():
    application = typer.Typer()
    application.command()(simulate)
    return lambda *arguments: CliRunner().invoke(application, [str(argument) for argument in arguments])


def test_it_writes_the_atlas_and_its_truth_and_names_them(run, tmp_path):
    done = run("--out", tmp_path / "new", *ARGUMENTS)
    assert done.exit_code == 0
    atlas, truth = done.stdout.splitlines()
    assert anndata.read_h5ad(atlas).shape == (300, 60)
    assert set(pd.read_csv(truth)["level"]) == {"types", "states", "within"}


def test_the_same_seed_writes_the_same_atlas(run, tmp_path):
    files = []
    for folder in ("a", "b"):
        done = run("--out", tmp_path / folder, *ARGUMENTS, "--seed", 5, "--json")
        files.append(json.loads(done.stdout))
    first, second = ((tmp_path / folder / "simulated_kimmel2019.h5ad").read_bytes() for folder in ("a", "b"))
    assert first == second
    assert set(files[0]) == {"atlas", "truth"}


def test_an_unknown_layout_is_named(run, tmp_path):
    done = run("--out", tmp_path, "--layout", "kimmel")
    assert isinstance(done.exception, ArgumentError)
    assert "did you mean 'kimmel2019'" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
