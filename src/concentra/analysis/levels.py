"""On which level of a hierarchy of cell types does concentration change: between coarse types, or within them?

`decompose_levels`
    The change as an exact sum of a term between coarse parts and terms within each of them.
`contrast_within`
    The same contrast of the composition within each coarse part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import Contrast, contrast
from concentra.analysis.granularity import FINEST
from concentra.composition.composition import Composition
from concentra.composition.nesting import within_level
from concentra.design.design import Design, Stratum
from concentra.design.resolve import resolve
from concentra.errors import DesignError
from concentra.metrics import entropy_chao_wang_jost, entropy_levels, gini_levels
from concentra.tables import Table, column

Floats = NDArray[np.float64]
ENTROPY = "entropy"
METRICS = (ENTROPY, "gini_stratum")
TERMS = ("total", "between", "within", "overlap", "within part")


class LevelTerms(Table):
    """Both metrics of every unit over fine parts, as exact sums of terms between and within coarse parts."""

    stratum: str = column("tissue")
    donor: str = column("donor")
    sample: str = column("sample; the donor's name where it has one")
    fine: str = column("level of the fine parts")
    coarse: str = column("level of the coarse parts")
    metric: str = column(
        "entropy: ln effective number as counted; Gini over all cell types of the tissue", among=METRICS
    )
    total: float = column("over the fine parts", low=0)
    between: float = column("term between coarse parts", low=0)
    within: float = column("sum of the terms within coarse parts", low=0)
    overlap: float = column("term of coarse parts whose fine parts overlap in rank; 0 for the entropy", low=0)
    corrected_gap: float = column(
        "of the entropy: by how much estimates of Chao, Wang & Jost (2013) of the terms miss that of the total",
        unit="nats", nullable=True,
    )  # fmt: skip

    class Config(Table.Config):
        unique = ["stratum", "donor", "sample", "fine", "coarse", "metric"]


class Levels(Table):
    """The difference between groups over fine parts, as an exact sum of terms between and within coarse parts."""

    contrast: str = column("the groups compared, or the coefficient")
    stratum: str = column("tissue")
    fine: str = column("level of the fine parts")
    coarse: str = column("level of the coarse parts")
    metric: str = column(
        "entropy: ln effective number as counted; Gini over all cell types of the tissue", among=METRICS
    )
    term: str = column(
        "term; total = between + within + overlap, within is the sum over its parts", among=TERMS
    )
    part: str = column("coarse part, of a term within one", nullable=True)
    n_reference: int = column("donors of the reference group (of a number: all)", unit="donors", low=0)
    n_other: int = column("donors of the other group", unit="donors", low=0)
    mean_reference: float = column("mean over donors of the reference group", nullable=True)
    mean_other: float = column("mean over donors of the other group", nullable=True)
    shift: float = column("difference of means, adjusted as the question says", nullable=True)
    low: float = column("its interval", nullable=True)
    high: float = column("its interval", nullable=True)
    p_value: float = column("two-sided t-test over donors, not adjusted", low=0, high=1, nullable=True)
    fraction_of_shift: float = column("shift / shift of the total; may leave 0 to 1", nullable=True)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "fine", "coarse", "metric", "term", "part"]


class Nested(Contrast):
    """The same contrast of the composition within each coarse part."""

    fine: str = column("level of the fine parts")
    coarse: str = column("level of the coarse parts")
    part: str = column("coarse part within which fine parts are compared")
    n_parts: int = column("fine parts found within it", unit="parts", low=1)

    class Config(Table.Config):
        unique = ["contrast", "stratum", "fine", "coarse", "part", "metric"]
        first = ["contrast", "stratum", "fine", "coarse", "part", "n_parts", "metric"]


def decompose_levels(design: Design) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The change in concentration over fine parts as terms between and within coarse parts, for every pair of levels.

    The terms are those of `concentra.metrics.entropy_levels` and `gini_levels`, of the shares as counted. Samples of
    one donor in one group are averaged. Every shift is the same linear function of the units' values, that of least
    squares with the question's model, so that terms that add up in every unit add up in the shift.

    Parameters
    ----------
    design
        Of a composition with levels (`Composition.with_levels`).

    Returns
    -------
    levels
        One row a (contrast, stratum, pair of levels, metric, term): the columns of `Levels`. The terms between, within
        and of overlap sum to the total, those within parts to the term within, to rounding. A coarse part with one
        fine part has no term.
    units
        One row a (unit, pair of levels, metric): the columns of `LevelTerms`.

    Examples
    --------
    Coarse parts B and T keep their shares, T becomes uneven: all of the change lies within T.

    >>> from concentra.composition import from_table
    >>> from concentra.design import Question
    >>> counts = {"a": (50, 25, 25), "b": (50, 26, 24), "c": (50, 45, 5), "d": (50, 44, 6)}
    >>> rows = pd.DataFrame([("blood", donor, "young" if donor < "c" else "old", part, n)
    ...     for donor, three in counts.items() for part, n in zip(("B", "T1", "T2"), three)],
    ...     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> fine = from_table(rows).with_levels(pd.DataFrame({"type": list("BTT")}, index=["B", "T1", "T2"]))
    >>> found, units = decompose_levels(resolve(fine, Question("age", ("young",), (("old",),))))
    >>> found[found["metric"] == "entropy"][["term", "shift"]].round(3).values.tolist()
    [['total', -0.173], ['between', 0.0], ['within', -0.173], ['overlap', 0.0], ['within part', -0.173]]
    """
    shifts: list[pd.DataFrame] = []
    measured: list[pd.DataFrame] = []
    compared = {stratum.name: stratum for stratum in design.strata}
    for fine, coarse, composition in _pairs(design.composition):
        for name in composition.strata:
            counts, parts, rows = composition.of_stratum(name)
            names, codes = np.unique(composition.parts.loc[parts, coarse].astype(str), return_inverse=True)
            gap = np.nan if composition.of_shares else _corrected_gap(counts, codes)
            for metric, (about, values) in _terms(counts.astype(np.float64), codes, names).items():
                place = {"stratum": name, "fine": fine, "coarse": coarse, "metric": metric}
                whole = {str(term): values[:, column] for column, term in enumerate(about["term"][:4])}
                units = composition.units.loc[rows, ["donor", "sample"]].assign(**place, **whole)
                measured.append(units.assign(corrected_gap=gap if metric == ENTROPY else np.nan))
                if name in compared:
                    known = values[np.searchsorted(rows, compared[name].rows)]
                    shifts.append(_shifts(design, compared[name], about, known).assign(**place))
    if not measured:
        return Levels.empty(), LevelTerms.empty()
    return (
        pd.concat(shifts, ignore_index=True)[list(Levels.columns())],
        pd.concat(measured, ignore_index=True)[list(LevelTerms.columns())],
    )


