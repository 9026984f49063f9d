"""How much of an ageing shift does a treatment undo, and is that evidence?

With few animals the rescued share looks large under no effect: the old group stands in both contrasts, so that
an old group which by chance lies apart is "rescued" by any other. `rescue` gives the share with what is needed
to judge it: both contrasts with intervals, the range over donors, and the permutation of all three labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial, prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.design.design import Design, Stratum
from concentra.errors import DesignError
from concentra.metrics import METRICS
from concentra.stats.bootstrap import bootstrap_shift
from concentra.stats.streams import stream

GROUPS = ("young", "old", "treated")
DEFAULT_METRICS = ("gini_present", "hill_q1")
ALL_UP_TO = 100_000
TOLERANCE = 1e-9
BLOCK_VALUES = 4_000_000

Floats = NDArray[np.float64]
Counts = dict[str, NDArray[np.int64]]


def rescued_share(young: Floats, old: Floats, treated: Floats) -> Floats:
    r"""The share of the ageing shift that treatment undoes, `(O - CR) / (O - Y)`.

    0: treated are as old ones; 1: as young ones; above 1: beyond young; below 0: further than old. NaN where
    there is no ageing shift.

    >>> rescued_share(np.array([1.0]), np.array([3.0]), np.array([2.0])).tolist()
    [0.5]
    """
    ageing = np.asarray(old, dtype=np.float64) - young
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(ageing == 0, np.nan, (old - treated) / ageing))


def rescue(
    design: Design, *, metrics: Sequence[str] = DEFAULT_METRICS, n_random: int = 9_999
) -> pd.DataFrame:
    r"""The rescued share in every stratum and metric, with what it takes to judge it.

    Parameters
    ----------
    design
        Three groups: the reference is young (Y), then old (O), then treated (CR). `settings`: `level`, the coverage of
        intervals, of which those of the two contrasts hold jointly: each is taken at (1 + level) / 2 (Bonferroni);
        `n_draws`, draws of both bootstraps; `seed`.
    metrics
        Names of metrics of counts.
    n_random
        Random arrangements of labels where there are more than 100,000.

    Returns
    -------
    DataFrame, one row a (stratum, metric):

    - `n_young`, `n_old`, `n_treated`; the medians `young`, `old`, `treated`; `ageing_shift` = O - Y,
      `treatment_shift` = CR - O, `rescue` = (O - CR) / (O - Y).
    - `ageing_low`, `ageing_high`, `treatment_low`, `treatment_high`, `contrast_kind`: over donors, "interval"
      from three donors a group; at two the "range" over pairs of donors; "none" at one
      (`concentra.stats.bootstrap`).
    - `rescue_donor_low`, `rescue_donor_high`: the range of the share over all choices of one donor a group.
    - `rescue_cell_low`, `rescue_cell_high`, `probability_cells`: interval of the share, and P(rescue > 0), when
      only cells are resampled within the same donors. They say how precisely these animals were measured,
      nothing about other animals.
    - `null_rescue_median`, `null_positive`: median of the share, and how often it is positive, over all
      arrangements of the three labels over the donors.
    - `p_permutation`, `p_attainable`, `n_arrangements`: how often an arrangement sets old apart from both
      others at least as far as observed, by :math:`\min(|O - Y|, |O - CR|)`, negative where the two differ in
      sign; the smallest p that these donors allow; and how many arrangements there are.

    Raises
    ------
    DesignError
        A stratum in which a group has no donor with cells.

    Notes
    -----
    Resampling cells adds the bias of the plug-in once more; each donor's draws are moved so that their mean is
    the observed value. p counts the observed arrangement (Phipson & Smyth 2010, Statistical Applications in
    Genetics and Molecular Biology 9:39). At two donors a group there are 90 arrangements, and exchanging young
    and treated changes nothing: p is at least 2 / 90.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, Settings, resolve
    >>> counts = {"young": [50, 50], "old": [90, 10], "treated": [70, 30]}
    >>> rows = pd.DataFrame([("marrow", f"{name}{n}", name, part, cells)
    ...     for name, both in counts.items() for n in (1, 2) for part, cells in zip("BT", both, strict=True)],
    ...     columns=["stratum", "donor", "group", "part", "n_cells"])
    >>> question = Question("group", ("young",), (("old",), ("treated",)))
    >>> found = rescue(resolve(from_table(rows), question, Settings(n_draws=100))).set_index("metric")
    >>> found.loc["gini_present", ["ageing_shift", "rescue", "n_arrangements"]].astype(float).round(3).tolist()
    [0.4, 0.5, 90.0]
    """
    settings = design.settings
    generator = stream(settings.seed, "rescue")
    rows = []
    for stratum in design.strata:
        counts = _counts(design, stratum)
        drawn = _cell_draws(counts, metrics, settings.n_draws, generator)
        between = _contrasts(counts, metrics, settings.level, settings.n_draws, generator)
        for metric in metrics:
            values = {group: _measure(metric, counts[group]) for group in GROUPS}
            row: dict[str, Any] = (
                {"stratum": stratum.name, "metric": metric} | _medians(values) | between[metric]
            )
            row |= _over_donors(values) | _over_cells(drawn[metric], settings.level)
            rows.append(row | _permuted(values, generator, n_random))
    return pd.DataFrame(rows)


def _counts(design: Design, stratum: Stratum) -> Counts:
    """Donors by parts for each group, over the parts of the stratum."""
    counts: Counts = {}
    for role, group in zip(GROUPS, design.question.groups, strict=True):
        rows = stratum.of_group(group)
        if not len(rows):
            raise DesignError(
                found=f"no donor with cells in group {group!r} of {stratum.name!r}",
                expected="donors in each of three groups: young, old, old treated",
                fix="leave the tissue out, or correct the labels",
            )
        counts[role] = stratum.counts[rows]
    return counts


def _measure(metric: str, counts: NDArray[np.int64]) -> Floats:
    return np.asarray(METRICS[metric].function(counts), dtype=np.float64)


def _medians(values: Mapping[str, Floats]) -> dict[str, float]:
    middle = {group: float(np.median(values[group])) for group in GROUPS}
    share = rescued_share(*(np.array([middle[group]]) for group in GROUPS))
    return {
        **{f"n_{group}": values[group].size for group in GROUPS},
        **middle,
        "ageing_shift": middle["old"] - middle["young"],
        "treatment_shift": middle["treated"] - middle["old"],
        "rescue": float(share[0]),
    }


def _contrasts(
    counts: Counts, metrics: Sequence[str], level: float, n_draws: int, rng: np.random.Generator
) -> dict[str, dict[str, float | str]]:
    """Both contrasts over donors, at the level that makes the pair hold jointly."""
    functions = {metric: METRICS[metric].function for metric in metrics}
    joint = (1 + level) / 2
    pairs = {"ageing": ("young", "old"), "treatment": ("old", "treated")}
    found = {
        name: bootstrap_shift(counts[first], counts[second], functions, rng=rng, level=joint, n_draws=n_draws)
        for name, (first, second) in pairs.items()
    }
    result: dict[str, dict[str, float | str]] = {}
    for metric in metrics:
        kinds = {found[name][metric].kind for name in pairs}
        worst = next(kind for kind in ("none", "range", "interval") if kind in kinds)
        result[metric] = {"contrast_kind": worst}
        for name in pairs:
            interval = found[name][metric]
            result[metric] |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return result


def _over_donors(values: Mapping[str, Floats]) -> dict[str, float]:
    young, old, treated = np.meshgrid(*(values[group] for group in GROUPS))
    shares = rescued_share(young, old, treated)
    known = shares[~np.isnan(shares)]
    low, high = (known.min(), known.max()) if known.size else (np.nan, np.nan)
    return {"rescue_donor_low": float(low), "rescue_donor_high": float(high)}


def _cell_draws(
    counts: Counts, metrics: Sequence[str], n_draws: int, rng: np.random.Generator
) -> dict[str, dict[str, Floats]]:
    """Medians of each group when the cells of each donor are drawn anew: metric -> group -> (n_draws,)."""
    drawn: dict[str, dict[str, Floats]] = {metric: {} for metric in metrics}
    for group in GROUPS:
        table = counts[group]
        size = max(1, BLOCK_VALUES // table.size)
        blocks: dict[str, list[Floats]] = {metric: [] for metric in metrics}
        for start in range(0, n_draws, size):
            number = min(size, n_draws - start)
            totals = table.sum(axis=1)
            cells = rng.multinomial(totals, table / totals[:, None], size=(number, len(table)))
            for metric in metrics:
                blocks[metric].append(_measure(metric, cells))
        for metric in metrics:
            values = np.concatenate(blocks[metric])
            recentred = values - values.mean(axis=0) + _measure(metric, table)
            drawn[metric][group] = np.median(recentred, axis=1)
    return drawn


def _over_cells(drawn: Mapping[str, Floats], level: float) -> dict[str, float]:
    shares = rescued_share(*(drawn[group] for group in GROUPS))
    known = shares[~np.isnan(shares)]
    if not known.size:
        return {"rescue_cell_low": np.nan, "rescue_cell_high": np.nan, "probability_cells": np.nan}
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return {
        "rescue_cell_low": float(low),
        "rescue_cell_high": float(high),
        "probability_cells": float((known > 0).mean()),
    }


@dataclass(frozen=True)
class _Arrangements:
    """Positions of the donors of each group, shapes (A, n_group)."""

    young: NDArray[np.int64]
    old: NDArray[np.int64]
    treated: NDArray[np.int64]
    exact: bool


def _permuted(values: Mapping[str, Floats], rng: np.random.Generator, n_random: int) -> dict[str, float]:
    pooled = np.concatenate([values[group] for group in GROUPS])
    sizes = [values[group].size for group in GROUPS]
    found = _arrangements(sizes, rng, n_random)
    young, old, treated = (
        np.median(pooled[chosen], axis=1) for chosen in (found.young, found.old, found.treated)
    )
    apart = _apart(young, old, treated)
    observed = _apart(*(np.array([np.median(values[group])]) for group in GROUPS))[0]
    slack = TOLERANCE * np.abs(pooled).max()
    shares = rescued_share(young, old, treated)
    extra = 0 if found.exact else 1
    total = apart.size + extra
    return {
        "null_rescue_median": float(np.nanmedian(shares)) if not np.isnan(shares).all() else np.nan,
        "null_positive": float((shares > 0).mean()),
        "p_permutation": float(((apart >= observed - slack).sum() + extra) / total),
        "p_attainable": float((apart >= apart.max() - slack).sum() / total) if found.exact else 1 / total,
        "n_arrangements": apart.size,
    }


def _apart(young: Floats, old: Floats, treated: Floats) -> Floats:
    """How far old stands from both others on the same side; negative where it stands between them."""
    ageing, undone = old - young, old - treated
    same = np.where(np.sign(ageing) == np.sign(undone), 1.0, -1.0)
    return np.asarray(same * np.minimum(np.abs(ageing), np.abs(undone)))


def _arrangements(sizes: Sequence[int], rng: np.random.Generator, n_random: int) -> _Arrangements:
    n_donors = sum(sizes)
    ends = np.cumsum(sizes)
    exact = factorial(n_donors) // prod(map(factorial, sizes)) <= ALL_UP_TO
    if exact:
        order = np.array(list(_orders(n_donors, sizes[0], sizes[1])), dtype=np.int64)
    else:
        order = rng.permuted(np.tile(np.arange(n_donors), (n_random, 1)), axis=1)
    return _Arrangements(order[:, : ends[0]], order[:, ends[0] : ends[1]], order[:, ends[1] :], exact)


def _orders(n_donors: int, n_young: int, n_old: int) -> Iterator[tuple[int, ...]]:
    everyone = range(n_donors)
    for young in combinations(everyone, n_young):
        rest = [donor for donor in everyone if donor not in young]
        for old in combinations(rest, n_old):
            yield (*young, *old, *(donor for donor in rest if donor not in old))
