"""Analyses of a composition AnnData: each writes into it, under ``uns["concentra"]``, and returns None.

All take an AnnData of units × parts, as `concentra.pp.composition` makes it (or scCODA: names of units are then the
donors, and there is one stratum), or a MuData with `modality`. `concentra.get` returns what they stored. They call the
functions that `concentra.analyze` calls.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd

from concentra.analysis.across import across as _across
from concentra.analysis.concentration import concentration as _concentration
from concentra.analysis.contrast import contrast as _contrast
from concentra.analysis.drivers import drivers as _drivers
from concentra.analysis.granularity import FINEST, compare_levels, contrast_levels
from concentra.analysis.levels import contrast_within, decompose_levels
from concentra.analysis.lorenz import lorenz_curves
from concentra.analysis.multiverse import multiverse as _multiverse
from concentra.analysis.plane import plane as _plane
from concentra.analysis.support import left_out_table, support
from concentra.analysis.trend import trend as _trend
from concentra.composition.annotated import KEY, from_anndata, modality_of, storable
from concentra.composition.reading import natural_order
from concentra.design import Design, Question, Settings, resolve
from concentra.design.confounding import confounding as _confounding
from concentra.design.question import Group, group_values
from concentra.errors import ArgumentError, ColumnError, nearest
from concentra.metrics import Support

__all__ = [
    "concentration", "contrast", "drivers", "granularity", "levels", "lorenz", "multiverse", "plane", "trend",
]  # fmt: skip
Seed = int | np.random.Generator
Others = Group | Sequence[Group]


F = TypeVar("F", bound=Callable[..., None])
OLD = {"early": "reference", "late": "other"}
"""Arguments of version 0.1, and what they are called now."""


def _old_names(function: F) -> F:
    """Accept the old names of arguments for one more version, with a warning."""

    @wraps(function)
    def renamed(*given: Any, **named: Any) -> None:
        for old, new in OLD.items():
            if old in named:
                warnings.warn(f"{old}= is called {new}= now", DeprecationWarning, stacklevel=2)
                named[new] = named.pop(old)
        function(*given, **named)

    return cast(F, renamed)


def concentration(
    adata: Any,
    *,
    min_cells: int = 50,
    depth: int | None = None,
    key_added: str = "concentration",
    modality: str | None = None,
) -> None:
    """Concentration of every unit: Gini coefficient, Hill numbers, evenness, and values corrected for depth.

    Parameters
    ----------
    adata
        Units × parts.
    min_cells
        Units with fewer cells are measured, and marked as not `included`.
    depth
        The common number of cells of the rarefied values; None: that of the smallest unit included in each stratum.
    key_added
        Where in ``uns["concentra"]`` the result goes.
    modality
        Of a MuData.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> concentration(adata)
    >>> get.concentration(adata)[["stratum", "donor", "hill_q0"]].values.tolist()[0]
    ['crystallizes', '24_1_F', 12.0]
    """
    adata = modality_of(adata, modality)
    units = _concentration(from_anndata(adata), Settings(min_cells=min_cells, depth=depth))
    _store(adata, key_added, {"min_cells": min_cells, "depth": depth or 0}, concentration=units)


def lorenz(
    adata: Any, *, support: Support = "present", key_added: str = "lorenz", modality: str | None = None
) -> None:
    """Lorenz curve of every unit: `stratum`, `donor`, `sample`, `population` and `cumulative`, both from 0 to 1.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> lorenz(adata)
    >>> get.lorenz(adata)[["population", "cumulative"]].iloc[0].tolist()
    [0.0, 0.0]
    """
    adata = modality_of(adata, modality)
    curves = lorenz_curves(from_anndata(adata), support)
    _store(adata, key_added, {"support": support}, lorenz=curves)


@_old_names
def contrast(
    adata: Any,
    *,
    group: str | None = None,
    reference: Group | None = None,
    other: Others | None = None,
    formula: str | None = None,
    within: str | None = None,
    paired_by: str | None = None,
    accept_confounding: Sequence[str] = (),
    min_cells: int = 50,
    depth: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    rng: Seed = 0,
    key_added: str = "contrast",
    modality: str | None = None,
) -> None:
    """Groups of donors compared in every stratum: effect, interval, test and verdict of one model, exact tests beside.

    Parameters
    ----------
    group
        The column of `obs` that names the groups; None: the coefficients of `formula` are the questions.
    reference, other
        Values of `group`: the reference group, and the one compared with it (a list of lists: several groups).
    formula
        Covariates, "~ age + sex".
    within
        A column of `obs`: donors are compared within its values alone.
    paired_by
        A column of `obs` ("donor"): samples of each of its values are compared with each other.
    accept_confounding
        Columns in which groups may differ completely.
    min_cells, depth, alpha, level
        See `concentra.design.Settings`; `rng` is a seed or a Generator.
    rng, key_added, modality
        As for `concentration`; the seed serves exact tests that are sampled.

    Raises
    ------
    DesignError
        The design cannot answer, with the reason.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> contrast(adata, group="age", reference="3m", other="24m")
    >>> found = get.contrast(adata)
    >>> found.loc[found["metric"] == "hill_q1", ["stratum", "direction"]].values.tolist()[:2]
    [['crystallizes', 'more concentrated'], ['disperses', 'less concentrated']]
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, depth=depth, alpha=alpha, level=level, seed=_seed(rng))
    more = {
        "formula": formula,
        "within": within,
        "paired_by": paired_by,
        "accept_confounding": tuple(accept_confounding),
    }
    design = _asked(adata, group, reference, other, settings, **more)
    units = _concentration(design.composition, settings)
    tables = {
        "contrast": _contrast(design, units),
        "design": support(design),
        "confounding": _confounding(design),
    }
    if group is not None:
        tables["across"] = _across(design, units)
    tables["left_out"] = left_out_table(design.composition, [design])
    _store(adata, key_added, _parameters(design), **tables)


