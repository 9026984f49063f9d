"""`concentra power` as it is used."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from concentra.cli._application import application
from concentra.errors import ArgumentError, TableError


def run(*arguments):
    return CliRunner().invoke(application, ["power", *map(str, arguments)])


def test_a_pilot_gives_table_and_figure(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (f"{age}{n}", age, "lung", part, int(count))
        for age in ("3m", "24m") for n in range(4)
        for part, count in zip("abcde", rng.multinomial(500, rng.dirichlet([9, 6, 4, 3, 2])), strict=True)
    ]  # fmt: skip
    pilot = tmp_path / "pilot.csv"
    pd.DataFrame(rows, columns=["donor", "age", "tissue", "cell_type", "n_cells"]).to_csv(pilot, index=False)
    result = run(
        pilot, "--amount", "n_cells", "--group", "age", "--donors", "3,9", "--cells", "500",
        "--out", tmp_path / "power.csv", "--figure", tmp_path / "power.png", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert [(row["stratum"], row["n_donors"]) for row in printed] == [("lung", 3), ("lung", 9)] * 2
    assert all(0.05 <= row["power"] <= 1 and row["n_pilot"] == 8 for row in printed)
    written = pd.read_csv(tmp_path / "power.csv", float_precision="round_trip")
    assert written["power"].tolist() == [row["power"] for row in printed]
    assert (tmp_path / "power.png").read_bytes().startswith(b"\x89PNG")


def test_assumptions_and_their_absence():
    result = run("--effective", 8, "--sd", 0.25, "--donors", "6", "--cells", "1000")
    assert result.exit_code == 0
    assert "effective number" in result.stdout
    with pytest.raises(ArgumentError, match=r"(?s)neither a pilot nor assumptions.*--effective and --sd"):
        raise run().exception
    with pytest.raises(ArgumentError, match=r"(?s)--donors a.*whole numbers"):
        raise run("--effective", 8, "--sd", 0.25, "--donors", "a").exception


def test_the_terminal_tells_how_many_donors_are_needed():
    """The fewest donors of the table whose power reaches the target, for each metric."""
    options = ("--effective", 8, "--sd", 0.1, "--donors", "3,4,6,10", "--cells", "300,1000")
    rows = pd.DataFrame(json.loads(run(*options, "--json").stdout))
    enough = rows[(rows["metric"] == "hill_q1") & (rows["power"] >= 0.8)]
    fewest = enough["n_donors"].min()
    cells = enough.loc[enough["n_donors"] == fewest, "n_cells"].min()
    said, header, *told = run(*options).stdout.splitlines()
    assert "probability of 0.8" in said
    assert "effective number, ratio 0.8" in header
    assert len(told) == 1, "a line a tissue"
    assert f" {fewest} with {cells:,} " in told[0]
    long = run(*options, "--long").stdout.splitlines()
    assert long[-3:] == [said, header, *told]
    assert len(long) == len(rows) + 5, "the power of every study, below its header"
    many = run("--effective", 8, "--sd", 0.5, "--donors", "3,4", "--cells", 300).stdout
    assert "more than 4" in many


def test_a_wide_pilot_says_which_columns_are_no_cell_types(tmp_path):
    rng = np.random.default_rng(1)
    wide = pd.DataFrame(rng.multinomial(500, [0.4, 0.3, 0.2, 0.1], 6), columns=["T", "B", "NK", "DC"])
    wide.insert(0, "donor", list("abcdef"))
    wide.insert(1, "age", [31, 32, 33, 61, 62, 63])
    wide.to_csv(tmp_path / "wide.csv", index=False)
    options = (tmp_path / "wide.csv", "--wide", "--donors", "6", "--cells", "500", "--json")
    with pytest.raises(TableError, match="--about age"):
        raise run(*options).exception
    by_about, by_parts = run(*options, "--about", "age"), run(*options, "--parts", "T,B,NK,DC")
    assert by_about.exit_code == by_parts.exit_code == 0, by_about.output + by_parts.output
    assert json.loads(by_about.stdout) == json.loads(by_parts.stdout)