def _pairs(composition: Composition) -> Iterator[tuple[str, str, Composition]]:
    """Every fine and coarse level that is nested in it, the finest first, and the composition over the fine one."""
    found = [FINEST, *map(str, composition.parts.columns)]
    for fine in found:
        of_level = composition if fine == FINEST else composition.at_level(fine)
        for coarse in map(str, of_level.parts.columns):
            if of_level.at_level(coarse).parts.shape[0] < of_level.parts.shape[0]:
                yield fine, coarse, of_level


def _terms(
    amounts: Floats, codes: NDArray[np.intp], names: NDArray[np.object_]
) -> dict[str, tuple[pd.DataFrame, Floats]]:
    """For each metric what its terms are (`term`, `part`), and their values (n, terms)."""
    entropy, gini = entropy_levels(amounts, codes), gini_levels(amounts, codes)
    divided = np.flatnonzero(np.bincount(codes) > 1)
    about = pd.DataFrame(
        {"term": [*TERMS[:4], *[TERMS[4]] * len(divided)], "part": [*[None] * 4, *names[divided]]},
        dtype=object,
    )
    found = {}
    for metric, levels, overlap in (
        (ENTROPY, entropy, np.zeros(len(amounts))),
        ("gini_stratum", gini, gini.overlap),
    ):
        whole = [levels.total, levels.between, levels.within.sum(axis=-1), overlap]
        found[metric] = (about, np.column_stack([*whole, levels.within[:, divided]]))
    return found


def _corrected_gap(counts: NDArray[np.int64], codes: NDArray[np.intp]) -> Floats:
    """The estimate of Chao, Wang & Jost over fine parts less that over coarse ones and those within them, (n,)."""
    member = codes[:, None] == np.arange(codes.max() + 1)
    coarse = counts @ member
    totals = coarse.sum(axis=1)
    gap = np.asarray(entropy_chao_wang_jost(counts)) - np.asarray(entropy_chao_wang_jost(coarse))
    for place, inside in enumerate(member.T):
        within = np.nan_to_num(np.asarray(entropy_chao_wang_jost(counts[:, inside])))
        gap = gap - within * coarse[:, place] / np.maximum(totals, 1)
    return np.asarray(gap)


