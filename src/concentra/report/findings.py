"""What a report is written from: the tables of an analysis, its notes, options, title and methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from concentra.report import sentences

Tables = Mapping[str, pd.DataFrame]
FIXED = ("stratum", "donor", "sample", "part", "included", "labels")
"""Columns of units that are neither labels of donors nor numbers."""


def unit_name(rows: pd.DataFrame) -> str:
    """What one row of composition stands for: "sample" where donors have several, else "donor".

    >>> unit_name(pd.DataFrame({"donor": ["a", "a"], "sample": ["a1", "a2"]}))
    'sample'
    """
    several = "sample" in rows and rows["sample"].nunique() > rows["donor"].nunique()
    return "sample" if several else "donor"


@dataclass(frozen=True)
class Findings:
    """The tables of an analysis and what is known about them.

    Parameters
    ----------
    tables
        By name; `composition` and `concentration` are needed, all others are shown where they are there.
    notes
        What was guessed, repaired, left out, accepted, or limits the answer.
    options
        With which the analysis ran; `level`, `min_cells`, `trend`.
    title
        Of the report.
    methods
        The paragraph of methods; written from the tables where it is empty.
    versions
        Of the packages, by name.
    tissue
        What a stratum is called; "granularity" where all hold the same cells.
    id
        Begins the names of places in the page, where several findings share one.

    Examples
    --------
    >>> units = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "age": ["3m", "24m"], "hill_q1": [3.0, 2.0]})
    >>> made = Findings({"concentration": units, "composition": units})
    >>> made.strata, made.labels
    (('lung',), ('age',))
    """

    tables: Tables
    notes: Sequence[object] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = "Concentration of compositions"
    methods: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    tissue: str = "tissue"
    id: str = ""

    def table(self, name: str) -> pd.DataFrame:
        """The table of that name, empty where there is none."""
        return self.tables.get(name, pd.DataFrame())

    @property
    def tissues(self) -> str:
        """What several strata are called."""
        return "granularities" if self.same_cells else f"{self.tissue}s"

    @property
    def same_cells(self) -> bool:
        """Whether the strata are the same cells, counted more or less finely."""
        return self.tissue == "granularity"

    @property
    def level(self) -> float:
        """That of the intervals."""
        return float(self.options.get("level") or 0.95)

    @cached_property
    def units(self) -> pd.DataFrame:
        """The table `concentration`, a row a donor (or sample) within a stratum."""
        return self.table("concentration")

    @cached_property
    def strata(self) -> tuple[str, ...]:
        """The tissues, those that changed first."""
        names = list(dict.fromkeys(self.units["stratum"].astype(str)))
        if self.verdicts.empty:
            return tuple(names)
        order = list(sentences.MEANINGS)
        rank = {str(row["stratum"]): order.index(row["verdict"]) if row["verdict"] in order else len(order)
                for row in reversed(sentences.records(self.verdicts))}  # fmt: skip
        return tuple(sorted(names, key=lambda name: rank.get(name, len(order) + 1)))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The label columns of the units: text, none of the fixed ones."""
        return tuple(
            str(name)
            for name in self.units.columns
            if str(name) not in FIXED and not pd.api.types.is_numeric_dtype(self.units[name])
        )

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """One row a contrast and tissue, as `sentences.verdicts` makes them; empty without a contrast."""
        contrast = self.table("contrast")
        return sentences.verdicts(contrast) if "effect" in contrast else pd.DataFrame()

    @cached_property
    def contrasts(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(dict.fromkeys(map(str, self.verdicts["contrast"]))) if len(self.verdicts) else ()

    @cached_property
    def group_column(self) -> str | None:
        """The label column by which the first contrast compares donors; the first label column without one."""
        for name in self.contrasts:
            column = name.split(":", 1)[0].strip()
            if column in self.units.columns:
                return column
        return None

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups of donors, along the trend, else the reference first; a single nameless one without any."""
        column = self.group_column
        if column is None:
            return ("all donors",)
        names = [*self.sides, *sorted({self.group(value) for value in self.units[column]} - set(self.sides))]
        along, numbers = self.axis
        if along == column:
            places = {self.group(label): x for label, x in sorted(numbers.items(), key=lambda one: -one[1])}
            names.sort(key=lambda name: places.get(name, float("inf")))
        return tuple(names)

    @cached_property
    def group_names(self) -> dict[str, str]:
        """How every group is shown."""
        return sentences.distinct(self.groups, 40)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """The reference and the other group of the first contrast; none without groups."""
        if self.verdicts.empty:
            return ()
        sides = (self.verdicts.iloc[0]["reference"], self.verdicts.iloc[0]["other"])
        return () if pd.isna(sides[1]) else (str(sides[0]), str(sides[1]))

    @cached_property
    def axis(self) -> tuple[str, dict[str, float]]:
        """The column along which a trend was asked for, with the number of each of its labels; empty without one."""
        from concentra.design.axis import numeric_axis, parse_trend

        trend = self.table("trend")
        along = str(trend["along"].iloc[0]) if len(trend) else ""
        written = str(self.options.get("trend") or along.split(" (")[0])
        column, order = parse_trend(written, self.units.columns)
        if column not in self.units:
            return "", {}
        labels = self.units[column]
        numbers = numeric_axis(labels, column, order)[0]
        return column, {str(label): x for label, x in zip(labels, numbers, strict=True) if not pd.isna(x)}

    def along(self, row: Mapping[str, Any]) -> float:
        """The place of a row of `concentration` or `composition` along the axis of the trend; NaN where it has none."""
        column, numbers = self.axis
        return numbers.get(str(row.get(column)), float("nan"))

    def group(self, value: object) -> str:
        """The group of a donor with this value of the group column: a side of the contrast, or the value itself."""
        text = str(value)
        return next((side for side in self.sides if text in (side, *side.split("+"))), text)

    def group_of(self, row: Mapping[str, Any]) -> str:
        """The group of a row of `concentration` or `composition`."""
        return self.group(row[self.group_column]) if self.group_column else self.groups[0]

    @cached_property
    def names(self) -> dict[str, str]:
        """How every tissue is shown."""
        return sentences.distinct(self.strata, 40)

    def of_stratum(self, name: str, stratum: str, contrast: str | None = None) -> pd.DataFrame:
        """The rows of a table in a tissue, of one contrast where one is named and the table knows them."""
        frame = self.table(name)
        if frame.empty or "stratum" not in frame:
            return pd.DataFrame()
        here = frame[frame["stratum"].astype(str) == stratum]
        if contrast is not None and "contrast" in here:
            return here[here["contrast"].astype(str) == contrast]
        return here
