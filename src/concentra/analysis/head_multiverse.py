"""Would another defensible choice have told another story of a model's heads? Every choice crossed.

There is no permutation null. There is one model, and no label was assigned to its heads that could be exchanged. What
can be found is on which choices the sign depends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.multiverse import agreement
from concentra.analysis.trajectory import head_name
from concentra.errors import ArgumentError
from concentra.io.importance import Value, importance_values
from concentra.metrics import gini, hill_number
from concentra.metrics.gini import as_support
from concentra.stats.parts import leave_one_part_out
from concentra.stats.verdict import direction

HEADS, LAYERS = "heads", "layers"
NONE = "none"
NO_NULL = "one model: there is no label to permute"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeadChoices:
    """The values of each dimension; the first of each is the published choice. First checkpoints are all earlier ones.

    Attributes
    ----------
    values
        What counts as importance: "abs" or "harm". "help" counts only heads without which the model is better, and
        "signed" rests on one head (`concentra.io.importance.importance_values`): neither is a defensible measure.
    parts
        "heads", or "layers": the importance of a layer is the sum over its heads.
    floors
        Parts with an amount below this multiple of the checkpoint's mean are set to 0, as if unimportant.
    supports
        "stratum": all parts measured count; "present": those with importance. Equal where no amount is 0.
    n_left_out
        As many of the most influential heads (published choice otherwise) are left out, one at a time.
    """

    values: Sequence[Value] = ("abs", "harm")
    parts: Sequence[str] = (HEADS, LAYERS)
    floors: Sequence[float] = (0.0, 0.1, 0.25)
    supports: Sequence[str] = ("stratum", "present")
    n_left_out: int = 5

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in (HEADS, LAYERS)]
        if unknown or not all(0 <= floor < 1 for floor in self.floors) or self.n_left_out < 0:
            raise ArgumentError(
                found=f"parts {list(self.parts)}, floors {list(self.floors)}, n_left_out={self.n_left_out}",
                expected="parts among 'heads' and 'layers', floors from 0 to below 1, n_left_out of at least 0",
                fix="correct that choice",
            )


def head_multiverse(
    table: pd.DataFrame, choices: HeadChoices | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The shift to the last checkpoint under every specification, and how far they agree.

    Parameters
    ----------
    table
        Head importance, as `concentra.io.importance.read_importance` returns it.
    choices
        The dimensions.

    Returns
    -------
    specifications
        One row a distinct specification: `specification` (place in the crossing, 0 is the published one), `first`
        and `last` checkpoint, `value`, `parts`, `floor`, `support`, `left_out` (a head, or "none"), `n_parts`
        measured, the shifts `gini` and `hill_q1`, `direction`, `published`, `counts_gini`, `counts_hill_q1` (the
        first with this comparison of that metric alone).
    summary
        One row a metric, as `concentra.analysis.multiverse.agreement` returns it, with `n_combinations`, `p_value`
        (missing) and `reason`: why there is no test.

    Combinations in which a checkpoint is left without importance are left out.

    Examples
    --------
    >>> rows = {"checkpoint": [512] * 3 + [1000] * 3, "layer": [0, 0, 1] * 2, "head": [0, 1, 0] * 2,
    ...         "delta": [-1.0, -1.0, -1.0, -1.0, -1.0, -4.0]}
    >>> found, summary = head_multiverse(pd.DataFrame(rows), HeadChoices(n_left_out=1))
    >>> found["gini"].round(3).tolist(), found["left_out"].tolist(), summary["share_same_sign"].tolist()
    ([0.333, 0.0, 0.0, 0.0], ['none', 'none', 'L1H0', 'L1H0'], [0.25, 0.25, 0.25])
    """
    given = choices or HeadChoices()
    checkpoints, heads, amounts = importance_values(table, given.values[0])
    if len(checkpoints) < 2:
        raise ArgumentError(
            found=f"one checkpoint, {int(checkpoints[0])}",
            expected="at least two checkpoints, so that there is a shift",
            fix="measure the heads at another checkpoint and add its rows",
        )
    measured, rows = _crossed(table, given, checkpoints, most_influential(heads, amounts, given.n_left_out))
    frame = pd.DataFrame(rows)
    for metric in ("gini", "hill_q1"):
        at = [measured[key][metric] for key in frame["amounts"]]
        frame[metric] = [found[-1] - found[place] for found, place in zip(at, frame["place"], strict=True)]
    frame = frame[frame["gini"].notna()]
    frame["counts_gini"] = ~frame.duplicated(["same_early", "same_late", "counted"])
    frame["counts_hill_q1"] = ~frame.duplicated(["same_early", "same_late"])
    frame["direction"] = [direction(*pair) for pair in zip(frame["gini"], frame["hill_q1"], strict=True)]
    frame["published"] = frame["specification"] == 0
    kept = frame[frame["counts_gini"]].reset_index(drop=True)
    summary = agreement(kept).assign(n_combinations=len(rows), p_value=np.nan, reason=NO_NULL)
    return kept.drop(columns=["amounts", "place", "same_early", "same_late", "counted"]), summary


