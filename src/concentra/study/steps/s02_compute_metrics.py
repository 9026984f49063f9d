"""Step 02: concentration, evenness, dominance and depth per (donor, tissue)."""

from __future__ import annotations

import pandas as pd

from concentra.analysis.concentration import concentration
from concentra.study.declare import Table, column, step

UNIT = ["cohort", "stratum", "donor"]
ABOUT = ["age", "age_months", "age_group", "sex", "donor_source"]


class Concentration(Table):
    """How concentrated each unit is, as observed and corrected for depth."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    donor: str = column("donor")
    age: str = column("age as the atlas labels it")
    age_months: float = column("age", unit="months", low=0)
    age_group: str = column("group in the comparison", nullable=True, among=["early", "late"])
    sex: str = column("sex", nullable=True)
    donor_source: str = column("how the donor of these cells is known")
    n_cells: int = column("cells of the unit", unit="cells", low=1)
    included: bool = column("has at least the minimum number of cells")
    gini_present: float = column("Gini coefficient over the parts present in the unit", low=0, high=1)
    gini_stratum: float = column("Gini coefficient over all parts of the stratum", low=0, high=1)
    hill_q0: float = column("parts present (Hill number of order 0)", unit="parts", low=1)
    hill_q1: float = column("effective number (Hill number of order 1)", unit="parts", low=1 - 1e-9)
    hill_q2: float = column("Hill number of order 2 (inverse Simpson)", unit="parts", low=1 - 1e-9)
    evenness: float = column("ln hill_q1 / ln hill_q0", low=0, high=1 + 1e-9, nullable=True)
    largest_share: float = column("largest share", low=0, high=1)
    coverage: float = column("Good-Turing sample coverage", low=0, high=1, nullable=True)
    hill_q1_corrected: float = column(
        "effective number, corrected for unseen parts (Chao, Wang & Jost 2013)",
        unit="parts",
        low=1 - 1e-9,
        nullable=True,
    )
    hill_q1_miller_madow: float = column(
        "effective number, Miller-Madow", unit="parts", low=1 - 1e-9, nullable=True
    )
    gini_rarefied: float = column(
        "Gini over parts present, expected at the common number of cells", low=0, high=1, nullable=True
    )
    hill_q1_rarefied: float = column(
        "effective number, expected at the common number of cells", unit="parts", low=1 - 1e-9, nullable=True
    )

    class Config(Table.Config):
        unique = UNIT


@step(Concentration)
def compute_metrics(composition: pd.DataFrame, *, min_cells: int, rarefaction_cells: int) -> pd.DataFrame:
    """Gini coefficient, Hill numbers, evenness and depth per donor and tissue"""
    measured = pd.concat(
        [
            concentration(rows, rarefaction_cells=rarefaction_cells).assign(cohort=cohort)
            for cohort, rows in composition.groupby("cohort", sort=False)
        ]
    )
    frame = measured.merge(composition[UNIT + ABOUT].drop_duplicates(), on=UNIT, validate="one_to_one")
    return frame.assign(included=frame["n_cells"] >= min_cells)
