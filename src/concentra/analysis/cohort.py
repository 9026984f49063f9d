"""Anyone's cohort: from labelled cells to every table of an analysis.

`combinations` and `tally` (`concentra.analysis.tally`) make the composition; `analyse` asks every question of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from concentra.analysis.cohort_scales import Scales, cluster_cells, compositions, contrast_scales, measured
from concentra.analysis.cohort_tables import drivers_of_strata, multiverse_of, plane_of, trend_of
from concentra.analysis.compare import across, compare
from concentra.analysis.composition import parts_of_strata
from concentra.analysis.concentration import concentration
from concentra.analysis.feasible import confounding, design_table, refuse
from concentra.analysis.question import Comparison
from concentra.analysis.tally import Tally, about_name, tally
from concentra.errors import DesignError

SEPARATOR = " · "
FEWEST_CELLS = 20
"""The common number of cells of rarefied values is never below this."""


@dataclass(frozen=True)
class Plan:
    """What is asked of a cohort, and how sure one wants to be.

    Attributes
    ----------
    comparisons
        Contrasts of two groups of donors; may be empty.
    trend
        A column that is a numeric axis (age), or None.
    nuisance
        Columns with which a comparison may be confounded, by role ("sex", "batch").
    despite
        Those whose complete confounding is accepted.
    min_cells
        A donor with fewer cells in a stratum is listed there, but not compared.
    depth
        The common number of cells of the rarefied metrics; None: that of the smallest unit compared.
    alpha, level
        Of tests and false discovery rate; of intervals.
    n_draws
        Hierarchical bootstrap draws.
    multiverse
        Whether every defensible choice is crossed.
    rng
        A seed.
    """

    comparisons: tuple[Comparison, ...] = ()
    trend: str | None = None
    nuisance: Mapping[str, str] = field(default_factory=dict)
    despite: tuple[str, ...] = ()
    min_cells: int = 50
    depth: int | None = None
    alpha: float = 0.05
    level: float = 0.95
    n_draws: int = 2_000
    multiverse: bool = True
    rng: int = 0

    def columns(self) -> list[str]:
        """Every label column that the questions need, beside donor, stratum and part."""
        wanted = [self.trend, *self.nuisance.values()]
        for one in self.comparisons:
            wanted += [one.column, one.within, one.paired_by]
        return list(dict.fromkeys(name for name in wanted if name is not None))


@dataclass(frozen=True)
class Cohort:
    """What was found.

    Attributes
    ----------
    tables
        By name: `composition`, `parts`, `left_out`, `concentration`; with comparisons `design`, `confounding`,
        `contrast`, `across`, `drivers`, `plane`, `plane_points`, `multiverse`, `agreement`; with a trend `trend`.
        With cells that can be clustered `clusters`, `stability`, `granularity_concentration` and, with comparisons,
        `granularity` and `scales`. Those of comparisons have a column `contrast` that names the comparison.
    said
        What was mended, left out, or limits the answer; one sentence each.
    depth
        The common number of cells of rarefied values.
    """

    tables: dict[str, pd.DataFrame]
    said: tuple[str, ...]
    depth: int


def analyse(
    counted: pd.DataFrame,
    plan: Plan,
    *,
    scales: Scales | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> Cohort:
    """Every table of an analysis, from combinations of labels.

    Parameters
    ----------
    counted
        As `concentra.analysis.tally.combinations` returns it: `stratum`, `donor`, `part`, `n_cells`, and the
        columns that the plan names (`about_name` of them).
    plan
        What is asked.
    scales
        The cells themselves, where they are to be clustered at several resolutions.
    tell
        Called with a few words whenever the next piece of work begins.

    Raises
    ------
    DesignError, LabelError, ArgumentError
        The design cannot answer, or labels contradict each other.

    Examples
    --------
    >>> from concentra.analysis.tally import combinations
    >>> from concentra.simulate import simulate_labels
    >>> cells = simulate_labels(n_donors=3, n_cells=200).cells
    >>> counted = combinations(cells, {"stratum": "tissue", "donor": "mouse.id", "part": "cell_ontology_class",
    ...                                "age": "age"})
    >>> plan = Plan((Comparison("age", ("3m",), ("24m",)),), n_draws=200, multiverse=False)
    >>> found = analyse(counted, plan).tables["contrast"]
    >>> found[found["metric"] == "hill_q1"].set_index("stratum")["direction"].head(2).to_dict()
    {'crystallizes': 'crystallizes', 'disperses': 'disperses'}
    """
    if scales is not None:
        scales = replace(scales, cells=_internal(plan, scales.cells)[1])
    plan, counted = _internal(plan, counted)
    tell("counting")
    made = _composition(counted, plan)
    composition, said = made.composition, list(made.said)
    for comparison in plan.comparisons:
        said += refuse(
            composition, comparison, min_cells=plan.min_cells, nuisance=plan.nuisance, despite=plan.despite
        )
    units, depth = _units(composition, plan)
    tables = {
        "composition": composition,
        "parts": parts_of_strata(composition),
        "left_out": made.left_out,
        "concentration": units,
    }
    found: dict[str, list[pd.DataFrame]] = {}
    for comparison in plan.comparisons:
        for name, frame in _tables(composition, comparison, plan, depth, tell):
            frame.insert(0, "contrast", comparison.name)
            found.setdefault(name, []).append(frame)
    tables |= {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}
    if plan.trend is not None:
        tell(f"{plan.trend}: trend")
        tables["trend"] = trend_of(
            units[units["included"]], plan.trend, sex=plan.nuisance.get("sex"), alpha=plan.alpha, level=plan.level,
            rng=plan.rng,
        )  # fmt: skip
    if scales is not None:
        tables |= _scales(tables, scales, plan, depth, tell)
    return Cohort(tables, tuple(said), depth)


def _scales(
    tables: Mapping[str, pd.DataFrame],
    scales: Scales,
    plan: Plan,
    depth: int,
    tell: Callable[[str], None],
) -> dict[str, pd.DataFrame]:
    """The tables over clusters: of strata with donors on both sides of a comparison, or of all that were measured."""
    composition, units = tables["composition"], tables["concentration"]
    if plan.comparisons:
        design = tables["design"]
        strata = design.loc[(design["n_early"] > 0) & (design["n_late"] > 0), "stratum"]
    else:
        strata = units.loc[units["included"], "stratum"]
    tell("")
    clusters, stability = cluster_cells(scales, sorted(set(strata)))
    fine = compositions(clusters, composition, scales.resolutions)
    made = {
        "clusters": clusters,
        "stability": stability,
        "granularity_concentration": measured(fine, depth=depth),
    }
    found: dict[str, list[pd.DataFrame]] = {"granularity": [], "scales": []}
    for comparison in plan.comparisons:
        tell(f"{comparison.name}: granularity")
        every = tables["contrast"]
        coarse = every[every["contrast"] == comparison.name].drop(columns="contrast")
        both = contrast_scales(
            fine, coarse, comparison, min_cells=plan.min_cells, depth=depth, alpha=plan.alpha, level=plan.level,
            n_draws=plan.n_draws, rng=plan.rng,
        )  # fmt: skip
        for frame, name in zip(both, found, strict=True):
            frame.insert(0, "contrast", comparison.name)
            found[name].append(frame)
    return made | {name: pd.concat(frames, ignore_index=True) for name, frames in found.items() if frames}


def _internal(plan: Plan, counted: pd.DataFrame) -> tuple[Plan, pd.DataFrame]:
    """The plan with the columns' names as they are beside the roles; units of pairs named by both."""

    def inside(name: str | None) -> str | None:
        return None if name is None else about_name(name)

    comparisons = tuple(
        replace(
            one, column=about_name(one.column), within=inside(one.within), paired_by=inside(one.paired_by)
        )
        for one in plan.comparisons
    )
    groups = list(dict.fromkeys(one.column for one in comparisons if one.paired_by))
    for name in groups:
        known = counted[name].notna()
        counted = counted.assign(
            donor=counted["donor"].where(~known, counted["donor"] + SEPARATOR + counted[name].astype(str))
            .where(counted["donor"].notna(), None)
        )  # fmt: skip
    nuisance = {role: about_name(name) for role, name in plan.nuisance.items()}
    return replace(plan, comparisons=comparisons, trend=inside(plan.trend), nuisance=nuisance), counted


