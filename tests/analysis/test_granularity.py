"""The same contrast at several levels: one road, and a planted flip found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.granularity import (
    Granularity,
    GranularityConcentration,
    Scales,
    compare_levels,
    contrast_levels,
)
from concentra.composition import read
from concentra.design import Question, Settings, resolve
from concentra.simulate import PlantedShift, geometric, simulate_labels

AGE = Question("age", ("3m",), (("24m",),))


def composed(plan, **how):
    cells = simulate_labels(plan, **how).cells
    return read(cells, donor="mouse.id", tissue="tissue", cell_type="cell_ontology_class")


@pytest.fixture(scope="module")
def flipping():
    """Four types concentrate, while the states within each spread: over 16 states the tissue disperses."""
    young = np.outer(geometric(4, 0.95), [0.85, 0.05, 0.05, 0.05]).ravel()
    old = np.outer(geometric(4, 0.6), geometric(4, 0.9)).ravel()
    made = composed([PlantedShift("kidney", young, old)], n_cells=500, rng=3)
    coarse = [f"type {int(name.rsplit('_', 1)[1]) // 4}" for name in made.parts.index]
    if min(int(name.rsplit("_", 1)[1]) for name in made.parts.index) == 1:
        coarse = [f"type {(int(name.rsplit('_', 1)[1]) - 1) // 4}" for name in made.parts.index]
    return made.with_levels(pd.DataFrame({"type": coarse}, index=made.parts.index))


def test_every_level_is_the_contrast_of_its_composition(flipping):
    levels = {"finest": flipping, "type": flipping.at_level("type")}
    found, units = contrast_levels(levels, AGE, Settings())
    Granularity.check(found, "granularity")
    GranularityConcentration.check(units, "units")
    for name, made in levels.items():
        alone = contrast(resolve(made, AGE, Settings()), concentration(made))
        mine = found[found["level"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine[alone.columns.tolist()], alone)
    assert found.groupby("level")["n_parts"].first().to_dict() == {"finest": 16, "type": 4}


def test_a_planted_flip_of_granularity_is_reproduced(flipping):
    found, _ = contrast_levels({"type": flipping.at_level("type"), "finest": flipping}, AGE, Settings())
    first = found["level"] == "type"
    scales = compare_levels(found[first], found[~first])
    Scales.check(scales, "scales")
    row = scales.iloc[0]
    assert (row["direction_annotated"], row["direction"]) == ("more concentrated", "less concentrated")
    assert row["opposite"]
    assert row["p_opposite"] < 0.001


def test_agreeing_levels_have_no_p_of_opposition():
    made = composed(
        [PlantedShift("kidney", geometric(6, 0.9), geometric(6, 0.6))], n_donors=4, n_cells=300, rng=5
    )
    found, _ = contrast_levels({"types": made, "again": made}, AGE, Settings())
    first = found["level"] == "types"
    scales = compare_levels(found[first], found[~first])
    assert not scales["opposite"].any()
    assert scales["p_opposite"].isna().all()
