"""Simulated cells in the layout of the rat atlas, with a planted rescue: stand in where the real ones are absent."""

from concentra.study.cohorts._matrix import Expression, Simulation
from concentra.study.cohorts._rat import COLUMNS, GROUPS, LEVELS

COHORT = Expression(
    name="simulated_rat",
    title="simulated in the layout of the rat atlas",
    citation="simulated by concentra.simulate",
    licence="MIT",
    obtain="nothing to get: it is simulated in every run",
    find=lambda data: [],
    order=9,
    simulated=True,
    simulation=Simulation("rat_cr", n_cells=6_000, n_genes=100, n_counts=50),
    columns=COLUMNS,
    groups=GROUPS,
    levels=LEVELS,
)
