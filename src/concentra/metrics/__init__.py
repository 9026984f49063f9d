"""How concentrated a composition is: functions of amounts (..., K) that give a float, or an array (...).

Every function takes one composition or many at once, parts along the last axis; an empty composition (all
amounts zero) gives NaN; negative or non-finite amounts are refused with their position. Nothing here knows
labels or files.

`gini`, `lorenz_curve`
    Inequality among the parts.
`hill_number`, `entropy`
    The effective number of parts, of any order.
`pielou_evenness`, `hill_ratio_evenness`
    Diversity relative to equal parts.
`berger_parker`, `top_share`, `herfindahl`
    What the largest parts hold.
`coverage`, `hill_q1_corrected`, `entropy_chao_wang_jost`, `hill_q1_miller_madow`, `entropy_miller_madow`
    What few cells hide: functions of counts.
`rarefied_hill`, `rarefied_gini`
    The value expected at a common number of cells.
`entropy_levels`, `gini_levels`
    The value over fine parts as terms between coarse parts and within them.
`METRICS`, `compute`, `Metric`
    The measures by name, as the columns of tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from numpy.typing import ArrayLike

from concentra.errors import ArgumentError, nearest
from concentra.metrics import depth, dominance, evenness
from concentra.metrics.checks import Measured, as_amounts, as_counts
from concentra.metrics.depth import (
    coverage,
    entropy_chao_wang_jost,
    entropy_miller_madow,
    hill_q1_corrected,
    hill_q1_miller_madow,
)
from concentra.metrics.dominance import berger_parker, herfindahl, top_share
from concentra.metrics.evenness import hill_ratio_evenness, pielou_evenness
from concentra.metrics.gini import DECLARED as _GINI
from concentra.metrics.gini import Support, gini
from concentra.metrics.hill import DECLARED as _HILL
from concentra.metrics.hill import entropy, hill_number
from concentra.metrics.levels import EntropyLevels, GiniLevels, entropy_levels, gini_levels
from concentra.metrics.lorenz import lorenz_curve
from concentra.metrics.metric import Metric
from concentra.metrics.rarefaction import rarefied_gini, rarefied_hill

__all__ = [
    "METRICS",
    "EntropyLevels",
    "GiniLevels",
    "Metric",
    "Support",
    "berger_parker",
    "compute",
    "coverage",
    "entropy",
    "entropy_chao_wang_jost",
    "entropy_levels",
    "entropy_miller_madow",
    "gini",
    "gini_levels",
    "herfindahl",
    "hill_number",
    "hill_q1_corrected",
    "hill_q1_miller_madow",
    "hill_ratio_evenness",
    "lorenz_curve",
    "pielou_evenness",
    "rarefied_gini",
    "rarefied_hill",
    "top_share",
]

_DECLARED = (*_GINI, *_HILL, *evenness.DECLARED, *dominance.DECLARED, *depth.DECLARED)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _DECLARED})
"""Every declared metric by its column name, in the order of tables.

:meta hide-value:
"""


def compute(amounts: ArrayLike, names: Iterable[str]) -> dict[str, Measured]:
    """Several metrics of the same compositions, which are validated once.

    Parameters
    ----------
    amounts
        One composition (K,) or many (..., K), not negative.
    names
        Names of declared metrics, keys of :data:`METRICS`.

    Returns
    -------
    The values by name, in the order asked: floats for one composition, arrays (...) for many.

    Raises
    ------
    ArgumentError
        A name is not declared.
    AmountError
        An amount is negative, NaN or infinite; or not whole although a metric among the names needs counts.

    Examples
    --------
    >>> compute([2, 1, 1], ["hill_q0", "herfindahl"])
    {'hill_q0': 3.0, 'herfindahl': 0.375}
    """
    metrics = [_declared(name) for name in names]
    validate = as_counts if any(metric.needs_counts for metric in metrics) else as_amounts
    array = validate(amounts)
    return {metric.name: metric.function(array, check=False) for metric in metrics}


def _declared(name: str) -> Metric:
    if name not in METRICS:
        raise ArgumentError(
            found=f"no metric is called {name!r}",
            expected="a name declared in concentra.metrics.METRICS",
            fix=nearest(name, METRICS),
        )
    return METRICS[name]
