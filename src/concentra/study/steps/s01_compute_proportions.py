"""Step 01: counts and shares per (donor, tissue, cell type), and the support of each tissue."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from concentra.composition import Composition as Counted
from concentra.composition.units import POOLED, Columns, count_units
from concentra.design.axis import numeric_axis
from concentra.study.cohorts import Atlas, cohorts
from concentra.study.declare import Table, column, step
from concentra.study.questions import stacked


class Composition(Table):
    """Cells of each part in each unit (a donor within a tissue); parts without cells have no row."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    donor: str = column("donor")
    age: str = column("age as the atlas labels it")
    age_months: float = column("age", unit="months", low=0)
    group: str = column("group in the comparison", nullable=True, among=["young", "old"])
    sex: str = column("sex", nullable=True)
    donor_source: str = column("how the donor of these cells is known")
    part: str = column("cell type")
    n_cells: int = column("cells", unit="cells", low=1)
    share: float = column("share of the unit's cells", low=0, high=1)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "donor", "part"]


class Parts(Table):
    """The support of each stratum: all parts found in any of its units."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    part: str = column("cell type")
    n_units: int = column("units that have the part", unit="units", low=1)
    n_units_stratum: int = column("units of the tissue", unit="units", low=1)
    n_cells: int = column("cells of the part in all units", unit="cells", low=1)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "part"]


class LeftOut(Table):
    """Cells that belong to no unit, and why."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    age: str = column("age as the atlas labels it")
    sex: str = column("sex", nullable=True)
    reason: str = column("why the cells were left out")
    n_cells: int = column("cells", unit="cells", low=1)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "age", "sex", "reason"]


COLUMNS = Columns("donor", "part", "stratum", exclude="unusable", required=("age", "sex"))


@step(Composition, Parts, LeftOut)
def compute_proportions(
    cells: Mapping[str, pd.DataFrame], *, pooled_mark: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Counts and shares per donor, tissue and cell type"""
    found = {name: counted(name, frame, pooled_mark) for name, frame in cells.items()}
    return (
        stacked({name: one.table() for name, one in found.items()}),
        stacked({name: one.parts_table() for name, one in found.items()}),
        stacked({name: _merged(one.left_out) for name, one in found.items()}),
    )


def counted(name: str, cells: pd.DataFrame, pooled_mark: str) -> Counted:
    """The composition of a cohort's cells, with age in months and the group of each donor."""
    cohort = cohorts()[name]
    assert isinstance(cohort, Atlas)
    donors = cells["donor"].astype("category")
    several = donors.isin([label for label in donors.cat.categories if pooled_mark in str(label)])
    unusable = cells["unusable"].astype(object).mask(several, POOLED)
    made = count_units(cells.assign(unusable=unusable), COLUMNS, limit=1.0, name=name)
    months, _ = numeric_axis(made.units["age"], "age")
    groups = made.units["age"].map(cohort.group)
    return made.with_labels({"age_months": months.tolist(), "group": groups.tolist()})


def _merged(left_out: pd.DataFrame) -> pd.DataFrame:
    by = ["stratum", "age", "sex", "reason"]
    return left_out.groupby(by, dropna=False)["n_cells"].sum().reset_index()
