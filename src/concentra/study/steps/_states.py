"""Columns that the tables of steps 08 to 13 share."""

from __future__ import annotations

from concentra.analysis.contrast import DIRECTIONS, VERDICTS
from concentra.study.declare import Table, column

METRICS = ("gini_present", "hill_q1")
RESOLUTION = "Leiden resolution; 0 for annotated cell types, which were not clustered"


class UnitTable(Table):
    """Concentration of one donor over clusters."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    resolution: float = column(RESOLUTION, low=0)
    donor: str = column("donor")
    age_group: str = column("group in the comparison", among=["early", "late", "treated"])
    n_cells: int = column("cells", unit="cells", low=1)
    gini_present: float = column("Gini coefficient over the clusters present", low=0, high=1)
    gini_stratum: float = column("the same, absent clusters as zeros", low=0, high=1)
    hill_q0: float = column("clusters present", unit="parts", low=1)
    hill_q1: float = column("effective number", unit="parts", low=1 - 1e-9)
    hill_q1_corrected: float = column("the same, corrected for depth", unit="parts", nullable=True)


class ShiftTable(Table):
    """Late against early donors, one metric at one resolution."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    resolution: float = column(RESOLUTION, low=0)
    metric: str = column("metric", among=METRICS)
    n_early: int = column("young donors", unit="donors", low=0)
    n_late: int = column("old donors", unit="donors", low=0)
    early: float = column("median over young donors", nullable=True)
    late: float = column("median over old donors", nullable=True)
    shift: float = column("late - early", nullable=True)
    null_low: float = column("central range of the shift when donors' labels are exchanged", nullable=True)
    null_high: float = column("central range of the shift when donors' labels are exchanged", nullable=True)
    p_permutation: float = column(
        "share of exchanges with a shift as large, two-sided", low=0, high=1, nullable=True
    )
    p_value: float = column("exact two-sided Mann-Whitney", low=0, high=1, nullable=True)
    p_attainable: float = column("smallest that these donors allow", low=0, high=1, nullable=True)
    p_adjusted: float = column("Benjamini-Hochberg over the family", low=0, high=1, nullable=True)
    n_family: int = column("tests in the family", low=0)
    direction: str = column("quadrant of both shifts", nullable=True, among=DIRECTIONS)
    verdict: str = column("what can be said of both shifts", among=VERDICTS)
