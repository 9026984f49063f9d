"""Simulated cells in the layout of Tabula Muris Senis, with planted shifts: stand in where the real ones are absent."""

from concentra.study.cohorts._matrix import Expression, Simulation
from concentra.study.cohorts._tms_matrix import CLUSTERED, COLUMNS, FACS, LEVELS

COHORT = Expression(
    name="simulated_tms",
    title="simulated in the layout of Tabula Muris Senis",
    citation="simulated by concentra.simulate",
    licence="MIT",
    obtain="nothing to get: it is simulated in every run",
    find=lambda data: [],
    order=7,
    simulated=True,
    simulation=Simulation("tms_facs", n_cells=12_000, n_genes=500, n_counts=500),
    columns=COLUMNS,
    groups=FACS,
    levels=LEVELS,
    clustered=CLUSTERED,
)
