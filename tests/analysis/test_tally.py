import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import definitions_cohort as slow
from concentra.analysis.composition import count_parts
from concentra.analysis.tally import WHOLE, combinations, tally
from concentra.errors import AmountError, DesignError, LabelError

ROLES = {"stratum": "tissue", "donor": "mouse", "part": "type"}
LABELS = st.sampled_from(["a", "b,\n", "<script>", "=1+1", "細胞", None, " ", "NA"])


@given(st.lists(st.tuples(LABELS, LABELS, LABELS), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_combinations_are_those_counted_one_by_one(rows):
    cells = pd.DataFrame(rows, columns=["tissue", "mouse", "type"])
    found = combinations(cells, ROLES)
    plain = [
        {key: None if value in (None, " ", "NA") else value for key, value in row.items()}
        for row in cells.to_dict("records")
    ]
    expected = slow.count_cells(plain, ["tissue", "mouse", "type"])
    assert {tuple(row[:3]): row[3] for row in found.values.tolist()} == dict(expected)


def cells_of(rows):
    return pd.DataFrame(rows, columns=["mouse", "tissue", "type", "age"])


def test_the_same_as_counting_cells_of_a_whole_table():
    rows = [(m, t, p, "3m" if m < "c" else "24m") for m in "abcd" for t in "xy" for p in "PPQR"[ord(m) % 3 :]]
    cells = cells_of(rows)
    found = tally(combinations(cells, ROLES | {"age": "age"}), about=["age"]).composition
    expected, _ = count_parts(cells, donor="mouse", stratum="tissue", part="type", about=["age"])
    columns = ["stratum", "donor", "age", "part", "n_cells", "share"]
    assert found[columns].values.tolist() == expected[columns].values.tolist()


def test_counts_weigh_as_many_cells():
    counts = pd.DataFrame({"mouse": ["a", "a"], "type": ["T", "B"], "n": [3, 0]})
    found = combinations(counts, {"stratum": None, "donor": "mouse", "part": "type"}, "n")
    assert found.values.tolist() == [[WHOLE, "a", "T", 3]]
    for bad in (-1, 0.5, float("nan"), "few"):
        with pytest.raises(AmountError, match="data row 2"):
            combinations(counts.assign(n=[1, bad]), {"donor": "mouse", "part": "type"}, "n")


def test_cells_without_labels_are_left_out_and_said():
    cells = cells_of(
        [("a", "x", "T", "3m")] * 6 + [(None, "x", "T", "3m"), ("a", None, "T", "3m"), ("a", "x", "", "3m")]
    )
    found = tally(combinations(cells, ROLES | {"age": "age"}), about=["age"])
    assert found.composition["n_cells"].tolist() == [6]
    assert sorted(found.left_out["reason"]) == ["donor unknown", "part unknown", "stratum unknown"]
    assert found.said == (
        "1 of 9 cells left out: part unknown", "1 of 9 cells left out: stratum unknown",
        "1 of 9 cells left out: donor unknown",
    )  # fmt: skip


def test_more_than_half_without_a_label_is_an_error():
    cells = cells_of([("a", "x", None, "3m")] * 2 + [("a", "x", "T", "3m")])
    with pytest.raises(LabelError, match="part missing in 2 of 3 cells"):
        tally(combinations(cells, ROLES))


def test_a_donor_in_two_groups_is_named():
    cells = cells_of([("a", "x", "T", "3m"), ("a", "x", "T", "24m"), ("b", "x", "T", "3m")])
    with pytest.raises(LabelError, match="donor 'a' has 2 values of 'age': '24m', '3m'"):
        tally(combinations(cells, ROLES | {"age": "age"}), about=["age"])


def test_a_donor_in_two_batches_is_one_donor():
    cells = cells_of([("a", "x", "T", "1"), ("a", "x", "T", "2"), ("b", "x", "T", "2")]).rename(
        columns={"age": "batch"}
    )
    found = tally(combinations(cells, ROLES | {"batch": "batch"}), loose=["batch"])
    assert found.composition[["donor", "batch", "n_cells"]].values.tolist() == [
        ["a", "1 + 2", 2],
        ["b", "2", 1],
    ]
    assert "1 donors have more than one 'batch'" in found.said[0]


def test_cells_for_donors_are_refused():
    cells = cells_of([(f"cell {n}", "x", "T", "3m") for n in range(200)])
    with pytest.raises(DesignError, match="this one seems to name cells"):
        tally(combinations(cells, ROLES))
