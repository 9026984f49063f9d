"""Counting cells: by hand, against a slow count, what is left out, and contradictions."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.analysis.composition import NO_DONOR, NO_PART, POOLED, count_parts, parts_of_strata
from concentra.errors import ColumnError, LabelError
from definitions_study import HOSTILE

LABELS = st.one_of(st.none(), st.sampled_from(["a", "b", "c/d", "e"]))
ROWS = st.lists(st.tuples(LABELS, st.sampled_from(["lung", "liver"]), LABELS), min_size=1, max_size=40)


def frame(rows: list[tuple[str | None, str, str | None]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["donor", "stratum", "part"], dtype=object)


@given(ROWS)
def test_against_a_count_cell_by_cell(rows: list[tuple[str | None, str, str | None]]) -> None:
    composition, left_out = count_parts(frame(rows), about=[], pooled="/")
    kept: Counter[tuple[str, str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    for donor, stratum, part in rows:
        if donor is None:
            lost[stratum, NO_DONOR] += 1
        elif part is None:
            lost[stratum, NO_PART] += 1
        elif "/" in donor:
            lost[stratum, POOLED] += 1
        else:
            kept[stratum, donor, part] += 1
    assert composition.set_index(["stratum", "donor", "part"])["n_cells"].to_dict() == dict(kept)
    assert left_out.set_index(["stratum", "reason"])["n_cells"].to_dict() == dict(lost)
    assert composition["n_cells"].sum() + left_out["n_cells"].sum() == len(rows)
    shares = composition.groupby(["stratum", "donor"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(1)


@given(ROWS, st.randoms())
def test_the_order_of_cells_and_categories_do_not_matter(
    rows: list[tuple[str | None, str, str | None]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = count_parts(frame(rows), about=[])
    two = count_parts(frame(shuffled).astype("category"), about=[])
    for left, right in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(left, right, check_dtype=False)


def test_excluded_cells_keep_their_reason() -> None:
    cells = frame([("a", "liver", "B"), ("a", "liver", "T"), ("b", "liver", "T")]).assign(
        why=[None, "dirty", None]
    )
    composition, left_out = count_parts(cells, about=[], exclude="why")
    assert composition["n_cells"].tolist() == [1, 1]
    assert left_out[["reason", "n_cells"]].values.tolist() == [["dirty", 1]]


def test_a_donor_may_be_in_two_strata() -> None:
    cells = frame([("a", "lung", "B"), ("a", "liver", "B")]).assign(sex=["male", "female"])
    assert len(count_parts(cells, about=["sex"])[0]) == 2


@pytest.mark.parametrize("values", [["3m", "24m"], ["3m", None]])
def test_a_unit_with_two_values_is_named(values: list[str | None]) -> None:
    cells = frame([("mouse 1", "lung", "B"), ("mouse 1", "lung", "T")]).assign(age=values)
    with pytest.raises(LabelError, match=r"donor 'mouse 1' has age .* in 'lung'"):
        count_parts(cells, about=["age"])


@pytest.mark.parametrize("name", ["donor", "stratum", "part", "age"])
def test_a_missing_column_is_named_with_its_neighbour(name: str) -> None:
    cells = frame([("a", "lung", "B")]).assign(age="3m").rename(columns={name: name.title() + "s"})
    with pytest.raises(ColumnError, match=f"no column '{name}'") as problem:
        count_parts(cells, about=["age"])
    assert f"did you mean '{name.title()}s'?" in problem.value.fix


def test_hostile_labels_are_counted_apart() -> None:
    cells = pd.DataFrame({"donor": HOSTILE, "stratum": HOSTILE, "part": HOSTILE})
    composition, left_out = count_parts(cells, about=[])
    assert set(composition["part"]) == set(HOSTILE)
    assert (composition["n_cells"] == 1).all()
    assert left_out.empty


def test_support_of_strata() -> None:
    rows = [
        ("a", "lung", "B"),
        ("a", "lung", "B"),
        ("b", "lung", "B"),
        ("b", "lung", "T"),
        ("a", "liver", "T"),
    ]
    parts = parts_of_strata(count_parts(frame(rows), about=[])[0])
    columns = ["stratum", "part", "n_units", "n_cells", "n_units_stratum"]
    assert parts[columns].to_numpy().tolist() == [
        ["liver", "T", 1, 1, 1],
        ["lung", "B", 2, 3, 2],
        ["lung", "T", 1, 1, 2],
    ]
