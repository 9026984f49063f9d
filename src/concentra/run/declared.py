"""The declaration of every table of an analysis, against which all are checked before anyone sees them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pandas as pd

from concentra import analysis
from concentra.tables import Table, declared_in


@cache
def declared() -> dict[str, type[Table]]:
    """By name, every table that a module of `concentra.analysis` declares for `analyze` to make.

    The columns of the few tables that are not declared depend on the data.
    """
    return {table.name(): table for table in declared_in(analysis) if table.by_analyze}


def is_measured(name: str) -> bool:
    """Whether a table is of the composition, and so the same whatever is asked: it names no contrast.

    >>> is_measured("level_terms"), is_measured("levels")
    (True, False)
    """
    return name in declared() and "contrast" not in declared()[name].columns()


def check_all(tables: Mapping[str, pd.DataFrame]) -> None:
    """Raise a `TableError` where a table is not as declared: a column, a range, a word, or a key that occurs twice."""
    for name, table in declared().items():
        if name in tables and not tables[name].empty:
            table.check(tables[name], f"table {name!r}")
