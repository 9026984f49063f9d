"""Units from labelled rows: against a slow count, what is left out, samples of a donor, contradictions."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import definitions_cohort as slow
from concentra.composition import from_table
from concentra.composition.labels import WHOLE
from concentra.composition.units import Columns, check_account, count_units
from concentra.errors import AmountError, DesignError, LabelError
from definitions_study import HOSTILE

ROLES = Columns(donor="mouse", part="type", stratum="tissue")
LABELS = st.sampled_from(["a", "b,\nc", "<script>", "=1+1", "細胞", None, " ", "NA"])


def cells_of(rows):
    return pd.DataFrame(rows, columns=["mouse", "tissue", "type", "age"])


def with_age(**more):
    return Columns(donor="mouse", part="type", stratum="tissue", required=("age",), **more)


@given(st.lists(st.tuples(LABELS, LABELS, LABELS), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_cells_one_by_one(rows):
    cells = pd.DataFrame(rows, columns=["tissue", "mouse", "type"])
    known = [row for row in rows if all(value not in (None, " ", "NA") for value in row)]
    if not known:
        return
    made = count_units(cells, ROLES, limit=1.0)
    plain = [dict(zip(("tissue", "mouse", "type"), row, strict=True)) for row in known]
    expected = slow.count_cells(plain, ["tissue", "mouse", "type"])
    found = made.table().set_index(["stratum", "donor", "part"])["n_cells"].to_dict()
    assert found == dict(expected)
    assert made.n_cells.sum() + made.left_out["n_cells"].sum() == len(rows)


@given(st.permutations(range(12)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_cells_does_not_matter(order):
    rows = [(m, t, p, "3m" if m < "c" else "24m") for m in "abc" for t in "xy" for p in "PQ"]
    first = count_units(cells_of(rows), with_age())
    second = count_units(cells_of([rows[place] for place in order]), with_age())
    pd.testing.assert_frame_equal(first.table(), second.table())


def test_counts_weigh_as_many_cells():
    counts = pd.DataFrame({"mouse": ["a", "a"], "type": ["T", "B"], "n": [3, 0]})
    columns = Columns(donor="mouse", part="type", amount="n")
    made = count_units(counts, columns)
    assert made.table()[["stratum", "donor", "part", "n_cells"]].values.tolist() == [[WHOLE, "a", "T", 3]]
    for bad in (-1, 0.5, float("nan"), "few"):
        with pytest.raises(AmountError, match="data row 2"):
            count_units(counts.assign(n=[1, bad]), columns)


def test_cells_without_labels_are_left_out_and_noted():
    lost = [(None, "x", "T", "3m"), ("a", None, "T", "3m"), ("a", "x", "", "3m")]
    made = count_units(cells_of([("a", "x", "T", "3m")] * 6 + lost), with_age())
    assert made.n_cells.tolist() == [6]
    assert sorted(made.left_out["reason"]) == ["donor unknown", "part unknown", "stratum unknown"]
    assert [note.text for note in made.notes] == [
        "1 of 9 cells left out: part unknown", "1 of 9 cells left out: stratum unknown",
        "1 of 9 cells left out: donor unknown",
    ]  # fmt: skip


def test_more_than_half_without_a_label_is_an_error_unless_allowed():
    cells = cells_of([("a", "x", None, "3m")] * 2 + [("a", "x", "T", "3m")])
    with pytest.raises(LabelError, match="part missing in 2 of 3 cells"):
        count_units(cells, ROLES)
    assert count_units(cells, ROLES, limit=1.0).n_cells.tolist() == [1]


def test_excluded_cells_keep_their_reason():
    cells = cells_of([("a", "x", "B", "3m"), ("a", "x", "T", "3m"), ("b", "x", "T", "3m")])
    made = count_units(cells.assign(why=[None, "dirty", None]), Columns("mouse", "type", exclude="why"))
    assert made.n_cells.tolist() == [1, 1]
    assert made.left_out[["reason", "n_cells"]].values.tolist() == [["dirty", 1]]


def test_every_column_that_is_constant_within_units_is_a_label():
    cells = cells_of([("a", "x", "T", "3m"), ("a", "x", "B", "3m"), ("b", "x", "T", "24m")])
    made = count_units(cells.assign(bmi=[21.5, 21.5, 30], umi=[1, 2, 3], site=["Ox", "ox ", "Lyon"]), ROLES)
    assert made.labels == ["age", "bmi", "site"]
    assert made.units["bmi"].tolist() == ["21.5", "30"]
    assert made.units["site"].tolist() == ["Ox", "Lyon"]


def test_a_blank_is_filled_from_the_donors_other_cells():
    cells = cells_of([("a", "x", "T", "3m"), ("a", "x", "B", None), ("b", "x", "T", "24m")])
    made = count_units(cells, with_age())
    assert made.units["age"].tolist() == ["3m", "24m"]
    assert "1 cells of 1 donor lack 'age'" in made.notes[0].text


def test_a_donor_in_two_groups_is_named():
    cells = cells_of([("a", "x", "T", "3m"), ("a", "x", "T", "24m"), ("b", "x", "T", "3m")])
    with pytest.raises(LabelError, match="donor 'a' has 2 values of 'age': '24m', '3m'"):
        count_units(cells, with_age())


def test_samples_of_a_donor_in_several_conditions():
    rows = [(m, "x", p, c) for m in "abc" for c in ("inflamed", "not") for p in "TB"]
    cells = cells_of(rows).rename(columns={"age": "state"})
    made = count_units(cells, Columns("mouse", "type", stratum="tissue", required=("state",)))
    assert made.units["sample"].tolist()[:2] == ["a · inflamed", "a · not"]
    assert (made.units.groupby("donor").size() == 2).all()
    assert "3 donors have several values of 'state'" in made.notes[-1].text


def test_visits_are_samples_and_never_donors():
    rows = [(m, "x", p, v) for m in "ab" for v in "12" for p in "TB"]
    made = count_units(cells_of(rows), Columns("mouse", "type", stratum="tissue", sample="age"))
    assert len(made.units) == 4
    assert made.units["donor"].nunique() == 2


def test_a_donor_in_two_batches_is_one_unit():
    cells = cells_of([("a", "x", "T", "1"), ("a", "x", "T", "2"), ("b", "x", "T", "2"), ("c", "x", "T", "1")])
    made = count_units(cells.rename(columns={"age": "batch"}), ROLES)
    assert made.units["batch"].tolist() == ["1 + 2", "2", "1"]


def test_a_donor_may_differ_between_strata():
    cells = cells_of([("a", "x", "T", "3m"), ("a", "y", "T", "24m")])
    assert count_units(cells, with_age()).units["age"].tolist() == ["3m", "24m"]


def test_cells_for_donors_are_refused():
    cells = cells_of([(f"cell {n}", "x", "T", "3m") for n in range(200)])
    with pytest.raises(DesignError, match="this one seems to name cells"):
        count_units(cells, ROLES)


def test_hostile_labels_are_counted_apart():
    cells = pd.DataFrame({"mouse": HOSTILE * 6, "tissue": HOSTILE * 6, "type": HOSTILE * 6})
    made = count_units(cells, ROLES)
    assert set(made.parts.index) == {label.strip() for label in HOSTILE}
    assert made.n_cells.sum() == 6 * len(HOSTILE)


def test_the_support_of_strata():
    rows = [
        ("a", "lung", "B"),
        ("a", "lung", "B"),
        ("b", "lung", "B"),
        ("b", "lung", "T"),
        ("a", "liver", "T"),
    ]
    parts = count_units(pd.DataFrame(rows, columns=["mouse", "tissue", "type"]), ROLES).parts_table()
    columns = ["stratum", "part", "n_units", "n_cells", "n_units_stratum"]
    assert parts[columns].to_numpy().tolist() == [
        ["liver", "T", 1, 1, 1], ["lung", "B", 2, 3, 2], ["lung", "T", 1, 1, 2],
    ]  # fmt: skip


def test_cells_know_their_unit_and_part():
    cells = cells_of([("b", "x", "T", "3m"), (None, "x", "B", "3m"), ("a", "x", "B", "3m")])
    made = count_units(cells, ROLES)
    unit, part = made.cells
    assert unit.tolist() == [1, -1, 0]
    assert [made.parts.index[place] for place in part[[0, 2]]] == ["T", "B"]


def test_a_table_and_its_composition_are_one():
    rows = [(m, t, p, "3m") for m in "abc" for t in "xy" for p in "PQ"[: 1 + (m > "a")]]
    made = count_units(cells_of(rows), with_age())
    again = from_table(made.table())
    pd.testing.assert_frame_equal(again.table(), made.table())
    assert (again.counts.toarray() == made.counts.toarray()).all()


def test_shares_sum_to_one():
    frame = pd.DataFrame({"mouse": ["a", "a", "b"], "type": list("TBT"), "percent": [75.0, 25.0, 90.0]})
    made = count_units(frame, Columns("mouse", "type", amount="percent", shares=True))
    assert made.of_shares
    assert made.counts.sum(axis=1).tolist() == pytest.approx([1, 1])


def test_units_left_out_go_to_the_account():
    made = count_units(cells_of([("a", "x", "T", "3m"), ("b", "x", "T", "3m")]), with_age())
    kept = made.kept(np.array([True, False]), "too old")
    assert kept.units["donor"].tolist() == ["a"]
    assert kept.left_out[["donor", "reason", "n_cells"]].values.tolist() == [["b", "too old", 1]]
    assert kept.cells[0].tolist() == [0, -1]


def test_a_coarser_level_holds_the_same_cells():
    rows = [("a", "x", p, "3m") for p in ("B1", "B2", "T1")] + [("b", "x", "T1", "3m")]
    made = count_units(cells_of(rows), with_age())
    levels = pd.DataFrame({"coarse": ["B", "B", "T"]}, index=["B1", "B2", "T1"])
    coarse = made.with_levels(levels).at_level("coarse")
    assert coarse.counts.toarray().tolist() == [[2, 1], [0, 1]]
    with pytest.raises(LabelError, match="without a coarser one"):
        made.with_levels(levels.iloc[:2])


def test_slow_and_fast_counts_have_the_same_total():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame({n: rng.choice(list("abcd"), 500) for n in ("mouse", "tissue", "type")})
    made = count_units(cells, ROLES)
    counted = Counter(map(tuple, cells[["tissue", "mouse"]].to_numpy()))
    units = made.units[["stratum", "donor"]].itertuples(index=False, name=None)
    assert dict(zip(units, made.n_cells.tolist(), strict=True)) == dict(counted)


@pytest.mark.parametrize("shares", [False, True])
def test_what_is_neither_counted_nor_left_out_is_an_error(shares: bool):
    frame = pd.DataFrame({"mouse": ["a", "a", None, "b"], "type": list("TBTT"), "n": [30, 70, 10, 100]})
    made = count_units(frame, Columns("mouse", "type", amount="n", shares=shares))
    counts = count_units(frame, Columns("mouse", "type", amount="n"))
    if not shares:
        assert made.account == "210 cells read: 200 counted in 2 samples, 10 left out"
    one = counts if not shares else replace(counts, counts=counts.counts * (0.1 + 0.2))
    total = 200 * (0.1 + 0.2) + 10 if shares else 210
    check_account(total, one)
    with pytest.raises(AmountError, match="every cell counted or left out"):
        check_account(total + 1, one)


def test_shares_are_accounted_for_before_they_are_rescaled():
    frame = pd.DataFrame({"mouse": ["a", "a", None, "b"], "type": list("TBTT"), "n": [0.1, 0.2, 0.3, 0.7]})
    made = count_units(frame, Columns("mouse", "type", amount="n", shares=True))
    assert made.left_out["n_cells"].tolist() == [0.3]
    assert made.account == "shares of 2 samples read, 1 row left out"
