"""The declaration of every table of an analysis, against which all are checked before anyone sees them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from concentra.analysis.across import Across
from concentra.analysis.concentration import Concentration
from concentra.analysis.contrast import Contrast
from concentra.analysis.drivers import Drivers
from concentra.analysis.granularity import Granularity, GranularityConcentration, Scales
from concentra.analysis.levels import Levels, LevelTerms, Nested
from concentra.analysis.model import Omnibus
from concentra.analysis.multiverse import Agreement, Multiverse
from concentra.analysis.plane import Plane, PlanePoints
from concentra.analysis.support import LeftOut, Support
from concentra.analysis.trend import Trend
from concentra.tables import Table

DECLARED: dict[str, type[Table]] = {"design": Support} | {
    table.name(): table
    for table in (
        Concentration, LeftOut, Contrast, Omnibus, Trend, Across, Drivers, Plane, PlanePoints, Multiverse, Agreement,
        Granularity, GranularityConcentration, Scales, Levels, LevelTerms, Nested,
    )
}  # fmt: skip
"""By the name of the file; the columns of the tables not named here depend on the data."""


def check_all(tables: Mapping[str, pd.DataFrame]) -> None:
    """Raise a `TableError` where a table is not as declared: a column, a range, a word, or a key that occurs twice."""
    for name, table in DECLARED.items():
        if name in tables and not tables[name].empty:
            table.check(tables[name], f"table {name!r}")
