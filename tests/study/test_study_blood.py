"""Ageing blood: every number that is reported, recomputed slowly from the raw tables by another road."""

from __future__ import annotations

import csv
import gzip
import math
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from concentra.metrics import entropy_chao_wang_jost
from concentra.study.cohorts import cohorts
from concentra.study.declare import nodes, tables
from concentra.study.steps.s01b_count_samples import count_samples, summed
from definitions_metrics import entropy_terms_by_definition, gini_of_pairs, gini_terms_by_definition

pytestmark = pytest.mark.data
FILES = {7: "counts_7_types.csv.gz", 27: "counts_27_types.csv.gz", 69: "counts_69_types.csv.gz"}


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data / "blood_ageing"


@pytest.fixture(scope="module")
def donors(folder: Path) -> dict[str, dict[str, str]]:
    """Sample to the labels of its donor, read line by line."""
    with (folder / "samples.csv").open() as lines:
        return {row["sample"]: row for row in csv.DictReader(lines)}


@pytest.fixture(scope="module")
def sums(folder: Path, donors: dict[str, dict[str, str]]) -> dict[int, dict[str, dict[str, int]]]:
    """Cells of every donor by type, at each level from its own file."""
    found: dict[int, dict[str, dict[str, int]]] = {}
    for level, name in FILES.items():
        total: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        with gzip.open(folder / name, "rt") as lines:
            for row in csv.DictReader(lines):
                for part, cells in row.items():
                    if part != "sample":
                        total[donors[row["sample"]]["donor"]][part] += int(cells)
        found[level] = total
    return found


