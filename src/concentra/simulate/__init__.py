"""Atlases with planted shifts: what is found in them can be compared with what was put there.

`labels`
    Cells as labels only, a table: `simulate_labels`.
`plan`
    The planted compositions and their exact concentration: `PlantedShift`.
"""

from __future__ import annotations

from concentra.simulate.labels import DEFAULT_SEED, SimulatedCells, simulate_labels
from concentra.simulate.plan import PlantedShift, direction, geometric, tiers

__all__ = [
    "DEFAULT_SEED",
    "PlantedShift",
    "SimulatedCells",
    "direction",
    "geometric",
    "simulate_labels",
    "tiers",
]
