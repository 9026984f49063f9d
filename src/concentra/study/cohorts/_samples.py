"""Samples with counts over a hierarchy of cell types: several of a donor, each at every level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from concentra.composition import Composition
from concentra.design.question import Question
from concentra.study.cohorts._cohort import Cohort


@dataclass(frozen=True)
class Samples(Cohort):
    """Counts of samples over types that are nested in coarser ones.

    Attributes
    ----------
    load
        Raw files to the composition of every sample over the finest types, with the labels `group` (young, old), `sex`,
        `cmv` and `age_years`, and a column of `parts` for each coarser level, as people call it.
    finest
        The finest level as people call it.
    adjusted
        Old against young donors with covariates; they are compared without them, too.
    """

    kind: ClassVar[str] = "samples"
    load: Callable[[list[Path]], Composition] = field(kw_only=True)
    finest: str = field(kw_only=True)
    adjusted: Question = field(kw_only=True)