@pytest.fixture(scope="module")
def groups(donors: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in donors.values():
        found[row["age_group"]].add(row["donor"])
    return {name: sorted(members) for name, members in found.items()}


def samples(folder: Path):
    cohort = cohorts()["blood_ageing"]
    return cohort.load(cohort.files(folder.parent))


def effective(counts: list[int]) -> float:
    shares = [count / sum(counts) for count in counts if count]
    return math.exp(-math.fsum(share * math.log(share) for share in shares))


def test_the_cohort(folder: Path, groups: dict[str, list[str]]) -> None:
    made = samples(folder)
    assert (len(made.units), len(groups["young"]), len(groups["old"])) == (868, 49, 47)
    assert made.units.groupby("donor")["sample"].size().max() == 10


@pytest.mark.parametrize(("level", "name"), [(27, "27 types"), (7, "7 types")])
def test_coarser_counts_are_sums_of_the_finest(folder: Path, level: int, name: str) -> None:
    made = samples(folder).at_level(name)
    given = pd.read_csv(folder / FILES[level]).set_index("sample").loc[made.units["sample"], made.parts.index]
    assert (made.counts.toarray() == given.to_numpy()).all()


def test_donors_are_sums_over_their_visits(folder: Path, sums: dict[int, dict[str, dict[str, int]]]) -> None:
    found = summed(samples(folder)).set_index(["donor", "part"])["n_cells"].to_dict()
    expected = {(d, part): n for d, counts in sums[69].items() for part, n in counts.items() if n}
    assert found == expected


GOLDEN = [(7, 2.87, 2.87, 0.97), (27, 10.25, 9.11, 6e-8), (69, 18.5, 16.8, 0.004)]


@pytest.mark.parametrize(("level", "young", "old", "p"), GOLDEN)
def test_geometric_means_and_p_of_the_effective_number(
    level: int, young: float, old: float, p: float, sums: dict[int, dict[str, dict[str, int]]],
    groups: dict[str, list[str]],
) -> None:  # fmt: skip
    logs = {
        name: [math.log(effective(list(sums[level][d].values()))) for d in members]
        for name, members in groups.items()
    }
    assert math.exp(fmean(logs["young"])) == pytest.approx(young, rel=0.004)
    assert math.exp(fmean(logs["old"])) == pytest.approx(old, rel=0.004)
    assert ttest_ind(logs["old"], logs["young"]).pvalue == pytest.approx(p, rel=0.15)


@pytest.mark.parametrize(("level", "young", "old", "p"), [(27, 0.715, 0.744, 1e-8), (69, 0.789, 0.807, 5e-4)])
def test_means_and_p_of_the_gini_coefficient(
    level: int, young: float, old: float, p: float, sums: dict[int, dict[str, dict[str, int]]],
    groups: dict[str, list[str]],
) -> None:  # fmt: skip
    values = {
        name: [gini_of_pairs(list(sums[level][d].values()), "stratum") for d in members]
        for name, members in groups.items()
    }
    assert (fmean(values["young"]), fmean(values["old"])) == pytest.approx((young, old), abs=6e-4)
    assert ttest_ind(values["old"], values["young"]).pvalue == pytest.approx(p, rel=0.25)


@pytest.fixture(scope="module")
def written(data_run) -> dict[str, pd.DataFrame]:
    """Tables of the study from raw data."""
    names = [
        "level_contrast",
        "level_concentration",
        "level_shift",
        "donor_terms",
        "level_judged",
        "small_studies",
    ]
    return {name: tables()[name].read(data_run.out) for name in [*names, "mouse_totals"]}


def test_the_study_measures_the_same(written, sums: dict[int, dict[str, dict[str, int]]]) -> None:
    for level, per_donor in sums.items():
        rows = written["level_concentration"].query(f"level == '{level} types'").set_index("donor")
        for donor, counts in per_donor.items():
            amounts = list(counts.values())
            assert rows.loc[donor, "hill_q1"] == pytest.approx(effective(amounts), rel=1e-12)
            assert rows.loc[donor, "gini_stratum"] == pytest.approx(
                gini_of_pairs(amounts, "stratum"), abs=1e-12
            )


def test_the_adjusted_contrast_is_least_squares_by_the_normal_equations(
    written, folder: Path, donors: dict[str, dict[str, str]]
) -> None:
    """Of ln effective number, corrected for unseen types, on group, sex and CMV."""
    about = {row["donor"]: row for row in donors.values()}
    rows = written["level_concentration"].query("level == '27 types'").set_index("donor")
    names = list(rows.index)
    x = np.array(
        [
            [1, about[d]["age_group"] == "old", about[d]["sex"] == "male", about[d]["cmv"] == "positive"]
            for d in names
        ]
    )
    x = x.astype(float)
    beta = np.linalg.solve(x.T @ x, x.T @ np.log(rows["hill_q1_corrected"].to_numpy(dtype=float)))
    row = (
        written["level_contrast"]
        .query("level == '27 types' and asked == 'adjusted' and donors == 'all' and metric == 'hill_q1'")
        .set_index("values")
        .loc["cells of all samples"]
    )
    assert row["effect"] == pytest.approx(math.exp(beta[1]), rel=1e-10)
    assert row["p_value"] < 1e-6
    assert row["verdict"] == "more concentrated"


def test_terms_of_every_donor_and_of_the_shift(
    written, folder: Path, sums: dict[int, dict[str, dict[str, int]]], groups: dict[str, list[str]]
) -> None:
    with (folder / "type_levels.csv").open() as lines:
        coarse_of = {row["AIFI_L2"]: row["AIFI_L1"] for row in csv.DictReader(lines)}
    parts = sorted(coarse_of)
    names = sorted(set(coarse_of.values()))
    codes = [names.index(coarse_of[part]) for part in parts]
    rows = (
        written["donor_terms"]
        .query("fine == '27 types' and coarse == '7 types'")
        .set_index(["metric", "donor"])
    )
    for donor, counts in sums[27].items():
        amounts = [counts[part] for part in parts]
        between, within = entropy_terms_by_definition(amounts, codes)
        found = rows.loc[("entropy", donor)]
        assert (found["between"], found["within"]) == pytest.approx((between, math.fsum(within)), abs=1e-12)
        between, within, overlap = gini_terms_by_definition(amounts, codes)
        found = rows.loc[("gini_stratum", donor)]
        terms = (between, math.fsum(within), overlap)
        assert (found["between"], found["within"], found["overlap"]) == pytest.approx(terms, abs=1e-12)
    gaps = rows["between"] + rows["within"] + rows["overlap"] - rows["total"]
    assert gaps.abs().max() < 1e-12
    plain = written["level_shift"].query("fine == '27 types' and coarse == '7 types' and asked == 'plain'")
    whole = plain[plain["part"].isna()].set_index(["metric", "term"])["shift"]
    assert whole["entropy"][["total", "between", "within"]].tolist() == pytest.approx(
        [-0.1176, 0.0007, -0.1184], abs=6e-5
    )
    expected = [0.0292, 0.0138, 0.0065, 0.0089]
    assert whole["gini_stratum"][["total", "within", "between", "overlap"]].tolist() == pytest.approx(
        expected, abs=6e-5
    )
    inside = plain[(plain["metric"] == "entropy") & plain["part"].notna()].set_index("part")["shift"]
    assert inside[["T_cell", "Monocyte"]].tolist() == pytest.approx([-0.134, 0.017], abs=6e-4)
    by_hand = {name: fmean(rows.loc["entropy"].loc[members, "within"]) for name, members in groups.items()}
    assert whole["entropy"]["within"] == pytest.approx(by_hand["old"] - by_hand["young"], abs=1e-12)


def test_the_corrected_entropy_misses_by_a_thousandth(written) -> None:
    gaps = written["donor_terms"].query("metric == 'entropy' and fine == '27 types'")["corrected_gap"].abs()
    assert 1e-5 < gaps.max() < 1e-3


def test_at_300_cells_it_misses_by_hundredths(
    folder: Path, sums: dict[int, dict[str, dict[str, int]]]
) -> None:
    """Each term estimated by itself, from 300 cells drawn of every donor."""
    with (folder / "type_levels.csv").open() as lines:
        coarse_of = {row["AIFI_L2"]: row["AIFI_L1"] for row in csv.DictReader(lines)}
    parts = sorted(coarse_of)
    rng = np.random.default_rng(1)
    gaps = []
    for counts in sums[27].values():
        drawn = dict(
            zip(parts, rng.multivariate_hypergeometric([counts[part] for part in parts], 300), strict=True)
        )
        inside = [
            [drawn[part] for part in parts if coarse_of[part] == one]
            for one in sorted(set(coarse_of.values()))
        ]
        terms = sum(sum(one) / 300 * entropy_chao_wang_jost(one) for one in inside if sum(one))
        coarse = entropy_chao_wang_jost([sum(one) for one in inside])
        gaps.append(abs(entropy_chao_wang_jost(list(drawn.values())) - coarse - terms))
    assert 0.001 < float(np.median(gaps)) < 0.01
    assert 0.01 < max(gaps) < 0.05


def test_the_verdict_depends_on_the_level(written) -> None:
    row = written["level_judged"].set_index("asked").loc["adjusted"]
    assert (row["depends"], row["flips"]) == ("yes", "no")
    assert (
        row["verdicts"]
        == "7 types: no change beyond the margin; 27 types: more concentrated; 69 types: more concentrated"
    )


def test_visits_averaged_say_the_same_as_visits_summed(written) -> None:
    rows = (
        written["level_contrast"]
        .query("asked == 'adjusted' and metric == 'hill_q1'")
        .set_index(["values", "level"])
    )
    for level in ("7 types", "27 types", "69 types"):
        pair = rows.xs(level, level="level")
        assert pair["verdict"].nunique() == 1
        assert pair["effect"].max() / pair["effect"].min() < 1.01


def test_the_published_rule_is_often_wrong_at_three_donors_where_little_changes(written) -> None:
    rows = written["small_studies"].set_index(["level", "n_donors", "rule"])
    signs, verdict = "signs of both shifts", "verdict"
    assert rows.loc[("7 types", 3, signs), ["more", "less"]].sum() > 0.9  # nothing changes there
    assert rows.loc[("7 types", 3, verdict), ["more", "less"]].sum() < 0.06
    assert rows.loc[("69 types", 3, signs), "opposite"] > 0.2
    assert rows.loc[("69 types", 3, verdict), "opposite"] < 0.02
    assert (
        rows.loc[("27 types", 6, verdict), "found"]
        > rows.loc[("27 types", 6, "exact tests of both metrics"), "found"]
    )


def test_mice_and_their_official_totals(written) -> None:
    rows = written["mouse_totals"].set_index("donor")
    young = rows[rows["compared"]]
    assert young["closed"].all()
    assert rows.loc["3_38_F", ["difference", "n_unassigned", "n_surplus"]].tolist() == [-118, 97, 35]
    assert young.loc[young["sex"] == "male", "n_surplus"].eq(0).all()


def test_a_clone_without_data_computes_the_same(written, archive_run) -> None:
    for name in ("level_contrast", "level_shift", "level_judged", "small_studies"):
        pd.testing.assert_frame_equal(tables()[name].read(archive_run.out), written[name])


def test_the_step_is_declared_as_reading_samples() -> None:
    assert nodes()[count_samples.__name__].reads == ("samples",)
