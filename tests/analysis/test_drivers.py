"""Drivers of a shift: tables that add up over donors, planted drivers, bad input, and the marrow of real mice."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.attribution import NUMBER_OF_PARTS
from concentra.analysis.drivers import drivers as drivers_of
from concentra.composition import from_table
from concentra.design import Question, resolve
from concentra.errors import AmountError, ArgumentError, LabelError
from concentra.metrics import gini, hill_number
from concentra.stats.attribution import ATTRIBUTIONS
from definitions_designs import designed, paired_donors
from definitions_drivers import attribution_by_integration, gini_of

ALL = tuple(ATTRIBUTIONS)


def pair_donors(frame, *, early, late, **how):
    return paired_donors(frame, early, late, **how)


def attribute(frame, **how):
    return pair_donors(frame, **how).by_part()


def composition(early, late, parts=None):
    """A long table of two groups of donors, rows of amount 0 left out as a count of cells would."""
    rows = []
    for group, table in (("3m", early), ("24m", late)):
        for i, amounts in enumerate(table):
            for k, amount in enumerate(amounts):
                name = f"part {k:02d}" if parts is None else parts[k]
                rows.append((f"{group}-{i}", name, amount, group))
    frame = pd.DataFrame(rows, columns=["donor", "part", "n_cells", "group"])
    return frame[frame["n_cells"] > 0].reset_index(drop=True)


@pytest.fixture(scope="module")
def marrow_like():
    rng = np.random.default_rng(11)
    parts = [
        "granulocyte",
        "naive B cell",
        "late pro-B cell",
        "precursor B cell",
        "naive T cell",
        "cluster 7",
    ]
    early = [rng.multinomial(400, rng.dirichlet([40, 20, 20, 15, 10, 3])) for _ in range(4)]
    late = [rng.multinomial(400, rng.dirichlet([60, 20, 5, 4, 10, 0.2])) for _ in range(5)]
    return composition(early, late, parts)


@pytest.fixture(scope="module")
def drivers(marrow_like):
    return pair_donors(marrow_like, early="3m", late="24m", metrics=ALL, rng=1)


def test_contributions_sum_to_the_difference_of_means(drivers):
    shifts = drivers.shifts().set_index("metric")
    for table in (drivers.by_part(), drivers.by_lineage(), drivers.by_lineage(level="stage")):
        totals = table.groupby("metric")[["contribution", "fraction_of_shift"]].sum()
        for metric in ALL:
            assert abs(totals.loc[metric, "contribution"] - shifts.loc[metric, "shift_of_means"]) < 1e-12
            assert totals.loc[metric, "fraction_of_shift"] == pytest.approx(1.0)


def test_the_three_shifts_are_what_their_names_say(drivers):
    early, late = drivers.reference, drivers.other
    row = drivers.shifts().set_index("metric").loc["hill_q1"]
    values = [[hill_number(donor) for donor in end] for end in (early, late)]
    assert row["shift_of_means"] == pytest.approx(np.mean(values[1]) - np.mean(values[0]))
    assert row["shift_of_medians"] == pytest.approx(np.median(values[1]) - np.median(values[0]))
    shares = [np.mean([donor / donor.sum() for donor in end], axis=0) for end in (early, late)]
    assert row["shift_of_mean_compositions"] == pytest.approx(hill_number(shares[1]) - hill_number(shares[0]))
    assert row["low"] < row["shift_of_means"] < row["high"] < 0
    assert (row["n_reference"], row["n_other"], row["interval"]) == (4, 5, "interval")


def test_contributions_are_the_mean_of_integrals_over_pairs(drivers):
    expected = np.mean(
        [
            attribution_by_integration(gini_of, p.tolist(), q.tolist())
            for p, q in itertools.product(drivers.reference, drivers.other)
        ],
        axis=0,
    )
    table = drivers.by_part().query("metric == 'gini_stratum'").set_index("part")
    np.testing.assert_allclose(table.loc[list(drivers.parts), "contribution"], expected, atol=1e-7)


def test_shares_and_log_ratios_are_means_over_donors(drivers):
    table = drivers.by_part().query("metric == 'hill_q1'").set_index("part")
    assert table["share_reference"].sum() == pytest.approx(1.0)
    assert table["share_other"].sum() == pytest.approx(1.0)
    k = drivers.parts.index("granulocyte")
    early, late = (
        np.mean([donor[k] / donor.sum() for donor in end]) for end in (drivers.reference, drivers.other)
    )
    row = table.loc["granulocyte"]
    assert row["share_change"] == pytest.approx(late - early)
    assert row["share_change_low"] < row["share_change"] < row["share_change_high"]
    logs = [
        np.log(np.where(end == 0, 0.5, end)) for end in (drivers.reference, drivers.other)
    ]  # the total cancels in differences
    between = [np.mean(log[:, k] - log[:, drivers.parts.index("naive T cell")]) for log in logs]
    assert row["clr_change"] - table.loc["naive T cell", "clr_change"] == pytest.approx(
        between[1] - between[0]
    )
    assert table["clr_change"].sum() == pytest.approx(0, abs=1e-12)


def test_lineages_are_sums_of_their_parts(drivers):
    parts, lineages = drivers.by_part(), drivers.by_lineage(level="lineage")
    columns = ["share_reference", "share_other", "share_change", "contribution"]
    summed = parts.groupby(["metric", "lineage"])[columns].sum(min_count=1).sort_index()
    found = lineages.set_index(["metric", "lineage"])[columns].sort_index()
    pd.testing.assert_frame_equal(found, summed)
    assert set(lineages["lineage"]) == {"B", "myeloid", "T", "unassigned", NUMBER_OF_PARTS}


def test_a_lineage_of_one_part_has_the_interval_of_that_part(drivers):
    parts = drivers.by_part().query("metric == 'hill_q1'").set_index("part")
    lineages = drivers.by_lineage().query("metric == 'hill_q1'").set_index("lineage")
    for column in ("contribution", "low", "high", "share_change_low"):
        assert parts.loc["granulocyte", column] == pytest.approx(lineages.loc["myeloid", column], abs=1e-12)
    everything = drivers.by_lineage(lineages=dict.fromkeys(drivers.parts, "all"))
    shifts = drivers.shifts().set_index("metric")
    row = everything.query("metric == 'hill_q1'").iloc[0]
    np.testing.assert_allclose(
        row[["low", "high"]].astype(float), shifts.loc["hill_q1", ["low", "high"]].astype(float)
    )


def test_only_the_gini_over_present_parts_has_a_row_for_their_number(drivers):
    rows = drivers.by_part().query("part == @NUMBER_OF_PARTS")
    assert rows["metric"].tolist() == ["gini_present"]
    assert rows[["share_reference", "share_change", "clr_change"]].isna().all().all()
    # 'cluster 7' is lost by late donors, so that they have fewer parts to be unequal over
    assert rows["contribution"].item() < 0


def test_rows_are_sorted_by_the_size_of_the_contribution(drivers):
    for _, rows in drivers.by_part().query("part != @NUMBER_OF_PARTS").groupby("metric"):
        assert rows["contribution"].abs().is_monotonic_decreasing


def test_swapping_early_and_late_negates(marrow_like, drivers):
    swapped = pair_donors(marrow_like, early="24m", late="3m", metrics=ALL, rng=1).by_part()
    both = drivers.by_part().merge(swapped, on=["metric", "part"], suffixes=("", "_swapped"))
    for column in ("contribution", "share_change", "clr_change"):
        np.testing.assert_allclose(both[column], -both[f"{column}_swapped"], atol=1e-12)


def test_the_seed_decides_the_intervals_alone(marrow_like):
    first, again, other = (
        attribute(marrow_like, early="3m", late="24m", rng=seed) for seed in (1, np.random.default_rng(1), 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert (first["contribution"] == other["contribution"]).all()
    assert (first["low"] != other["low"]).any()


def test_a_group_that_is_not_compared_changes_nothing(marrow_like):
    more = pd.DataFrame(
        {"donor": "18m-0", "part": ["granulocyte", "mast cell"], "n_cells": [90, 10], "group": "18m"}
    )
    plain, longer = (
        drivers_of(designed(frame.assign(stratum="marrow"), "group", "3m", "24m", n_draws=200))
        for frame in (marrow_like, pd.concat([marrow_like, more]))
    )
    pd.testing.assert_frame_equal(plain, longer)


def test_several_samples_of_a_donor_weigh_as_one(marrow_like):
    twice = marrow_like[marrow_like["donor"] == "3m-0"]
    rows = pd.concat([marrow_like.assign(sample=marrow_like["donor"]), twice.assign(sample="3m-0 again")])
    plain, repeated = (
        drivers_of(designed(frame.assign(stratum="marrow"), "group", "3m", "24m", n_draws=200))
        for frame in (marrow_like, rows)
    )
    pd.testing.assert_frame_equal(plain, repeated)


def test_a_planted_driver_is_found_and_nothing_else():
    """One part of twelve doubles: it leads both metrics, and its interval alone is far from zero."""
    rng = np.random.default_rng(4)
    base = np.array([30, 20, 12, 10, 8, 6, 5, 4, 2, 1, 1, 1.0])
    planted = base.copy()
    planted[1] = 60.0
    draw = lambda weights: rng.multinomial(3000, rng.dirichlet(weights * 4))  # noqa: E731
    table = attribute(composition([draw(base) for _ in range(6)], [draw(planted) for _ in range(6)]),
                      early="3m", late="24m", rng=1)  # fmt: skip
    for metric, sign in (("gini_present", 1), ("hill_q1", -1)):
        leading = table[table["metric"] == metric].iloc[0]
        assert leading["part"] == "part 01"
        assert sign * leading["low"] > 0
        assert sign * leading["high"] > 0
        assert leading["clr_change"] == pytest.approx(np.log(3) * 11 / 12, abs=0.25)


def test_alike_groups_contribute_nothing_on_average():
    rng = np.random.default_rng(6)
    base = np.array([30, 20, 10, 5, 2, 1.0])
    totals = []
    for _ in range(150):
        donors = rng.dirichlet(base, 6)
        contributions = ATTRIBUTIONS["hill_q1"](donors[:3, None], donors[None, 3:])
        totals.append(contributions.mean(axis=(0, 1)))
    z = np.mean(totals, axis=0) / (np.std(totals, axis=0) / np.sqrt(150))
    assert np.abs(z).max() < 3.5


def test_two_donors_get_a_range_and_one_gets_none(marrow_like):
    few = marrow_like[~marrow_like["donor"].isin(["3m-2", "3m-3"])]
    table = attribute(few, early="3m", late="24m", rng=1)
    assert (table["interval"] == "range").all()
    assert (table["low"] <= table["contribution"]).all()
    assert (table["contribution"] <= table["high"]).all()
    one = attribute(few[few["donor"] != "3m-1"], early="3m", late="24m", rng=1)
    assert (one["interval"] == "none").all()
    assert one[["low", "high", "share_change_low", "clr_change_high"]].isna().all().all()
    assert one["contribution"].notna().all()


def test_no_shift_has_no_fractions():
    table = attribute(composition([[3, 1]], [[3, 1]]), early="3m", late="24m", rng=1)
    assert table["contribution"].eq(0).all()
    assert table["fraction_of_shift"].isna().all()


def test_labels_of_any_kind_survive():
    parts = ['a,b\n"c"', "<script>", "=1+1", "ß" * 10_000]
    table = attribute(composition([[1, 2, 3, 4]], [[4, 3, 2, 2]], parts), early="3m", late="24m", rng=1)
    assert set(table["part"]) == {*parts, NUMBER_OF_PARTS}


def test_a_part_named_like_the_row_for_the_number_of_parts(marrow_like):
    frame = marrow_like.assign(part=marrow_like["part"].replace("granulocyte", NUMBER_OF_PARTS))
    with pytest.raises(LabelError, match="rename the part"):
        attribute(frame, early="3m", late="24m", rng=1)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"metrics": ["gini_presents"]}, ArgumentError, "did you mean 'gini_present'"),
        ({"level": 95}, ArgumentError, "level"),
        ({"n_draws": 0}, ArgumentError, "n_draws"),
        ({"zero": 500}, AmountError, "small beside the total"),
    ],
)
def test_bad_options_are_refused_with_what_to_do(marrow_like, options, error, message):
    with pytest.raises(error, match=message):
        attribute(marrow_like, **{"early": "3m", "late": "24m", "rng": 1} | options)


@pytest.mark.slow
@pytest.mark.parametrize("n_donors", [3, 4, 6])
def test_intervals_cover_the_contribution_of_the_populations(n_donors):
    """Nominal 95% intervals of the three largest contributions, 400 runs of Dirichlet-multinomial donors."""
    rng = np.random.default_rng(n_donors)
    weights = np.array([30, 20, 12, 10, 8, 6, 5, 4, 2, 1.0]), np.array([50, 12, 12, 10, 2, 6, 5, 4, 2, 1.0])
    draw = lambda end, n: [rng.multinomial(500, shares) for shares in rng.dirichlet(weights[end], n)]  # noqa: E731
    truth = ATTRIBUTIONS["hill_q1"](draw(0, 40_000), draw(1, 40_000)).mean(axis=0)
    largest = np.argsort(-np.abs(truth))[:3]
    covered = np.zeros(3)
    for _ in range(400):
        frame = composition(draw(0, n_donors), draw(1, n_donors))
        table = attribute(frame, early="3m", late="24m", metrics=["hill_q1"], n_draws=1000, rng=rng)
        table = table.set_index("part").loc[[f"part {k:02d}" for k in largest]]
        covered += (table["low"] <= truth[largest]) & (truth[largest] <= table["high"])
    assert (covered / 400 > 0.90).all(), covered / 400
    assert (covered / 400 < 0.995).all(), covered / 400


@pytest.fixture(scope="module")
def marrow(data):
    """Marrow of both methods, donors as counted in the published shifts."""
    tables = {}
    for method in ("facs", "droplet"):
        cells = pd.read_csv(data / "tms" / f"tms_{method}_cells.csv.gz", dtype=str, keep_default_na=False)
        cells = cells[(cells["tissue"] == "Marrow") & (cells["mouse.id"] != "")]
        keys = {"mouse.id": "donor", "cell_ontology_class": "part", "age": "group"}
        tables[method] = (
            cells.rename(columns=keys).groupby(list(keys.values())).size().reset_index(name="n_cells")
        )
    return tables


@pytest.mark.data
def test_marrow_adds_up_and_stands_beside_the_published_shift(marrow):
    ends = {"facs": ("3m", "24m"), "droplet": (["1m", "3m"], ["24m", "30m"])}
    published = {"facs": (0.0873, -2.180), "droplet": (0.0383, -0.532)}
    n_donors = {"facs": (5, 4), "droplet": (4, 7)}
    for method, (early, late) in ends.items():
        found = pair_donors(marrow[method], early=early, late=late, metrics=ALL, rng=1)
        shifts = found.shifts().set_index("metric")
        totals = found.by_part().groupby("metric")["contribution"].sum()
        assert np.abs(totals - shifts["shift_of_means"]).max() < 1e-12
        assert tuple(shifts["n_reference"].unique()) + tuple(shifts["n_other"].unique()) == n_donors[method]
        for metric, expected in zip(("gini_present", "hill_q1"), published[method], strict=True):
            rounding = 6e-5 if metric == "gini_present" else 6e-4
            assert shifts.loc[metric, "shift_of_medians"] == pytest.approx(expected, abs=rounding)
        values = [np.mean([gini(donor) for donor in end]) for end in (found.reference, found.other)]
        assert shifts.loc["gini_present", "shift_of_means"] == pytest.approx(values[1] - values[0])


@pytest.mark.data
def test_marrow_loses_b_lineage_intermediates_on_plates_and_gains_granulocytes_in_droplets(marrow):
    """What of "myeloid gain, loss of B-lineage intermediates" holds with intervals, platform by platform."""
    plates = pair_donors(marrow["facs"], early="3m", late="24m", rng=1)
    stage = plates.by_lineage(level="stage").query("metric == 'hill_q1'").set_index("stage")
    assert stage.loc["B-lineage intermediates", "share_change_high"] < 0
    assert stage.loc["B-lineage intermediates", "high"] < 0
    myeloid = plates.by_lineage().query("metric == 'hill_q1'").set_index("lineage").loc["myeloid"]
    assert myeloid["share_change_low"] < 0 < myeloid["share_change_high"]
    droplets = pair_donors(marrow["droplet"], early=["1m", "3m"], late=["24m", "30m"], rng=1)
    parts = droplets.by_part().query("metric == 'hill_q1'").set_index("part")
    assert parts.loc["granulocyte", "share_change_low"] > 0
    assert parts.loc["granulocyte", "high"] < 0
    assert parts.loc["precursor B cell", "share_change_high"] < 0
    stage = droplets.by_lineage(level="stage").query("metric == 'hill_q1'").set_index("stage")
    assert stage.loc["B-lineage intermediates", "low"] < 0 < stage.loc["B-lineage intermediates", "high"]


@pytest.mark.data
def test_blood_of_young_and_old_people_shows_no_shift(data):
    """The negative control: shares of 24 cell types in ten young and ten old donors."""
    shares = pd.read_csv(data / "controls" / "pbmc_ageing_huang2021.csv", index_col=0)
    frame = shares.rename_axis("part").reset_index().melt("part", var_name="donor", value_name="share")
    frame["group"] = frame["donor"].str[0]
    found = pair_donors(frame, amount="share", early="Y", late="O", zero=1e-5, metrics=ALL, rng=1)
    shifts = found.shifts().set_index("metric")
    assert (shifts["low"] < 0).all()
    assert (shifts["high"] > 0).all()
    assert shifts.loc["gini_stratum", ["n_reference", "n_other"]].tolist() == [10, 10]
    totals = found.by_part().groupby("metric")["contribution"].sum()
    assert np.abs(totals - shifts["shift_of_means"]).max() < 1e-12


def test_clones_by_the_thousand_are_attributed_in_seconds():
    """Eight repertoires of 1,000 clones, most of them private: minutes, and gigabytes, if parts were paired naively."""
    rng = np.random.default_rng(4)
    rows = [
        (f"d{donor}", "xy"[donor > 3], f"{donor if clone % 10 else 'public'} {clone}", cells)
        for donor in range(8)
        for clone, cells in enumerate(rng.zipf(2.2, 1_000).clip(max=300).tolist())
    ]
    table = pd.DataFrame(rows, columns=["donor", "g", "part", "n_cells"]).assign(stratum="blood")
    design = resolve(from_table(table), Question("g", ("x",), (("y",),)))
    start = time.process_time()
    found = drivers_of(design)
    assert time.process_time() - start < 60
    shift = found.groupby("metric")["contribution"].sum()
    counts, group = design.strata[0].counts, design.strata[0].group
    for metric, measure in (("gini_present", gini), ("hill_q1", hill_number)):
        values = measure(counts)
        assert shift[metric] == pytest.approx(
            values[group == "y"].mean() - values[group == "x"].mean(), abs=1e-9
        )
