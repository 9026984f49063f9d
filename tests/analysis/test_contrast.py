"""Early against late donors: medians and tests by hand, verdicts, groups that are too small."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.analysis.contrast import across_strata, contrast, direction, group_counts, shift_intervals

METRICS = ("gini_present", "hill_q1")


def units(early: list[float], late: list[float], stratum: str = "lung") -> pd.DataFrame:
    """Donors whose effective number falls as much as their Gini coefficient rises."""
    values = [*early, *late]
    groups = ["early"] * len(early) + ["late"] * len(late)
    return pd.DataFrame(
        {
            "stratum": stratum,
            "donor": [f"{group}{place}" for place, group in enumerate(groups)],
            "age_group": groups,
            "sex": "male",
            "gini_present": values,
            "hill_q1": [10 - 10 * value for value in values],
        }
    )


def by_metric(frame: pd.DataFrame, stratum: str = "lung") -> pd.DataFrame:
    return frame[frame["stratum"] == stratum].set_index("metric")


def test_medians_and_exact_p_by_hand() -> None:
    found = by_metric(
        contrast(units([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.8, 0.9]), metrics=METRICS, alpha=0.05)
    )
    gini = found.loc["gini_present"]
    assert (gini["n_early"], gini["n_late"]) == (4, 4)
    assert gini["early"] == pytest.approx(0.25)
    assert gini["late"] == pytest.approx(0.7)
    assert gini["shift"] == pytest.approx(0.45)
    assert gini["p_value"] == pytest.approx(2 / 70)
    assert gini["p_attainable"] == pytest.approx(2 / 70)
    assert gini["cliffs_delta"] == pytest.approx(1)
    assert found.loc["hill_q1", "shift"] == pytest.approx(-4.5)
    assert set(found["direction"]) == {"crystallizes"}
    assert set(found["verdict"]) == {"crystallizes"}


def test_adjusted_over_the_strata_of_the_family() -> None:
    apart = [0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]
    mixed = [0.1, 0.5, 0.3, 0.7], [0.2, 0.6, 0.4, 0.8]
    frame = pd.concat([units(*apart, "lung"), units(*mixed, "liver"), units([0.1], [0.2], "skin")])
    found = contrast(frame, metrics=METRICS, alpha=0.05)
    assert by_metric(found)["p_adjusted"].to_numpy() == pytest.approx([4 / 70] * 2)
    assert set(by_metric(found)["verdict"]) == {"unresolved"}
    assert set(found["n_family"]) == {2}
    assert set(found["n_untestable"]) == {1}


@pytest.mark.parametrize(
    ("early", "late", "verdict"),
    [
        ([0.1, 0.2, 0.3], [0.5, 0.6, 0.7], "cannot reach"),
        ([0.1], [0.5, 0.6, 0.7], "no test"),
        ([], [0.5, 0.6, 0.7], "no test"),
        ([0.5, 0.2, 0.3, 0.4], [0.1, 0.6, 0.25, 0.35], "unresolved"),
        ([0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4], "disperses"),
    ],
)
def test_verdicts(early: list[float], late: list[float], verdict: str) -> None:
    found = by_metric(contrast(units(early, late), metrics=METRICS, alpha=0.05))
    assert set(found["verdict"]) == {verdict}
    if not early:
        assert found["shift"].isna().all()
        assert found["direction"].isna().all()
    if verdict == "no test":
        assert found["p_value"].isna().all()


def test_donors_of_no_group_do_not_count() -> None:
    frame = units([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8])
    other = units([0.9, 0.9], []).assign(age_group=None)
    more = pd.concat([frame, other], ignore_index=True)
    pd.testing.assert_frame_equal(
        contrast(more, metrics=METRICS, alpha=0.05), contrast(frame, metrics=METRICS, alpha=0.05)
    )


def test_males_alone() -> None:
    frame = units([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8])
    frame.loc[[0, 1], "sex"] = "female"
    gini = by_metric(contrast(frame, metrics=METRICS, alpha=0.05)).loc["gini_present"]
    assert (gini["n_early_males"], gini["n_late_males"]) == (2, 4)
    assert gini["shift_males"] == pytest.approx(0.65 - 0.35)
    assert gini["p_males"] == pytest.approx(2 / 15)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_directions_are_opposite(gini: float, effective: float) -> None:
    opposite = {"crystallizes": "disperses", "disperses": "crystallizes", "mixed": "mixed"}
    assert direction(-gini, -effective) == opposite[direction(gini, effective)]


def test_direction_without_a_shift() -> None:
    assert direction(float("nan"), 1.0) == direction(1.0, float("nan")) == ""
    assert direction(0.0, -1.0) == direction(0.1, 0.1) == "mixed"


def composition(n_cells: int, seed: int) -> pd.DataFrame:
    """Counts of four early and four late donors, the late ones concentrated."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, shares in (("early", [0.3, 0.3, 0.4]), ("late", [0.8, 0.1, 0.1])):
        for place in range(4):
            counts = rng.multinomial(n_cells, shares)
            donor = f"{group}{place + 4 * (group == 'late')}"
            rows += [
                {"stratum": "lung", "donor": donor, "part": part, "n_cells": int(n)}
                for part, n in zip("ABC", counts, strict=True)
                if n
            ]
    return pd.DataFrame(rows)


def test_group_counts() -> None:
    counts = composition(50, 1)
    found = group_counts(counts, units([0.0] * 4, [0.0] * 4))
    assert found["early"][0].tolist() == ["early0", "early1", "early2", "early3"]
    for _, table in found.values():
        assert table.shape == (4, 3)
        assert (table.sum(axis=1) == 50).all()


def test_intervals_hold_the_shift_and_repeat() -> None:
    def ask() -> pd.DataFrame:
        return shift_intervals(
            units([0.0] * 4, [0.0] * 4), composition(200, 2), level=0.95, n_draws=500, depth=100, seed=7
        )

    found = ask().set_index("metric")
    pd.testing.assert_frame_equal(ask(), ask())
    assert found.loc["gini_present", "low"] > 0
    assert found.loc["hill_q1", "high"] < 0
    assert (found["low"] <= found["high"]).all()
    assert {"gini_rarefied", "hill_q1_rarefied"} <= set(found.index)
    few = shift_intervals(
        units([0.0] * 4, [0.0] * 4), composition(50, 2), level=0.95, n_draws=500, depth=100, seed=7
    )
    assert not {"gini_rarefied", "hill_q1_rarefied"} & set(few["metric"])


def test_across_strata_permutes_whole_donors() -> None:
    """Two strata with the same donors are one piece of evidence: p is that of one.

    Of 70 arrangements 4 have medians as far apart: exchanging .4 and .5 changes neither median.
    """
    one = units([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8])
    found = across_strata(pd.concat([one, one.assign(stratum="liver")]), metrics=METRICS, seed=1).set_index(
        "metric"
    )
    assert set(found["n_strata"]) == {2}
    assert found["p_value"].to_numpy() == pytest.approx([4 / 70] * 2)
    assert set(found["n_arrangements"]) == {70}
    assert found.loc["gini_present", "share_up"] == 1
    assert found.loc["hill_q1", "share_up"] == 0
