r"""The shift between two groups of donors, and how sure one can be, from counts of cells.

The unit is the donor. A draw resamples donors within each group (within strata such as sex, if given), then
cells within each donor drawn. At two to ten donors the percentiles of such draws are wrong in three ways;
each is mended here and checked by ``benchmarks/calibration.py``:

1. *Depth.* A donor's metric from m cells is biased, and resampling its cells doubles that bias. The bias is
   estimated as the mean over resamples minus the value and subtracted donor by donor; draws are centred on
   the corrected statistic. With equal cells in both groups it cancels; with unequal cells it does not.
2. *Width.* Resampling n donors gives (n - 1)/n of the variance between donors, and resampling cells adds a
   second time the noise of counting, which the donors' values already hold. How the two errors balance
   depends on n and on the cells: the nominal 95% interval with Hesterberg's expansion alone covers from 89
   to 96% at three donors. The deviations of each group are therefore scaled to the unbiased standard error,
   from the variance between the corrected values of its donors. For medians that is the standard error of
   the mean times that of the median of n normal values relative to their mean: medians of three resampled
   donors take too few values to tell their own spread.
3. *Tails.* Deviations are stretched by t(df) / z, the ratio of Student's to the normal quantile at the level
   asked, with Welch and Satterthwaite's degrees of freedom: Hesterberg's expansion, as a change of scale
   rather than of quantile, since tail quantiles of a few donors' means saturate at the extreme donor.

What remains of the bootstrap is what it alone can give: the shape of the distribution, and the joint
distribution of several metrics from the same draws.

The estimand is the difference between the two populations of donors in the mean (or median) of the metric
of a donor's *own* composition, known without counting noise. It exists for metrics that all parts of the
stratum enter (Gini over the stratum, Hill numbers of order >= 1). What is *present* depends on how many cells
are counted, even at the limit: for `gini_present` at unequal depths give `depth`, the common number of cells
at which expected values are compared.

References
----------
Hesterberg 2015, The American Statistician 69:371, section 4 (expanded percentiles). Davison & Hinkley 1997,
Bootstrap Methods and their Application, section 3.8 (hierarchical data). Welch 1947, Biometrika 34:28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats, Rng, at_least, between, one_of
from concentra.stats._design import counts_table, of_groups, of_pairs
from concentra.stats._groups import GroupDraws, Metrics, Scheme, draw_group, measured, resampled_cells

Statistic = Literal["mean", "median"]
Kind = Literal["interval", "range", "none"]


@dataclass(frozen=True, slots=True)
class ShiftInterval:
    """A shift, later minus earlier group, in one metric.

    Attributes
    ----------
    estimate
        Of the values as counted: the published kind of number.
    corrected
        Corrected for the depth of each donor; the centre of the interval.
    low, high
        The interval, or at two donors the range of shifts from any reference to any other donor; NaN for neither.
    level
        Nominal coverage of an interval.
    kind
        "interval"; "range" where a group has two donors (one degree of freedom); "none" where it has one.
    standard_error, df
        Of `corrected`, and its Welch-Satterthwaite degrees of freedom.
    n_reference, n_other
        Donors with cells (pairs, in both, where donors are paired).
    n_draws
        Bootstrap draws.
    reason
        Why it is not an interval, or what was left out; may be empty.
    """

    estimate: float
    corrected: float
    low: float
    high: float
    level: float
    kind: Kind
    standard_error: float
    df: float
    n_reference: int
    n_other: int
    n_draws: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ShiftDraws:
    """Shifts in several metrics from the same draws.

    Attributes
    ----------
    shifts
        A `ShiftInterval` for each metric, by name.
    draws
        The joint cloud, shape (n_draws, M) in the order of `shifts`: its quantiles are the intervals. NaN
        where a group has one donor.
    """

    shifts: dict[str, ShiftInterval]
    draws: Floats

    def __getitem__(self, name: str) -> ShiftInterval:
        return self.shifts[name]


def bootstrap_shift(
    reference: ArrayLike,
    other: ArrayLike,
    metrics: Metrics,
    *,
    rng: Rng,
    statistic: Statistic = "median",
    level: float = 0.95,
    n_draws: int = 10_000,
    paired: bool = False,
    strata_reference: Sequence[Any] | None = None,
    strata_other: Sequence[Any] | None = None,
    depth: int | None = None,
    correct_bias: bool = True,
) -> ShiftDraws:
    r"""The shift between two groups of donors with intervals that hold at three to ten donors.

    Parameters
    ----------
    reference, other
        Cells counted, shapes (n1, K) and (n2, K): donors by parts. Donors without cells are left out.
    metrics
        Functions of counts (..., K) to values (...), by name; all are computed on the same draws.
    rng
        A seed or a Generator; the same seed gives the same bytes.
    statistic
        Over donors: "median", as published, or "mean". Where paired, over the differences within pairs.
    level
        Nominal coverage.
    n_draws
        Bootstrap draws.
    paired
        Row i of both is the same donor: pairs are resampled, then cells in both halves.
    strata_reference, strata_other
        A label (sex) for each donor: donors are resampled within it, and the shift is the mean over strata
        in both groups of the shift within each, weighted by n1 n2 / (n1 + n2). For pairs
        `strata_reference` alone, weighted by the number of pairs.
    depth
        Compare expected values at this number of cells, drawn without replacement, instead of correcting the
        bias: for metrics that depend on what is present. Donors with fewer cells are left out.
    correct_bias
        False for metrics that are depth-corrected already.

    Returns
    -------
    ShiftDraws
        Coverage of nominal 95% intervals in simulations is in ``docs/calibration.md``: .93 to .98 from
        three donors a group.

    Examples
    --------
    >>> from concentra.metrics import hill_number
    >>> reference = [[50, 50, 50], [60, 50, 40], [40, 55, 55]]
    >>> other = [[120, 20, 10], [110, 30, 10], [100, 30, 20]]
    >>> result = bootstrap_shift(reference, other, {"hill_q1": hill_number}, rng=1, statistic="mean")
    >>> shift = result["hill_q1"]
    >>> round(shift.estimate, 2), shift.kind, shift.high < 0
    (-0.87, 'interval', True)
    """
    one_of(statistic, ("mean", "median"), "statistic")
    at_least(n_draws, 100, "n_draws")
    between(level, 0, 1, "level")
    if depth is not None:
        at_least(depth, 1, "depth")
    generator = np.random.default_rng(rng)
    tables = (counts_table(reference, "reference"), counts_table(other, "other"))
    if tables[0].shape[1] != tables[1].shape[1] or (paired and tables[0].shape != tables[1].shape):
        raise ArgumentError(
            found=f"reference of shape {tables[0].shape} and other of shape {tables[1].shape}",
            expected="the same parts in both, and the same donors where paired",
            fix="give every part a column in both, 0 where it is absent",
        )
    minimum = 1 if depth is None else depth
    groups = (
        of_pairs(tables, strata_reference, minimum)
        if paired
        else of_groups(tables, strata_reference, strata_other, minimum)
    )
    drawn = [
        draw_group(
            cells, metrics, Scheme(statistic, n_draws, depth, correct_bias, members, weights), generator
        )
        for cells, members, weights in groups.parts
    ]
    reference_draws, other_draws = (None, drawn[0]) if paired else (drawn[0], drawn[1])
    return _compare(reference_draws, other_draws, tuple(metrics), level, groups.reason)


def correct_for_depth(
    counts: ArrayLike, metrics: Metrics, *, rng: Rng, depth: int | None = None, n_replicates: int = 1_000
) -> dict[str, Floats]:
    """Each donor's metric without the bias of few cells, as `bootstrap_shift` centres on.

    Parameters
    ----------
    counts
        Cells counted, shape (n, K).
    metrics, rng, depth
        As in `bootstrap_shift`: twice the value less the mean over resampled cells, or the expected value at
        `depth` cells.
    n_replicates
        Samples of each donor's cells.

    Returns
    -------
    dict
        Values (n,) by metric; NaN for donors without cells, or with fewer than `depth`.

    Examples
    --------
    >>> from concentra.metrics import hill_number
    >>> correct_for_depth([[3, 3, 3], [0, 0, 0]], {"hill_q1": hill_number}, rng=1)["hill_q1"].round(1)
    array([3.3, nan])
    """
    table, generator = counts_table(counts, "counts"), np.random.default_rng(rng)
    values = np.full((table.shape[0], len(metrics)), np.nan)
    for donor in np.flatnonzero(table.sum(axis=1) >= (1 if depth is None else at_least(depth, 1, "depth"))):
        row = (table[donor],)
        mean = resampled_cells(
            row, at_least(n_replicates, 1, "n_replicates"), metrics, depth, generator
        ).mean(0)
        own = measured(tuple(counts[None] for counts in row), metrics)[0]
        values[donor] = mean if depth is not None else 2 * own - mean
    return dict(zip(metrics, values.T, strict=True))


def _compare(
    reference: GroupDraws | None, other: GroupDraws, names: tuple[str, ...], level: float, reason: str
) -> ShiftDraws:
    """Subtract the groups; without a reference one, the draws are of differences within pairs."""
    zero = np.zeros(len(names))
    parts = [other] if reference is None else [reference, other]
    estimate = other.plug_in - (zero if reference is None else reference.plug_in)
    corrected = other.corrected - (zero if reference is None else reference.corrected)
    least = other.lowest - (zero if reference is None else reference.highest)
    most = other.highest - (zero if reference is None else reference.lowest)
    deviations = other.deviations - (0.0 if reference is None else reference.deviations)
    error = np.sqrt(np.sum([part.standard_error**2 for part in parts], axis=0))
    df = _welch_df(parts, error)
    kind, why = _kind(parts)
    stretch = (
        stdtrit(df, (1 + level) / 2) / ndtri((1 + level) / 2) if kind == "interval" else np.ones_like(df)
    )
    draws = corrected + stretch * deviations
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    n_reference, n_other = (other if reference is None else reference).n_donors, other.n_donors
    shifts = {}
    for column, name in enumerate(names):
        own, said = _defined(kind, why, draws[:, column])
        bounds = {"interval": (low, high), "range": (least, most), "none": (zero * np.nan, zero * np.nan)}[
            own
        ]
        shifts[name] = ShiftInterval(
            estimate=float(estimate[column]),
            corrected=float(corrected[column]),
            low=float(bounds[0][column]),
            high=float(bounds[1][column]),
            level=level,
            kind=own,
            standard_error=float(error[column]),
            df=float(df[column]),
            n_reference=n_reference,
            n_other=n_other,
            n_draws=draws.shape[0],
            reason="; ".join(filter(None, [reason, said])),
        )
    return ShiftDraws(shifts, draws)


def _welch_df(parts: list[GroupDraws], error: Floats) -> Floats:
    """Satterthwaite's degrees of freedom; those of the smaller group where no donor differs."""
    least = float(min(part.df for part in parts))
    spread = np.sum([part.standard_error**4 / max(part.df, 1) for part in parts], axis=0)
    return np.asarray(np.divide(error**4, spread, out=np.full_like(error, least), where=spread > 0))


def _kind(parts: list[GroupDraws]) -> tuple[Kind, str]:
    df = min(part.df for part in parts)
    if df >= 2:
        return "interval", ""
    if df == 1:
        return "range", "one degree of freedom in a group (two donors): the range of shifts, not an interval"
    return "none", "one donor in a group: no interval"


def _defined(kind: Kind, reason: str, draws: Floats) -> tuple[Kind, str]:
    if kind != "none" and not np.isfinite(draws).all():
        return "none", "the metric is not defined for some resampled donors"
    return kind, reason
