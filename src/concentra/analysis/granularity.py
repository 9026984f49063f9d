"""Does concentration shift within a type, and does its direction depend on how finely parts are cut?

`state_composition` -> `state_concentration` -> `state_contrast` and `shift_null`; `compare_scales` sets the
directions at a coarse and a fine scale beside each other. Clusters come from all donors of a stratum together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.contrast import EFFECTIVE, GINI, contrast
from concentra.errors import ArgumentError, ColumnError, LabelError, nearest
from concentra.metrics import compute

METRICS = (GINI, EFFECTIVE)
MEASURED = ("gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q1_corrected")
UNIT = ["resolution", "stratum", "donor", "age_group"]
ALL_UP_TO = 100_000
TOLERANCE = 1e-9


def state_composition(labels: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of every donor in every cluster, at every resolution.

    Parameters
    ----------
    labels
        `cell`, `resolution`, `cluster`: one row a cell and resolution.
    cells
        Index: the cell. Columns `donor`, `stratum`, `age_group` ("early", "late" or missing). Labels of cells
        that are not here are left out; a cell here without labels is an error.

    Returns
    -------
    One row a (resolution, stratum, donor, part): `age_group`, `part` (the cluster), `n_cells` > 0.

    Examples
    --------
    >>> labels = pd.DataFrame({"cell": [0, 1, 2], "resolution": 0.8, "cluster": [0, 0, 1]})
    >>> cells = pd.DataFrame({"donor": ["a", "a", "b"], "stratum": "lung", "age_group": ["early", "early", "late"]})
    >>> state_composition(labels, cells)[["donor", "part", "n_cells"]].values.tolist()
    [['a', 0, 2], ['b', 1, 1]]
    """
    for frame, names in ((labels, ["cell", "resolution", "cluster"]), (cells, UNIT[1:])):
        for name in names:
            if name not in frame:
                raise ColumnError(
                    found=f"no column {name!r}",
                    expected=f"the columns {', '.join(names)}",
                    fix=nearest(name, frame.columns),
                )
    joined = labels.merge(cells[UNIT[1:]].astype(object), left_on="cell", right_index=True)
    per_resolution = joined.groupby("resolution")["cell"].nunique().reindex(labels["resolution"].unique())
    short = per_resolution.index[per_resolution != len(cells)]
    if len(short) or len(joined) != len(cells) * len(per_resolution):
        raise LabelError(
            found=f"{len(joined)} labels for {len(cells)} cells at {len(per_resolution)} resolutions",
            expected="one cluster for each cell at each resolution",
            fix="cluster the cells that are compared, or pass those that were clustered",
        )
    joined = joined.rename(columns={"cluster": "part"})
    return joined.groupby([*UNIT, "part"], observed=True, dropna=False).size().rename("n_cells").reset_index()


def state_concentration(composition: pd.DataFrame) -> pd.DataFrame:
    """Concentration over clusters of every donor at every resolution.

    Parameters
    ----------
    composition
        As `state_composition` returns it.

    Returns
    -------
    One row a (resolution, stratum, donor): `age_group`, `n_cells`, `gini_present`, `gini_stratum` (clusters of
    the stratum that the donor lacks count as zeros), `hill_q0` (clusters present), `hill_q1`, and
    `hill_q1_corrected` (Chao, Wang & Jost 2013), because donors differ in cells of one type even more than
    in cells of a tissue.

    Examples
    --------
    >>> rows = pd.DataFrame({"resolution": 0.8, "stratum": "lung", "donor": ["a", "a", "b"], "age_group": "early",
    ...     "part": [0, 1, 0], "n_cells": [75, 25, 9]})
    >>> state_concentration(rows)[["donor", "n_cells", "gini_present", "gini_stratum"]].values.tolist()
    [['a', 100, 0.25, 0.25], ['b', 9, 0.0, 0.5]]
    """
    frames = []
    for _, rows in composition.groupby(["resolution", "stratum"], observed=True):
        units = rows[UNIT].drop_duplicates("donor").set_index("donor").sort_index()
        counts = rows.pivot(index="donor", columns="part", values="n_cells").fillna(0).sort_index()
        units["n_cells"] = counts.sum(axis=1).astype(np.int64)
        frames.append(units.assign(**compute(counts.to_numpy(), MEASURED)).reset_index())
    columns = [*UNIT, "n_cells", *MEASURED]
    return pd.concat(frames, ignore_index=True)[columns].sort_values(UNIT[:3], ignore_index=True)


