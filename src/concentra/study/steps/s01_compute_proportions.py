"""Step 01: counts and shares per (donor, tissue, cell type), and the support of each tissue."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from concentra.analysis.composition import count_parts, parts_of_strata
from concentra.study.cohorts import Atlas, cohorts
from concentra.study.declare import Table, column, step


class Composition(Table):
    """Cells of each part in each unit (a donor within a stratum); parts without cells have no row."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    donor: str = column("donor")
    age: str = column("age as the atlas labels it")
    age_months: float = column("age", unit="months", low=0)
    age_group: str = column("group in the comparison", nullable=True, among=["early", "late"])
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
    n_units_stratum: int = column("units of the stratum", unit="units", low=1)
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


ABOUT = ("age", "sex", "donor_source")


@step(Composition, Parts, LeftOut)
def compute_proportions(
    cells: Mapping[str, pd.DataFrame], *, pooled_mark: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Counts and shares per donor, tissue and cell type"""
    found = {
        name: count_parts(frame, about=ABOUT, pooled=pooled_mark, exclude="unusable")
        for name, frame in cells.items()
    }
    composition = _stacked({name: _aged(name, counts) for name, (counts, _) in found.items()})
    parts = _stacked({name: parts_of_strata(counts) for name, (counts, _) in found.items()})
    left_out = _stacked({name: _merged(left) for name, (_, left) in found.items()})
    return composition, parts, left_out


def _stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([frame.assign(cohort=name) for name, frame in frames.items()], ignore_index=True)


def _aged(name: str, counts: pd.DataFrame) -> pd.DataFrame:
    cohort = cohorts()[name]
    assert isinstance(cohort, Atlas)
    return counts.assign(
        age_months=counts["age"].map(cohort.age_months), age_group=counts["age"].map(cohort.age_group)
    )


def _merged(left_out: pd.DataFrame) -> pd.DataFrame:
    by = ["stratum", "age", "sex", "reason"]
    return left_out.groupby(by, dropna=False)["n_cells"].sum().reset_index()
