"""A published cohort as a user has it: samples of repeated visits, and a sheet that says whose they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import concentra
from concentra.metrics import hill_q1_corrected
from concentra.run import Analysis

pytestmark = pytest.mark.data


def table(data: Path, level: int) -> pd.DataFrame:
    """Counts of every sample beside its donor."""
    folder = data / "blood_ageing"
    counts = pd.read_csv(folder / f"counts_{level}_types.csv.gz").drop(columns="tissue", errors="ignore")
    return pd.read_csv(folder / "samples.csv").merge(counts, on="sample").assign(tissue="blood")


def asked(rows: pd.DataFrame) -> Analysis:
    about = ["age_years", "visit", "age_group", "sex", "cmv"]
    types = [name for name in rows.columns if name not in {*about, "sample", "donor", "tissue"}]
    return concentra.analyze(rows.drop(columns=["age_years", "visit"]), wide=True, parts=types, donor="donor",
                             sample="sample", contrast="age_group:young:old", formula="~ sex + cmv",
                             multiverse=False, draws=100)  # fmt: skip


@pytest.mark.parametrize(
    ("level", "verdicts"),
    [
        (7, {"no change beyond the margin", "undecided"}),
        (27, {"more concentrated"}),
        (69, {"more concentrated"}),
    ],
)
def test_ageing_blood_adjusted_for_sex_and_cmv(data: Path, level: int, verdicts: set[str]) -> None:
    """96 donors of equal weight, however often each was sampled: least squares on the means of donors."""
    rows = table(data, level)
    found = asked(rows)
    row = found.verdicts.iloc[0]
    assert row["verdict"] in verdicts
    assert (row["n_reference"], row["n_other"]) == (49, 47)
    types = list(found.tables["parts"]["part"])
    values = pd.Series(np.log(np.asarray(hill_q1_corrected(rows[types].to_numpy()))), rows["donor"])
    donors = rows.groupby("donor")[["age_group", "sex", "cmv"]].first()
    design = np.column_stack(
        [np.ones(96), donors["age_group"] == "old", donors["sex"] == "male", donors["cmv"] == "positive"]
    ).astype(float)
    slope = np.linalg.lstsq(design, values.groupby("donor").mean().loc[donors.index], rcond=None)[0][1]
    assert row["ratio"] == pytest.approx(np.exp(slope), rel=1e-9)


def test_repeated_visits_are_no_more_evidence_than_their_donors(data: Path) -> None:
    """Every sample of the 96 donors five times over: the same p, interval and verdict."""
    rows = table(data, 27)
    once = asked(rows).tables["contrast"].set_index("metric")
    again = [rows.assign(sample=rows["sample"] + f"_{copy}") for copy in range(5)]
    many = asked(pd.concat(again)).tables["contrast"].set_index("metric")
    for column in ("effect", "low", "high", "p_value", "df"):
        for metric in ("hill_q1", "gini_stratum"):
            assert many.loc[metric, column] == pytest.approx(once.loc[metric, column], rel=1e-9)
    assert once["df"]["hill_q1"] < 96
