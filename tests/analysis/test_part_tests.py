"""Parts tested one by one: against a loop, pairs, and intervals that hold for a family."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from concentra.analysis.drivers import Drivers, drivers
from concentra.analysis.part_tests import part_tests
from concentra.composition import from_table
from concentra.design import Question, resolve
from concentra.stats.log_ratio import centred_log_ratio
from concentra.stats.pairs import adjusted_interval
from definitions_models import smyth


def cohort(seed=0, n=5, n_parts=6, moved=3.0, donors=None):
    rng = np.random.default_rng(seed)
    mean = np.linspace(2, 6, n_parts)
    rows = []
    for group in ("y", "o"):
        later = mean * np.where(np.arange(n_parts) == 0, moved if group == "o" else 1, 1)
        for number in range(n):
            name = f"{group}{number}" if donors is None else f"m{number}"
            counts = rng.multinomial(800, rng.dirichlet(10 * later))
            rows += [("lung", name, f"{name}-{group}", group, f"p{k}", int(c)) for k, c in enumerate(counts)]
    table = pd.DataFrame(rows, columns=["stratum", "donor", "sample", "age", "part", "n_cells"])
    return table[table["n_cells"] > 0]


def test_each_part_is_a_t_test_with_smyths_variance():
    design = resolve(from_table(cohort(n_parts=6)), Question("age", ("y",), (("o",),)))
    stratum = design.strata[0]
    found = part_tests(stratum, design.terms[0]).set_index("part")
    ratios = np.asarray(centred_log_ratio(stratum.counts))
    young, old = (
        ratios[stratum.group == design.terms[0].reference],
        ratios[stratum.group == design.terms[0].other],
    )
    variances = (young.var(axis=0, ddof=1) + old.var(axis=0, ddof=1)) / 2
    prior, prior_df = smyth(variances, [8] * 6)
    for place, part in enumerate(stratum.parts):
        row = found.loc[part]
        change = old[:, place].mean() - young[:, place].mean()
        assert row["clr_change"] == pytest.approx(change)
        weight = 1.0 if np.isinf(prior_df) else prior_df / (prior_df + 8)
        error = np.sqrt((weight * prior + (1 - weight) * variances[place]) * 2 / 5)
        if row["df"] == pytest.approx(min(8 + prior_df, 48)):  # a part no louder than the others
            assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(change / error), row["df"]), rel=1e-6)
        assert (row["low"] > 0 or row["high"] < 0) == (row["p_value"] < 0.05)
    assert found["p_adjusted"].idxmin() == "p0"


def test_pairs_are_compared_within_donors():
    table = cohort(donors="same")
    design = resolve(from_table(table), Question("age", ("y",), (("o",),), paired_by="donor"))
    found = part_tests(design.strata[0], design.terms[0])
    assert (found["df"] >= 4).all()
    assert found.set_index("part")["clr_change"].idxmax() == "p0"


def test_drivers_hold_the_tests_and_adjusted_intervals():
    found = Drivers.check(
        drivers(resolve(from_table(cohort()), Question("age", ("y",), (("o",),)))), "drivers"
    )
    parts = found[found["part"].str.startswith("p")]
    assert (parts["p_value"] <= parts["p_adjusted"]).all()
    assert parts.groupby("part")["p_value"].nunique().eq(1).all()
    assert (parts["low_adjusted"] < parts["low"]).all()
    assert (parts["high_adjusted"] > parts["high"]).all()


def test_adjusted_intervals_seldom_miss_any_of_a_family():
    """400 families of twelve quantities without a difference: 5% may show one; plain intervals show many."""
    rng = np.random.default_rng(4)
    missed = {1: 0, 12: 0}
    for _ in range(400):
        first, second = rng.normal(size=(5, 12)), rng.normal(size=(5, 12))
        pairs = second[None] - first[:, None]
        for n_family in missed:
            low, high = adjusted_interval(pairs, level=0.95, n_family=n_family)
            missed[n_family] += bool(((low > 0) | (high < 0)).any())
    assert missed[12] / 400 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert missed[1] / 400 > 0.3
