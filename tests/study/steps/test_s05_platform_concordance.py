"""Step 05 on the archived cells, and on mice with official names on both platforms."""

from __future__ import annotations

import pytest

from concentra.study.declare import tables
from concentra.study.steps.s05_platform_concordance import platform_concordance
from study_tables import table

BOTH = ["Kidney", "Limb_Muscle", "Liver", "Lung", "Marrow", "Spleen"]


def test_tissues_with_known_donors_of_both_ages_on_both_platforms():
    found = table("concordance").dropna(subset=["shift"])
    assert sorted(found["stratum"].unique()) == BOTH
    assert (found.groupby(["stratum", "metric"]).size() == 2).all()


def test_golden_directions():
    """Lung goes opposite ways, kidney in Gini too; marrow becomes more concentrated on both."""
    found = table("concordance").set_index(["stratum", "metric", "cohort"])
    for tissue, metric, same in (
        ("Marrow", "gini_present", True),
        ("Marrow", "hill_q1", True),
        ("Lung", "gini_present", False),
        ("Kidney", "gini_present", False),
        ("Kidney", "hill_q1", False),
    ):
        assert (found.loc[(tissue, metric), "same_sign"] == same).all()
    marrow = found.loc[("Marrow", "gini_present", "tms_facs")]
    assert marrow["shift"] == pytest.approx(0.0873, abs=1e-4)
    assert (marrow["n_reference"], marrow["n_other"], marrow["ages_other"]) == (5, 4, "24")
    assert found.loc[("Marrow", "gini_present", "tms_droplet"), "ages_other"] == "24, 30"


def test_shifts_are_those_of_step_04():
    ours = table("concordance").set_index(["cohort", "stratum", "metric"])["shift"].dropna()
    theirs = table("age_contrast").set_index(["cohort", "stratum", "metric"])["shift"]
    assert ours.to_dict() == theirs.loc[ours.index].to_dict()


def test_no_mouse_is_known_on_both_platforms_in_one_tissue():
    assert table("concordance_paired").empty


def test_official_names_pair_the_mice():
    """As the official files would name them: the droplet segments of marrow are the four mice of the plates."""
    units = table("concentration").copy()
    segments = {f"24-M-seg{place}": f"24-M-{57 + place}" for place in range(1, 5)}
    units["donor"] = units["donor"].replace(segments)
    pairs = platform_concordance(units, table("age_contrast"), table("parts"))[1]
    assert sorted(pairs["donor"].unique()) == ["24-M-58", "24-M-59", "24-M-60", "24-M-61"]
    assert set(pairs["stratum"]) == {"Marrow"}
    checked = tables()["concordance_paired"].check(pairs, "pairs")
    assert (checked["difference"] == checked["droplet"] - checked["facs"]).all()
