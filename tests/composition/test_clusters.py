"""Counts per state and their contrasts, against slow definitions; what is clustered and what is left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from concentra.composition import clusters as states
from concentra.stats.streams import stream

CELL = st.tuples(
    st.sampled_from(["lung", "spleen"]),
    st.sampled_from(["B", "T", None]),
    st.sampled_from(["a", "b", "c", "d"]),
)
GROUP = {"a": "young", "b": "young", "c": "old", "d": "old"}


def frame(rows: list[tuple[str, str | None, str]]) -> pd.DataFrame:
    cells = pd.DataFrame(rows, columns=["stratum", "part", "donor"]).astype(object)
    return cells.assign(group=cells["donor"].map(GROUP))


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
        if part is not None and min(groups["young"], groups["old"]) >= min_donors:
            slow.add((stratum, part))
    found = states.types_compared(frame(rows), min_cells=min_cells, min_donors=min_donors)
    assert found == sorted(slow)


@given(st.lists(CELL, min_size=1, max_size=60), st.integers(1, 20))
def test_at_most_so_many_cells_of_a_donor(rows: list[tuple[str, str | None, str]], most: int) -> None:
    cells = frame(rows)
    drawn = states._at_most(cells, most, stream(1, "x"))
    expected = {donor: min(most, n) for donor, n in Counter(cells["donor"]).items()}
    assert Counter(drawn["donor"]) == expected
    assert drawn.index.is_monotonic_increasing
    assert drawn.index.is_unique


def test_clusters_within_a_type_are_those_planted(tmp_path: Path) -> None:
    """Every donor's cells are all counted, donors with few cells are left out, and states are distinguished."""
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
