"""Power from a pilot and from assumptions, beside simulated studies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.model import responses, stratum_model
from concentra.analysis.power import Power, assumed_spread, power, spread_of
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.errors import ArgumentError, DesignError
from concentra.stats.moderated import contrast_tests


def cohort(rng, n_donors, n_cells, later, strata=("lung",), precision=60):
    base = np.array([8.0, 4, 3, 2, 1.5, 1])
    rows = []
    for group in ("y", "o"):
        mean = base ** (later if group == "o" else 1.0)
        for stratum in strata:
            shares = rng.dirichlet(precision * mean / mean.sum(), n_donors)
            for number, counts in enumerate(rng.multinomial(n_cells, shares)):
                rows += [
                    (stratum, f"{group}{number}", group, f"p{place}", int(count))
                    for place, count in enumerate(counts)
                ]
    return pd.DataFrame(rows, columns=["stratum", "donor", "age", "part", "n_cells"]).query("n_cells > 0")


def test_the_spread_of_a_pilot_is_that_between_donors_whatever_the_cells():
    """At 100 and at 10,000 cells a donor: counting is taken off, the difference of the groups too."""
    rng = np.random.default_rng(0)
    found = [spread_of(from_table(cohort(rng, 150, cells, 1.5)), group="age")[0] for cells in (100, 10_000)]
    assert found[0].sd == pytest.approx(found[1].sd, rel=0.2)
    assert found[1].n_donors == 300
    whole = spread_of(from_table(cohort(rng, 150, 10_000, 1.5)))[0]
    assert whole.sd[0] > 1.2 * found[1].sd[0]


def test_power_is_how_often_studies_find_the_change():
    """The model's own test of 300 simulated studies of five donors a group."""
    rng = np.random.default_rng(1)
    pilot = spread_of(from_table(cohort(rng, 200, 400, 1.35)), group="age")
    large = resolve(from_table(cohort(rng, 400, 400, 1.35)), Question("age", ("y",), (("o",),)))
    truth = contrast(large, concentration(large.composition)).set_index("metric")["effect"]
    promised = power(
        pilot, n_donors=[5], n_cells=[400], ratio=truth["hill_q1"], difference=truth["gini_stratum"]
    ).set_index("metric")["power"]
    strata = [f"s{number:03}" for number in range(300)]
    design = resolve(from_table(cohort(rng, 5, 400, 1.35, strata)), Question("age", ("y",), (("o",),)))
    units = concentration(design.composition)
    rejected = {"hill_q1": [], "gini_stratum": []}
    values = responses(units)
    for stratum in design.strata:
        tests = contrast_tests(
            [stratum_model(stratum, design.terms[0])], [values[stratum.rows]], moderate=False
        )
        for metric, p in zip(rejected, tests.p_value[0], strict=True):
            rejected[metric].append(p <= 0.05)
    for metric, hits in rejected.items():
        assert np.mean(hits) == pytest.approx(promised[metric], abs=0.1)


def test_table_and_directions():
    found = Power.check(power([assumed_spread(8, 15, 0.25)]), "power")
    rows = found[found["metric"] == "hill_q1"]
    for _, of_cells in rows.groupby("n_cells"):
        assert (of_cells["power"].diff().dropna() > 0).all()
        assert (of_cells["detectable"].diff().dropna() > 0).all()  # ratios nearer to 1
    for _, of_donors in rows.groupby("n_donors"):
        assert (of_donors["power"].diff().dropna() > 0).all()
    detectable = rows.set_index(["n_donors", "n_cells"])["detectable"]
    back = power(
        [assumed_spread(8, 15, 0.25)], n_donors=[6], n_cells=[1000], ratio=float(detectable[6, 1000])
    )
    assert back["power"].iloc[0] == pytest.approx(0.8, abs=1e-3)


def test_what_cannot_be_planned_is_refused():
    few = from_table(cohort(np.random.default_rng(2), 1, 400, 1.0))
    with pytest.raises(DesignError, match="three donors"):
        spread_of(few, group="age", settings=Settings())
    for problem, words in (
        ({"n_donors": [1]}, "two donors"), ({"n_cells": [0]}, "one cell"), ({"ratio": 1.0}, "not 1"),
        ({"difference": 0.0}, "difference of Gini"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=words):
            power([assumed_spread(8, 15, 0.25)], **problem)
    with pytest.raises(ArgumentError, match=r"(?s)sd=0.*standard deviation above 0"):
        assumed_spread(8, 15, 0.0)
