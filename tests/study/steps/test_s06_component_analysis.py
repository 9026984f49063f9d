"""Step 06 on the archived and the simulated cells: sums, planted parts, and the marrow as published or not."""

from __future__ import annotations

import numpy as np
import pytest

from concentra.simulate.labels import default_plan
from study_tables import table


def test_contributions_sum_to_the_shift_attributed():
    total = table("drivers").groupby(["cohort", "stratum", "metric"])["contribution"].sum()
    shifts = table("attributed_shift").set_index(["cohort", "stratum", "metric"])
    np.testing.assert_allclose(total.reindex(shifts.index), shifts["shift_of_means"], atol=1e-9)


def test_the_shift_of_medians_is_that_of_step_04():
    keys = ["cohort", "stratum", "metric"]
    ours = table("attributed_shift").set_index(keys)["shift_of_medians"]
    published = table("age_contrast").set_index(keys)["shift"].reindex(ours.index)
    np.testing.assert_allclose(ours, published, atol=1e-12)


def test_planted_parts_are_found_and_nulls_are_not():
    shifts = table("part_shift").query("cohort == 'simulated'").set_index(["stratum", "part"])
    inside = []
    for planted in default_plan():
        found = shifts.loc[planted.tissue].sort_index()
        change = planted.late - planted.early
        inside += (found["share_change_low"].le(change) & found["share_change_high"].ge(change)).tolist()
        large = np.abs(change) > 0.05
        assert (found["sign"][large] == np.where(change[large] > 0, "gain", "loss")).all()
        assert (found["towards"][large] == found["sign"][large]).all()
        if not change.any():
            assert (found["p_adjusted"] > 0.05).all()
    assert np.mean(inside) > 0.85  # nominally 0.95; the parts of a tissue go together


def lineage(cohort, level, name):
    rows = table("lineage_shift").query("metric == 'hill_q1' and stratum == 'Marrow'")
    return rows[(rows["cohort"] == cohort) & (rows["level"] == level) & (rows["lineage"] == name)].iloc[0]


@pytest.mark.parametrize(
    "cohort, level, name, change, sign, towards",
    [
        ("tms_facs", "lineage", "myeloid", 0.043, "gain", "unclear"),
        ("tms_droplet", "lineage", "myeloid", -0.039, "loss", "loss"),
        ("tms_facs", "stage", "B-lineage intermediates", -0.169, "loss", "loss"),
        ("tms_droplet", "stage", "B-lineage intermediates", -0.023, "loss", "unclear"),
    ],
)
def test_golden_marrow(cohort, level, name, change, sign, towards):
    row = lineage(cohort, level, name)
    assert row["share_change"] == pytest.approx(change, abs=1e-3)
    assert (row["sign"], row["towards"]) == (sign, towards)