def _shifts(design: Design, stratum: Stratum, about: pd.DataFrame, known: Floats) -> pd.DataFrame:
    """The difference of every term between groups, one row a (question, term)."""
    matrix, values, group = _one_row_a_donor(stratum, known)
    frames = []
    for term in design.terms:
        shift, half, p_value = _estimated(matrix, values, stratum.contrasts[term.name], design.settings.level)
        fraction = np.divide(shift, shift[0], out=np.full_like(shift, np.nan), where=shift[0] != 0)
        found = about.assign(
            contrast=term.name, n_reference=stratum.n_donors(term.reference if term.other else None),
            n_other=stratum.n_donors(term.other) if term.other else 0,
            mean_reference=_mean(values[group == term.reference]), mean_other=_mean(values[group == term.other]),
            shift=shift, low=shift - half, high=shift + half, p_value=p_value, fraction_of_shift=fraction,
        )  # fmt: skip
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def _mean(values: Floats) -> Floats:
    return values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)


def _one_row_a_donor(stratum: Stratum, values: Floats) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Model matrix, values and group, samples of one donor in one group averaged."""
    group = np.full(len(values), None, dtype=object) if stratum.group is None else stratum.group
    keys = pd.MultiIndex.from_arrays([stratum.donor.astype(str), group.astype(str)])
    codes, unique = pd.factorize(keys, sort=True)
    join = (codes == np.arange(len(unique))[:, None]).astype(np.float64)
    join /= join.sum(axis=1, keepdims=True)
    first = [int(np.flatnonzero(row)[0]) for row in join]
    return join @ stratum.matrix, join @ values, group[first]


def _estimated(
    matrix: Floats, values: Floats, contrast: Floats, level: float
) -> tuple[Floats, Floats, Floats]:
    """By least squares: estimates (m,), half widths of intervals, and p-values; NaN where there are none."""
    from scipy.stats import t as student  # takes longer to import than all else here

    none = np.full(values.shape[1], np.nan)
    if np.isnan(contrast).any() or np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return none, none, none
    weights = contrast @ np.linalg.pinv(matrix)
    estimate = weights @ values
    df = len(values) - matrix.shape[1]
    if df < 1:
        return estimate, none, none
    residuals = values - matrix @ (np.linalg.pinv(matrix) @ values)
    error = np.sqrt((residuals**2).sum(axis=0) / df * (weights @ weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = np.where(error > 1e-14, 2 * student.sf(np.abs(estimate) / error, df), np.nan)
    return estimate, student.ppf((1 + level) / 2, df) * error, p_value


def contrast_within(design: Design) -> pd.DataFrame:
    """The question of a design, put to the composition within each coarse part: where does concentration change?

    Parameters
    ----------
    design
        Of a composition with levels. Units with fewer than `min_cells` cells of a coarse part are left out there; a
        common number of cells that the settings name is lowered to `min_cells`, because a coarse part has fewer.

    Returns
    -------
    One row a (term, stratum, pair of levels, coarse part, metric): the columns of `Nested`. The family of tests is the
    coarse parts of all strata at one pair of levels; those with one fine part are left out. Empty where none has enough
    cells in both groups.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question
    >>> counts = {"a": (50, 25, 25), "b": (50, 26, 24), "c": (50, 45, 5), "d": (50, 44, 6)}
    >>> rows = pd.DataFrame([("blood", donor, "young" if donor < "c" else "old", part, n)
    ...     for donor, three in counts.items() for part, n in zip(("B", "T1", "T2"), three)],
    ...     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> fine = from_table(rows).with_levels(pd.DataFrame({"type": list("BTT")}, index=["B", "T1", "T2"]))
    >>> found = contrast_within(resolve(fine, Question("age", ("young",), (("old",),))))
    >>> found[found["metric"] == "hill_q1"][["part", "shift"]].round(2).values.tolist()
    [['T', -0.59]]
    """
    question = replace(design.question, accept_confounding=tuple(design.composition.labels))
    named = design.settings.depth
    depth = None if named is None else min(named, design.settings.min_cells)
    settings = replace(design.settings, depth=depth)
    frames = [
        _within(
            replace(design, composition=composition, question=question, settings=settings), coarse
        ).assign(fine=fine, coarse=coarse)
        for fine, coarse, composition in _pairs(design.composition)
    ]
    kept = [frame for frame in frames if len(frame)]
    return pd.concat(kept, ignore_index=True)[list(Nested.columns())] if kept else Nested.empty()


def _within(design: Design, coarse: str) -> pd.DataFrame:
    """The contrast within each coarse part of one pair of levels."""
    composition, places = within_level(design.composition, coarse)
    sizes = {name: len(composition.of_stratum(name)[1]) for name in composition.strata}
    composition = composition.of_strata([name for name, size in sizes.items() if size > 1])
    try:
        units = concentration(composition, design.settings)
        found = contrast(resolve(composition, design.question, design.settings), units)
    except DesignError:
        return pd.DataFrame()
    where = places.loc[found["stratum"]]
    of = {"part": where["part"].to_numpy(), "stratum": where["stratum"].to_numpy()}
    return found.assign(n_parts=found["stratum"].map(sizes), **of)
