"""The tables that ship: the same counts as the study's archive, and analysed as they come."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from concentra import datasets
from concentra.cli.example import example
from concentra.errors import ArgumentError

ARCHIVE = Path(__file__).parents[1] / "archive" / "composition.csv"
FEWEST = 3


def test_mice_are_those_of_the_archive() -> None:
    """Every count of FACS at 3 and 24 months in tissues with three mice of both ages, and no other."""
    archived = pd.read_csv(ARCHIVE).query("cohort == 'tms_facs' and age in ['3m', '24m']")
    mice = archived.groupby(["stratum", "age"])["donor"].nunique().unstack(fill_value=0)
    tissues = set(mice.index[(mice >= FEWEST).all(axis=1)])
    expected = {
        (row.donor, row.age, row.sex, row.stratum.replace("_", " "), row.part, row.n_cells)
        for row in archived.itertuples()
        if row.stratum in tissues
    }
    found = datasets.load("mouse_ageing")
    rows = set(found.itertuples(index=False, name=None))
    assert rows == expected
    assert len(rows) == len(found)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_table_is_there_and_is_described(name: str) -> None:
    assert datasets.path(name).exists()
    assert f"`{name}`" in str(datasets.__doc__)


def test_files_beside_the_module_are_all_named() -> None:
    folder = Path(datasets.__file__).parent
    assert {path.stem for path in folder.glob("*.csv")} == set(datasets.NAMES)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ArgumentError, match="mouse_aging"):
        datasets.path("mouse_aging")


def test_the_command_writes_the_table(tmp_path: Path) -> None:
    application = typer.Typer()
    application.command()(example)
    ended = CliRunner().invoke(application, ["--out", str(tmp_path / "mice.csv")])
    assert ended.exit_code == 0
    assert (tmp_path / "mice.csv").read_bytes() == datasets.path("mouse_ageing").read_bytes()
