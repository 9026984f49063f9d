"""Analyses of a composition AnnData: each writes into it, under ``uns["concentra"]``, and returns None.

All take an AnnData of units × parts, as `concentra.pp.composition` makes it (or scCODA: names of units are then the
donors, and there is one stratum), or a MuData with `modality`. `concentra.get` returns what they stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from concentra.analysis.annotated import KEY, from_anndata, modality_of, storable
from concentra.analysis.cohort_tables import drivers_of_strata, multiverse_of, plane_of, trend_of
from concentra.analysis.compare import across as _across
from concentra.analysis.compare import compare as _compare
from concentra.analysis.concentration import concentration as _concentration
from concentra.analysis.feasible import confounding as _confounding
from concentra.analysis.feasible import design_table, refuse
from concentra.analysis.granularity import compare_scales, state_concentration, state_contrast
from concentra.analysis.question import Comparison, side_values
from concentra.analysis.tally import about_name
from concentra.errors import ColumnError, LabelError, nearest
from concentra.metrics import Support, lorenz_curve

__all__ = [
    "concentration", "contrast", "drivers", "granularity", "lorenz", "multiverse", "plane", "trend",
]  # fmt: skip
FEWEST_CELLS = 20
Side = str | Sequence[str]
Seed = int | np.random.Generator
FINEST = "parts"


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
        The common number of cells of the rarefied values; None: that of the smallest unit included.
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
    rows = from_anndata(adata)
    cells = depth or _depth(rows, min_cells)
    units = _concentration(rows, rarefaction_cells=cells)
    units["included"] = units["n_cells"] >= min_cells
    _store(adata, key_added, {"min_cells": min_cells, "depth": cells}, concentration=units)


def lorenz(
    adata: Any, *, support: Support = "present", key_added: str = "lorenz", modality: str | None = None
) -> None:
    """Lorenz curve of every unit: `stratum`, `donor`, `population` and `cumulative`, both from 0 to 1.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> lorenz(adata)
    >>> get.lorenz(adata)[["population", "cumulative"]].iloc[0].tolist()
    [0.0, 0.0]
    """
    adata = modality_of(adata, modality)
    rows = from_anndata(adata)
    frames = []
    for stratum, of_stratum in rows.groupby("stratum", sort=True):
        wide = of_stratum.pivot(index="donor", columns="part", values="n_cells").fillna(0).sort_index()
        population, cumulative = lorenz_curve(wide.to_numpy(), support=support)
        points = population.shape[1]
        frame = pd.DataFrame({"stratum": stratum, "donor": np.repeat(wide.index.to_numpy(), points)})
        frames.append(frame.assign(population=population.ravel(), cumulative=cumulative.ravel()))
    _store(
        adata, key_added, {"support": support}, lorenz=pd.concat(frames, ignore_index=True).drop_duplicates()
    )


def contrast(
    adata: Any,
    *,
    group: str,
    early: Side,
    late: Side,
    within: str | None = None,
    paired_by: str | None = None,
    covariates: Sequence[str] = (),
    despite: Sequence[str] = (),
    min_cells: int = 50,
    depth: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    n_draws: int = 2_000,
    rng: Seed = 0,
    key_added: str = "contrast",
    modality: str | None = None,
) -> None:
    """A later group of donors against an earlier one, in every stratum: shift, interval, exact test, verdict.

    Parameters
    ----------
    group
        The column of `obs` that says the group.
    early, late
        Its values on either side: one, or several.
    within
        A column of `obs`: donors are compared within its values alone.
    paired_by
        A column of `obs` ("donor"): both sides of each of its values are compared with each other.
    covariates, despite
        Columns in which the groups should not differ completely; those where it is accepted.
    min_cells, depth, alpha, level, n_draws, rng
        See `concentra.analysis.compare.compare`; `rng` is a seed or a Generator.
    key_added, modality
        As for `concentration`.

    Raises
    ------
    DesignError
        The design cannot answer, with the reason.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> contrast(adata, group="age", early="3m", late="24m", n_draws=200)
    >>> found = get.contrast(adata)
    >>> found.loc[found["metric"] == "hill_q1", ["stratum", "direction"]].values.tolist()[:2]
    [['crystallizes', 'crystallizes'], ['disperses', 'disperses']]
    """
    adata = modality_of(adata, modality)
    rows, comparison = _asked(adata, group, early, late, within, paired_by, covariates)
    limits = refuse(
        rows, comparison, min_cells=min_cells, nuisance={name: name for name in covariates}, despite=despite
    )
    cells, seed = depth or _depth(rows, min_cells), _seed(rng)
    found = _compare(
        rows,
        comparison,
        min_cells=min_cells,
        depth=cells,
        alpha=alpha,
        level=level,
        n_draws=n_draws,
        rng=seed,
    )
    asked = _parameters(comparison) | {
        "min_cells": min_cells, "depth": cells, "alpha": alpha, "level": level, "n_draws": n_draws, "seed": seed,
        "said": limits,
    }  # fmt: skip
    _store(
        adata, key_added, asked, contrast=found,
        across=_across(rows, comparison, min_cells=min_cells, rng=seed),
        design=design_table(rows, comparison, min_cells=min_cells),
        confounding=_confounding(rows, comparison, covariates),
    )  # fmt: skip


def drivers(
    adata: Any,
    *,
    group: str,
    early: Side,
    late: Side,
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
    >>> drivers(adata, group="age", early="3m", late="24m", n_draws=200)
    >>> found = get.drivers(adata).groupby(["stratum", "metric"])["fraction_of_shift"].sum()
    >>> bool(np.allclose(found, 1))
    True
    """
    adata = modality_of(adata, modality)
    rows, comparison = _asked(adata, group, early, late)
    seed = _seed(rng)
    found = drivers_of_strata(rows, comparison, min_cells=min_cells, level=level, n_draws=n_draws, rng=seed)
    asked = {"min_cells": min_cells, "level": level, "n_draws": n_draws, "seed": seed}
    _store(adata, key_added, _parameters(comparison) | asked, drivers=found)


