"""Cells with features: cohorts that are clustered, or whose groups are more than young and old."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd

from concentra.errors import DesignError
from concentra.study.cohorts._cohort import Cohort

Labels = Mapping[str, tuple[str, ...]]
Level = Literal["types", "clusters", "states"]
UNIT = ("donor", "stratum", "part")


@dataclass(frozen=True)
class Simulation:
    """What stands in for a file: a layout of `concentra.simulate` and the size, always from the same seed."""

    layout: str
    n_cells: int
    n_genes: int
    n_counts: int
    seed: int = 20260


@dataclass(frozen=True)
class Matrix(Cohort):
    """Cells with labels and features, in one `.h5ad`.

    Attributes
    ----------
    columns
        "donor", "stratum" and "part" to the columns of `obs` that hold them.
    groups
        "young", "old" and "treated" to the labels that a cell of the group carries, column by column.
    only
        Labels that a cell must carry to be of the cohort at all, column by column.
    levels
        What is counted: "types" (annotated), "clusters" (of all cells of a stratum), "states" (clusters within a type).
    clustered
        Strata whose cells are clustered as a whole; all where empty.
    features
        "genes", or "given" where the columns of X are features already.
    simulation
        Of a simulated cohort.
    """

    columns: Mapping[str, str] = field(kw_only=True)
    groups: Mapping[str, Labels] = field(kw_only=True)
    levels: tuple[Level, ...] = field(kw_only=True)
    only: Labels = field(default_factory=dict)
    clustered: tuple[str, ...] = ()
    features: Literal["genes", "given"] = "genes"
    simulation: Simulation | None = None

    def simulate(self, path: Path) -> None:
        """Write the file that stands in for this simulated cohort, always the same bytes."""
        from concentra.simulate import simulate_atlas

        size = self.simulation
        if size is None:
            raise DesignError(
                found=f"{self.name} is no simulated cohort",
                expected="a cohort with a `simulation`",
                fix="name a simulated cohort",
            )
        simulate_atlas(
            path,
            size.layout,
            n_cells=size.n_cells,
            n_genes=size.n_genes,
            n_counts=size.n_counts,
            rng=size.seed,
        )

    def cells(self, path: Path) -> pd.DataFrame:
        """The cells compared: `donor`, `stratum`, `part`, `group`; index: the row of the file.

        Cells without a donor or a stratum, or of no group, are not among them; `part` may be missing.
        """
        from concentra.io.cells import read_labels

        wanted = [*self.columns.values(), *self.only, *(name for one in self.groups.values() for name in one)]
        labels = read_labels(path, list(dict.fromkeys(wanted))).astype(object)
        frame = pd.DataFrame({name: labels[self.columns[name]] for name in UNIT})
        frame["group"] = None
        for group, carried in self.groups.items():
            frame.loc[_carry(labels, carried), "group"] = group
        kept = frame[["donor", "stratum", "group"]].notna().all(axis=1) & _carry(labels, self.only)
        return frame[kept]


def _carry(labels: pd.DataFrame, wanted: Labels) -> pd.Series:
    """Which cells carry one of the labels in every column named."""
    found = pd.Series(True, index=labels.index)
    for column, accepted in wanted.items():
        found &= labels[column].isin(accepted)
    return found


@dataclass(frozen=True)
class Expression(Matrix):
    """Cells by genes."""

    kind: ClassVar[Literal["expression"]] = "expression"


@dataclass(frozen=True)
class Activity(Matrix):
    """Cells by features that another analysis made of genes."""

    kind: ClassVar[Literal["activity"]] = "activity"
