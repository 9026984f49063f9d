"""Does concentration rise or fall along a number (age)? Ranks that assume nothing, beside the model of `contrast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.concentration import aligned
from concentra.design.design import Design, Stratum
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.streams import stream
from concentra.stats.trend import spearman_test, theil_sen
from concentra.tables import Table, column

METRICS = (
    "gini_present", "hill_q1", "gini_stratum", "hill_q0", "hill_q2", "hill_q1_corrected", "gini_rarefied",
    "hill_q1_rarefied",
)  # fmt: skip
Floats = NDArray[np.float64]


class Trend(Table):
    """The trend of each metric along a number, donors as units."""

    contrast: str = column("the question")
    along: str = column("the axis, with its unit")
    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    n_donors: int = column("donors with a value", unit="donors", low=0)
    n_places: int = column("different places on the axis among them", low=0)
    places: str = column("these places", nullable=True)
    slope: float = column("Theil-Sen slope", unit="metric per unit of the axis", nullable=True)
    intercept: float = column("median of value - slope * place: the line drawn", unit="metric", nullable=True)
    slope_low: float = column("Sen's exact interval", unit="metric per unit of the axis", nullable=True)
    slope_high: float = column("Sen's exact interval", unit="metric per unit of the axis", nullable=True)
    interval: str = column(
        "what they are: a range where the level cannot be attained", among=["interval", "range", "none"]
    )
    attained_level: float = column("coverage that the interval guarantees", low=0, high=1, nullable=True)
    correlation: float = column(
        "Spearman's rank correlation with the axis", low=-1 - 1e-9, high=1 + 1e-9, nullable=True
    )
    p_exact: float = column("two-sided permutation test of the correlation", low=0, high=1, nullable=True)
    p_exact_attainable: float = column("smallest p these donors and ties allow", low=0, high=1, nullable=True)
    n_arrangements: int = column("arrangements of places over donors compared", low=0)
    sampled: bool = column("arrangements were sampled instead of enumerated")
    p_exact_adjusted: float = column("Benjamini-Hochberg over the tissues", low=0, high=1, nullable=True)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "metric"]


def trend(design: Design, units: pd.DataFrame) -> pd.DataFrame:
    """The trend of each metric along the axis of the question in every stratum, one value a donor.

    Several samples of a donor are averaged, places on the axis too.

    Parameters
    ----------
    design
        A question with a trend.
    units
        As `concentra.analysis.concentration.concentration` returns it.

    Returns
    -------
    One row a (stratum, metric): the columns of `Trend`.

    Examples
    --------
    >>> from concentra.analysis.concentration import concentration
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame([("lung", f"{age}-{n}", f"{age}m", part, 50 + sign * (age + n)) for age in (3, 24)
    ...     for n in range(4) for part, sign in (("B", 1), ("T", -1))],
    ...     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> composition = from_table(rows)
    >>> found = trend(resolve(composition, Question(trend="age")), concentration(composition)).iloc[0]
    >>> found["along"], round(float(found["p_exact"]), 4), bool(found["slope"] > 0)
    ('age (months)', 0.0286, True)
    """
    known = aligned(units, design.composition)
    rows = []
    for stratum in design.strata:
        for metric in METRICS:
            values = known[metric].to_numpy(dtype=np.float64)[stratum.rows]
            if not np.isnan(values).all():
                rng = stream(design.settings.seed, "trend", stratum.name, metric)
                rows.append(
                    {"stratum": stratum.name, "metric": metric} | _followed(design, stratum, values, rng)
                )
    frame = pd.DataFrame(rows)
    if frame.empty:
        return Trend.empty()
    for _, family in frame.groupby("metric"):
        found = benjamini_hochberg(family["p_exact"], family["p_exact_attainable"], design.settings.alpha)
        frame.loc[family.index, "p_exact_adjusted"] = found.p_adjusted
    return frame.assign(contrast=design.name, along=design.axis_title)[list(Trend.columns())]


def _followed(design: Design, stratum: Stratum, values: Floats, rng: np.random.Generator) -> dict[str, Any]:
    assert stratum.axis is not None
    kept = ~np.isnan(values)
    frame = pd.DataFrame({"donor": stratum.donor[kept], "place": stratum.axis[kept], "value": values[kept]})
    known = frame.groupby("donor", sort=True).mean()
    slope = theil_sen(known["place"], known["value"], level=design.settings.level)
    test = spearman_test(known["place"], known["value"], rng=rng, n_random=design.settings.n_random)
    places = sorted(known["place"].unique())
    return {
        "n_donors": len(known),
        "n_places": len(places),
        "places": ", ".join(f"{place:g}" for place in places) or None,
        "slope": slope.slope,
        "intercept": slope.intercept,
        "slope_low": slope.low,
        "slope_high": slope.high,
        "interval": slope.kind,
        "attained_level": slope.attained_level,
        "correlation": test.correlation,
        "p_exact": test.p_value,
        "p_exact_attainable": test.p_attainable,
        "n_arrangements": test.n_arrangements,
        "sampled": not test.exact,
    }
