"""`concentra metrics`: hand-computed values, forms of tables, bad input."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from definitions_study import HOSTILE, Ended, assert_error

KEYS = {
    "unit",
    "n_parts",
    "amount",
    "gini_present",
    "gini_stratum",
    "hill_q0",
    "hill_q1",
    "hill_q2",
    "hill_q1_corrected",
    "coverage",
}
Run = Callable[..., Ended]
WIDE = "mouse,T cell,B cell,NK\nm1,30,10,0\nm2,1,1,1\nm3,5,0,0\n"


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def written(text: str, name: str = "counts.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_wide_table_by_hand(run: Run, table: Callable[..., Path]) -> None:
    """m1 has the shares 3/4 and 1/4, m2 equal shares, m3 one part only."""
    ended = run("metrics", table(WIDE), "--json")
    assert ended.code == 0
    assert ended.err == "3 parts: 'T cell', 'B cell', 'NK'\n"
    first, second, third = ended.json
    assert set(first) == KEYS
    assert (first["unit"], first["n_parts"], first["amount"]) == ("m1", 2, 40.0)
    assert first["gini_present"] == pytest.approx(0.25)  # |30 - 10| / (2 * 40)
    assert first["gini_stratum"] == pytest.approx(0.5)  # (20 + 30 + 10) / (3 * 40)
    assert first["hill_q0"] == 2
    assert first["hill_q1"] == pytest.approx(4 / 3**0.75)  # exp of the entropy of 3/4, 1/4
    assert first["hill_q2"] == pytest.approx(1.6)  # 1 / (9/16 + 1/16)
    assert second["gini_present"] == pytest.approx(0, abs=1e-15)
    assert second["hill_q1"] == pytest.approx(3)
    assert third["gini_present"] == 0
    assert third["gini_stratum"] == pytest.approx(2 / 3)
    assert third["hill_q1"] == pytest.approx(1)


def test_depth_by_hand(run: Run, table: Callable[..., Path]) -> None:
    """Counts 2, 1, 1: Good-Turing coverage with f1 = 2, f2 = 1, n = 4 is 1 - 2/4 * 3*2 / (3*2 + 2*1)."""
    (row,) = run("metrics", table("u,a,b,c\nx,2,1,1\n"), "--json").json
    assert row["coverage"] == pytest.approx(1 - 2 / 4 * (3 * 2) / (3 * 2 + 2 * 1))
    # Chao, Wang & Jost 2013, eq. 7: the first sum, and the part of unseen species with A = 2 f2 / ((n-1) f1 + 2 f2)
    seen = 2 / 4 * (1 / 2 + 1 / 3) + 2 * (1 / 4 * (1 + 1 / 2 + 1 / 3))
    a = 2 * 1 / (3 * 2 + 2 * 1)
    unseen = 2 / 4 * (1 - a) ** -3 * (-math.log(a) - sum((1 - a) ** r / r for r in (1, 2, 3)))
    assert row["hill_q1_corrected"] == pytest.approx(math.exp(seen + unseen))


def test_long_table_equals_wide_one(run: Run, table: Callable[..., Path]) -> None:
    long = "cell_type,donor,n\nT cell,m1,30\nB cell,m1,10\nT cell,m2,1\nB cell,m2,1\nNK,m2,1\nT cell,m3,5\n"
    options = ("--unit", "donor", "--part", "cell_type", "--amount", "n", "--json")
    assert (
        run("metrics", table(long, "long.csv"), *options).json == run("metrics", table(WIDE), "--json").json
    )


def test_parquet_and_tsv_equal_csv(run: Run, table: Callable[..., Path], tmp_path: Path) -> None:
    wide = table(WIDE)
    expected = run("metrics", wide, "--json").json
    pd.read_csv(wide).to_parquet(tmp_path / "counts.parquet")
    assert run("metrics", tmp_path / "counts.parquet", "--json").json == expected
    assert run("metrics", table(WIDE.replace(",", "\t"), "counts.tsv"), "--json").json == expected


def test_shares_have_no_depth(run: Run, table: Callable[..., Path]) -> None:
    (row,) = run("metrics", table("u,a,b\nx,0.75,0.25\n"), "--json").json
    assert set(row) == KEYS
    assert row["hill_q1_corrected"] is None
    assert row["coverage"] is None
    assert row["hill_q1"] == pytest.approx(4 / 3**0.75)
    assert row["amount"] == 1


def test_a_single_cell_has_no_depth_either(run: Run, table: Callable[..., Path]) -> None:
    """One cell says nothing of coverage: a number or null, but no NaN, and the plain values stand."""
    (row,) = run("metrics", table("u,a,b\nx,1,0\n"), "--json").json
    assert row["gini_present"] == 0
    assert row["hill_q1"] == 1


def test_without_json_the_same_numbers_are_shown(run: Run, table: Callable[..., Path]) -> None:
    shown = run("metrics", table(WIDE)).out
    assert all(word in shown for word in ("unit", "gini_present", "hill_q1", "m1", "m2", "0.25", "1.755"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("m1,-3,1", ("'T'", "row 1", "negative", "-3")),
        ("m1,,1", ("'T'", "row 1", "missing")),
        ("m1,nan,1", ("'T'", "row 1", "missing")),
        ("m1,inf,1", ("'T'", "row 1", "infinite")),
        ("m1,1e999,1", ("'T'", "row 1", "infinite")),
        ("m1,few,1", ("'T'", "row 1", "'few'")),
        ("m1,0,0", ("'m1'", "total 0")),
        ("m1,1", ("3",)),
        ("m1,1,2,3", ("3",)),
        (",1,2", ("row 1", "'mouse'")),
        ("m1,1,2\nm1,2,3", ("'m1'", "twice", "row 2")),
        ("", ("no rows",)),
    ],
)
def test_bad_rows(run: Run, table: Callable[..., Path], row: str, words: tuple[str, ...]) -> None:
    assert_error(run("metrics", table(f"mouse,T,B\n{row}\n"), "--json"), "counts.csv", *words)


def test_bad_files(run: Run, table: Callable[..., Path], tmp_path: Path) -> None:
    assert_error(run("metrics", tmp_path / "countz.csv"), "countz.csv")
    wide = table(WIDE)
    assert_error(run("metrics", tmp_path / "countz.csv"), "did you mean 'counts.csv'?")
    assert_error(run("metrics", tmp_path), "is a folder")
    assert_error(run("metrics", table("", "empty.csv")), "empty.csv", "0 bytes")
    assert_error(run("metrics", table("nothing", "counts.parquet")), "counts.parquet")
    assert_error(run("metrics", table("only\n1\n", "one.csv")), "one column")
    assert_error(run("metrics", wide, "--unit", "mous"), "'mous'", "did you mean 'mouse'?")
    assert_error(run("metrics", wide, "--unit", "mouse", "--part", "NK"), "amount=None")
    assert_error(run("metrics", table("u,a,a\nx,1,2\n", "twice.csv")), "'a'", "twice.csv")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 10)
    assert_error(run("metrics", tmp_path / "binary.csv"), "binary.csv")
    truncated = tmp_path / "counts.csv.gz"
    pd.DataFrame({"u": range(5000), "a": range(1, 5001)}).to_csv(truncated, index=False)
    truncated.write_bytes(truncated.read_bytes()[:2000])
    assert_error(run("metrics", truncated), "counts.csv.gz")


def test_hostile_labels_come_back_as_they_were(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow(["unit", *HOSTILE])
        writer.writerows([label, *([1] * len(HOSTILE))] for label in HOSTILE)
    ended = run("metrics", path, "--json")
    assert ended.code == 0, ended.err
    assert [row["unit"] for row in ended.json] == list(HOSTILE)
    assert all(row["n_parts"] == len(HOSTILE) for row in ended.json)
    shown = run("metrics", path).out
    assert "\x1b" not in shown, "a label must not steer the terminal"
    assert "\u202e" not in shown
    assert "<script>" in shown
    assert "[bold]" in shown


def test_a_table_with_a_row_for_each_part(run: Run, table: Callable[..., Path]) -> None:
    turned = "type,m1,m2,m3\nT cell,30,1,5\nB cell,10,1,0\nNK,0,1,0\nabsent,0,0,0\n"
    found = run("metrics", table(turned, "turned.csv"), "--transposed", "--json").json
    expected = run("metrics", table(WIDE), "--json").json
    for one, other in zip(found, expected, strict=True):
        assert one.pop("gini_stratum") > other.pop("gini_stratum")  # one more part is absent
        assert one == other
    assert_error(
        run("metrics", table(WIDE), "--transposed", "--unit", "mouse"), "transposed", "none for a transposed"
    )


@pytest.mark.data
def test_the_control_cohort_by_donor(run: Run, data: Path) -> None:
    """Shares of cell types in the blood of 20 people, one column a person."""
    rows = run("metrics", data / "controls" / "pbmc_ageing_huang2021.csv", "--transposed", "--json").json
    assert [row["unit"] for row in rows][:2] == ["YM1", "YM2"]
    assert [row["amount"] for row in rows] == pytest.approx([1.0] * 20, abs=1e-6)


def test_a_row_for_each_cell_type_is_not_taken_for_a_unit(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("celltype,M1,M2\nB,30,20\nT,10,40\n")
    assert_error(run("metrics", table), "column 'celltype'", "--transposed")
    turned = run("metrics", table, "--transposed", "--json")
    assert [row["unit"] for row in json.loads(turned.out)] == ["M1", "M2"]
    assert run("metrics", table, "--unit", "celltype").code == 0
