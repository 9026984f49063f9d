"""Tables as people have them, each through Python and the command line: read right, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import concentra
from concentra.errors import ConcentraError
from definitions_cli import Run

DONORS = [f"d{number}" for number in range(8)]
GROUP = ["ctrl"] * 4 + ["case"] * 4
QUICK = {"contrast": "group:ctrl:case", "multiverse": False, "draws": 100}


def wide() -> pd.DataFrame:
    """Counts of three types in eight donors; the cases are more concentrated."""
    rng = np.random.default_rng(0)
    shares = [[0.4, 0.35, 0.25]] * 4 + [[0.8, 0.15, 0.05]] * 4
    counts = np.array([rng.multinomial(3_000, share) for share in shares])
    return pd.DataFrame({"donor": DONORS, "group": GROUP} | dict(zip("ABC", counts.T, strict=True)))


def long() -> pd.DataFrame:
    """The same, one row a (donor, type)."""
    return wide().melt(["donor", "group"], var_name="cell_type", value_name="n_cells")


def doubled() -> pd.DataFrame:
    """The donors of two data sets under the same names."""
    return pd.concat([long().assign(dataset_id="one"), long().assign(dataset_id="two")])


def thousands(column: pd.Series) -> pd.Series:
    return column.map("{:,}".format)


REFUSED = {
    "a total among the parts": (
        wide().assign(all_cells=lambda t: t[list("ABC")].sum(axis=1)),
        True,
        "is the sum of the other 3",
    ),
    "an age among the parts": (
        wide().assign(age=range(30, 38)),
        True,
        "'age' of .* would be taken for a part",
    ),
    "a number that is no count": (wide().assign(BMI=22.5), True, "22.5 in column 'BMI', data row 1"),
    "a letter in a number": (
        wide().astype(object).replace({"A": {wide()["A"][2]: "1O5"}}),
        True,
        "'1O5' in column 'A', data row 3",
    ),
    "a blank": (
        wide().astype(object).replace({"A": {wide()["A"][2]: ""}}),
        True,
        "missing value in column 'A', data row 3",
    ),
    "the donors of two data sets": (doubled(), False, "8 donor names in several values of 'dataset_id'"),
    "a site for each group": (
        long().assign(site=lambda t: t["group"].map({"ctrl": "Oxford", "case": "Lyon"})),
        False,
        "confounded with 'site'",
    ),
    "a row twice": (pd.concat([long(), long()[:1]]), None, "twice in"),
}
"""A table, whether it is wide (None: `--amount n_cells`), and the message."""


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str, tmp_path: Path, run: Run) -> None:
    table, is_wide, message = REFUSED[what]
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    how = {"wide": bool(is_wide), "amount": "n_cells" if is_wide is None else None}
    with pytest.raises(ConcentraError, match=message) as caught:
        concentra.analyze(path, **how, **QUICK)
    assert caught.value.fix
    words = ["--wide"] if is_wide else [] if is_wide is False else ["--amount", "n_cells"]
    ended = run("analyze", path, *words, "--contrast", "group:ctrl:case", "--out", tmp_path / "out")
    assert (ended.code, ended.err.rstrip("\n")) == (1, str(caught.value))
    assert not (tmp_path / "out").exists()


READ = {
    "counts with separators of thousands": (
        wide().assign(A=thousands(wide()["A"])),
        {"wide": True},
        "'A' is read with separators of thousands",
    ),
    "rows of counts without saying so": (long(), {}, "each row is a count: column 'n_cells'"),
    "a row for each cell": (
        long().loc[lambda t: t.index.repeat(t["n_cells"])].drop(columns="n_cells"),
        {},
        "",
    ),
    "donors of two data sets, said to be the same": (
        doubled().assign(n_cells=lambda t: t["n_cells"].where(t["dataset_id"] == "one", 0)),
        {"amount": "n_cells", "shared_donors": "same"},
        "",
    ),
}


@pytest.mark.parametrize("what", READ)
def test_read_as_the_plain_table(what: str, tmp_path: Path) -> None:
    table, how, note = READ[what]
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    plain = concentra.analyze(wide(), wide=True, **QUICK)
    found = concentra.analyze(path, **how, **QUICK)
    assert found.composition.account == "24,000 cells read: 24,000 counted in 8 samples, 0 left out"
    for name in ("contrast", "drivers"):
        pd.testing.assert_frame_equal(found.tables[name], plain.tables[name])
    assert any(note in str(one) for one in found.notes)


def test_a_quote_that_is_never_closed_is_refused_with_its_line(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "table.csv"
    cells = long().loc[lambda table: table.index.repeat(2)].drop(columns="n_cells")
    lines = cells.to_csv(index=False).splitlines()
    lines[5] = f'"{lines[5]}'
    path.write_text("\n".join(lines) + "\n")
    for words in (["count", path, "--by", "donor,cell_type"], ["analyze", path]):
        ended = run(*words, "--out", tmp_path / "out.csv")
        assert ended.code == 1
        assert "line 6, column 'donor'" in ended.err
        assert "never closed" in ended.err


@pytest.mark.parametrize("labels", [(0, 1), (False, True), (np.int64(3), np.int64(24)), (0.5, 1.5)])
def test_labels_in_python_may_be_numbers_and_truth_values(labels: tuple[object, object]) -> None:
    table = wide()
    table["group"] = [labels[0]] * 4 + [labels[1]] * 4
    found = concentra.analyze(table, wide=True, **(QUICK | {"contrast": f"group:{labels[0]}:{labels[1]}"}))
    assert found.verdicts["direction"].tolist() == ["more concentrated"]


def test_donors_of_two_data_sets_may_be_apart() -> None:
    found = concentra.analyze(doubled(), amount="n_cells", shared_donors="apart", **QUICK)
    assert found.composition.units["donor"].nunique() == 16
