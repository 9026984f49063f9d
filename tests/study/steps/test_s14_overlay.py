"""The plane of tissues, models and ageing blood, on archived tables."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest

from definitions_metrics import gini_of_pairs
from study_tables import table

COHORT = "blood_ageing"
LEVELS = ["7 types", "27 types", "69 types"]


def counts_at(level: str) -> dict[str, dict[str, list[int]]]:
    """Cells of each type at a level, by group and donor: summed row by row."""
    names = {
        (row.part, row.level): row.coarser
        for row in table("type_levels").itertuples()
        if row.cohort == COHORT
    }
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in table("donor_counts").itertuples():
        if row.cohort == COHORT:
            part = names.get((row.part, level), row.part)
            cells = found.setdefault(row.group, {}).setdefault(row.donor, {})
            cells[part] = cells.get(part, 0) + row.n_cells
    return {
        group: {name: list(cells.values()) for name, cells in donors.items()}
        for group, donors in found.items()
    }


def effective(cells: list[int]) -> float:
    shares = np.array(cells) / sum(cells)
    return float(np.exp(-sum(share * np.log(share) for share in shares)))


@pytest.mark.parametrize("level", LEVELS)
def test_the_arrow_of_blood_is_the_shift_of_medians(level: str) -> None:
    arrows = table("overlay").set_index(["cohort", "stratum"])
    arrow, counts = arrows.loc[COHORT, f"Blood, {level}"], counts_at(level)
    assert (arrow["n_reference"], arrow["n_other"]) == (len(counts["young"]), len(counts["old"])) == (49, 47)
    for name, measure in (("gini", lambda cells: float(gini_of_pairs(cells))), ("hill_q1", effective)):
        young, old = (median(map(measure, counts[group].values())) for group in ("young", "old"))
        assert arrow[f"{name}_reference"] == pytest.approx(young, abs=1e-12)
        assert arrow[name] == pytest.approx(old - young, abs=1e-11)


def test_blood_has_the_verdict_of_the_adjusted_comparison() -> None:
    arrows, levels = table("overlay").set_index("stratum"), table("level_contrast")
    rows = levels[
        (levels["asked"] == "adjusted") & (levels["metric"] == "hill_q1") & (levels["donors"] == "all")
    ]
    for level, of_level in rows.groupby("level"):
        assert arrows.loc[f"Blood, {level}", "verdict"] in set(of_level["verdict"])


@pytest.mark.parametrize("level", LEVELS)
def test_the_null_cloud_of_blood_is_that_of_exchanged_labels(level: str) -> None:
    """Against a slow permutation of the same values, drawn apart."""
    counts = counts_at(level)
    values = [effective(cells) for group in ("young", "old") for cells in counts[group].values()]
    rng = np.random.default_rng(5)
    shifts = []
    for _ in range(2000):
        mixed = rng.permutation(values)
        shifts.append(median(mixed[49:]) - median(mixed[:49]))
    cloud = table("overlay_cloud")
    null = cloud[
        (cloud["stratum"] == f"Blood, {level}") & (cloud["axes"] == "raw") & (cloud["what"] == "permuted")
    ]
    assert len(null) == 150
    assert null["hill_q1"].std() == pytest.approx(np.std(shifts), rel=0.25)
    assert abs(null["hill_q1"].mean()) < 4 * np.std(shifts) / np.sqrt(len(null))


def test_the_region_of_blood_excludes_no_shift_where_the_table_states_it() -> None:
    from matplotlib.path import Path

    tests, cloud = table("overlay_null"), table("overlay_cloud")
    for row in tests[tests["cohort"] == COHORT].itertuples():
        corners = cloud[
            (cloud["stratum"] == row.stratum) & (cloud["axes"] == row.axes) & (cloud["what"] == "region")
        ].sort_values("place")
        inside = Path(corners[["gini", "hill_q1"]].to_numpy()).contains_point((0.0, 0.0))
        assert row.excludes_zero == (not inside)


def test_every_cohort_of_cells_and_every_model_has_an_arrow() -> None:
    arrows = table("overlay")
    assert {"tms_facs", "tms_droplet", COHORT, "pythia_410m", "olmo2_1b"} <= set(arrows["cohort"])
