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

from concentra.analysis.choices import (
    ALL,
    CORRECTED,
    MEAN,
    MEDIAN,
    OBSERVED,
    RAREFIED,
    Choices,
    comparisons_of,
)
from concentra.composition.composition import Composition
from concentra.design.design import Design
from concentra.printable import natural_order
from concentra.progress import counted
from concentra.stats.multiverse import ALL_UP_TO, joint_test
from concentra.stats.specifications import Comparisons, Sweep, signs, sweep
from concentra.stats.streams import stream
from concentra.stats.verdict import DIRECTIONS, direction
from concentra.tables import Table, column

Names = NDArray[np.object_]

METRICS = ("gini", "hill_q1")
BOTH = "both"
NO_TEST = "fewer than two donors in a group: no test"
DEPTHS = (OBSERVED, CORRECTED, RAREFIED)


class Multiverse(Table):
    """The shift of a tissue under every distinct specification; the first of each choice is the one made."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    specification: int = column("place in the crossing of all choices; 0 is the one made", low=0)
    reference: str = column("labels that make the reference group")
    other: str = column("labels that make the other group")
    restricted_to: str = column("donors compared: `all`, or those of one value (sex)")
    min_cells: int = column("units with fewer cells are left out", unit="cells", low=1)
    support: str = column("parts that the Gini coefficient counts", among=["present", "stratum"])
    depth: str = column(
        "as counted, corrected for unseen parts, or expected at the common number of cells", among=DEPTHS
    )
    common_cells: float = column("cells at which values are rarefied", unit="cells", low=1, nullable=True)
    average: str = column("over donors", among=[MEDIAN, MEAN])
    left_out: str = column("donor left out, or `none`")
    n_reference: int = column("donors of the reference group", unit="donors", low=1)
    n_other: int = column("donors of the other group", unit="donors", low=1)
    gini: float = column("shift in Gini", low=-1, high=1)
    hill_q1: float = column("shift in effective number", unit="parts")
    direction: str = column("quadrant of the two shifts", among=DIRECTIONS)
    published: bool = column("the choice made (in the study: the published one)")
    counts_gini: bool = column("the first specification with this comparison of Gini")
    counts_hill_q1: bool = column("the first specification with this comparison of the effective number")

    class Config(Table.Config):
        unique = ["contrast", "stratum", "specification"]


class Agreement(Table):
    """How far the specifications of a tissue agree, and the joint test of the median shift."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    metric: str = column("metric, or both together", among=[*METRICS, BOTH])
    n_combinations: int = column("combinations of choices crossed", low=1)
    n_specifications: int = column("distinct specifications: those that can differ in the metric", low=1)
    published: float = column("shift under the choice made; missing for both", nullable=True)
    share_same_sign: float = column(
        "share of distinct specifications with the sign of the choice made; for both, with both signs",
        low=0,
        high=1,
    )
    median: float = column("median shift over distinct specifications; missing for both", nullable=True)
    low: float = column("least shift; missing for both", nullable=True)
    high: float = column("greatest shift; missing for both", nullable=True)
    p_value: float = column(
        "joint permutation p of the median shift, labels exchanged among all donors",
        low=0,
        high=1,
        nullable=True,
    )
    p_attainable: float = column("smallest such p that these donors allow", low=0, high=1, nullable=True)
    n_arrangements: int = column("arrangements of labels: all, or those drawn", low=0)
    exact: bool = column("all arrangements were enumerated")
    p_value_within: float = column(
        "the same, labels exchanged among donors of one value of the restriction (sex)",
        low=0,
        high=1,
        nullable=True,
    )
    p_attainable_within: float = column("smallest such p", low=0, high=1, nullable=True)
    n_arrangements_within: int = column("arrangements within: all, or those drawn", low=0)
    exact_within: bool = column("all arrangements within were enumerated")
    reason: str = column("why there is no p", nullable=True)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "metric"]


