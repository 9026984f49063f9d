"""Tables of an analysis are checked against their declarations before anyone sees them."""

from __future__ import annotations

import pandas as pd
import pytest

import concentra
from concentra.errors import TableError
from concentra.outputs import table_text
from concentra.run import analysis
from concentra.run.declared import check_all, declared
from definitions_run import UNDECLARED, cells, levels
from definitions_tables import taken_for_missing


def counts() -> pd.DataFrame:
    rows = [(d, "old" if d in "abc" else "young", p, 60 + 5 * place * (p == "T"))
            for place, d in enumerate("abcdef") for p in "BTN"]  # fmt: skip
    return pd.DataFrame(rows, columns=["donor", "age", "cell_type", "n"]).assign(tissue="blood")


def test_analyze_makes_the_tables_that_are_declared_for_it() -> None:
    """Everything asked at once: two groups, three groups, a trend, coarser types, other choices."""
    rows = cells()
    more = rows[rows["age"] == "3m"].assign(age="18m", **{"mouse.id": "18_" + rows["mouse.id"]})
    asked = {"contrast": ["age:24m:3m", "age:3m:18m:24m"], "trend": "age", "levels": levels(), "draws": 100}
    found = concentra.analyze(pd.concat([rows, more], ignore_index=True), donor="mouse.id", **asked)
    assert set(found.tables) - UNDECLARED == set(declared())
    assert not {
        name: lost for name, one in found.tables.items() if (lost := taken_for_missing(table_text(one)))
    }


def test_a_table_that_is_not_as_declared_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = concentra.analyze(counts(), donor="donor", amount="n", contrast="age:young:old")
    assert set(whole.tables) - set(declared()) <= UNDECLARED
    real = analysis.contrast
    monkeypatch.setattr(analysis, "contrast", lambda *given: real(*given).assign(p_value=1.5))
    with pytest.raises(TableError, match=r"table 'contrast'.*p_value.*1\.5"):
        concentra.analyze(counts(), donor="donor", amount="n", contrast="age:young:old")


def test_a_key_that_occurs_twice_and_a_word_that_is_none() -> None:
    found = concentra.analyze(counts(), donor="donor", amount="n", contrast="age:young:old", multiverse=False)
    table = found.tables["contrast"]
    check_all({"contrast": table})
    with pytest.raises(
        TableError, match=r"16 rows share a key \(contrast, stratum, metric\), such as .*, blood, "
    ):
        check_all({"contrast": pd.concat([table, table])})
    with pytest.raises(TableError, match="verdict"):
        check_all({"contrast": table.assign(verdict="certain")})
