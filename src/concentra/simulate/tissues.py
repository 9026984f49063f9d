"""Planted tissues: compositions over types, over states within a type, and what treatment undoes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError
from concentra.simulate.plan import (
    PlantedShift,
    Shares,
    direction,
    geometric,
    planted_gini,
    planted_hill_q1,
    tiers,
)

Stage = Literal["early", "late", "treated"]
MEASURES = {"gini": planted_gini, "hill_q1": planted_hill_q1}


@dataclass(frozen=True)
class PlantedTissue:
    """A tissue: its composition over types, that of each type over its states, and the treatment.

    Attributes
    ----------
    tissue
        The name of the tissue.
    types
        Shares over the types, early and late.
    states
        For each type, shares over its states, early and late.
    rescue
        The share w of the change that treatment undoes, in [0, 1]: treated shares are
        `late + w (early - late)`. What that makes of Gini and effective number is in the truth, exactly.
    """

    tissue: str
    types: PlantedShift
    states: tuple[PlantedShift, ...]
    rescue: float = 0.0

    def __post_init__(self) -> None:
        if len(self.states) != self.types.early.size or not 0 <= self.rescue <= 1:
            raise ArgumentError(
                found=f"{len(self.states)} types with states, {self.types.early.size} types, "
                f"rescue={self.rescue}",
                expected="states for each type, and a rescue between 0 and 1",
                fix="give one PlantedShift over states for each type",
            )

    def type_shares(self, stage: Stage) -> Shares:
        """Shares over types at a stage, shape (n_types,)."""
        return at_stage(self.types, stage, self.rescue)

    def state_shares(self, index: int, stage: Stage) -> Shares:
        """Shares over the states of the type with this index, shape (n_states,)."""
        return at_stage(self.states[index], stage, self.rescue)

    def all_states(self, stage: Stage) -> Shares:
        """Shares over all states of the tissue, type by type; sum 1."""
        shares = self.type_shares(stage)
        return np.concatenate([shares[i] * self.state_shares(i, stage) for i in range(shares.size)])

    def labels(self) -> pd.DataFrame:
        """One row a state: `cell_type`, `state`."""
        rows = [
            {"cell_type": shift.tissue, "state": f"{shift.tissue} state {number + 1}"}
            for shift in self.states
            for number in range(shift.early.size)
        ]
        return pd.DataFrame(rows)

    def truth(self, *, treated: bool) -> Iterator[dict[str, Any]]:
        """One row a composition: types, all states, and the states within each type."""
        stages: tuple[Stage, ...] = ("early", "late", "treated") if treated else ("early", "late")
        yield self._row("types", "", [self.type_shares(stage) for stage in stages])
        yield self._row("states", "", [self.all_states(stage) for stage in stages])
        for index, shift in enumerate(self.states):
            yield self._row("within", shift.tissue, [self.state_shares(index, stage) for stage in stages])

    def _row(self, level: str, cell_type: str, shares: list[Shares]) -> dict[str, Any]:
        row: dict[str, Any] = {"level": level, "tissue": self.tissue, "cell_type": cell_type, "direction": ""}
        for name, measure in MEASURES.items():
            early, late, *rest = (measure(one) for one in shares)
            row |= {f"{name}_early": early, f"{name}_late": late, f"{name}_shift": late - early}
            row |= {f"{name}_treated": np.nan, f"{name}_rescue": np.nan}
            if rest:
                row |= {f"{name}_treated": rest[0], f"{name}_rescue": rescued(early, late, rest[0])}
        row["direction"] = direction(row["gini_shift"], row["hill_q1_shift"])
        return row


def at_stage(shift: PlantedShift, stage: Stage, rescue: float) -> Shares:
    """The shares of a planted shift early, late, or treated: `late + rescue (early - late)`."""
    if stage == "treated":
        return np.asarray(shift.late + rescue * (shift.early - shift.late))
    return shift.early if stage == "early" else shift.late


def rescued(early: float, late: float, treated: float, *, tolerance: float = 1e-9) -> float:
    """The rescued share `(late - treated) / (late - early)`; NaN where there is no shift to rescue.

    >>> rescued(1.0, 3.0, 2.0)
    0.5
    """
    return (late - treated) / (late - early) if abs(late - early) > tolerance else float("nan")


def _tissue(
    name: str, early: Shares, late: Shares, states: dict[int, tuple[Shares, Shares]], rescue: float = 0.0
) -> PlantedTissue:
    """A tissue whose types have three steady states each, but for those given."""
    steady = geometric(3, 0.7)
    shifts = []
    for index in range(early.size):
        first, second = states.get(index, (steady, steady))
        shifts.append(PlantedShift(f"{name} type {index + 1}", first, second))
    return PlantedTissue(name, PlantedShift(name, early, late), tuple(shifts), rescue)


def crystallizing(name: str, rescue: float = 0.0) -> PlantedTissue:
    """Six types that crystallize; states within them are steady."""
    return _tissue(name, geometric(6, 0.85), geometric(6, 0.55), {}, rescue)


def dispersing(name: str) -> PlantedTissue:
    """Six types that disperse; states within them are steady."""
    return _tissue(name, geometric(6, 0.55), geometric(6, 0.85), {})


def steady(name: str) -> PlantedTissue:
    """Five types; nothing changes."""
    return _tissue(name, geometric(5, 0.75), geometric(5, 0.75), {})


def flipping(name: str) -> PlantedTissue:
    """Four types that crystallize while the states of all of them together disperse.

    With shares p over types and entropies H_t within them the entropy over all states is
    `H(p) + sum_t p_t H_t` (Shannon 1948, property 6, which fixes the logarithm): the first falls, the
    second rises more.
    """
    concentrated, spread = tiers(4, 1, 0.85), geometric(4, 0.9)
    states = dict.fromkeys(range(4), (concentrated, spread))
    return _tissue(name, geometric(4, 0.95), geometric(4, 0.6), states)


def within(name: str) -> PlantedTissue:
    """Four steady types: states of the first crystallize, of the second disperse, of the others neither."""
    types = np.array([0.3, 0.3, 0.2, 0.2])
    states = {0: (geometric(5, 0.9), geometric(5, 0.55)), 1: (geometric(5, 0.55), geometric(5, 0.9))}
    return _tissue(name, types, types, states)