def state_contrast(
    units: pd.DataFrame, *, min_cells: int, alpha: float, metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Late against early donors at every resolution, by exact tests.

    Parameters
    ----------
    units
        As `state_concentration` returns it.
    min_cells
        Donors with fewer cells in a stratum are left out of it.
    alpha
        Level of the tests and of the false discovery rate. The family is one metric at one resolution, over
        strata: resolutions are views of the same cells, not further hypotheses.
    metrics
        Columns to compare; `gini_present` and `hill_q1` must be among them.

    Returns
    -------
    One row a (resolution, stratum, metric): `resolution` and the columns of
    `concentra.analysis.contrast.contrast`, among them `shift`, `p_value`, `p_adjusted`, `p_attainable`,
    `direction` and `verdict`.

    Examples
    --------
    >>> units = pd.DataFrame({"resolution": 0.8, "stratum": "lung", "donor": list("abcd"), "n_cells": 90,
    ...     "age_group": ["early", "early", "late", "late"], "gini_present": [0.0, 0.1, 0.4, 0.3],
    ...     "hill_q1": [2.0, 1.96, 1.38, 1.65]})
    >>> found = state_contrast(units, min_cells=50, alpha=0.05)
    >>> found[["metric", "shift", "direction", "verdict"]].round(3).values.tolist()[0]
    ['gini_present', 0.3, 'crystallizes', 'cannot reach']
    """
    kept = units[units["n_cells"] >= min_cells]
    frames = []
    for resolution, rows in kept.groupby("resolution"):
        found = contrast(rows, metrics=metrics, alpha=alpha)
        found.insert(0, "resolution", resolution)
        frames.append(found)
    if not frames:
        raise ArgumentError(
            found=f"no unit with {min_cells} cells; the largest has {units['n_cells'].max()}",
            expected="a min_cells that some units reach",
            fix="lower min_cells",
        )
    return pd.concat(frames, ignore_index=True)


def shift_null(
    units: pd.DataFrame,
    *,
    min_cells: int,
    rng: int | np.random.Generator,
    n_random: int = 9_999,
    level: float = 0.95,
    metrics: Sequence[str] = METRICS,
) -> pd.DataFrame:
    """What the shift of medians would be if donors' labels meant nothing: all arrangements of the labels.

    One arrangement is used for all resolutions and metrics of a stratum at once, because they are views of the
    same donors.

    Parameters
    ----------
    units, min_cells, metrics
        As for `state_contrast`.
    rng
        A seed or a generator, used where there are more than 100,000 arrangements.
    n_random
        Random arrangements drawn then.
    level
        Of the central range of the null.

    Returns
    -------
    One row a (resolution, stratum, metric): `shift`, `null_low`, `null_high`, `p_permutation` (two-sided: share
    of arrangements with an absolute shift at least as large; (b + 1) / (m + 1) for random ones, Phipson & Smyth 2010),
    `p_attainable` (the smallest share these values allow), `n_arrangements`. NaN where a group has fewer than
    two donors.

    Examples
    --------
    >>> units = pd.DataFrame({"resolution": 0.8, "stratum": "lung", "donor": list("abcd"), "n_cells": 90,
    ...     "age_group": ["early", "early", "late", "late"], "gini_present": [0.0, 0.1, 0.4, 0.3],
    ...     "hill_q1": [2.0, 1.96, 1.38, 1.65]})
    >>> found = shift_null(units, min_cells=50, rng=0).set_index("metric")
    >>> found.loc["gini_present", ["shift", "p_permutation", "n_arrangements"]].astype(float).round(3).tolist()
    [0.3, 0.333, 6.0]
    """
    generator = np.random.default_rng(rng)
    kept = units[(units["n_cells"] >= min_cells) & units["age_group"].isin(["early", "late"])]
    frames = [
        _null_of(rows, metrics, generator, n_random, level).assign(stratum=stratum)
        for stratum, rows in kept.groupby("stratum", observed=True)
    ]
    found = pd.concat(frames, ignore_index=True)
    order = ["resolution", "stratum", "metric"]
    rest = ["shift", "null_low", "null_high", "p_permutation", "p_attainable", "n_arrangements"]
    return found[[*order, *rest]].sort_values(order, ignore_index=True)


def compare_scales(coarse: pd.DataFrame, fine: pd.DataFrame) -> pd.DataFrame:
    """The direction at a coarse scale beside that at every finer one.

    Parameters
    ----------
    coarse
        A contrast without `resolution` (annotated types), as `concentra.analysis.contrast.contrast` returns it.
    fine
        A contrast with `resolution`, as `state_contrast` returns it.

    Returns
    -------
    One row a (stratum, resolution) in both: `direction_coarse`, `direction_fine`, `opposite` (one crystallizes,
    the other disperses), `p_opposite`: the largest of the four p-values, which tests that all four shifts are
    real at once (intersection-union, Berger 1982, Technometrics 24:295); NaN where the directions are not
    opposite or a test is missing.

    Examples
    --------
    >>> coarse = pd.DataFrame({"stratum": "kidney", "metric": ["gini_present", "hill_q1"], "p_value": [0.02, 0.03],
    ...     "direction": "crystallizes"})
    >>> fine = coarse.assign(resolution=0.8, direction="disperses", p_value=[0.01, 0.04])
    >>> compare_scales(coarse, fine)[["direction_fine", "opposite", "p_opposite"]].values.tolist()
    [['disperses', True, 0.04]]
    """
    first, second = (_worst(coarse, ["stratum"]), _worst(fine, ["stratum", "resolution"]))
    both = second.merge(first, on="stratum", suffixes=("_fine", "_coarse"))
    pairs = [
        {one, other} for one, other in zip(both["direction_coarse"], both["direction_fine"], strict=True)
    ]
    both["opposite"] = [pair == {"crystallizes", "disperses"} for pair in pairs]
    largest = both[["p_value_coarse", "p_value_fine"]].max(axis=1, skipna=False)
    both["p_opposite"] = largest.where(both["opposite"])
    return both[
        ["stratum", "resolution", "direction_coarse", "direction_fine", "opposite", "p_opposite"]
    ].sort_values(["stratum", "resolution"], ignore_index=True)


def _worst(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Direction, and the larger p of both metrics."""
    decisive = found[found["metric"].isin(METRICS)]
    grouped = decisive.groupby(by, observed=True)
    return pd.concat(
        [grouped["direction"].first(), grouped["p_value"].agg(lambda values: values.max(skipna=False))],
        axis=1,
    ).reset_index()


def _null_of(
    rows: pd.DataFrame, metrics: Sequence[str], rng: np.random.Generator, n_random: int, level: float
) -> pd.DataFrame:
    table = rows.pivot(index=["donor", "age_group"], columns="resolution", values=list(metrics))
    is_late = table.index.get_level_values("age_group") == "late"
    values = table.to_numpy(dtype=np.float64)
    frame = table.columns.to_frame(index=False).set_axis(["metric", "resolution"], axis=1)
    n_late, n_early = int(is_late.sum()), int((~is_late).sum())
    observed = _shifts(values, np.flatnonzero(is_late)[None])[0] if min(n_late, n_early) else np.nan
    frame["shift"] = observed
    if min(n_late, n_early) < 2:
        return frame.assign(
            null_low=np.nan, null_high=np.nan, p_permutation=np.nan, p_attainable=np.nan, n_arrangements=0
        )
    chosen, exact = _arrangements(is_late.size, n_late, rng, n_random)
    null = np.concatenate(
        [_shifts(values, block) for block in np.array_split(chosen, 1 + len(chosen) // 5000)]
    )
    slack = TOLERANCE * np.abs(values).max()
    distance = np.abs(null)
    at_least = (distance >= np.abs(observed) - slack).sum(axis=0)
    largest = (distance >= distance.max(axis=0) - slack).sum(axis=0)
    frame["null_low"], frame["null_high"] = np.quantile(null, [(1 - level) / 2, (1 + level) / 2], axis=0)
    frame["p_permutation"] = at_least / len(null) if exact else (at_least + 1) / (len(null) + 1)
    frame["p_attainable"] = largest / len(null) if exact else 1 / (len(null) + 1)
    return frame.assign(n_arrangements=len(null))


def _arrangements(
    n_donors: int, n_late: int, rng: np.random.Generator, n_random: int
) -> tuple[NDArray[np.int64], bool]:
    """Positions of the late donors in every arrangement, shape (A, n_late), and whether these are all."""
    if comb(n_donors, n_late) <= ALL_UP_TO:
        return np.array(list(combinations(range(n_donors), n_late)), dtype=np.int64), True
    order = rng.permuted(np.tile(np.arange(n_donors), (n_random, 1)), axis=1)
    return np.asarray(order[:, :n_late]), False


def _shifts(values: NDArray[np.float64], late: NDArray[np.int64]) -> NDArray[np.float64]:
    """Median over late donors minus median over the others; values (n, D), late (A, n_late), result (A, D)."""
    is_late = np.zeros((len(late), len(values)), dtype=bool)
    np.put_along_axis(is_late, late, True, axis=1)
    early = np.nonzero(~is_late)[1].reshape(len(late), -1)
    return np.asarray(np.median(values[late], axis=1) - np.median(values[early], axis=1))