@_old_names
def drivers(
    adata: Any,
    *,
    group: str,
    reference: Group,
    other: Others,
    min_cells: int = 50,
    level: float = 0.95,
    n_draws: int = 2_000,
    rng: Seed = 0,
    key_added: str = "drivers",
    modality: str | None = None,
) -> None:
    """Which parts drive the shift of each stratum: contributions that add up to it, with intervals.

    Parameters are those of `contrast`; see `concentra.analysis.drivers`.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> drivers(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> found = get.drivers(adata).groupby(["stratum", "metric"])["fraction_of_shift"].sum()
    >>> bool(np.allclose(found, 1))
    True
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, level=level, n_draws=n_draws, seed=_seed(rng))
    design = _asked(adata, group, reference, other, settings)
    _store(adata, key_added, _parameters(design), drivers=_drivers(design))


@_old_names
def plane(
    adata: Any,
    *,
    group: str,
    reference: Group,
    other: Others,
    min_cells: int = 50,
    level: float = 0.95,
    n_draws: int = 2_000,
    rng: Seed = 0,
    key_added: str = "plane",
    modality: str | None = None,
) -> None:
    """Every stratum in the plane of the two shifts: joint region, null cloud of permuted labels, and its tests.

    Parameters are those of `contrast`; see `concentra.analysis.plane`.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> plane(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> sorted(get.plane_points(adata)["what"].unique())
    ['null', 'region']
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, level=level, n_draws=n_draws, seed=_seed(rng))
    design = _asked(adata, group, reference, other, settings)
    tests, points = _plane(design)
    _store(adata, key_added, _parameters(design), plane=tests, points=points)


@_old_names
def multiverse(
    adata: Any,
    *,
    group: str,
    reference: Group,
    other: Others,
    restricted_by: str | None = None,
    min_cells: int = 50,
    rng: Seed = 0,
    key_added: str = "multiverse",
    modality: str | None = None,
) -> None:
    """Would another defensible choice lead to another result? Every choice crossed.

    Parameters
    ----------
    restricted_by
        A column of `obs` (sex) to whose values donors are restricted in turn.
    group, reference, other, min_cells, rng, key_added, modality
        As for `contrast`; see `concentra.analysis.multiverse`.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> multiverse(adata, group="age", reference="3m", other="24m")
    >>> found = get.agreement(adata)
    >>> float(found.loc[(found["stratum"] == "disperses") & (found["metric"] == "both"), "share_same_sign"].iloc[0])
    1.0
    """
    adata = modality_of(adata, modality)
    design = _asked(adata, group, reference, other, Settings(min_cells=min_cells, seed=_seed(rng)))
    found, summary = _multiverse(design, restricted_by=restricted_by)
    _store(adata, key_added, _parameters(design), multiverse=found, agreement=summary)


