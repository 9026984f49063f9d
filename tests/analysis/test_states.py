"""Counts per state and their contrasts, against slow definitions; what is clustered and what is left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from concentra.analysis import states
from concentra.analysis.contrast import seeded
from concentra.errors import DesignError

CELL = st.tuples(
    st.sampled_from(["lung", "spleen"]),
    st.sampled_from(["B", "T", None]),
    st.sampled_from(["a", "b", "c", "d"]),
)
GROUP = {"a": "early", "b": "early", "c": "late", "d": "late"}


def frame(rows: list[tuple[str, str | None, str]]) -> pd.DataFrame:
    cells = pd.DataFrame(rows, columns=["stratum", "part", "donor"]).astype(object)
    return cells.assign(age_group=cells["donor"].map(GROUP))


@given(st.lists(CELL, min_size=1, max_size=60))
def test_types_are_counted_one_by_one(rows: list[tuple[str, str | None, str]]) -> None:
    found = states.count_types(frame(rows))
    slow = Counter(row for row in rows if row[1] is not None)
    fast = {(row["stratum"], row["state"], row["donor"]): row["n_cells"] for row in found.to_dict("records")}
    assert fast == dict(slow)
    assert set(found["level"]) <= {"types"}
    assert found["part"].isna().all()


@given(st.lists(CELL, min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 2))
def test_types_compared_have_enough_donors(
    rows: list[tuple[str, str | None, str]], min_cells: int, min_donors: int
) -> None:
    counts = Counter(rows)
    slow = set()
    for stratum, part, _ in rows:
        donors = [donor for donor in GROUP if counts[stratum, part, donor] >= min_cells]
        groups = Counter(GROUP[donor] for donor in donors)
        if part is not None and min(groups["early"], groups["late"]) >= min_donors:
            slow.add((stratum, part))
    found = states.types_compared(frame(rows), min_cells=min_cells, min_donors=min_donors)
    assert found == sorted(slow)


@given(st.lists(CELL, min_size=1, max_size=60), st.integers(1, 20))
def test_at_most_so_many_cells_of_a_donor(rows: list[tuple[str, str | None, str]], most: int) -> None:
    cells = frame(rows)
    drawn = states._at_most(cells, most, seeded(1, "x"))
    expected = {donor: min(most, n) for donor, n in Counter(cells["donor"]).items()}
    assert Counter(drawn["donor"]) == expected
    assert drawn.index.is_monotonic_increasing
    assert drawn.index.is_unique


def naive_gini(counts: list[int]) -> float:
    return sum(abs(a - b) for a in counts for b in counts) / (2 * len(counts) * sum(counts))


@pytest.fixture
def counts() -> pd.DataFrame:
    """Two types of one tissue, five donors a group; only the first type shifts."""
    rng = np.random.default_rng(3)
    rows = []
    for part in ("shifts", "steady"):
        for group in ("early", "late"):
            for number in range(5):
                tilt = 8.0 if part == "shifts" and group == "late" else 1.0
                drawn = rng.multinomial(200, rng.dirichlet([40.0 * tilt, 40, 40, 40]))
                rows += [
                    {
                        "part": part,
                        "age_group": group,
                        "donor": f"{group}{number}",
                        "state": str(s),
                        "n_cells": n,
                    }
                    for s, n in enumerate(drawn)
                ]
    return pd.DataFrame(rows).assign(level="states", stratum="lung", resolution=0.8)


def contrasted(counts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return states.contrast_parts(counts, min_cells=30, alpha=0.05, level=0.95, seed=1)


def test_units_and_tests_from_their_definitions(counts: pd.DataFrame) -> None:
    units, found = contrasted(counts)
    assert len(units) == 20
    for part, rows in counts.groupby("part"):
        slow = {donor: naive_gini(list(own["n_cells"])) for donor, own in rows.groupby("donor")}
        own = units[units["part"] == part].set_index("donor")["gini_present"]
        assert own.to_dict() == pytest.approx(slow)
        row = found[(found["part"] == part) & (found["metric"] == "gini_present")].iloc[0]
        early, late = ([v for d, v in slow.items() if d.startswith(g)] for g in ("early", "late"))
        assert row["shift"] == pytest.approx(np.median(late) - np.median(early))
        assert row["p_value"] == pytest.approx(mannwhitneyu(early, late, method="exact").pvalue)
        assert row["n_family"] == 2
    verdicts = found.set_index("part")["verdict"]
    assert set(verdicts["shifts"]) == {"crystallizes"}
    assert set(verdicts["steady"]) == {"unresolved"}


def test_the_family_is_all_types(counts: pd.DataFrame) -> None:
    both = contrasted(counts)[1]
    alone = contrasted(counts[counts["part"] == "shifts"])[1]
    together = both[both["part"] == "shifts"]
    assert together["p_value"].to_list() == alone["p_value"].to_list()
    assert together["p_adjusted"].to_list() == pytest.approx([2 * p for p in alone["p_value"]])


def test_the_null_holds_a_steady_type(counts: pd.DataFrame) -> None:
    found = contrasted(counts)[1].set_index(["part", "metric"])
    steady, shifts = found.loc[("steady", "gini_present")], found.loc[("shifts", "gini_present")]
    assert steady["null_low"] <= steady["shift"] <= steady["null_high"]
    assert shifts["p_permutation"] < 0.05 < steady["p_permutation"]


def test_nothing_to_contrast() -> None:
    empty = pd.DataFrame(columns=states.COUNTS)
    assert all(one.empty for one in contrasted(empty))
    assert all(
        one.empty for one in states.contrast_scales(empty, min_cells=1, alpha=0.05, level=0.95, seed=1)
    )


def test_treated_donors_are_measured_and_not_compared(counts: pd.DataFrame) -> None:
    treated = counts[counts["age_group"] == "late"].assign(
        age_group="treated", donor=lambda rows: rows["donor"].str.replace("late", "treated")
    )
    plain, more = (
        states.contrast_parts(rows, min_cells=30, alpha=0.05, level=0.95, seed=1)
        for rows in (counts, pd.concat([counts, treated]))
    )
    assert len(more[0]) == len(plain[0]) + 10
    pd.testing.assert_frame_equal(more[1], plain[1])


def test_no_direction_at_all() -> None:
    with pytest.raises(DesignError, match="no direction at any resolution"):
        states.agreement([None, None], None)


def test_clusters_within_a_type_are_those_planted(tmp_path: Path) -> None:
    """Every donor's cells are all counted, donors with few cells are left out, and states are told apart."""
    from concentra.simulate import simulate_atlas
    from concentra.study.cohorts import Matrix, cohorts

    path = tmp_path / "kimmel2019.h5ad"
    simulate_atlas(path, "kimmel2019", n_cells=1500, n_genes=400, n_counts=600, rng=2)
    cohort = cohorts()["kimmel2019"]
    assert isinstance(cohort, Matrix)
    cells = cohort.cells(path)
    cells = cells[cells["stratum"] == "kidney"]
    how = states.Clustering(2000, 20, 15, 1, n_seeds=3)
    found = states.cluster_types(path, cells, [0.8], how, min_cells=15, min_donors=2, most_cells=40)
    first = found.counts
    sizes = cells.groupby(["part", "donor"]).size()
    kept = first.groupby(["part", "donor"])["n_cells"].sum()
    expected = {key: min(n, 40) for key, n in sizes.items() if n >= 15 and key[0] in set(first["part"])}
    assert kept.to_dict() == expected
    again = states.cluster_types(path, cells, [0.8], how, min_cells=15, min_donors=2, most_cells=40)
    for name in ("counts", "labels", "stability"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name))
    assert set(found.stability["part"]) == set(first["part"])
    assert (
        found.stability["n_cells"].to_list() == first.groupby("part", sort=False)["n_cells"].sum().to_list()
    )
    assert (found.stability["rand_index_low"] <= found.stability["rand_index_mean"]).all()
    whole = states.cluster_strata(path, cells, [0.4, 1.2], how, ["kidney"]).counts
    assert whole.groupby("resolution")["n_cells"].sum().to_dict() == {0.4: len(cells), 1.2: len(cells)}
    assert states.cluster_strata(path, cells, [0.4], how, ["lung"]).counts.empty


def test_labels_counted_one_by_one_are_the_counts(tmp_path: Path) -> None:
    from concentra.simulate import simulate_atlas
    from concentra.study.cohorts import Matrix, cohorts

    path = tmp_path / "kimmel2019.h5ad"
    simulate_atlas(path, "kimmel2019", n_cells=600, n_genes=60, n_counts=200, rng=4)
    cohort = cohorts()["kimmel2019"]
    assert isinstance(cohort, Matrix)
    cells = cohort.cells(path)
    found = states.cluster_strata(path, cells, [0.4, 1.0], states.Clustering(60, 10, 15, 1))
    assert found.stability.empty
    slow = Counter(
        (cells.loc[row, "stratum"], resolution, cells.loc[row, "donor"], state)
        for row, resolution, state in found.labels[["row", "resolution", "state"]].itertuples(index=False)
    )
    keys = ["stratum", "resolution", "donor", "state"]
    assert found.counts.set_index(keys)["n_cells"].to_dict() == dict(slow)
    assert len(found.labels) == 2 * len(cells)
    assert (found.labels["donor"] == cells.loc[found.labels["row"], "donor"].to_numpy()).all()
