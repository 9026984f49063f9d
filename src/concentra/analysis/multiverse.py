"""Would another defensible choice have told another story? Every choice crossed, as a specification curve.

The published choice is the first of each dimension. Combinations that cannot give different numbers (because
they compare the same donors by the same values) are one specification, and count once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.choices import Choices, comparisons_of
from concentra.analysis.contrast import direction
from concentra.errors import ColumnError, nearest
from concentra.stats.multiverse import ALL_UP_TO, JointTest, joint_test
from concentra.stats.specifications import Comparisons, Sweep, signs, sweep

METRICS = ("gini", "hill_q1")
BOTH = "both"
NO_TEST = "fewer than two donors in a group: no test"


def multiverse(
    composition: pd.DataFrame,
    choices: Choices,
    *,
    rng: int,
    n_random: int = 9_999,
    all_up_to: int = ALL_UP_TO,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The shift under every specification, and how far they agree, in every stratum.

    Parameters
    ----------
    composition
        One row a (stratum, donor, part) with `n_cells`, `age` and `sex` (may be missing).
    choices
        The dimensions.
    rng
        A seed. Each stratum has a stream of its own, so that its numbers do not depend on which others are there.
    n_random, all_up_to
        Arrangements drawn for the joint test where there are more than `all_up_to`.

    Returns
    -------
    specifications
        One row a distinct specification: `stratum`, `specification` (place in the crossing, 0 is the published
        one), `early_ages`, `late_ages` ("1m+3m"), `sex`, `min_cells`, `support`, `depth`, `average`,
        `common_cells` (at which values are rarefied, else missing), `n_early`, `n_late`, the shifts `gini` and
        `hill_q1`, `direction`, `published`, `counts_gini` and `counts_hill_q1` (whether it is the first to give
        this comparison of that metric alone).
    summary
        One row a (stratum, metric), metric "gini", "hill_q1" or "both": what `agreement` returns, and of the
        joint test `p_value` (median shift), `p_attainable`, `p_share` (share in the more frequent direction),
        `p_share_attainable`, `n_arrangements`, `exact`; the same with `_within_sex` for ages exchanged among
        donors of one sex only; `reason` where there is no test.

    Strata in which the published choice leaves a group empty have no rows.

    Notes
    -----
    Ages are exchanged among all donors that any specification uses. That donors are exchangeable is what a rank
    test of the published groups assumes too; where age is confounded with sex, only the arrangements within sex
    speak of age alone. With fewer than two donors in a published group there is no p. Each stratum is tested
    alone: tissues of one mouse are not independent.

    References
    ----------
    Steegen, Tuerlinckx, Gelman & Vanpaemel 2016, Perspectives on Psychological Science 11:702. Simonsohn,
    Simmons & Nelson 2020, Nature Human Behaviour 4:1208.

    Examples
    --------
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = [
    ...     {"stratum": "lung", "donor": donor, "age": "3m" if donor < "c" else "24m", "sex": "male",
    ...      "part": part, "n_cells": n} for donor, both in counts.items() for part, n in zip("BT", both)]
    >>> found, summary = multiverse(pd.DataFrame(rows), Choices([["3m"]], [["24m"]]), rng=0)
    >>> len(found), found["gini"].round(3).tolist()[0], summary["share_same_sign"].tolist()
    (2, 0.3, [1.0, 1.0, 1.0])
    """
    for name in ("stratum", "donor", "part", "n_cells", "age", "sex"):
        if name not in composition:
            raise ColumnError(
                found=f"no column {name!r}",
                expected="stratum, donor, part, n_cells, age and sex",
                fix=nearest(name, composition.columns),
            )
    found, summaries = [], []
    for stratum, rows in composition.groupby("stratum", observed=True, sort=True):
        crossing = _Crossing.of(rows, choices)
        if crossing is None:
            continue
        generator = np.random.default_rng([rng, *str(stratum).encode()])
        frame = crossing.specifications()
        summary = agreement(frame).assign(n_combinations=len(choices.crossed()))
        for name, column in crossing.tested(frame, generator, n_random, all_up_to).items():
            summary[name] = column
        found.append(frame.assign(stratum=stratum))
        summaries.append(summary.assign(stratum=stratum))
    if not found:
        return pd.DataFrame(), pd.DataFrame()
    return pd.concat(found, ignore_index=True), pd.concat(summaries, ignore_index=True)


