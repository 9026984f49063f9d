"""Pictures of what `concentra.tl` stored: each takes and returns Axes, and computes nothing.

`forest`
    The shift of every stratum with its interval.
`plane`
    Every stratum in the plane of the two shifts, with joint regions and null clouds.
`composition`
    Stacked bars of the composition of every donor.
`donors`
    Every donor as a point by group, with the estimate and its interval.
`drivers`
    The parts that drive one stratum's shift.
`trend`
    A metric of every unit along a numeric axis.
`lorenz`
    Lorenz curves of the units of one stratum.
`specification_curve`
    The shift under every defensible choice.
`head_trajectory`
    A metric of a model's head importance along training, with its interval and the level of noise.
`levels`
    The effect at every level of a hierarchy of parts.
`power`
    Power against the number of donors.
`few_donors`
    What small studies drawn from a large one conclude.

All take an `Analysis`, an AnnData with the stored result, or its frame as `concentra.get` returns it;
`head_trajectory` takes the frame of `concentra.analysis.trajectory.follow`. Without `ax` one is made.
"""

from __future__ import annotations

from concentra.pl.composition import composition
from concentra.pl.donors import donors
from concentra.pl.drivers import drivers
from concentra.pl.few_donors import few_donors
from concentra.pl.forest import forest
from concentra.pl.head_trajectory import head_trajectory
from concentra.pl.levels import levels
from concentra.pl.lorenz import lorenz
from concentra.pl.plane import plane
from concentra.pl.power import power
from concentra.pl.specification_curve import specification_curve
from concentra.pl.trend import trend

__all__ = [
    "composition", "donors", "drivers", "few_donors", "forest", "head_trajectory", "levels", "lorenz",
    "plane",
    "power", "specification_curve", "trend",
]  # fmt: skip
