"""What a cohort is: raw files in order of preference, column names, the groups compared, the citation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd

from concentra.design.question import Question
from concentra.io.fetch import Remote
from concentra.stats.verdict import LESS, MIXED, MORE

KINDS = ("atlas", "model", "expression", "activity", "samples")
LABELS = ("donor", "stratum", "part", "age", "sex")
PLANTED = {"crystallize": MORE, "disperse": LESS, "mixed": MIXED, "none": "none"}
"""Directions that `concentra.simulate` plants."""


@dataclass(frozen=True)
class Cohort:
    """One data set.

    Attributes
    ----------
    name, title
        The name in tables, and the one that people read.
    citation, licence
        Where the data comes from and under which terms.
    obtain
        The command or the address that gets the raw data.
    find
        Folder to the raw files of the first complete choice; empty where none is there.
    remotes
        Public files that `concentra fetch` puts where `find` looks; empty where a person has to make or get the file.
    order
        Place among the cohorts of its kind.
    simulated, demonstration
        Whether its cells are simulated in every run; whether it was made to show a method. Neither is a finding.
    """

    kind: ClassVar[str]
    name: str
    title: str
    citation: str
    licence: str
    obtain: str
    find: Callable[[Path], list[Path]]
    remotes: tuple[Remote, ...] = ()
    order: int = 0
    simulated: bool = False
    demonstration: bool = False

    def files(self, data: Path | None) -> list[Path]:
        """The raw files present in the data folder; empty where the raw data is absent."""
        return [] if data is None else self.find(data)


@dataclass(frozen=True)
class Atlas(Cohort):
    """Cells with labels.

    Attributes
    ----------
    early, late
        The ages compared, as the labels are written.
    load
        Raw files to one row a cell with the columns `LABELS`, `donor_source` and `unusable` (why the cell cannot be
        used, else missing); missing donors are missing.
    """

    kind: ClassVar[Literal["atlas", "model"]] = "atlas"
    early: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    load: Callable[[list[Path]], pd.DataFrame] = field(kw_only=True)
    planted: Callable[[], pd.DataFrame] | None = None

    @property
    def question(self) -> Question:
        """Old against young donors."""
        return Question("age", self.early, (self.late,))

    def group(self, age: str) -> str | None:
        """`"young"`, `"old"`, or None for an age that the cohort does not compare.

        >>> from concentra.study.cohorts import cohorts
        >>> [cohorts()["tms_facs"].group(age) for age in ("3m", "18m", "24m")]
        ['young', None, 'old']
        """
        return "young" if age in self.early else "old" if age in self.late else None


def as_planted(truth: pd.DataFrame) -> pd.DataFrame:
    """What `concentra.simulate` planted, in the words of the study.

    >>> as_planted(pd.DataFrame({"tissue": ["lung"], "direction": "disperse", "gini_early": 0.5})).columns.tolist()
    ['stratum', 'direction', 'gini_young']
    """
    ends = {f"{metric}_{end}": f"{metric}_{group}" for metric in ("gini", "hill_q1")
            for end, group in (("early", "young"), ("late", "old"))}  # fmt: skip
    found = truth.rename(columns={"tissue": "stratum", "cell_type": "part"} | ends)
    return found.assign(direction=found["direction"].replace(PLANTED))


@dataclass(frozen=True)
class Model(Cohort):
    """Head importance along checkpoints; `load` gives the frame of `concentra.io.importance`."""

    kind: ClassVar[Literal["atlas", "model"]] = "model"
    load: Callable[[list[Path]], pd.DataFrame] = field(kw_only=True)


def first_of(*patterns: str) -> Callable[[Path], list[Path]]:
    """Find by patterns in order of preference, each tried below the data folder.

    Of several matches the shortest name is taken: that of a whole atlas before those of its tissues.
    """

    def find(data: Path) -> list[Path]:
        for pattern in patterns:
            there = (path for path in data.glob(pattern) if path.exists())
            found = sorted(there, key=lambda path: (len(path.name), path.name))
            if found:
                return found[:1]
        return []

    return find
