"""The question put to a composition: the groups, the model matrix and the contrasts of every stratum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.composition import Composition
from concentra.design.question import Question
from concentra.design.settings import FEWEST_CELLS, Settings
from concentra.notes import Note

Floats = NDArray[np.float64]
Names = NDArray[np.object_]


@dataclass(frozen=True)
class Term:
    """One thing that is estimated: the difference of two groups, or the change over the range of a number.

    Attributes
    ----------
    name
        As tables and reports print it.
    reference, other
        The groups; empty for a number.
    low, high
        The smallest and the largest number among the samples compared, between which the change is estimated; NaN
        for groups.
    """

    name: str
    reference: str = ""
    other: str = ""
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Stratum:
    """The units of one stratum that are compared.

    Attributes
    ----------
    name
        Of the stratum.
    parts
        Those found in any of its units, compared or not, (K,).
    counts
        Cells (n, K) of the units compared.
    rows
        Their places in `Composition.units`, (n,).
    donor, sample
        Their names, (n,).
    group
        The name of the group of each, (n,); None for a formula or a trend.
    block
        The value of the covariate within which they are compared, (n,); else None.
    pair
        The pair of each, (n,); else None.
    matrix
        The model matrix (n, p).
    columns
        Names of its columns.
    contrasts
        For each term the combination of coefficients that is estimated, (p,).
    axis
        The number along which a trend is followed, (n,); else None.
    """

    name: str
    parts: tuple[str, ...]
    counts: NDArray[np.int64]
    rows: NDArray[np.int64]
    donor: Names
    sample: Names
    group: Names | None
    block: Names | None
    pair: Names | None
    matrix: Floats
    columns: tuple[str, ...]
    contrasts: Mapping[str, Floats]
    axis: Floats | None = None

    def of_group(self, name: str) -> NDArray[np.int64]:
        """Places of the units of a group, (n_g,)."""
        return np.flatnonzero(self.group == name) if self.group is not None else np.arange(0)

    def n_donors(self, group: str | None = None) -> int:
        """Donors, not samples, of a group or of all."""
        donors = self.donor if group is None else self.donor[self.of_group(group)]
        return len(set(donors.tolist()))

    @property
    def n_cells(self) -> NDArray[np.int64]:
        """Cells of every unit, (n,)."""
        return self.counts.sum(axis=1)

    @property
    def block_of_donor(self) -> Names:
        """What binds samples together, (n,): the pair where there are pairs, else the donor."""
        return self.donor if self.pair is None else self.pair

    @property
    def repeated(self) -> bool:
        """Whether a donor has several units."""
        return len(set(self.donor.tolist())) < len(self.donor)

    def depth(self, settings: Settings) -> int:
        """The common number of cells of this stratum: as named, or that of its smallest unit, at least 20."""
        smallest = int(self.n_cells.min()) if len(self.counts) else FEWEST_CELLS
        return settings.depth or max(FEWEST_CELLS, smallest)


@dataclass(frozen=True)
class Design:
    """A question, resolved for one composition.

    Attributes
    ----------
    composition
        All units, also those that are not compared: they belong to the support of their stratum.
    question, settings
        What is asked, and how it is answered.
    terms
        What is estimated.
    excluded
        Units that are not compared: `stratum`, `donor`, `sample`, `n_cells`, `reason`.
    notes
        What limits the answer.

    Examples
    --------
    See `concentra.design.resolve`.
    """

    composition: Composition
    question: Question
    settings: Settings
    terms: tuple[Term, ...]
    excluded: pd.DataFrame
    groups: Names | None
    matrix: Floats
    columns: tuple[str, ...]
    contrasts: Mapping[str, Floats]
    included: NDArray[np.bool_]
    axis: Floats | None = None
    axis_title: str = ""
    notes: tuple[Note, ...] = field(default=())

    @property
    def name(self) -> str:
        """The question in a few words."""
        return self.question.name

    @cached_property
    def strata(self) -> tuple[Stratum, ...]:
        """Every stratum that has a unit to compare, by name."""
        found = []
        units = self.composition.units
        block = self._labels(self.question.within)
        pair = self._labels(self.question.paired_by)
        for name in self.composition.strata:
            counts, parts, rows = self.composition.of_stratum(name)
            kept = self.included[rows]
            if not kept.any():
                continue
            rows = rows[kept]
            matrix, columns, contrasts = self._model(rows)
            found.append(
                Stratum(
                    name, tuple(parts), counts[kept], rows, units["donor"].to_numpy(dtype=object)[rows],
                    units["sample"].to_numpy(dtype=object)[rows],
                    None if self.groups is None else self.groups[rows],
                    None if block is None else block[rows],
                    None if pair is None else pair[rows],
                    matrix, columns, contrasts, None if self.axis is None else self.axis[rows],
                )
            )  # fmt: skip
        return tuple(found)

    def two_sided(self) -> list[tuple[Term, Stratum]]:
        """Every comparison of two groups, in every stratum."""
        return [(term, stratum) for term in self.terms if term.other for stratum in self.strata]

    def _labels(self, column: str | None) -> Names | None:
        return None if column is None else self.composition.label(column).to_numpy(dtype=object)

    def _model(self, rows: NDArray[np.int64]) -> tuple[Floats, tuple[str, ...], dict[str, Floats]]:
        """The model matrix of some units, columns without any variation among them left out."""
        matrix = self.matrix[rows]
        varied = (matrix != matrix[:1]).any(axis=0)
        varied[0] = True
        kept = np.flatnonzero(varied)
        contrasts = {}
        for name, rows_of in self.contrasts.items():
            wanted = rows_of[rows].mean(axis=0)
            lost = np.abs(wanted[~varied]).sum() > 0
            contrasts[name] = np.full(len(kept), np.nan) if lost else wanted[kept]
        return matrix[:, kept], tuple(self.columns[place] for place in kept), contrasts
