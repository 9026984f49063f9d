"""The multiverse against slow loops, golden numbers, and its promises: nulls not found, planted shifts found."""

from __future__ import annotations

import time
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import definitions_metrics
import definitions_multiverse as slow
from concentra.analysis.choices import Choices
from concentra.analysis.head_multiverse import HeadChoices, head_multiverse, most_influential
from concentra.analysis.multiverse import METRICS, NO_TEST, crossed
from concentra.composition import from_table
from concentra.errors import ArgumentError, ColumnError
from concentra.io.importance import importance_values, read_importance
from concentra.stats.median_shifts import median_shifts
from concentra.stats.multiverse import arrangements, joint_test
from concentra.stats.specifications import Comparisons

ARCHIVE = Path(__file__).parents[2] / "archive"
FACS = Choices([["3m"]], [["24m"], ["18m", "24m"]], ["all", "male"], [50, 20, 100, 200])
DROPLET = Choices(
    [["1m", "3m"], ["3m"], ["1m"]],
    [["24m", "30m"], ["24m"], ["30m"], ["18m", "21m", "24m", "30m"]],
    ["all", "male"],
    [50, 20, 100, 200],
)
SMALL = Choices([["1m", "3m"], ["3m"]], [["24m"], ["18m", "24m"]], ["all", "male"], [12, 16])
WITHOUT_ONE = replace(SMALL, min_cells=[12], left_out=["none", "donor 1", "donor 5"])


def multiverse(rows, choices, *, rng, **how):
    """The crossing of a table with the labels `age` and `sex`."""
    kept = rows[["stratum", "donor", "part", "n_cells", "age", *(["sex"] if "sex" in rows else [])]]
    return crossed(from_table(kept), "age", choices, restricted_by="sex", seed=rng, **how)


def tidy(donors, stratum="lung"):
    """Donors as name -> (age, sex, counts) to one row a (donor, part)."""
    return pd.DataFrame(
        [
            {"stratum": stratum, "donor": name, "age": age, "sex": sex, "part": f"part {k}", "n_cells": n}
            for name, (age, sex, counts) in donors.items()
            for k, n in enumerate(counts)
            if n
        ]
    )


def some_donors(seed, ages=("1m", "3m", "3m", "18m", "24m", "24m", "24m")):
    """A few donors with few cells, so that subsamples can be listed; some parts absent, sexes mixed."""
    rng = np.random.default_rng(seed)
    sexes = ["male", "female"]
    return {
        f"donor {k}": (
            age,
            sexes[int(rng.random() < 0.35)],
            tuple(rng.multinomial(rng.integers(12, 22), rng.dirichlet([1.5, 1, 0.4])).tolist()),
        )
        for k, age in enumerate(ages)
    }


def atlas(rng, n_early, n_late, *, shift=0.0, concentration=60.0):
    """Donors of a tissue of eight parts; `shift` moves the old towards a monopoly; depth and sex vary."""
    base = 0.75 ** np.arange(8)
    late = (1 - shift) * base / base.sum() + shift * np.eye(8)[0]
    donors = {}
    for k in range(n_early + n_late):
        group = late if k >= n_early else base / base.sum()
        counts = rng.multinomial(int(rng.integers(60, 600)), rng.dirichlet(concentration * group + 1e-3))
        donors[f"{k}"] = ("24m" if k >= n_early else "3m", ["male", "female"][k % 2], tuple(counts.tolist()))
    return tidy(donors)


@pytest.fixture(scope="module")
def composition():
    return pd.read_csv(ARCHIVE / "composition.csv")