def agreement(specifications: pd.DataFrame) -> pd.DataFrame:
    """How far distinct specifications agree with the published one.

    Parameters
    ----------
    specifications
        One row a specification with `gini`, `hill_q1`, `published`, `counts_gini`, `counts_hill_q1`.

    Returns
    -------
    One row a metric, "gini", "hill_q1" and "both": `n_specifications` that differ in it, `published` shift,
    `share_same_sign` (of the published one; for "both" the same signs of both shifts), `median`, `low` and `high`
    (least and greatest shift); the shifts are missing for "both".

    Examples
    --------
    >>> found = pd.DataFrame({"gini": [0.1, 0.2, -0.1], "hill_q1": [-1.0, -2.0, -0.5],
    ...     "published": [True, False, False], "counts_gini": True, "counts_hill_q1": True})
    >>> agreement(found)[["metric", "share_same_sign", "low", "high"]].round(2).values.tolist()
    [['gini', 0.67, -0.1, 0.2], ['hill_q1', 1.0, -2.0, -0.5], ['both', 0.67, nan, nan]]
    """
    chosen = specifications.loc[specifications["published"].astype(bool)].iloc[0]
    same = {
        name: signs(specifications[name].to_numpy(dtype=np.float64)) == signs(np.array([chosen[name]]))
        for name in METRICS
    }
    rows: list[dict[str, Any]] = []
    for name in METRICS:
        counts = specifications[f"counts_{name}"].to_numpy(dtype=bool)
        shifts = specifications.loc[counts, name]
        rows.append(
            {"metric": name, "n_specifications": len(shifts), "published": chosen[name],
             "share_same_sign": same[name][counts].mean(), "median": shifts.median(), "low": shifts.min(),
             "high": shifts.max()}
        )  # fmt: skip
    joint = np.logical_and(*same.values())
    rows.append({"metric": BOTH, "n_specifications": joint.size, "share_same_sign": joint.mean()})
    return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class _Crossing:
    """The crossing of choices in one stratum, combinations that are the same for any labels left out."""

    rows: pd.DataFrame
    comparisons: Comparisons
    ages: NDArray[np.int64]
    sexes: NDArray[np.str_]
    observed: Sweep

    @classmethod
    def of(cls, composition: pd.DataFrame, choices: Choices) -> _Crossing | None:
        """The crossing, or None where the published choice leaves a group empty."""
        every = composition.pivot(index="donor", columns="part", values="n_cells").fillna(0).sort_index()
        about = composition.drop_duplicates("donor").set_index("donor").loc[every.index]
        wanted = sorted({age for ages in (*choices.early_ages, *choices.late_ages) for age in ages})
        n_cells = every.sum(axis=1).to_numpy()
        kept = about["age"].isin(wanted).to_numpy() & (n_cells >= min(choices.min_cells))
        if not kept.any():
            return None
        counts = every.to_numpy(dtype=np.float64)[kept]
        ages = np.array([wanted.index(age) for age in about["age"][kept]], dtype=np.int64)
        sexes = about["sex"][kept].astype(object).fillna("unknown").astype(str).to_numpy(dtype=np.str_)
        rows, comparisons = comparisons_of(choices, counts, sexes, wanted)
        observed = sweep(comparisons, ages[None])
        return cls(rows, comparisons, ages, sexes, observed) if observed.first[-1, 0, 0] else None

    def specifications(self) -> pd.DataFrame:
        """The distinct specifications with their shifts, in the order of the crossing."""
        frame = self.rows.assign(
            n_early=self.observed.n_early[0],
            n_late=self.observed.n_late[0],
            **{name: self.observed.shifts[place, 0] for place, name in enumerate(METRICS)},
            **{f"counts_{name}": self.observed.first[place, 0] for place, name in enumerate(METRICS)},
        )
        frame["published"] = frame["specification"] == 0
        frame = frame[self.observed.first[-1, 0]].reset_index(drop=True)
        for name in ("early_ages", "late_ages"):
            frame[name] = frame[name].map("+".join)
        frame["direction"] = [direction(*pair) for pair in zip(frame["gini"], frame["hill_q1"], strict=True)]
        return frame

    def tested(
        self, frame: pd.DataFrame, rng: np.random.Generator, n_random: int, all_up_to: int
    ) -> dict[str, Any]:
        """Columns of the joint test, for the metrics and both."""
        reason = NO_TEST if frame.loc[0, ["n_early", "n_late"]].min() < 2 else ""
        columns: dict[str, Any] = {"reason": reason}
        for suffix, strata in (("", None), ("_within_sex", self.sexes.tolist())):
            if reason:
                missing = dict.fromkeys(("p_value", "p_attainable", "p_share", "p_share_attainable"), np.nan)
                found: dict[str, Any] = missing | {"n_arrangements": 0, "exact": True}
            else:
                found = _columns(
                    joint_test(
                        self.comparisons, self.ages.tolist(), strata=strata, rng=rng, n_random=n_random,
                        all_up_to=all_up_to,
                    )
                )  # fmt: skip
            columns |= {f"{name}{suffix}": value for name, value in found.items()}
        return columns


def _columns(test: JointTest) -> dict[str, Any]:
    return {
        "p_value": [*test.p_median, np.nan],
        "p_attainable": [*test.p_median_attainable, np.nan],
        "p_share": test.p_share,
        "p_share_attainable": test.p_share_attainable,
        "n_arrangements": test.n_arrangements,
        "exact": test.exact,
    }
