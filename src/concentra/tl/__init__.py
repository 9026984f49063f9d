"""Analyses of a composition AnnData: each writes into it, under ``uns["concentra"]``, and returns None.

`concentration`
    How concentrated is each unit?
`lorenz`
    The Lorenz curve of every unit.
`contrast`
    Does concentration differ between groups?
`trend`
    Does concentration rise or fall along a number?
`drivers`
    Which parts drive the shift of a stratum?
`plane`
    Every stratum in the plane of the two shifts.
`multiverse`
    Would another defensible choice lead to another result?
`granularity`
    Does the direction of a change depend on how finely parts are cut?
`levels`
    On which level of a hierarchy does a change lie?

All take an AnnData of units × parts, as `concentra.pp.composition` makes it (or scCODA: names of units are then the
donors, and there is one stratum), or a MuData with `modality`. `concentra.get` returns what they stored. They call the
functions that `concentra.analyze` calls.
"""

from __future__ import annotations

from concentra.tl.concentration import concentration
from concentra.tl.contrast import contrast
from concentra.tl.drivers import drivers
from concentra.tl.granularity import granularity
from concentra.tl.levels import levels
from concentra.tl.lorenz import lorenz
from concentra.tl.multiverse import multiverse
from concentra.tl.plane import plane
from concentra.tl.trend import trend

__all__ = [
    "concentration", "contrast", "drivers", "granularity", "levels", "lorenz", "multiverse", "plane", "trend",
]  # fmt: skip
