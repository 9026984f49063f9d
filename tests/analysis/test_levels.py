"""The change on each level of a hierarchy: terms that add up, and the same question within coarse parts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.levels import Levels, LevelTerms, Nested, contrast_within, decompose_levels
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.metrics import entropy_chao_wang_jost
from definitions_metrics import entropy_terms_by_definition, gini_terms_by_definition

OLD = Question("age", ("young",), (("old",),))
LEVELS = pd.DataFrame(
    {"type": ["B", "B", "T", "T", "T", "NK"], "kind": ["B", "B", "TNK", "TNK", "TNK", "TNK"]},
    index=["b1", "b2", "t1", "t2", "t3", "nk"],
)


def cells(seed, donors="abcdefgh", visits=1, low=0):
    rng = np.random.default_rng(seed)
    rows = [
        ("blood", donor, f"{donor}{visit}", "young" if donor < "e" else "old", "fm"[place % 2], part,
         int(rng.integers(low, 60)))
        for place, donor in enumerate(donors) for visit in range(visits) for part in LEVELS.index
    ]  # fmt: skip
    names = ["stratum", "donor", "sample", "age", "sex", "part", "n_cells"]
    frame = pd.DataFrame(rows, columns=names)
    return frame[frame["n_cells"] > 0]


def designed(rows, question=OLD):
    return resolve(from_table(rows).with_levels(LEVELS), question, Settings(min_cells=1))


def amounts_of(rows, donor, part_names):
    counts = rows[rows["sample"] == donor].set_index("part")["n_cells"]
    return [int(counts.get(part, 0)) for part in part_names]


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    question=st.sampled_from([OLD, Question("age", ("young",), (("old",),), formula="~ sex")]),
)
def test_terms_add_up_in_every_unit_and_in_the_shift(seed, question):
    found, units = decompose_levels(designed(cells(seed, visits=2), question))
    gaps = units["between"] + units["within"] + units["overlap"] - units["total"]
    assert gaps.abs().max() < 1e-12
    for _, rows in found.groupby(["fine", "coarse", "metric"]):
        by_term = rows[rows["part"].isna()].set_index("term")["shift"]
        assert math.isclose(
            by_term["between"] + by_term["within"] + by_term["overlap"], by_term["total"], abs_tol=1e-12
        )
        assert math.isclose(rows.loc[rows["part"].notna(), "shift"].sum(), by_term["within"], abs_tol=1e-12)
        assert math.isclose(
            rows.loc[rows["part"].isna(), "fraction_of_shift"].iloc[1:].sum(), 1, abs_tol=1e-9
        )


def test_the_three_pairs_of_levels_and_their_values():
    rows = cells(3)
    found, units = decompose_levels(designed(rows))
    assert list(dict.fromkeys(zip(units["fine"], units["coarse"], strict=True))) == [
        ("finest", "type"), ("finest", "kind"), ("type", "kind"),
    ]  # fmt: skip
    parts = sorted(LEVELS.index)
    codes = np.unique(LEVELS.loc[parts, "type"], return_inverse=True)[1].tolist()
    shown = units[(units["fine"] == "finest") & (units["coarse"] == "type")].set_index(["metric", "donor"])
    for donor in "abcdefgh":
        amounts = amounts_of(rows, f"{donor}0", parts)
        between, within = entropy_terms_by_definition(amounts, codes)
        row = shown.loc[("entropy", donor)]
        assert (row["between"], row["within"]) == (
            pytest.approx(between, abs=1e-12),
            pytest.approx(sum(within), abs=1e-12),
        )
        between, within, overlap = gini_terms_by_definition(amounts, codes)
        row = shown.loc[("gini_stratum", donor)]
        assert row[["between", "within", "overlap"]].tolist() == pytest.approx(
            [between, sum(within), overlap], abs=1e-12
        )
    by_hand = {
        name: shown.loc["entropy"].loc[list(donors), "between"].mean()
        for name, donors in (("y", "abcd"), ("o", "efgh"))
    }
    row = found.query(
        "fine == 'finest' and coarse == 'type' and metric == 'entropy' and term == 'between'"
    ).iloc[0]
    assert row["shift"] == pytest.approx(by_hand["o"] - by_hand["y"], abs=1e-12)
    assert (row["mean_reference"], row["mean_other"]) == pytest.approx((by_hand["y"], by_hand["o"]))


def test_interval_and_p_are_those_of_the_t_test():
    from scipy.stats import ttest_ind

    found, units = decompose_levels(designed(cells(5)))
    values = units.query("fine == 'finest' and coarse == 'type' and metric == 'gini_stratum'").set_index(
        "donor"
    )["within"]
    test = ttest_ind(values[list("efgh")], values[list("abcd")])
    row = found.query(
        "fine == 'finest' and coarse == 'type' and metric == 'gini_stratum' and term == 'within'"
    ).iloc[0]
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(test.confidence_interval(0.95)))


def test_visits_of_a_donor_are_one_value():
    """A donor seen ten times counts as much as one seen once."""
    rows = cells(8)
    again = pd.concat([rows, *(rows[rows["donor"] == "a"].assign(sample=f"a{n}") for n in range(1, 10))])
    first, second = decompose_levels(designed(rows))[0], decompose_levels(designed(again))[0]
    assert second["shift"].to_numpy() == pytest.approx(first["shift"].to_numpy(), abs=1e-12)
    assert second["p_value"].to_numpy() == pytest.approx(first["p_value"].to_numpy(), nan_ok=True)
    assert second["n_reference"].eq(4).all()


def test_the_corrected_entropy_does_not_add_and_the_gap_is_told():
    rows = cells(11, low=1)
    rows["n_cells"] = np.maximum(rows["n_cells"] // 12, 1)
    units = decompose_levels(designed(rows))[1]
    row = units.query("fine == 'finest' and coarse == 'type' and metric == 'entropy' and donor == 'a'").iloc[
        0
    ]
    counts = pd.Series(amounts_of(rows, "a0", sorted(LEVELS.index)), index=sorted(LEVELS.index))
    within = {name: counts[LEVELS.index[LEVELS["type"] == name]] for name in ("B", "T", "NK")}
    terms = sum(one.sum() / counts.sum() * entropy_chao_wang_jost(one.to_numpy()) for one in within.values())
    coarse = entropy_chao_wang_jost([one.sum() for one in within.values()])
    assert row["corrected_gap"] == pytest.approx(
        entropy_chao_wang_jost(counts.to_numpy()) - coarse - terms, abs=1e-12
    )
    assert abs(row["corrected_gap"]) > 1e-6


def test_within_a_coarse_part_it_is_the_contrast_of_its_cells_alone():
    rows = cells(13, low=5)
    found = contrast_within(designed(rows))
    found = found[(found["fine"] == "finest") & (found["coarse"] == "type")]
    assert set(found["part"]) == {"B", "T"}  # NK has one fine part: there is no composition within
    alone = from_table(rows[rows["part"].isin(["t1", "t2", "t3"])])
    settings = Settings(min_cells=1)
    expected = contrast(resolve(alone, OLD, settings), concentration(alone, settings)).set_index("metric")
    of_t = found[found["part"] == "T"].set_index("metric")
    for column in ("shift", "median_reference", "p_exact"):
        assert of_t[column].to_numpy(dtype=float) == pytest.approx(
            expected[column].to_numpy(dtype=float), nan_ok=True
        )
    assert of_t["n_parts"].eq(3).all()


def test_where_no_coarse_part_has_enough_cells_the_table_is_empty():
    design = resolve(from_table(cells(1, low=5)).with_levels(LEVELS), OLD, Settings(min_cells=150))
    assert contrast_within(design).empty


def test_a_trend_decomposes_too():
    rows = cells(17, low=2).assign(
        years=lambda frame: frame["donor"].map(
            dict(zip("abcdefgh", map(str, range(20, 100, 10)), strict=True))
        )
    )
    found = decompose_levels(designed(rows, Question(trend="years")))[0]
    row = found.query("fine == 'finest' and coarse == 'type' and metric == 'entropy'").set_index("term")[
        "shift"
    ]
    assert row["between"] + row["within"] == pytest.approx(row["total"], abs=1e-12)


def test_the_tables_hold_what_they_declare():
    design = designed(cells(19, low=5))
    found, units = decompose_levels(design)
    Levels.check(found, "levels")
    LevelTerms.check(units, "level_terms")
    Nested.check(contrast_within(design), "nested")


def test_a_common_number_of_cells_does_not_make_small_coarse_parts_untestable():
    """Forty cells of B in a donor suffice, although whole donors are rarefied to a hundred."""
    rows = cells(23, low=20)
    design = resolve(from_table(rows).with_levels(LEVELS), OLD, Settings(min_cells=30, depth=100))
    small = rows[rows["part"].isin(["b1", "b2"])].groupby("donor")["n_cells"].sum()
    assert small.min() < 100
    found = contrast_within(design)
    assert found.loc[found["part"] == "B", "n_reference"].eq(4).all()
    assert (found.loc[found["metric"].isin(["hill_q1", "gini_stratum"]), "p_value"].notna()).all()