@pytest.mark.parametrize("choices", [SMALL, WITHOUT_ONE], ids=["few cells", "one donor left out"])
@pytest.mark.parametrize("seed", range(4))
def test_specifications_are_those_of_the_slow_loop(seed, choices):
    donors = some_donors(seed)
    found, summary = multiverse(tidy(donors), choices, rng=0)
    every = slow.specifications(donors, choices)
    assert set(found["left_out"]) == set(choices.left_out)
    rows = slow.distinct(every, METRICS)
    assert found["specification"].tolist() == [row[0] for row in rows]
    assert found[["n_reference", "n_other"]].values.tolist() == [[row[1], row[2]] for row in rows]
    for metric in METRICS:
        assert found[metric].to_numpy() == pytest.approx([row[3][metric] for row in rows], abs=1e-9)
        alone = [row[0] for row in slow.distinct(every, [metric])]
        assert found.loc[found[f"counts_{metric}"], "specification"].tolist() == alone
        mine = summary.set_index("metric").loc[metric]
        shifts = [row[3][metric] for row in slow.distinct(every, [metric])]
        assert mine["n_specifications"] == len(shifts)
        assert mine["median"] == pytest.approx(np.median(shifts), abs=1e-9)
        assert [mine["low"], mine["high"]] == pytest.approx([min(shifts), max(shifts)], abs=1e-9)
        signs = [slow.sign(shift) == slow.sign(shifts[0]) for shift in shifts]
        assert mine["share_same_sign"] == pytest.approx(np.mean(signs))
    crossed_with = len(choices.min_cells) * len(choices.left_out)
    assert (summary["n_combinations"] == 2 * 2 * 2 * crossed_with * 2 * 3 * 2).all()


@pytest.mark.parametrize(
    ("seed", "ages"), [(0, ("1m", "3m", "3m", "24m", "24m")), (5, ("3m", "3m", "18m", "24m", "24m", "1m"))]
)
@pytest.mark.parametrize("within_sex", [False, True])
def test_joint_p_is_that_of_every_arrangement(seed, ages, within_sex):
    donors = some_donors(seed, ages)
    _, summary = multiverse(tidy(donors), SMALL, rng=0)
    expected, n_arrangements = slow.joint_p(donors, SMALL, within_sex=within_sex)
    suffix = "_within" if within_sex else ""
    found = summary[[f"p_value{suffix}", f"p_attainable{suffix}"]].to_numpy()[:2]
    for mine, theirs in zip(found, expected, strict=True):
        assert tuple(mine) == pytest.approx(theirs, abs=1e-12)
    assert summary[f"exact{suffix}"].all()
    assert (summary[f"n_arrangements{suffix}"] == n_arrangements).all()


def test_published_choice_is_that_of_the_contrast(composition):
    golden = {
        ("tms_facs", "Marrow"): (FACS, 0.0873, -2.180),
        ("tms_droplet", "Marrow"): (DROPLET, 0.0383, -0.532),
    }
    for (cohort, stratum), (choices, *shifts) in golden.items():
        rows = composition[(composition["cohort"] == cohort) & (composition["stratum"] == stratum)]
        found, summary = multiverse(rows, choices, rng=0, n_random=9)
        assert found["published"].tolist() == [True] + [False] * (len(found) - 1)
        groups = [rows[rows["age"].isin(ages[0])] for ages in (choices.references, choices.others)]
        for metric, expected in zip(METRICS, shifts, strict=True):
            assert found.loc[0, metric] == pytest.approx(expected, abs=5e-4)
            slowly = [
                np.median([_plain(metric, unit["n_cells"]) for _, unit in group.groupby("donor")])
                for group in groups
            ]
            assert found.loc[0, metric] == pytest.approx(slowly[1] - slowly[0], abs=1e-12)
        assert (summary["share_same_sign"] == 1).all()
        assert set(found["direction"]) == {"more concentrated"}


def _plain(metric, counts):
    if metric == "gini":
        return definitions_metrics.gini_of_pairs(counts.tolist())
    return definitions_metrics.hill_by_definition(counts.tolist(), 1)


def test_choices_that_change_nothing_count_once():
    counts = (30, 20, 10)
    donors = {f"{k}": ("3m" if k < 3 else "24m", "male", (30 + k, 20, 10 + k)) for k in range(6)}
    wide = Choices([["3m"]], [["24m"], ["24m", "30m"]], ["all", "male"], [10, 20, 30], depths=["observed"])
    found, summary = multiverse(tidy(donors), wide, rng=0)
    # neither the ages without donors, nor sex, nor the minimum, nor the support changes anything
    assert len(found) == 2
    assert found["average"].tolist() == ["median", "mean"]
    assert summary["n_combinations"].tolist() == [48] * 3
    assert summary["n_specifications"].tolist() == [2] * 3
    absent = donors | {"0": ("3m", "male", (*counts[:2], 0))}
    found, summary = multiverse(tidy(absent), wide, rng=0)
    assert summary.set_index("metric")["n_specifications"].to_dict() == {"gini": 4, "hill_q1": 2, "both": 4}


