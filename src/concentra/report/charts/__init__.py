"""Charts of the page as Vega-Lite, one file each: a function returns one specification, data inside.

A specification holds plain JSON. Text that comes from the user's data stands in data values, never in an expression,
so that no label can be code. Colours, shapes and their meaning are those of `concentra.pl`; text and axes take the
colour of the page's text, which makes one drawing fit the light page, the dark page and paper.
"""

from __future__ import annotations

from concentra.report.charts._shared import MADE, spread
from concentra.report.charts.composition import composition
from concentra.report.charts.donors import donors, strips
from concentra.report.charts.drivers import drivers
from concentra.report.charts.first_checkpoint import first_checkpoint
from concentra.report.charts.forest import forest
from concentra.report.charts.lorenz import lorenz
from concentra.report.charts.matrix import matrix
from concentra.report.charts.multiverse import multiverse
from concentra.report.charts.plane import plane
from concentra.report.charts.scales import scales
from concentra.report.charts.trajectory import trajectory
from concentra.report.charts.trend import trend

__all__ = [
    "MADE", "composition", "donors", "drivers", "first_checkpoint", "forest", "lorenz", "matrix", "multiverse", "plane",
    "scales", "spread", "strips", "trajectory", "trend",
]  # fmt: skip
