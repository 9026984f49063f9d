"""Claims: the comparison of a stated with an observed value, and what is said where none was observed."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from concentra.errors import DataAbsentError
from concentra.study import claims
from concentra.study.cohorts import cohorts
from concentra.study.declare import tables


@pytest.mark.parametrize(
    ("expected", "observed", "verdict"),
    [
        ("+0.145", 0.1449, "reproduced"),
        ("+0.145", 0.1454999, "reproduced"),
        ("+0.145", 0.1456, "close"),
        ("-45.5", -45.54, "reproduced"),
        ("+0.088", 0.0873, "close"),
        ("-2.19", -2.180, "close"),
        ("-0.54", -0.532, "close"),
        ("-0.54", -0.51, "differs"),
        ("0.5", -0.5, "differs"),
        ("-0.5", 0.5, "differs"),
        ("64", 64.4, "reproduced"),
        ("64", 64.6, "close"),
        ("64", 80.0, "differs"),
        ("1.000", 0.9996, "reproduced"),
        ("1.000", 0.96, "close"),
        ("0.016", 2 / 126, "reproduced"),
        ("0.004", 2 / 462, "reproduced"),
        ("0.016", 0.0286, "differs"),
        ("less concentrated", "less concentrated", "reproduced"),
        ("less concentrated", "mixed", "differs"),
        ("yes", "no", "differs"),
        ("0.016", float("nan"), "differs"),
        ("0.016", float("inf"), "differs"),
    ],
)
def test_compare(expected: str, observed: float | str, verdict: str) -> None:
    assert claims.compare(expected, observed) == verdict


@given(st.floats(-1e3, 1e3), st.integers(0, 4))
def test_a_number_reproduces_its_own_rounding(value: float, decimals: int) -> None:
    assert claims.compare(f"{value:+.{decimals}f}", value) == "reproduced"


@given(st.integers(1, 10**6), st.integers(1, 4), st.floats(-0.2, 0.2))
def test_five_per_cent_divide_close_from_different(digits: int, decimals: int, relative: float) -> None:
    stated = digits / 10**decimals
    observed = stated * (1 + relative)
    assume(abs(abs(relative) - 0.05) > 1e-6)
    assume(round(observed, decimals) != stated)
    expected = "close" if abs(relative) < 0.05 else "differs"
    assert claims.compare(f"{stated:.{decimals}f}", observed) == expected
    assert claims.compare(f"-{stated:.{decimals}f}", -observed) == expected
    assert claims.compare(f"-{stated:.{decimals}f}", observed) == "differs"


def test_claims_name_what_exists() -> None:
    found = claims.read_claims()
    assert len({claim.id for claim in found}) == len(found)
    for claim in found:
        assert claim.part
        assert claim.source
        for part in claim.part:
            if part.table in tables():
                columns = tables()[part.table].columns()
                assert {*part.where, part.column, *part.show} <= set(columns), claim.id


def test_what_the_published_analysis_does_not_state_is_marked() -> None:
    """The source of a published statement is a summary alone; that of another says what it makes of one."""
    for claim in claims.read_claims():
        assert claim.published == bool(re.fullmatch(r"summary \d", claim.source)), claim.id


def test_what_is_established_stands_beside_what_is_reproduced() -> None:
    part = claims.read_claims()[0].part[0]
    other = part.model_copy(update={"name": "another"})
    one, two, unknown = (
        claims.Answer(which, "close", "", row)
        for which, row in ((part, {"verdict": "undecided"}), (other, {"verdict": "mixed"}), (other, {}))
    )
    assert claims.established([one, unknown]) == "undecided"
    assert claims.established([one, two]) == f"{part.name} undecided; another mixed"
    assert claims.established([unknown]) == ""


def status_table(out: Path, status: str) -> None:
    rows = [
        {
            "cohort": cohort.name,
            "title": cohort.title,
            "kind": cohort.kind,
            "status": "simulated" if cohort.simulated else status,
            "files": None,
            "citation": cohort.citation,
            "licence": cohort.licence,
            "obtain": cohort.obtain,
        }
        for cohort in cohorts().values()
    ]
    tables()["sources"].write(pd.DataFrame(rows), out)


def test_without_results(tmp_path: Path) -> None:
    with pytest.raises(DataAbsentError, match="no results in"):
        claims.judge(tmp_path)


def test_without_data_or_without_tables(tmp_path: Path) -> None:
    status_table(tmp_path, "absent")
    assert {judgement.verdict for judgement in claims.judge(tmp_path)} == {"data absent"}
    status_table(tmp_path, "raw data")
    verdicts = {judgement.id: judgement.verdict for judgement in claims.judge(tmp_path)}
    assert verdicts["pythia-shift"] == "not yet computed"
    assert verdicts["marrow-facs"] == "not yet computed"
    assert set(verdicts.values()) <= {"not yet computed", "data absent"}