def test_group_without_donors_and_group_of_one():
    donors = {"a": ("3m", "male", (30, 30)), "b": ("24m", "male", (50, 20)), "c": ("24m", "male", (60, 20))}
    found, summary = multiverse(tidy(donors), Choices([["3m"]], [["24m"]]), rng=0)
    assert len(found) == 3
    assert summary["p_value"].isna().all()
    assert set(summary["reason"]) == {NO_TEST}
    nothing, none = multiverse(tidy(donors), Choices([["1m"]], [["24m"]]), rng=0)
    assert nothing.empty
    assert none.empty


def test_strata_do_not_depend_on_each_other_and_seeds_repeat():
    rng = np.random.default_rng(3)
    first, second = atlas(rng, 6, 6), atlas(rng, 6, 6).assign(stratum="spleen")
    choices = Choices([["3m"]], [["24m"]], ["all", "male"], [50, 100])
    both = multiverse(pd.concat([second, first]), choices, rng=7, n_random=50, all_up_to=10)
    again = multiverse(second.sample(frac=1, random_state=1), choices, rng=7, n_random=50, all_up_to=10)
    for whole, alone in zip(both, again, strict=True):
        kept = whole[whole["stratum"] == "spleen"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, alone, check_exact=True)
    assert not both[1]["exact"].any()
    other = multiverse(second, choices, rng=8, n_random=50, all_up_to=10)[1]
    assert other["p_value"].tolist() != again[1]["p_value"].tolist()


def test_drawn_arrangements_agree_with_all():
    rows = atlas(np.random.default_rng(11), 5, 5, shift=0.1)
    choices = Choices([["3m"]], [["24m"]], ["all", "male"], [50])
    exact = multiverse(rows, choices, rng=0)[1]
    drawn = multiverse(rows, choices, rng=0, n_random=4000, all_up_to=10)[1]
    assert np.allclose(exact["p_value"], drawn["p_value"], atol=0.03, equal_nan=True)
    assert drawn["p_attainable"].dropna().tolist() == [1 / 4001] * 2


def test_planted_shift_is_found():
    rng = np.random.default_rng(1)
    choices = Choices([["3m"]], [["24m"]], ["all", "male"], [50])
    found, summary = multiverse(atlas(rng, 6, 6, shift=0.3), choices, rng=0)
    assert (found["direction"] == "more concentrated").all()
    assert (summary["share_same_sign"] == 1).all()
    assert (summary["p_value"].dropna() <= 0.02).all()  # 924 arrangements
    assert (summary["p_value_within"].dropna() <= 0.02).all()


def test_ages_within_sex_do_not_take_sex_for_age():
    rng = np.random.default_rng(2)
    old = atlas(rng, 0, 6, shift=0.5)  # a shift between sexes: all that are concentrated are old and male
    young = atlas(rng, 6, 0)
    young["sex"], old["sex"] = "female", "male"
    rows = pd.concat([young, old.assign(donor="old " + old["donor"])])
    summary = multiverse(rows, Choices([["3m"]], [["24m"]]), rng=0)[1]
    assert summary["p_value"][0] <= 0.01
    assert (summary["n_arrangements_within"] == 1).all()
    assert summary["p_value_within"].dropna().tolist() == [1.0, 1.0]


@pytest.mark.slow
def test_no_effect_is_found_no_more_often_than_the_level():
    rng = np.random.default_rng(0)
    choices = Choices([["3m"]], [["24m"]], ["all", "male"], [50, 100, 200])
    n_runs = 400
    names = ("p_value", "p_value_within")
    found = {(name, metric): [] for name in names for metric in (*METRICS, "both")}
    for _ in range(n_runs):
        summary = multiverse(atlas(rng, 4, 5), choices, rng=0)[1].set_index("metric")
        for name, metric in found:
            found[name, metric].append(summary.loc[metric, name])
    for key, values in found.items():
        if key[1] == "both":
            assert np.isnan(values).all()
            continue
        for alpha in (0.05, 0.1, 0.2, 0.5):
            rejected = np.mean(np.array(values) <= alpha)
            assert rejected <= alpha + 3 * sqrt(alpha * (1 - alpha) / n_runs), key
    median = np.array(found["p_value", "gini"])  # 126 arrangements: nearly uniform, not only bounded
    assert np.mean(median <= 0.2) == pytest.approx(0.2, abs=0.06)
    assert np.mean(median <= 0.5) == pytest.approx(0.5, abs=0.08)


