"""Step 01, of cohorts with several samples a donor: counts summed over samples, and metrics of every sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from concentra.analysis.concentration import concentration
from concentra.composition import Composition
from concentra.design import Settings
from concentra.study.declare import Table, column, step
from concentra.study.questions import stacked
from concentra.study.steps._hierarchy import at_levels

METRICS = ["gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q2", "hill_q1_corrected", "gini_rarefied",
           "gini_stratum_rarefied", "hill_q1_rarefied"]  # fmt: skip


class DonorCounts(Table):
    """Cells of each of the finest types in each donor, summed over its samples; types without cells have no row."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    donor: str = column("donor")
    group: str = column("group in the comparison", among=["young", "old"])
    sex: str = column("sex")
    cmv: str = column("antibodies against cytomegalovirus", among=["negative", "positive"])
    age_years: float = column("mean age over its samples", unit="years", low=0)
    n_samples: int = column("samples", low=1)
    part: str = column("cell type of the finest level")
    n_cells: int = column("cells", unit="cells", low=1)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "donor", "part"]


class TypeLevels(Table):
    """The coarser types that each of the finest belongs to."""

    cohort: str = column("cohort")
    part: str = column("cell type of the finest level")
    level: str = column("coarser level")
    coarser: str = column("cell type of this level")

    class Config(Table.Config):
        unique = ["cohort", "part", "level"]


class SampleConcentration(Table):
    """How concentrated every sample is at every level; see `concentration` for the metrics."""

    cohort: str = column("cohort")
    level: str = column("level of the cell types")
    stratum: str = column("tissue")
    donor: str = column("donor")
    sample: str = column("sample")
    n_cells: int = column("cells of the sample", unit="cells", low=1)
    gini_present: float = column("Gini coefficient over the types present", low=0, high=1)
    gini_stratum: float = column("Gini coefficient over all types", low=0, high=1)
    hill_q0: float = column("types present", unit="parts", low=1)
    hill_q1: float = column("effective number", unit="parts", low=1 - 1e-9)
    hill_q2: float = column("Hill number of order 2", unit="parts", low=1 - 1e-9)
    hill_q1_corrected: float = column(
        "effective number, corrected for unseen types", unit="parts", low=1 - 1e-9
    )
    gini_rarefied: float = column(
        "Gini over types present at the common number of cells", low=0, high=1, nullable=True
    )
    gini_stratum_rarefied: float = column("Gini over all types at that number", low=0, high=1, nullable=True)
    hill_q1_rarefied: float = column(
        "effective number at that number", unit="parts", low=1 - 1e-9, nullable=True
    )

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "sample"]


@step(DonorCounts, TypeLevels, SampleConcentration)
def count_samples(
    samples: Mapping[str, Composition], **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Counts of donors over their samples, and metrics of every sample"""
    chosen = Settings(**settings)
    return (
        stacked({name: summed(one) for name, one in samples.items()}),
        stacked({name: _levels(one) for name, one in samples.items()}),
        stacked({name: _measured(one, chosen) for name, one in samples.items()}),
    )


def summed(samples: Composition) -> pd.DataFrame:
    """One row a (stratum, donor, part): cells of all samples of the donor, its labels, its mean age."""
    by = ["stratum", "donor", "group", "sex", "cmv"]
    cells = samples.table().groupby([*by, "part"], sort=True)["n_cells"].sum().reset_index()
    units = samples.units.assign(age_years=samples.units["age_years"].astype(float))
    donors = units.groupby(by)["age_years"].agg(age_years="mean", n_samples="size").round(2).reset_index()
    return cells.merge(donors, on=by, validate="many_to_one")


def _levels(samples: Composition) -> pd.DataFrame:
    long = samples.parts.melt(var_name="level", value_name="coarser", ignore_index=False)
    return long.rename_axis("part").reset_index()


def _measured(samples: Composition, settings: Settings) -> pd.DataFrame:
    found = [concentration(one, settings).assign(level=level) for level, one in at_levels(samples).items()]
    return pd.concat(found, ignore_index=True)[["level", "stratum", "donor", "sample", "n_cells", *METRICS]]
