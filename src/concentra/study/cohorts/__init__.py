"""The cohorts of the study, one file each: where raw data lies, how its columns are called, what is compared.

Adding a cohort is writing one file here that sets `COHORT`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from concentra.study.cohorts._cohort import Atlas, Cohort, Model

__all__ = ["Atlas", "Cohort", "Model", "cohorts"]


@cache
def cohorts() -> dict[str, Cohort]:
    """Every declared cohort by name: atlases first, then models, in the order of their names."""
    found = [
        importlib.import_module(f"{__name__}.{module.name}").COHORT
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    ]
    return {cohort.name: cohort for cohort in sorted(found, key=lambda one: (one.kind, one.order, one.name))}