def _composition(counted: pd.DataFrame, plan: Plan) -> Tally:
    strict = [plan.trend]
    for one in plan.comparisons:
        strict += [one.column, one.within, one.paired_by]
    about = list(dict.fromkeys(name for name in strict if name is not None))
    loose = [name for name in dict.fromkeys(plan.nuisance.values()) if name not in about]
    return tally(counted, about=about, loose=loose)


def _units(composition: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, int]:
    """The concentration of every unit with its labels, whether it is compared, and the common depth."""
    totals = composition.groupby(["stratum", "donor"])["n_cells"].sum()
    enough = totals[totals >= plan.min_cells]
    if enough.empty:
        raise DesignError(
            found=f"no donor with {plan.min_cells} cells in any stratum; the largest has {totals.max():,}",
            expected=f"donors with at least {plan.min_cells} cells in a stratum",
            fix="lower --min-cells; or check the stratum and donor columns",
        )
    depth = plan.depth or max(FEWEST_CELLS, int(enough.min()))
    measured = concentration(composition, rarefaction_cells=depth)
    about = composition.drop(columns=["part", "n_cells", "share"]).drop_duplicates(["stratum", "donor"])
    units = about.merge(measured, on=["stratum", "donor"], validate="one_to_one", suffixes=(" (label)", ""))
    return units.assign(included=units["n_cells"] >= plan.min_cells), depth


def _tables(
    composition: pd.DataFrame,
    comparison: Comparison,
    plan: Plan,
    depth: int,
    tell: Callable[[str], None],
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of one comparison."""
    how = {"min_cells": plan.min_cells, "depth": depth, "rng": plan.rng}
    yield "design", design_table(composition, comparison, min_cells=plan.min_cells)
    others = [name for name in plan.nuisance.values() if name != comparison.column]
    yield "confounding", confounding(composition, comparison, others)
    tell(f"{comparison.name}: intervals and tests")
    yield (
        "contrast",
        compare(composition, comparison, alpha=plan.alpha, level=plan.level, n_draws=plan.n_draws, **how),
    )
    yield "across", across(composition, comparison, min_cells=plan.min_cells, rng=plan.rng)
    tell(f"{comparison.name}: drivers")
    yield (
        "drivers",
        drivers_of_strata(
            composition,
            comparison,
            min_cells=plan.min_cells,
            level=plan.level,
            n_draws=plan.n_draws,
            rng=plan.rng,
        ),
    )
    if comparison.paired_by:
        return
    if not comparison.within:
        tell(f"{comparison.name}: plane")
        made = plane_of(
            composition,
            comparison,
            min_cells=plan.min_cells,
            level=plan.level,
            n_draws=plan.n_draws,
            rng=plan.rng,
        )
        yield from zip(("plane", "plane_points"), made, strict=True)
    if plan.multiverse:
        tell(f"{comparison.name}: multiverse")
        sex = comparison.within or plan.nuisance.get("sex")
        made = multiverse_of(composition, comparison, sex=sex, min_cells=plan.min_cells, rng=plan.rng)
        yield from zip(("multiverse", "agreement"), made, strict=True)
