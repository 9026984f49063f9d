"""The rescued share: planted and found; under no effect large all the same, and the permutation knows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import definitions_granularity as slow
from concentra.analysis.rescue import rescue as rescued
from concentra.analysis.rescue import rescued_share
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.errors import DesignError
from concentra.simulate import geometric

QUESTION = Question("group", ("young",), (("old",), ("treated",)))


def rescue(table, *, rng, n_draws=2_000, level=0.95, **how):
    design = resolve(
        from_table(table), QUESTION, Settings(min_cells=1, n_draws=n_draws, level=level, seed=rng)
    )
    return rescued(design, **how)


EARLY, LATE = geometric(6, 0.85), geometric(6, 0.55)


def composition(shares, *, n_donors=2, n_cells=2000, concentration=1e5, rng=0, stratum="marrow"):
    """Counts of donors of three groups, drawn around planted shares."""
    generator = np.random.default_rng(rng)
    rows = []
    for group, planted in zip(("young", "old", "treated"), shares, strict=True):
        for donor in range(n_donors):
            counts = generator.multinomial(n_cells, generator.dirichlet(concentration * planted))
            rows.extend(
                {
                    "stratum": stratum,
                    "donor": f"{group} {donor}",
                    "group": group,
                    "part": part,
                    "n_cells": count,
                }
                for part, count in enumerate(counts)
            )
    return pd.DataFrame(rows)


def per_donor(table, measure):
    return {
        group: [measure(donor["n_cells"].tolist()) for _, donor in rows.groupby("donor")]
        for group, rows in table.groupby("group")
    }


@pytest.fixture(scope="module")
def planted():
    treated = LATE + 0.6 * (EARLY - LATE)
    return composition([EARLY, LATE, treated], n_cells=5000, rng=4)


@pytest.fixture(scope="module")
def found(planted):
    return rescue(planted, rng=1, n_draws=4000).set_index("metric")


def test_a_planted_rescue_is_recovered(found):
    # Shares mixed by .6 give .600 of the Gini shift (same order of parts) and .701 of the effective number.
    assert found.loc["gini_present", "rescue"] == pytest.approx(0.600, abs=0.06)
    assert found.loc["hill_q1", "rescue"] == pytest.approx(0.701, abs=0.06)
    for _, row in found.iterrows():
        assert row["rescue_cell_low"] < row["rescue"] < row["rescue_cell_high"]
        assert row["rescue_donor_low"] <= row["rescue"] <= row["rescue_donor_high"]
        assert row["probability_cells"] == 1.0


def test_the_contrasts_and_the_permutation_are_those_of_the_definitions(planted, found):
    for metric, measure in (("gini_present", slow.gini), ("hill_q1", slow.effective_number)):
        values = per_donor(planted, measure)
        middle = {group: np.median(own) for group, own in values.items()}
        row = found.loc[metric]
        assert row["ageing_shift"] == pytest.approx(middle["old"] - middle["young"], abs=1e-10)
        assert row["treatment_shift"] == pytest.approx(middle["treated"] - middle["old"], abs=1e-10)
        p_value, positive, share, number = slow.rescue_permutation(
            values["young"], values["old"], values["treated"]
        )
        assert row["n_arrangements"] == number == 90
        assert row["p_permutation"] == pytest.approx(p_value, abs=1e-12)
        assert row["null_positive"] == pytest.approx(positive, abs=1e-12)
        assert row["null_rescue_median"] == pytest.approx(share, abs=1e-9)
        assert row["p_attainable"] >= 2 / 90 - 1e-12


def test_the_range_over_donors_is_over_all_choices(planted, found):
    values = per_donor(planted, slow.effective_number)
    shares = [(o - c) / (o - y) for y in values["young"] for o in values["old"] for c in values["treated"]]
    assert found.loc["hill_q1", "rescue_donor_low"] == pytest.approx(min(shares), abs=1e-9)
    assert found.loc["hill_q1", "rescue_donor_high"] == pytest.approx(max(shares), abs=1e-9)


def test_two_donors_give_a_range_three_an_interval(found):
    assert set(found["contrast_kind"]) == {"range"}
    three = rescue(composition([EARLY, LATE, EARLY], n_donors=3), rng=1, n_draws=500)
    assert set(three["contrast_kind"]) == {"interval"}
    assert (
        (three["ageing_low"] < three["ageing_shift"]) & (three["ageing_shift"] < three["ageing_high"])
    ).all()


def test_cell_draws_keep_the_spread_of_one_donors_cells():
    # One donor a group: P(rescue > 0) is that of two independent medians, here of equal groups, about one half.
    table = composition([EARLY, LATE, LATE], n_donors=1, rng=8)
    equal = table[table["group"] == "old"]
    table = pd.concat([table[table["group"] != "treated"], equal.assign(group="treated", donor="treated 0")])
    row = rescue(table, rng=3, n_draws=4000).set_index("metric").loc["hill_q1"]
    assert row["rescue"] == 0.0
    assert row["probability_cells"] == pytest.approx(0.5, abs=0.03)
    assert row["rescue_cell_low"] < 0 < row["rescue_cell_high"]
    assert row["contrast_kind"] == "none"


def test_the_same_seed_gives_the_same_numbers(planted):
    first, second = (rescue(planted, rng=7, n_draws=300) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_random_arrangements_agree_with_all(planted, found, monkeypatch):
    monkeypatch.setattr("concentra.analysis.rescue.ALL_UP_TO", 10)
    drawn = rescue(planted, rng=1, n_draws=200, n_random=20_000).set_index("metric")
    assert np.allclose(drawn["p_permutation"], found["p_permutation"], atol=0.005)
    assert np.allclose(drawn["null_positive"], found["null_positive"], atol=0.015)


def test_share_without_a_shift_is_undefined():
    assert np.isnan(rescued_share(np.array([1.0]), np.array([1.0]), np.array([0.0]))).all()


def test_errors_name_the_group_and_the_stratum(planted):
    with pytest.raises(DesignError, match="no donor of 'treated'"):
        rescue(planted[planted["group"] != "treated"], rng=0)
    skin = planted[planted["group"] != "treated"].assign(stratum="skin")
    with pytest.raises(DesignError, match="no donor with cells in group 'treated' of 'skin'"):
        rescue(pd.concat([planted, skin]), rng=0)


@pytest.mark.slow
def test_under_no_effect_the_share_misleads_and_the_permutation_does_not():
    # The trap: two donors a group, one parent for all, and yet most tissues are "rescued".
    tables = [
        composition([EARLY] * 3, concentration=60, n_cells=500, rng=seed, stratum=f"tissue {seed:03d}")
        for seed in range(400)
    ]
    result = rescue(pd.concat(tables), rng=1, n_draws=400, metrics=["hill_q1"])
    assert result["rescue"].median() == pytest.approx(0.5, abs=0.1)
    assert (result["rescue"] > 0).mean() == pytest.approx(0.667, abs=0.07)
    assert (result["p_permutation"] <= 0.05).mean() <= 0.05 + 0.033
    sure = result["probability_cells"] > 0.975
    assert sure.mean() > 5 * 0.025  # cells alone call a rescue many times as often as they should