def most_influential(heads: NDArray[np.int64], amounts: Floats, n_heads: int) -> list[tuple[int, int]]:
    """The heads (layer, head) whose absence moves the two shifts from first to last checkpoint most.

    By the length of the change in both shifts, each in standard deviations over heads; at equal length the first.

    >>> heads = np.array([[0, 0], [0, 1], [1, 0]])
    >>> amounts = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 9.0]])
    >>> most_influential(heads, amounts, 1)
    [(1, 0)]
    """
    ends = amounts[[0, -1]]
    change = np.zeros(len(heads))
    whole = (gini(ends, support="stratum"), hill_number(ends, 1.0))
    for without, measured in zip(leave_one_part_out(ends, support="stratum"), whole, strict=True):
        shifts = without[1] - without[0]
        spread = shifts.std()
        if spread > 0:
            change += ((shifts - (measured[1] - measured[0])) / spread) ** 2
    order = np.argsort(-change, kind="stable")[:n_heads]
    return [(int(layer), int(head)) for layer, head in heads[order]]


Key = tuple[str, str, float, str, str]


def _crossed(
    table: pd.DataFrame,
    choices: HeadChoices,
    checkpoints: NDArray[np.int64],
    influential: Sequence[tuple[int, int]],
) -> tuple[dict[Key, dict[str, Floats]], list[dict[str, object]]]:
    """Both metrics along the checkpoints under each choice of amounts, and a row for each combination.

    `same_early` and `same_late` number what is compared: two rows that share both compare the same amounts;
    `counted` is the support where it matters.
    """
    measured: dict[Key, dict[str, Floats]] = {}
    numbers: dict[bytes, int] = {}
    rows: list[dict[str, object]] = []
    for value, without, parts in product(choices.values, [None, *influential], choices.parts):
        _, heads, amounts = importance_values(table, value)
        sums = _without(heads, amounts, without, parts)
        name = NONE if without is None else head_name(*without)
        for floor, support in product(choices.floors, choices.supports):
            kept = np.where(sums < floor * sums.mean(axis=1, keepdims=True), 0.0, sums)
            key = (value, parts, floor, support, name)
            measured[key] = {
                "gini": np.asarray(gini(kept, support=as_support(support))),
                "hill_q1": np.asarray(hill_number(kept, 1.0)),
            }
            same = [numbers.setdefault(row.tobytes(), len(numbers)) for row in kept]
            empty = (kept == 0).any(axis=1)
            rows += [
                {"amounts": key, "place": place, "first": int(first), "last": int(checkpoints[-1]), "value": value,
                 "parts": parts, "floor": floor, "support": support, "left_out": name, "n_parts": kept.shape[1],
                 "same_early": same[place], "same_late": same[-1],
                 "counted": support if empty[[place, -1]].any() else ""}
                for place, first in enumerate(checkpoints[:-1])
            ]  # fmt: skip
    for number, row in enumerate(rows):
        row["specification"] = number
    return measured, rows


def _without(heads: NDArray[np.int64], amounts: Floats, head: tuple[int, int] | None, parts: str) -> Floats:
    """Amounts (C, H) without a head, summed by layer (C, L) where the parts are layers."""
    kept = np.ones(len(heads), dtype=bool) if head is None else (heads != np.array(head)).any(axis=1)
    if parts == HEADS:
        return np.asarray(amounts[:, kept])
    layers, place = np.unique(heads[kept, 0], return_inverse=True)
    sums = np.zeros((amounts.shape[0], layers.size))
    np.add.at(sums.T, place, amounts[:, kept].T)
    return sums
