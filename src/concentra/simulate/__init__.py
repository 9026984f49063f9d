"""Atlases with planted shifts: what is found in them can be compared with what was put there.

`simulate_labels`
    Cells as labels only, a table (`concentra.simulate.labels`).
`simulate_atlas`
    A real `.h5ad` of any size in the layout of a cohort, truth beside it (`concentra.simulate.atlas`).
`is_simulated`
    Whether a file is one of these, whatever it is called (`concentra.simulate.writer`).
`PlantedShift`, `PlantedTissue`
    What is planted, and its concentration computed exactly (`concentra.simulate.plan`, `.tissues`).
`LAYOUTS`
    Columns, groups and tissues of each cohort's file (`concentra.simulate.layouts`).
"""

from __future__ import annotations

from concentra.simulate.atlas import simulate_atlas, truth_path
from concentra.simulate.labels import DEFAULT_SEED, SimulatedCells, default_plan, simulate_labels
from concentra.simulate.layouts import LAYOUTS, Layout
from concentra.simulate.plan import PlantedShift, direction, geometric, tiers
from concentra.simulate.tissues import PlantedTissue
from concentra.simulate.writer import is_simulated

__all__ = [
    "DEFAULT_SEED",
    "LAYOUTS",
    "Layout",
    "PlantedShift",
    "PlantedTissue",
    "SimulatedCells",
    "default_plan",
    "direction",
    "geometric",
    "is_simulated",
    "simulate_atlas",
    "simulate_labels",
    "tiers",
    "truth_path",
]
