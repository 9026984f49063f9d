"""Simulated cells in the layout of Kimmel 2019, with planted shifts: stand in where the real ones are absent."""

from concentra.study.cohorts._kimmel import COLUMNS, GROUPS, LEVELS
from concentra.study.cohorts._matrix import Expression, Simulation

COHORT = Expression(
    name="simulated_kimmel",
    title="simulated in the layout of Kimmel 2019",
    citation="simulated by concentra.simulate",
    licence="MIT",
    obtain="nothing to get: it is simulated in every run",
    find=lambda data: [],
    order=8,
    simulated=True,
    simulation=Simulation("kimmel2019", n_cells=6_000, n_genes=500, n_counts=500),
    columns=COLUMNS,
    groups=GROUPS,
    levels=LEVELS,
)
