"""Step 08 on simulated cells: what was planted within types is found, what was not is not; activities restored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra.stats.verdict import DIRECTIONS
from concentra.study import raw
from concentra.study.declare import nodes, tables
from study_tables import table

COHORT = "simulated_tms"


def planted() -> pd.DataFrame:
    found = table("planted_states")
    within = found[(found["cohort"] == COHORT) & (found["level"] == "within")]
    return within.set_index(within["stratum"] + ", " + within["part"])


def verdicts() -> pd.DataFrame:
    found = table("substate_contrast")
    wide = found[found["metric"] == "hill_q1"].set_index("stratum")
    return wide.join(planted()[["direction"]].rename(columns={"direction": "planted"}))


def test_planted_shifts_within_types_are_found() -> None:
    found = verdicts()
    moved = found[
        found["planted"].isin(DIRECTIONS[:2]) & (found[["n_reference", "n_other"]].min(axis=1) >= 5)
    ]
    assert set(moved["planted"]) == set(DIRECTIONS[:2])
    assert moved["verdict"].to_list() == moved["planted"].to_list()


def test_nothing_is_found_where_nothing_was_planted() -> None:
    found = verdicts()
    steady = found[found["planted"] == "none"]
    assert len(steady) > 5
    assert not set(steady["verdict"]) & set(DIRECTIONS)


def test_only_simulated_cohorts_without_data() -> None:
    for name in ("state_counts", "substate_contrast", "substate_scale", "validation_contrast", "rescue"):
        assert all(cohort.startswith("simulated_") for cohort in table(name)["cohort"].unique()), name


def test_every_cell_is_counted_once_at_each_resolution() -> None:
    counts = table("state_counts")
    clusters = counts[counts["level"] == "clusters"]
    types = counts[counts["level"] == "types"]
    place = ["cohort", "stratum", "donor"]
    expected = types.groupby(place)["n_cells"].sum()
    for _, rows in clusters.groupby("resolution"):
        own = rows.groupby(place)["n_cells"].sum()
        pd.testing.assert_series_equal(own, expected.reindex(own.index))


def test_p_is_attainable() -> None:
    found = table("substate_contrast").dropna(subset=["p_exact"])
    assert (found["p_exact"] >= found["p_exact_attainable"] - 1e-12).all()


def test_activities_come_from_the_archive_where_the_file_is_absent() -> None:
    found = table("activity_contrast")
    assert list(found["cohort"].unique()) == ["tms_facs_activity", "tms_droplet_activity"]
    assert set(found["stratum"].str.split(", ").str[0]) == {"Marrow"}
    assert raw.restorable(nodes()["activity_substates"], None) == list(found["cohort"].unique())
    np.testing.assert_allclose(found["shift"], found["median_other"] - found["median_reference"], atol=1e-12)


@pytest.mark.data
def test_archived_activities_are_what_the_file_gives(data: Path) -> None:
    node = nodes()["activity_substates"]
    fresh = node.function(raw.RAW["activity"].load(data, data), **node.parameters())
    for model, frame in zip(node.tables, fresh, strict=True):
        archived = table(model.name())
        key = model.key()
        merged = (
            tables()[model.name()].check(frame, "fresh").merge(archived, on=key, suffixes=("", "_archived"))
        )
        assert len(merged) == len(archived) == len(frame)
        # clusters are not the same to the bit on every processor
        metric = "shift" if "shift" in merged else "hill_q1"
        assert np.corrcoef(merged[metric], merged[f"{metric}_archived"])[0, 1] > 0.9