def test_arrangements_are_distinct_and_keep_strata():
    labels, strata = np.array([0, 0, 1, 2, 1, 1]), np.array([0, 0, 0, 1, 1, 1])
    found, exact = arrangements(labels, strata, np.random.default_rng(0), 9, 100)
    assert exact
    assert len(found) == len({tuple(row) for row in found.tolist()}) == 3 * 3
    for row in found:
        assert sorted(row[:3]) == [0, 0, 1]
        assert sorted(row[3:]) == [1, 1, 2]
    drawn, exact = arrangements(labels, strata, np.random.default_rng(0), 200, 8)
    assert not exact
    assert {tuple(row) for row in drawn.tolist()} == {tuple(row) for row in found.tolist()}


def test_joint_test_of_one_specification_is_the_permutation_test():
    from concentra.stats.permutation import permutation_test

    values = np.random.default_rng(4).normal(size=9)
    one = Comparisons(
        values=values[None],
        eligible=np.ones((2, 9), dtype=bool),
        member=np.eye(2, dtype=bool),
        reference=np.array([0]),
        other=np.array([1]),
        columns=np.array([[0]]),
        mean=np.array([False]),
    )
    labels = [0, 0, 0, 0, 1, 1, 1, 1, 1]
    found = joint_test(one, labels, rng=np.random.default_rng(0))
    expected = permutation_test(values[:4], values[4:], statistic="median")
    assert found.p_median.tolist() == pytest.approx([expected.p_value])
    assert found.p_median_attainable.tolist() == pytest.approx([expected.p_attainable])
    assert median_shifts(one, np.array([labels]))[0, 0] == pytest.approx(expected.statistic)


def test_bad_choices_and_columns_are_refused():
    with pytest.raises(ArgumentError, match=r"did you mean 'median'"):
        Choices([["3m"]], [["24m"]], averages=["medain"])
    with pytest.raises(ArgumentError, match="no value for others"):
        Choices([["3m"]], [])
    with pytest.raises(ArgumentError, match="support='all'"):
        Choices([["3m"]], [["24m"]], supports=["all"])
    with pytest.raises(ColumnError, match="no column 'sex'"):
        multiverse(atlas(np.random.default_rng(0), 2, 2).drop(columns="sex"), SMALL, rng=0)


# --- heads ---------------------------------------------------------------------------------------------------


def ablations(seed=0, n_layers=3, n_heads=4, steps=(1, 10, 100)):
    rng = np.random.default_rng(seed)
    grid = pd.MultiIndex.from_product(
        [steps, range(n_layers), range(n_heads)], names=["checkpoint", "layer", "head"]
    ).to_frame(index=False)
    return grid.assign(delta=rng.normal(size=len(grid)) ** 3)


def slow_heads(table, choices):
    """Loop over every combination; rows of (first, value, parts, floor, support, left out) and what it gives."""
    steps = sorted(table["checkpoint"].unique())
    heads, amounts = importance_values(table, choices.values[0])[1:]
    influential = [tuple(head) for head in most_influential(heads, amounts, choices.n_left_out)]
    found = []
    for value in choices.values:
        for out in [None, *influential]:
            for parts in choices.parts:
                for floor in choices.floors:
                    for support in choices.supports:
                        for step in steps[:-1]:
                            pair = [_amounts(table, at, value, out, parts, floor) for at in (step, steps[-1])]
                            gini, hill = (
                                [definitions_metrics.gini_of_pairs(one, support) for one in pair],
                                [definitions_metrics.hill_by_definition(one, 1) for one in pair],
                            )
                            matters = support if any(0 in one for one in pair) else ""
                            name = "none" if out is None else f"L{out[0]}H{out[1]}"
                            found.append(
                                ((step, value, parts, floor, support, name), gini[1] - gini[0], hill[1] - hill[0],
                                 (*map(tuple, pair),), matters)
                            )  # fmt: skip
    return found


