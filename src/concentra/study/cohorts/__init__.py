"""The cohorts of the study, one file each: where raw data lies, how its columns are called, what is compared.

Adding a cohort is writing one file here that sets `COHORT`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from concentra.study.cohorts._cohort import KINDS, Atlas, Cohort, Model, as_planted
from concentra.study.cohorts._matrix import Activity, Expression, Matrix
from concentra.study.cohorts._samples import Samples

__all__ = ["KINDS", "Activity", "Atlas", "Cohort", "Expression", "Matrix", "Model", "Samples", "as_planted",
           "cohorts", "made_up", "simulated_names"]  # fmt: skip


@cache
def cohorts() -> dict[str, Cohort]:
    """Every declared cohort by name: atlases, models, expression, activity, samples; in each, by order and name."""
    found = [
        importlib.import_module(f"{__name__}.{module.name}").COHORT
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    ]
    return {
        cohort.name: cohort
        for cohort in sorted(found, key=lambda one: (KINDS.index(one.kind), one.order, one.name))
    }


def simulated_names() -> frozenset[str]:
    """The names of the cohorts whose cells are simulated."""
    return frozenset(name for name, cohort in cohorts().items() if cohort.simulated)


def made_up() -> frozenset[str]:
    """The names of the cohorts that are no finding, simulated or made for demonstration: main figures leave them out.

    >>> made_up() - simulated_names()
    frozenset({'tiny_neox'})
    """
    return simulated_names() | {name for name, cohort in cohorts().items() if cohort.demonstration}
