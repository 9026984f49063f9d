"""A file of coarser types: every level is compared, decomposed and looked into, in tables and in the report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from concentra.errors import LabelError
from concentra.run import Analysis, analyze

TYPES = {"t1": "T", "t2": "T", "t3": "T", "b1": "B", "b2": "B"}


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    """Old donors hold the same T and B cells, but of the T cells mostly t1."""
    rng = np.random.default_rng(7)
    rows = []
    for age, first in (("young", 1), ("old", 6)):
        for number in range(6):
            inside = 0.6 * rng.dirichlet([20 * first, 20, 20])
            shares = [*inside, *(0.4 * rng.dirichlet([60, 60]))]
            cells = rng.multinomial(2_000, shares)
            rows += [(f"{age}{number}", age, part, n) for part, n in zip(TYPES, cells, strict=True)]
    return pd.DataFrame(rows, columns=["donor", "age", "cell_type", "n"])


@pytest.fixture(scope="module")
def found(counts: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    path = tmp_path_factory.mktemp("levels") / "levels.csv"
    pd.Series(TYPES, name="coarse").rename_axis("fine").reset_index().to_csv(path, index=False)
    return analyze(
        counts, amount="n", contrast="age:young:old", levels=str(path), multiverse=False, draws=100
    )


def test_the_change_lies_within_one_coarse_type(found: Analysis) -> None:
    granular = found.tables["granularity"].drop_duplicates("level").set_index("level")["verdict"]
    assert granular["finest"] == "more concentrated"
    assert granular["coarse"] != "more concentrated"
    nested = found.tables["nested"].drop_duplicates("part").set_index("part")["verdict"]
    assert nested["T"] == "more concentrated"
    assert nested["B"] != "more concentrated"
    entropy = found.tables["levels"].query("metric == 'entropy'").set_index(["term", "part"])["shift"]
    assert entropy["within part", "T"] == pytest.approx(entropy["total"].iloc[0], rel=0.1)


def test_units_have_their_terms(found: Analysis) -> None:
    terms = found.tables["level_terms"]
    gaps = terms["between"] + terms["within"] + terms["overlap"] - terms["total"]
    assert len(terms) == 24
    assert gaps.abs().max() < 1e-12


def test_the_report_shows_where_the_change_lies(found: Analysis, tmp_path) -> None:
    page = found.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Where the change lies" in page
    assert "within coarse types" in page


def test_a_type_that_the_file_lacks_is_named(counts: pd.DataFrame) -> None:
    with pytest.raises(LabelError, match="without a coarser one, such as 'b1'"):
        analyze(
            counts,
            amount="n",
            contrast="age:young:old",
            levels=pd.DataFrame({"fine": ["b2"], "coarse": ["B"]}),
        )