def default_choices(design: Design, restricted_by: str | None = None) -> Choices:
    """The choices of a comparison: its groups and their single labels, each value of the restriction, half and twice
    the minimum number of cells, both supports, three depths, mean and median.

    Parameters
    ----------
    design
        Two groups.
    restricted_by
        A column (sex) to whose values donors are restricted in turn, or None.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> choices = default_choices(resolve(from_table(rows), Question("age", ("3m",), (("24m",),))))
    >>> choices.min_cells, len(choices.supports), len(choices.depths)
    ((50, 25, 100), 2, 3)
    """
    min_cells = design.settings.min_cells
    restrictions = [ALL]
    if restricted_by is not None and design.groups is not None:
        labels = design.composition.label(restricted_by)
        values = [
            set(labels[(design.groups == group) & design.included].dropna())
            for group in design.question.groups
        ]
        restrictions += [value for value in natural_order(set.intersection(*values)) if value != ALL]
    return Choices(
        references=_groupings(design.question.reference),
        others=_groupings(design.question.others[0]),
        restrictions=restrictions,
        min_cells=tuple(dict.fromkeys((min_cells, max(1, min_cells // 2), 2 * min_cells))),
    )


def _groupings(values: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The values together, then each alone."""
    return [values, *((value,) for value in values)] if len(values) > 1 else [values]


def multiverse(
    design: Design, choices: Choices | None = None, *, restricted_by: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The shift under every specification, and how far they agree, in every stratum.

    Parameters
    ----------
    design
        Two groups; each donor once in a stratum.
    choices
        The dimensions; None: `default_choices`.
    restricted_by
        The column whose values `choices.restrictions` names.

    Returns
    -------
    specifications
        One row a distinct specification: the columns of `Multiverse`.
    summary
        One row a (stratum, metric): the columns of `Agreement`.

    Strata in which the choice made leaves a group empty have no rows.

    Notes
    -----
    Labels are exchanged among all donors that any specification uses. That donors are exchangeable is what a rank
    test of the groups assumes too; where the groups are confounded with the restriction (sex), only the arrangements
    within its values concern the groups alone. With fewer than two donors in a group there is no p. Each stratum is
    tested alone: tissues of one donor are not independent.

    References
    ----------
    Steegen, Tuerlinckx, Gelman & Vanpaemel 2016, Perspectives on Psychological Science 11:702. Simonsohn,
    Simmons & Nelson 2020, Nature Human Behaviour 4:1208.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> counts = {"a": [50, 50], "b": [60, 40], "c": [90, 10], "d": [80, 20]}
    >>> rows = [
    ...     {"stratum": "lung", "donor": donor, "age": "3m" if donor < "c" else "24m", "part": part, "n_cells": n}
    ...     for donor, both in counts.items() for part, n in zip("BT", both)]
    >>> design = resolve(from_table(pd.DataFrame(rows)), Question("age", ("3m",), (("24m",),)))
    >>> found, summary = multiverse(design)
    >>> len(found), found["gini"].round(3).tolist()[0], summary["share_same_sign"].tolist()
    (2, 0.3, [1.0, 1.0, 1.0])
    """
    chosen = default_choices(design, restricted_by) if choices is None else choices
    return crossed(
        design.composition, design.question.column, chosen, restricted_by=restricted_by, name=design.name,
        n_random=design.settings.n_random, seed=design.settings.seed,
    )  # fmt: skip


def crossed(
    composition: Composition, column: str, choices: Choices, *, restricted_by: str | None = None, name: str = "",
    n_random: int = 9_999, all_up_to: int = ALL_UP_TO, seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The multiverse of a composition without a design: what `multiverse` returns.

    Parameters
    ----------
    composition, column
        The units, and the label that `choices` names.
    choices, restricted_by
        As for `multiverse`.
    name
        Of the comparison.
    n_random, all_up_to, seed
        Arrangements drawn where there are more than `all_up_to`; the seed.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("aabbccdd"), "part": list("BTBTBTBT"),
    ...     "age": ["3m"] * 4 + ["24m"] * 4, "n_cells": [50, 50, 60, 40, 90, 10, 80, 20]})
    >>> choices = Choices(references=[("3m",)], others=[("24m",)])
    >>> found, summary = crossed(from_table(rows), "age", choices)
    >>> found["stratum"].unique().tolist(), len(summary) > 0
    (['lung'], True)
    """
    labels = composition.label(column).to_numpy(dtype=object)
    restricting = (
        np.full(len(labels), "all donors", dtype=object)
        if restricted_by is None
        else composition.label(restricted_by).to_numpy(dtype=object)
    )
    donors = composition.units["donor"].to_numpy(dtype=object)
    found, summaries = [], []
    for stratum in counted(composition.strata):
        counts, _, rows = composition.of_stratum(stratum)
        crossing = _Crossing.of(counts, donors[rows], labels[rows], restricting[rows], choices)
        if crossing is None:
            continue
        frame = crossing.specifications()
        summary = agreement(frame).assign(n_combinations=len(choices.crossed()))
        rng = stream(seed, "multiverse", stratum)
        for key, values in crossing.tested(frame, rng, n_random, all_up_to).items():
            summary[key] = values
        place = {"contrast": name, "stratum": stratum}
        found.append(frame.assign(**place))
        summaries.append(summary.assign(**place))
    if not found:
        return Multiverse.empty(), Agreement.empty()
    return (
        pd.concat(found, ignore_index=True)[list(Multiverse.columns())],
        pd.concat(summaries, ignore_index=True)[list(Agreement.columns())],
    )


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
    labels: NDArray[np.int64]
    restricting: NDArray[np.str_]
    observed: Sweep

    @classmethod
    def of(
        cls, every: NDArray[np.int64], donors: Names, labels: Names, restricting: Names, choices: Choices
    ) -> _Crossing | None:
        """The crossing, or None where the choice made leaves a group empty."""
        wanted = sorted({label for group in (*choices.references, *choices.others) for label in group})
        known = np.array([label in wanted for label in labels], dtype=bool)
        kept = known & (every.sum(axis=1) >= min(choices.min_cells))
        if not kept.any():
            return None
        counts = every.astype(np.float64)[kept]
        places = np.array([wanted.index(str(label)) for label in labels[kept]], dtype=np.int64)
        values = np.array(
            ["unknown" if value is None else str(value) for value in restricting[kept]], dtype=np.str_
        )
        rows, comparisons = comparisons_of(choices, counts, donors[kept].astype(np.str_), values, wanted)
        observed = sweep(comparisons, places[None])
        return cls(rows, comparisons, places, values, observed) if observed.first[-1, 0, 0] else None

    def specifications(self) -> pd.DataFrame:
        """The distinct specifications with their shifts, in the order of the crossing."""
        frame = self.rows.assign(
            n_reference=self.observed.n_reference[0],
            n_other=self.observed.n_other[0],
            **{name: self.observed.shifts[place, 0] for place, name in enumerate(METRICS)},
            **{f"counts_{name}": self.observed.first[place, 0] for place, name in enumerate(METRICS)},
        )
        frame["published"] = frame["specification"] == 0
        frame = frame[self.observed.first[-1, 0]].reset_index(drop=True)
        for name in ("reference", "other"):
            frame[name] = frame[name].map("+".join)
        frame["direction"] = [direction(*pair) for pair in zip(frame["gini"], frame["hill_q1"], strict=True)]
        return frame

    def tested(
        self, frame: pd.DataFrame, rng: np.random.Generator, n_random: int, all_up_to: int
    ) -> dict[str, Any]:
        """Columns of the joint test, for the metrics and both."""
        reason = NO_TEST if frame.loc[0, ["n_reference", "n_other"]].min() < 2 else ""
        columns: dict[str, Any] = {"reason": reason}
        for suffix, strata in (("", None), ("_within", self.restricting.tolist())):
            found: dict[str, Any] = {
                "p_value": np.nan,
                "p_attainable": np.nan,
                "n_arrangements": 0,
                "exact": True,
            }
            if not reason:
                test = joint_test(
                    self.comparisons, self.labels.tolist(), strata=strata, rng=rng, n_random=n_random,
                    all_up_to=all_up_to,
                )  # fmt: skip
                found = {
                    "p_value": [*test.p_median, np.nan],
                    "p_attainable": [*test.p_median_attainable, np.nan],
                    "n_arrangements": test.n_arrangements,
                    "exact": test.exact,
                }
            columns |= {f"{name}{suffix}": value for name, value in found.items()}
        return columns