def _amounts(table, step, value, out, parts, floor):
    sums = {}
    for _, row in table[table["checkpoint"] == step].iterrows():
        head = (int(row["layer"]), int(row["head"]))
        if head != out:
            part = head if parts == "heads" else head[0]
            amount = abs(row["delta"]) if value == "abs" else max(-row["delta"], 0)
            sums[part] = sums.get(part, 0.0) + amount
    mean = sum(sums.values()) / len(sums)
    return [0.0 if amount < floor * mean else amount for amount in sums.values()]


def test_heads_are_those_of_the_slow_loop():
    table, choices = ablations(), HeadChoices(n_left_out=2)
    found, summary = head_multiverse(table, choices)
    every = slow_heads(table, choices)
    assert (summary["n_combinations"] == len(every)).all()
    names = ["first", "value", "parts", "floor", "support", "left_out"]
    kept, seen, alone = [], set(), set()
    for place, (row, _, _, pair, matters) in enumerate(every):
        if (pair, matters) not in seen:
            kept.append((place, row, pair not in alone))
        seen.add((pair, matters))
        alone.add(pair)
    assert found["specification"].tolist() == [place for place, _, _ in kept]
    assert list(found[names].itertuples(index=False, name=None)) == [row for _, row, _ in kept]
    assert found["counts_hill_q1"].tolist() == [new for _, _, new in kept]
    expected = np.array([every[place][1:3] for place, _, _ in kept])
    assert np.allclose(found[list(METRICS)], expected, atol=1e-10)
    assert summary["p_value"].isna().all()
    assert (summary["reason"].str.len() > 0).all()


def test_most_influential_head_moves_the_shift_most():
    heads, amounts = importance_values(ablations(seed=3))[1:]
    order = most_influential(heads, amounts, 12)
    assert len(set(order)) == 12

    def both(kept):
        ends = amounts[[0, -1]][:, kept]
        return np.array(
            [
                function(ends[1].tolist()) - function(ends[0].tolist())
                for function in (
                    lambda one: definitions_metrics.gini_of_pairs(one, "stratum"),
                    lambda one: definitions_metrics.hill_by_definition(one, 1),
                )
            ]
        )

    without = np.array([both(np.arange(12) != k) for k in range(12)])
    change = (without - both(np.arange(12))) / without.std(axis=0)
    expected = np.argsort(-(change**2).sum(axis=1))
    assert order == [tuple(heads[k]) for k in expected]


def test_heads_need_two_checkpoints_and_known_parts():
    with pytest.raises(ArgumentError, match="one checkpoint, 1"):
        head_multiverse(ablations(steps=(1,)))
    with pytest.raises(ArgumentError, match="floors from 0 to below 1"):
        HeadChoices(floors=[1.5])


@pytest.mark.data
def test_published_shift_of_pythia(data):
    found, summary = head_multiverse(read_importance(data / "pythia" / "pythia_410m_ablations.csv"))
    published = found[found["published"]].iloc[0]
    assert published[["gini", "hill_q1"]].tolist() == pytest.approx([0.1449, -45.54], rel=1e-3)
    rows = found.set_index(["first", "value", "parts", "floor", "support", "left_out"])
    harm = rows.loc[(512, "harm", "heads", 0.0, "stratum", "none")]
    assert harm[["gini", "hill_q1"]].tolist() == pytest.approx([0.0338, -26.31], rel=2e-3)
    alone = rows.loc[(512, "abs", "heads", 0.0, "stratum", "L8H9")]
    assert alone[["gini", "hill_q1"]].tolist() == pytest.approx([-0.009, 1.53], abs=5e-3)
    assert summary["share_same_sign"].between(0.5, 0.9).all()


@pytest.mark.slow
def test_whole_multiverse_of_the_study_is_quick(composition):
    strata = ["Marrow", "Kidney", "Limb_Muscle", "Lung", "Spleen"]
    kept = composition[composition["stratum"].isin(strata)]
    start = time.process_time()
    for cohort, choices in (("tms_facs", FACS), ("tms_droplet", DROPLET)):
        multiverse(kept[kept["cohort"] == cohort], choices, rng=1)
    assert time.process_time() - start < 60
