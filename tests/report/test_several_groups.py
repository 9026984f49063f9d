"""Several groups: whether they differ at all stands before any two of them are compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import concentra
from concentra.report.sections.several_groups import differ_at_all
from concentra.run.write import report_page


def cells(groups: str) -> pd.DataFrame:
    """Four donors a group; in the lung the last group has fewer types, the liver is the same everywhere."""
    rng = np.random.default_rng(4)
    rows = []
    for group in groups:
        for number in range(4):
            for tissue in ("lung", "liver"):
                power = 2.0 if (tissue, group) == ("lung", groups[-1]) else 1.0
                shares = np.array([5.0, 3, 2, 1, 1]) ** power
                counts = rng.multinomial(500, rng.dirichlet(80 * shares / shares.sum()))
                rows += [
                    (f"{group}{number}", group, tissue, p, n) for p, n in zip("vwxyz", counts, strict=True)
                ]
    return pd.DataFrame(rows, columns=["donor", "diet", "tissue", "cell_type", "n"])


def asked(groups: str) -> concentra.run.Analysis:
    contrast = ":".join(["diet", *groups])
    return concentra.analyze(cells(groups), donor="donor", amount="n", contrast=contrast, multiverse=False)


def test_the_joint_test_of_every_tissue_is_reported():
    found = asked("abc")
    page = report_page(found)
    assert "All groups together" in page
    (words,) = differ_at_all(found.tables["omnibus"])
    assert words.startswith("diet: a to b to c: the groups differ in lung (adjusted p ")
    assert "liver" not in words
    assert words in page


def test_two_groups_have_no_joint_test():
    found = asked("ab")
    assert "omnibus" not in found.tables
    assert "All groups together" not in report_page(found)


@pytest.mark.parametrize(
    ("p", "words"), [(0.2, "no tissue differs"), (0.001, "differ in lung (adjusted p 0.0010; F")]
)
def test_p_values_of_both_metrics_are_combined(p: float, words: str):
    table = pd.DataFrame(
        {"contrast": "q", "stratum": "lung", "metric": ["hill_q1", "gini_stratum"], "p_value": p}
    )
    assert words in differ_at_all(table)[0]