def plane(
    adata: Any,
    *,
    group: str,
    early: Side,
    late: Side,
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
    >>> plane(adata, group="age", early="3m", late="24m", n_draws=200)
    >>> sorted(get.plane_points(adata)["what"].unique())
    ['null', 'region']
    """
    adata = modality_of(adata, modality)
    rows, comparison = _asked(adata, group, early, late)
    seed = _seed(rng)
    tests, points = plane_of(rows, comparison, min_cells=min_cells, level=level, n_draws=n_draws, rng=seed)
    asked = {"min_cells": min_cells, "level": level, "n_draws": n_draws, "seed": seed}
    _store(adata, key_added, _parameters(comparison) | asked, plane=tests, points=points)


def multiverse(
    adata: Any,
    *,
    group: str,
    early: Side,
    late: Side,
    sex: str | None = None,
    min_cells: int = 50,
    rng: Seed = 0,
    key_added: str = "multiverse",
    modality: str | None = None,
) -> None:
    """Would another defensible choice have told another story? Every choice crossed.

    Parameters
    ----------
    sex
        A column of `obs` to whose values donors are restricted in turn.
    group, early, late, min_cells, rng, key_added, modality
        As for `contrast`; see `concentra.analysis.multiverse`.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> multiverse(adata, group="age", early="3m", late="24m")
    >>> found = get.agreement(adata)
    >>> float(found.loc[(found["stratum"] == "disperses") & (found["metric"] == "both"), "share_same_sign"].iloc[0])
    1.0
    """
    adata = modality_of(adata, modality)
    rows, comparison = _asked(adata, group, early, late, covariates=[sex] if sex else [])
    seed = _seed(rng)
    found, summary = multiverse_of(rows, comparison, sex=sex, min_cells=min_cells, rng=seed)
    asked = {"sex": sex or "", "min_cells": min_cells, "seed": seed}
    _store(adata, key_added, _parameters(comparison) | asked, multiverse=found, agreement=summary)


def trend(
    adata: Any,
    *,
    along: str,
    sex: str | None = None,
    min_cells: int = 50,
    depth: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    rng: Seed = 0,
    key_added: str = "trend",
    modality: str | None = None,
) -> None:
    """Do the metrics of a stratum rise or fall along a numeric axis: Theil-Sen slope and exact Spearman test.

    Parameters
    ----------
    along
        A column of `obs`: numbers, or ages such as "3m".
    sex
        A column of `obs` that says "male" for some donors: they are followed alone too.
    min_cells, depth, alpha, level, rng, key_added, modality
        As for `contrast`; see `concentra.analysis.trend`.

    Examples
    --------
    >>> from concentra import get
    >>> adata = _example()
    >>> trend(adata, along="age")
    >>> get.trend(adata)["along"].iloc[0]
    'age (months)'
    """
    adata = modality_of(adata, modality)
    columns = list(dict.fromkeys([along, *([sex] if sex else [])]))
    rows = from_anndata(adata, columns)
    cells, seed = depth or _depth(rows, min_cells), _seed(rng)
    about = rows[["stratum", "donor", *columns]].drop_duplicates(["stratum", "donor"])
    units = about.merge(_concentration(rows, rarefaction_cells=cells), on=["stratum", "donor"])
    units = units[units["n_cells"] >= min_cells]
    found = trend_of(units, along, sex=sex, alpha=alpha, level=level, rng=seed)
    asked = {
        "along": along,
        "sex": sex or "",
        "min_cells": min_cells,
        "depth": cells,
        "alpha": alpha,
        "seed": seed,
    }
    _store(adata, key_added, asked, trend=found)


def granularity(
    adata: Any,
    *,
    levels: Sequence[str],
    group: str,
    early: Side,
    late: Side,
    min_cells: int = 50,
    alpha: float = 0.05,
    key_added: str = "granularity",
    modality: str | None = None,
) -> None:
    """Does the direction of a shift depend on how finely parts are cut?

    Parameters
    ----------
    levels
        Columns of `var` that group the parts (lineage): each is a coarser composition.
    group, early, late, min_cells, alpha, key_added, modality
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
    >>> granularity(adata, levels=["half"], group="age", early="3m", late="24m")
    >>> sorted(get.granularity(adata)["resolution"].unique())
    ['half', 'parts']
    """
    adata = modality_of(adata, modality)
    rows, comparison = _asked(adata, group, early, late)
    rows = rows.assign(age_group=comparison.side(rows[comparison.column]))
    frames = [rows.assign(resolution=FINEST)]
    for name in levels:
        frames.append(rows.assign(part=rows["part"].map(_coarser(adata, name)), resolution=name))
    by = ["resolution", "stratum", "donor", "age_group", "part"]
    long = pd.concat(frames).groupby(by, dropna=False)["n_cells"].sum().reset_index()
    units = state_concentration(long)
    found = state_contrast(units, min_cells=min_cells, alpha=alpha)
    fine = found[found["resolution"] == FINEST]
    scales = [
        compare_scales(found[found["resolution"] == name].drop(columns="resolution"), fine).assign(level=name)
        for name in levels
    ]
    asked = {"levels": list(levels), "min_cells": min_cells, "alpha": alpha}
    _store(
        adata, key_added, _parameters(comparison) | asked, contrast=found, concentration=units,
        scales=pd.concat(scales, ignore_index=True) if scales else pd.DataFrame({"level": []}),
    )  # fmt: skip


def _coarser(adata: Any, level: str) -> Mapping[str, str]:
    if level not in adata.var:
        known = [str(name) for name in adata.var.columns]
        raise ColumnError(
            found=f"no column {level!r} in var",
            expected="a column that groups the parts",
            fix=nearest(level, known),
        )
    values = adata.var[level].astype(object)
    if values.isna().any():
        raise LabelError(
            found=f"part {values.index[values.isna()][0]!r} without {level!r}",
            expected="a value for every part",
            fix=f"fill in adata.var[{level!r}]",
        )
    return {str(part): str(value) for part, value in values.items()}


def _asked(
    adata: Any,
    group: str,
    early: Side,
    late: Side,
    within: str | None = None,
    paired_by: str | None = None,
    covariates: Sequence[str] = (),
) -> tuple[pd.DataFrame, Comparison]:
    """The composition with the columns needed, and the comparison."""
    pair = about_name("donor") if paired_by == "donor" else paired_by
    columns = [name for name in dict.fromkeys([group, within, pair, *covariates]) if name is not None]
    rows = from_anndata(adata, columns)
    known = sorted(rows[group].dropna().unique())
    first, second = (side_values(side, known, group) for side in (early, late))
    return rows, Comparison(group, first, second, within=within, paired_by=pair)


def _depth(rows: pd.DataFrame, min_cells: int) -> int:
    totals = rows.groupby(["stratum", "donor"])["n_cells"].sum()
    enough = totals[totals >= min_cells]
    return max(FEWEST_CELLS, int(enough.min()) if len(enough) else FEWEST_CELLS)


def _seed(rng: Seed) -> int:
    return int(rng.integers(2**31)) if isinstance(rng, np.random.Generator) else int(rng)


def _parameters(comparison: Comparison) -> dict[str, Any]:
    return {
        "group": comparison.column,
        "early": list(comparison.early),
        "late": list(comparison.late),
        "within": comparison.within or "",
        "paired_by": comparison.paired_by or "",
    }


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