def trend(
    adata: Any,
    *,
    along: str,
    formula: str | None = None,
    min_cells: int = 50,
    depth: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    rng: Seed = 0,
    key_added: str = "trend",
    modality: str | None = None,
) -> None:
    """Do the metrics of a stratum rise or fall along a numeric axis: one model, and Theil-Sen and Spearman beside.

    Parameters
    ----------
    along
        A column of `obs`: numbers, ages such as "3m", dates, or ordered categories.
    formula, min_cells, depth, alpha, level, rng, key_added, modality
        As for `contrast`; see `concentra.analysis.trend`. The model's effect, over the range of the axis, is stored
        as `contrast` beside.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> trend(adata, along="age")
    >>> get.trend(adata)["along"].iloc[0]
    'age (months)'
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, depth=depth, alpha=alpha, level=level, seed=_seed(rng))
    design = resolve(_read(adata, [along]), Question(trend=along, formula=formula), settings)
    units = _concentration(design.composition, settings)
    _store(
        adata, key_added, _parameters(design), trend=_trend(design, units), contrast=_contrast(design, units)
    )


@_old_names
def granularity(
    adata: Any,
    *,
    levels: Sequence[str],
    group: str,
    reference: Group,
    other: Others,
    min_cells: int = 50,
    alpha: float = 0.05,
    key_added: str = "granularity",
    modality: str | None = None,
) -> None:
    """Does the direction of a change depend on how finely parts are cut?

    Parameters
    ----------
    levels
        Columns of `var` that group the parts (lineage): each is a coarser composition.
    group, reference, other, min_cells, alpha, key_added, modality
        As for `contrast`; see `concentra.analysis.granularity`.

    Raises
    ------
    ColumnError, LabelError
        A level is not in `var`, or a part has no value of it.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> granularity(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> sorted(get.granularity(adata)["level"].unique())
    ['finest', 'half']
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, alpha=alpha)
    design = _over_levels(adata, _asked(adata, group, reference, other, settings), levels)
    cut = {FINEST: design.composition} | {level: design.composition.at_level(level) for level in levels}
    found, units = contrast_levels(cut, design.question, settings)
    first = found["level"] == FINEST
    _store(
        adata, key_added, _parameters(design) | {"levels": list(levels)}, granularity=found, concentration=units,
        scales=compare_levels(found[first], found[~first]),
    )  # fmt: skip


def levels(
    adata: Any,
    *,
    levels: Sequence[str],
    group: str,
    reference: Group,
    other: Others,
    formula: str | None = None,
    min_cells: int = 50,
    alpha: float = 0.05,
    key_added: str = "levels",
    modality: str | None = None,
) -> None:
    """On which level of a hierarchy does a change lie: between coarse parts, or within which of them?

    Parameters
    ----------
    levels
        Columns of `var` that group the parts.
    group, reference, other, formula, min_cells, alpha, key_added, modality
        As for `contrast`; see `concentra.analysis.levels`. `concentra.get.levels` returns the terms of the change,
        which add up, `concentra.get.nested` the same contrast within each coarse part.

    Raises
    ------
    ColumnError, LabelError
        A level is not in `var`, or a part has no value of it.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> levels(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> get.levels(adata)["term"].unique().tolist()
    ['total', 'between', 'within', 'overlap', 'within part']
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, alpha=alpha)
    design = _over_levels(adata, _asked(adata, group, reference, other, settings, formula=formula), levels)
    found, terms = decompose_levels(design)
    given = _parameters(design) | {"levels": list(levels)}
    _store(adata, key_added, given, levels=found, terms=terms, nested=contrast_within(design))


def _over_levels(adata: Any, design: Design, levels: Sequence[str]) -> Design:
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


def _read(adata: Any, columns: Sequence[str]) -> Any:
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


def _asked(
    adata: Any,
    group: str | None,
    reference: Group | None,
    other: Others | None,
    settings: Settings,
    **more: Any,
) -> Design:
    """The design of a question about groups, or of a formula."""
    if group is None:
        composition = _read(adata, [])
        return resolve(composition, Question(**more), settings)
    if reference is None or other is None:
        raise ArgumentError(
            found=f"group={group!r}, reference={reference!r}, other={other!r}",
            expected="both groups",
            fix='write reference="3m", other="24m"',
        )
    composition = _read(adata, [name for name in (group, more.get("within"), more.get("paired_by")) if name])
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


def _seed(rng: Seed) -> int:
    return int(rng.integers(2**31)) if isinstance(rng, np.random.Generator) else int(rng)


def _parameters(design: Design) -> dict[str, Any]:
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


def _store(adata: Any, key: str, parameters: Mapping[str, Any], **tables: pd.DataFrame) -> None:
    kept = {name: storable(frame) for name, frame in tables.items()}
    place = dict(adata.uns.get(KEY, {}))
    place[key] = kept | {"parameters": dict(parameters)}
    adata.uns[KEY] = place


def _example() -> Any:
    """A simulated composition for the examples: three donors an age, eight strata."""
    from concentra.pp import composition
    from concentra.simulate import simulate_labels

    cells = simulate_labels(n_donors=3, n_cells=200).cells
    return composition(
        cells, unit="mouse.id", stratum="tissue", part="cell_ontology_class", about=["age", "sex"]
    )
