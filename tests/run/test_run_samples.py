"""Donors measured more than once: patients with inflamed and other biopsies, some in duplicate, beside healthy ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import concentra
from definitions_run import check

HOW: dict[str, Any] = {"draws": 100, "multiverse": False}


def biopsies() -> pd.DataFrame:
    """Six healthy people, six patients with both kinds of biopsy; every fourth person has each kind twice."""
    rng = np.random.default_rng(0)
    rows = []
    for person in range(12):
        for state in ["healthy"] if person < 6 else ["inflamed", "non-inflamed"]:
            for number in range(2 if person % 4 == 0 else 1):
                counts = rng.multinomial(300, rng.dirichlet([3] * 5))
                rows += [
                    (f"p{person}", f"p{person}-{state}-{number}", state, part, n)
                    for part, n in zip("ABCDE", counts, strict=True)
                ]
    return pd.DataFrame(rows, columns=["patient", "biopsy", "state", "cell_type", "n_cells"])


def wide(*without: str) -> pd.DataFrame:
    made = biopsies().pivot(index=["patient", "biopsy", "state"], columns="cell_type", values="n_cells")
    return made.rename_axis(columns=None).reset_index().drop(columns=list(without))


def donors(found: Any) -> tuple[int, int]:
    row = found.tables["contrast"].iloc[0]
    return int(row["n_reference"]), int(row["n_other"])


FORMS = {
    "long, named": (biopsies, {"sample": "biopsy"}),
    "long, guessed": (biopsies, {}),
    "wide, named": (wide, {"sample": "biopsy", "wide": True}),
    "wide, guessed": (wide, {"wide": True}),
    "wide, each row a sample": (lambda: wide("biopsy"), {"wide": True}),
}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_duplicates_are_samples_of_one_donor_in_every_form(name: str) -> None:
    make, options = FORMS[name]
    found = concentra.analyze(make(), contrast="state:healthy:inflamed", **HOW, **options)
    check(found, 6_600)
    assert donors(found) == (6, 6)
    assert len(found.composition.units) == 22
    first = concentra.analyze(biopsies(), sample="biopsy", contrast="state:healthy:inflamed", **HOW)
    for column in ("effect", "low", "high", "p_value"):
        assert np.allclose(found.tables["contrast"][column], first.tables["contrast"][column], equal_nan=True)


def test_without_a_column_of_samples_the_groups_distinguish_them() -> None:
    summed = biopsies().groupby(["patient", "state", "cell_type"], as_index=False)["n_cells"].sum()
    found = concentra.analyze(summed, amount="n_cells", contrast="state:healthy:inflamed", **HOW)
    check(found, 6_600)
    assert donors(found) == (6, 6)
    assert set(found.tables["left_out"]["reason"]) == {"state 'non-inflamed' is not compared"}
    assert len(found.tables["left_out"]) == 6


def test_pairs_within_patients() -> None:
    rows = biopsies().query("state != 'healthy'")
    found = concentra.analyze(rows, contrast="state:non-inflamed:inflamed", paired_by="patient", **HOW)
    check(found, 4_200)
    assert donors(found) == (6, 6)


def test_rows_of_the_order_they_come_in() -> None:
    first = concentra.analyze(wide("biopsy"), wide=True, contrast="state:healthy:inflamed", **HOW)
    mixed = wide("biopsy").sample(frac=1, random_state=3).reset_index(drop=True)
    second = concentra.analyze(mixed, wide=True, contrast="state:healthy:inflamed", **HOW)
    for column in ("effect", "low", "high", "p_value"):
        assert np.allclose(
            first.tables["contrast"][column], second.tables["contrast"][column], equal_nan=True
        )


@pytest.mark.parametrize(
    "ages, places",
    [
        (["P7", "P14", "P21", "P28"], [7, 14, 21, 28]),
        (["20-25", "25-30", "35-40", "40-45"], [22.5, 27.5, 37.5, 42.5]),
        (["2020-01-01", "2020-01-11", "2020-01-21", "2020-02-10"], [0, 10, 20, 40]),
    ],
)
def test_ages_as_people_write_them(ages: list[str], places: list[float]) -> None:
    rows = wide("biopsy", "state").drop_duplicates("patient").reset_index(drop=True)
    rows["when"] = [ages[place % 4] for place in range(len(rows))]
    found = concentra.analyze(rows, wide=True, trend="when", **HOW)
    check(found, 3_600)
    axis = found.designs[0].axis
    steps = np.diff(np.unique(axis))
    assert np.allclose(steps / steps[0], np.diff(places) / np.diff(places)[0])


@pytest.mark.parametrize(
    "named", [{}, {"sample": "timepoint"}, {"paired_by": "patient"}, {"within": "patient"}]
)
def test_a_time_that_is_asked_about_is_compared_and_names_no_samples(named: dict[str, str]) -> None:
    rows = (
        biopsies()
        .query("state != 'healthy'")
        .groupby(["patient", "state", "cell_type"], as_index=False)
        .sum("n_cells")
    )
    rows = rows.rename(columns={"state": "timepoint"}).replace(
        {"non-inflamed": "before", "inflamed": "after"}
    )
    found = concentra.analyze(rows, contrast="timepoint:before:after", **HOW, **named)
    assert donors(found) == (6, 6)
    assert set(found.composition.units["timepoint"]) == {"before", "after"}


def test_an_unpaired_question_about_pairs_is_told_of_pairs() -> None:
    rows = [
        (f"p{donor}", when, part, 40 + donor + place)
        for donor in range(4)
        for place, (when, part) in enumerate((when, part) for when in ("before", "after") for part in "BT")
    ]
    frame = pd.DataFrame(rows, columns=["patient", "when", "cell_type", "n_cells"])
    how = {"amount": "n_cells", "contrast": "when:before:after", "multiverse": False, "draws": 100}
    asked = [str(note) for note in concentra.analyze(frame, **how).notes]
    assert [note for note in asked if "--paired-by 'patient' compares these with each other" in note]
    paired = [str(note) for note in concentra.analyze(frame, paired_by="patient", **how).notes]
    assert not [note for note in paired if "--paired-by" in note]
