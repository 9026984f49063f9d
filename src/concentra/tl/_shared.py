"""What all tools share: the design that arguments ask for, and where results are stored."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd

from concentra.composition import Composition
from concentra.composition.annotated import KEY, from_anndata, storable
from concentra.design import Design, Question, Settings, resolve
from concentra.design.question import Group, group_values
from concentra.errors import ArgumentError, ColumnError, nearest
from concentra.printable import natural_order

Seed = int | np.random.Generator
Others = Group | Sequence[Group]
F = TypeVar("F", bound=Callable[..., None])
OLD = {"early": "reference", "late": "other"}
"""Arguments of version 0.1, and what they are called now."""


def old_names(function: F) -> F:
    """Accept the old names of arguments for one more version, with a warning."""

    @wraps(function)
    def renamed(*given: Any, **named: Any) -> None:
        for old, new in OLD.items():
            if old in named:
                warnings.warn(f"{old}= is called {new}= now", DeprecationWarning, stacklevel=2)
                named[new] = named.pop(old)
        function(*given, **named)

    return cast(F, renamed)


def composition_of(adata: Any, columns: Sequence[str]) -> Composition:
    """The composition; `obs` must have these columns."""
    known = [str(name) for name in adata.obs.columns]
    for column in columns:
        if column not in known and column not in ("donor", "stratum", "sample"):
            raise ColumnError(
                found=f"no column {column!r} in obs",
                expected="a column that describes the units",
                fix=f"{nearest(column, known)}; or add it with about= when the composition is made",
            )
    return from_anndata(adata)


def asked(
    adata: Any,
    group: str | None,
    reference: Group | None,
    other: Others | None,
    settings: Settings,
    **more: Any,
) -> Design:
    """The design of a question about groups, or of a formula."""
    if group is None:
        composition = composition_of(adata, [])
        return resolve(composition, Question(**more), settings)
    if reference is None or other is None:
        raise ArgumentError(
            found=f"group={group!r}, reference={reference!r}, other={other!r}",
            expected="both groups",
            fix='write reference="3m", other="24m"',
        )
    composition = composition_of(
        adata, [name for name in (group, more.get("within"), more.get("paired_by")) if name]
    )
    known = natural_order(composition.label(group).unique())
    several = isinstance(other, (list, tuple)) and any(isinstance(one, (list, tuple)) for one in other)
    others: Any = other if several else [other]
    question = Question(
        group,
        group_values(reference, known, group),
        tuple(group_values(one, known, group) for one in others),
        **more,
    )
    return resolve(composition, question, settings)


def over_levels(adata: Any, design: Design, levels: Sequence[str]) -> Design:
    """The design of a composition with these levels alone."""
    parts = design.composition.parts
    for level in levels:
        if level not in parts:
            raise ColumnError(
                found=f"no column {level!r} in var",
                expected="a column of text that groups the parts",
                fix=nearest(level, map(str, adata.var.columns)),
            )
    return replace(design, composition=replace(design.composition, parts=parts[list(levels)]))


def seed_of(rng: Seed) -> int:
    """The number that a seed is, or that a Generator draws."""
    return int(rng.integers(2**31)) if isinstance(rng, np.random.Generator) else int(rng)


def parameters(design: Design) -> dict[str, Any]:
    """The settings, as `.h5ad` stores it."""
    question, settings = design.question, design.settings
    asked: dict[str, Any] = {
        "group": question.column, "reference": list(question.reference),
        "other": ["+".join(values) for values in question.others], "formula": question.formula or "",
        "trend": question.trend or "", "within": question.within or "", "paired_by": question.paired_by or "",
    }  # fmt: skip
    numbers = ("min_cells", "depth", "alpha", "level", "n_draws", "seed")
    asked |= {name: getattr(settings, name) or 0 for name in numbers}
    return asked | {"notes": [str(note) for note in (*design.composition.notes, *design.notes)]}


def store(adata: Any, key: str, parameters: Mapping[str, Any], **tables: pd.DataFrame) -> None:
    """Keep tables and parameters under ``uns["concentra"][key]``."""
    kept = {name: storable(frame) for name, frame in tables.items()}
    place = dict(adata.uns.get(KEY, {}))
    place[key] = kept | {"parameters": dict(parameters)}
    adata.uns[KEY] = place


def example() -> Any:
    """A simulated composition for the examples: three donors an age, eight strata."""
    from concentra.pp import composition
    from concentra.simulate import simulate_labels

    cells = simulate_labels(n_donors=3, n_cells=200).cells
    return composition(
        cells, unit="mouse.id", stratum="tissue", part="cell_ontology_class", about=["age", "sex"]
    )
