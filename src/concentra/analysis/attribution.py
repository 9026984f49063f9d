r"""What each part contributes to the shift between two groups of donors: an attribution that adds up, with intervals.

What is attributed is the difference of the *means over donors* of a metric, `mean F(other) - mean F(reference)`.
Every reference donor i is paired with every other donor j, the shift between the two compositions is attributed
exactly (`concentra.stats.attribution`), and the `n_reference * n_other` attributions are averaged:

.. math:: C_k = \frac{1}{n_p n_q} \sum_{i,j} c_k(p_i, q_j), \qquad
          \sum_k C_k = \frac{1}{n_q}\sum_j F(q_j) - \frac{1}{n_p}\sum_i F(p_i)

Two other shifts are near it and are not it; `Attributed.shifts` gives all three. The *shift of medians* over
donors is the published number, and belongs to the one or two donors in the middle of each group: no average
of attributions sums to it. The *shift between mean compositions* could be attributed too, but a mean
composition is more even than the donors it is made of.

Donors of one group differ too, and a pair attributes all that differs between its two. Where the groups are
alike, these differences cancel on average, because exchanging the groups negates every contribution. Where
they are not, a part may contribute although the mean of its share stays, if it varies together with the
others.

Intervals resample donors within each group (`concentra.stats.pairs`); cells are never the unit. With two
donors in a group they are the range over pairs of donors, with one there are none: column `interval` tells which.
Nominal 95% intervals cover .93 to .99 in simulations of three to six Dirichlet-multinomial donors a group;
that of the number of parts covers .72 at three donors, because often no part is lost or gained between them.

Log-ratio changes stand beside the contributions: the change of the mean over donors of the centred log-ratio,
over the parts that any compared donor has, with absent parts at `zero` (half a cell) by multiplicative
replacement (`concentra.stats.log_ratio`). For a part that is rare or absent in many donors it says more of
that choice than of the part: read it beside `share_change`.

References
----------
Aumann R. J., Shapley L. S. (1974). Values of Non-Atomic Games. Princeton University Press.
Hesterberg T. C. (2015). What teachers should know about the bootstrap. Am. Stat. 69:371, section 4.
Aitchison J. (1982). The statistical analysis of compositional data. J. R. Stat. Soc. B 44:139.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.lineages import lineage_of
from concentra.errors import ArgumentError, LabelError, nearest
from concentra.metrics import METRICS as MEASURES
from concentra.metrics import entropy
from concentra.stats.attribution import ATTRIBUTIONS
from concentra.stats.log_ratio import centred_log_ratio
from concentra.stats.pairs import PairDraws, adjusted_interval, draw_pairs

Floats = NDArray[np.float64]

NUMBER_OF_PARTS = "(number of parts)"
"""The row of `gini_present` for the appearance and loss of parts, which belongs to no one part."""

METRICS = ("gini_present", "hill_q1")
"""Whose shift is attributed."""
ZERO = 0.5
"""Cells that stand for an absent part, in log-ratios only."""
INTERVALS = ("interval", "range", "none")

_NO_SHIFT = 1e-12


@dataclass(frozen=True)
class Attributed:
    """The attributions of all pairs of donors of one stratum, and resamples of the donors; tables are
    methods.

    Attributes
    ----------
    parts
        Names of the parts, (K,).
    reference, other
        Amounts of the donors of both groups, (n_reference, K) and (n_other, K).
    pairs
        For each metric the contributions (n_reference, n_other, K + 1); the last is that of the number of parts.
    draws
        Resampled weights of the donors, the same for all tables.
    zero
        The amount that stands for an absent part in log-ratios.
    """

    parts: tuple[str, ...]
    reference: Floats
    other: Floats
    pairs: Mapping[str, Floats]
    draws: PairDraws
    zero: float

    def by_part(self, lineages: Mapping[str, str] | None = None) -> pd.DataFrame:
        """One row per metric and part; the columns are those of `concentra.analysis.drivers.Drivers`."""
        table = self._table(self.parts, "part")
        table.insert(2, "lineage", lineage_of(table["part"], lineages=lineages))
        table.loc[table["part"] == NUMBER_OF_PARTS, "lineage"] = NUMBER_OF_PARTS
        return table

    def by_lineage(
        self, *, level: str = "lineage", lineages: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """One row per metric and lineage: shares and contributions summed, with intervals from the same
        draws.

        Parameters
        ----------
        level
            `"lineage"`, `"stage"` or `"compartment"`; also the name of the column instead of `part`,
            `lineage`.
        lineages
            From part to lineage, instead of the declared mapping; `level` then only names the column.
        """
        return self._table(lineage_of(self.parts, level=level, lineages=lineages), level)

    def shifts(self) -> pd.DataFrame:
        """One row per metric: the shift that is attributed, and its two neighbours.

        Returns
        -------
        Columns `metric`; `shift_of_means`, what the contributions sum to, with `low` and `high`;
        `shift_of_medians`, the published kind; `shift_of_mean_compositions`; `n_reference`, `n_other`, `interval`.
        """
        rows = []
        for metric in self.pairs:
            measure = entropy if metric == "entropy" else MEASURES[metric].function
            early, late = measure(self.reference), measure(self.other)
            low, high = self.draws.interval((late - early[:, None])[..., None])
            mean_early, mean_late = (_closed(end).mean(axis=0) for end in (self.reference, self.other))
            rows.append(
                {
                    "metric": metric,
                    "shift_of_means": late.mean() - early.mean(),
                    "low": low[0],
                    "high": high[0],
                    "shift_of_medians": np.median(late) - np.median(early),
                    "shift_of_mean_compositions": measure(mean_late) - measure(mean_early),
                    **self._design(),
                }
            )
        return pd.DataFrame(rows)

    def _table(self, groups: Sequence[str], name: str) -> pd.DataFrame:
        labels, place = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
        shared = self._share_columns(place)
        tables = []
        for metric, pairs in self.pairs.items():
            grouped = np.concatenate([_summed(pairs[..., :-1], place), pairs[..., -1:]], axis=-1)
            low, high = self.draws.interval(grouped)
            contribution = grouped.mean(axis=(0, 1))
            total = contribution.sum()
            n_family = len(labels) + (metric == "gini_present")
            low_adjusted, high_adjusted = adjusted_interval(
                grouped, level=self.draws.level, n_family=n_family
            )
            rows = {
                "metric": metric,
                name: [*labels, NUMBER_OF_PARTS],
                **shared,
                "contribution": contribution,
                "low": low,
                "high": high,
                "low_adjusted": low_adjusted,
                "high_adjusted": high_adjusted,
                "fraction_of_shift": contribution / total if abs(total) > _NO_SHIFT else np.nan,
                **self._design(),
            }
            tables.append(_ordered(pd.DataFrame(rows), name, metric == "gini_present"))
        return pd.concat(tables, ignore_index=True)

    def _share_columns(self, place: NDArray[np.int64]) -> dict[str, Floats]:
        """Columns that do not depend on the metric; NaN in the last row, for the number of parts."""
        early, late = _summed(self.reference, place), _summed(self.other, place)
        columns = {"share_reference": _closed(early).mean(axis=0), "share_other": _closed(late).mean(axis=0)}
        ratios = _log_ratios(early, late, self.zero)
        for name, ends in (("share_change", (_closed(early), _closed(late))), ("clr_change", ratios)):
            low, high = self.draws.interval(ends[1][None] - ends[0][:, None])
            change = ends[1].mean(axis=0) - ends[0].mean(axis=0)
            columns |= {name: change, f"{name}_low": low, f"{name}_high": high}
        return {name: np.append(values, np.nan) for name, values in columns.items()}

    def _design(self) -> dict[str, int | str]:
        return {"n_reference": len(self.reference), "n_other": len(self.other), "interval": self.draws.kind}


def pair_donors(
    parts: Sequence[str],
    reference: Floats,
    other: Floats,
    *,
    metrics: Iterable[str] = METRICS,
    n_draws: int = 10_000,
    level: float = 0.95,
    zero: float = ZERO,
    rng: np.random.Generator | int,
) -> Attributed:
    """The attributions of all pairs of donors and the draws, from which every table is made.

    Parameters
    ----------
    parts
        Names of the parts, (K,).
    reference, other
        Amounts of the donors of both groups, (n, K) each; parts that no donor has are left out.
    metrics
        Of `gini_present`, `gini_stratum`, `hill_q1`, `entropy`.
    n_draws, level
        Resamples of donors, and the confidence level.
    zero
        The amount that stands for an absent part in log-ratios only: half a cell.
    rng
        A seed or a Generator.

    Raises
    ------
    ArgumentError, LabelError
        A metric that cannot be attributed; a part called as the row for the number of parts.

    Examples
    --------
    >>> drivers = pair_donors(["granulocyte", "naive B cell"], np.array([[50.0, 50]]), np.array([[75.0, 25]]),
    ...                       metrics=["gini_stratum"], rng=1)
    >>> drivers.by_lineage()[["lineage", "contribution"]].values.tolist()
    [['B', 0.15625], ['myeloid', 0.09375]]
    """
    names = tuple(metrics)
    for name in names:
        if name not in ATTRIBUTIONS:
            raise ArgumentError(
                found=f"metric {name!r}",
                expected=f"metrics whose shift can be attributed: {', '.join(ATTRIBUTIONS)}",
                fix=nearest(name, ATTRIBUTIONS),
            )
    known = np.asarray((np.vstack([reference, other]) > 0).any(axis=0))
    kept = tuple(str(part) for part, one in zip(parts, known, strict=True) if one)
    first, second = (np.asarray(side, dtype=np.float64)[:, known] for side in (reference, other))
    if NUMBER_OF_PARTS in kept:
        raise LabelError(
            found=f"a part called {NUMBER_OF_PARTS!r}",
            expected="another name: this one is the row for the number of parts",
            fix="rename the part",
        )
    draws = draw_pairs(len(first), len(second), rng=rng, n_draws=n_draws, level=level)
    return Attributed(
        kept, first, second, {name: _pairwise(name, first, second) for name in names}, draws, zero
    )


def _summed(amounts: Floats, place: NDArray[np.int64]) -> Floats:
    """Amounts (..., K) summed over the parts of each group, whose number `place` (K,) gives."""
    n_parts, n_groups = len(place), int(place.max()) + 1
    if n_groups == n_parts:
        return np.ascontiguousarray(amounts[..., np.argsort(place)]) + 0.0  # no negative zeros, as in sums
    return np.asarray(amounts @ np.eye(n_groups)[place])


def _pairwise(metric: str, reference: Floats, other: Floats) -> Floats:
    """Contributions of every pair of donors, (n_reference, n_other, K + 1)."""
    contributions = ATTRIBUTIONS[metric](reference[:, None, :], other[None, :, :])
    missing = reference.shape[1] + 1 - contributions.shape[-1]
    return np.pad(contributions, [(0, 0), (0, 0), (0, missing)])


def _log_ratios(reference: Floats, other: Floats, zero: float) -> tuple[Floats, Floats]:
    """Centred log-ratios over the parts that any compared donor has."""
    ratios = np.asarray(centred_log_ratio(np.vstack([reference, other]), zero=zero))
    return ratios[: len(reference)], ratios[len(reference) :]


def _ordered(rows: pd.DataFrame, name: str, with_number_of_parts: bool) -> pd.DataFrame:
    """Largest contributions first, ties by name; the number of parts last, or not at all."""
    parts, number = rows.iloc[:-1], rows.iloc[-1:]
    order = np.lexsort([parts[name].to_numpy(dtype=str), -parts["contribution"].abs().to_numpy()])
    return pd.concat([parts.iloc[order], number]) if with_number_of_parts else parts.iloc[order]


def _closed(amounts: Floats) -> Floats:
    return np.asarray(amounts / amounts.sum(axis=1, keepdims=True))
