"""Cells as labels only: a table of donors, tissues and cell types with planted shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from concentra.errors import ArgumentError
from concentra.simulate.plan import PlantedShift, geometric, tiers

DEFAULT_SEED = 20260
"""The seed of the study's simulated cohort."""

AGES = ("3m", "24m")
SEXES = ("female", "male")
COLUMNS = ("mouse.id", "age", "sex", "tissue", "cell_ontology_class")
NULL_SHAPES = ((8, 0.60), (10, 0.75), (12, 0.85), (9, 0.70), (15, 0.90))


@dataclass(frozen=True)
class SimulatedCells:
    """Simulated cells and what was planted in them.

    Attributes
    ----------
    cells
        One row a cell: `mouse.id`, `age`, `sex`, `tissue`, `cell_ontology_class`, all categorical.
    truth
        One row a tissue: `tissue`, `direction`, then `gini_early`, `gini_late`, `gini_shift`,
        `hill_q1_early`, `hill_q1_late`, `hill_q1_shift` of the planted compositions.
    """

    cells: pd.DataFrame
    truth: pd.DataFrame


def default_plan(n_null: int = 5) -> list[PlantedShift]:
    """Three tissues with planted shifts (crystallizes, disperses, mixed) and `n_null` without.

    The mixed tissue's two Lorenz curves cross: both its Gini and its effective number rise.

    >>> [shift.tissue for shift in default_plan(1)]
    ['crystallizes', 'disperses', 'mixed', 'null_1']
    """
    plan = [
        PlantedShift("crystallizes", geometric(12, 0.85), geometric(12, 0.75)),
        PlantedShift("disperses", geometric(10, 0.65), geometric(10, 0.75)),
        PlantedShift("mixed", tiers(24, 1, 0.6), tiers(24, 5, 0.88)),
    ]
    for index in range(n_null):
        shares = geometric(*NULL_SHAPES[index % len(NULL_SHAPES)])
        plan.append(PlantedShift(f"null_{index + 1}", shares, shares))
    return plan


def simulate_labels(
    plan: Sequence[PlantedShift] | None = None,
    *,
    n_donors: int = 6,
    n_cells: int = 800,
    concentration: float = 4000.0,
    depth_spread: float = 0.2,
    rng: int | np.random.Generator = DEFAULT_SEED,
) -> SimulatedCells:
    """Cells of donors in two age groups, as labels only, with shifts known exactly.

    A donor d of group g has, in each tissue, the composition `p_d ~ Dirichlet(concentration * planted_g)`,
    `m_d = round(n_cells * exp(depth_spread * z_d))` cells with z_d standard normal (at least 1), and counts
    `Multinomial(m_d, p_d)`. The mean over donors is the planted composition; cell numbers do not depend on
    the group, so that a tissue without a shift is exchangeable between groups.

    Parameters
    ----------
    plan
        The tissues, with their compositions early and late. Default: `default_plan()`, eight tissues.
    n_donors
        Donors in each group, at least 1; sexes alternate, so both are balanced in both groups.
    n_cells
        The median number of cells of one donor in one tissue, at least 1.
    concentration
        How alike the donors of a group are (Dirichlet precision, > 0): the standard deviation of a share p
        between donors is sqrt(p (1 - p) / (concentration + 1)).
    depth_spread
        Standard deviation of the logarithm of cell numbers, >= 0.
    rng
        A seed or a generator. The same seed gives the same cells, byte for byte.

    Returns
    -------
    SimulatedCells
        `cells` in the column names of Tabula Muris Senis (ages "3m" and "24m"), and `truth`.

    Notes
    -----
    Plug-in values in the cells lie a little below the planted effective number and, over present parts,
    below or above the planted Gini: finite numbers of cells bias both (Chao, Wang & Jost 2013,
    doi:10.1111/2041-210X.12108). `truth` is that of the compositions, not of the cells.

    Examples
    --------
    >>> simulated = simulate_labels(n_donors=2, n_cells=50)
    >>> sorted(simulated.cells["age"].unique())
    ['24m', '3m']
    >>> simulated.truth.set_index("tissue")["direction"].head(4).to_dict()
    {'crystallizes': 'crystallize', 'disperses': 'disperse', 'mixed': 'mixed', 'null_1': 'none'}
    """
    _check(n_donors, n_cells, concentration, depth_spread)
    generator = np.random.default_rng(rng)
    tissues = default_plan() if plan is None else list(plan)
    donors = donor_table(n_donors)
    parts = [
        _tissue_cells(tissue, donors, n_cells, concentration, depth_spread, generator) for tissue in tissues
    ]
    cells = pd.concat(parts, ignore_index=True)
    truth = pd.DataFrame([tissue.truth() for tissue in tissues])
    return SimulatedCells(cells=cells[list(COLUMNS)].astype("category"), truth=truth)


def donor_table(n_donors: int) -> pd.DataFrame:
    """The donors of both groups: `mouse.id` (age, number, sex, as in "24_3_F"), `age`, `sex`."""
    rows = [
        {
            "mouse.id": f"{age[:-1]}_{index + 1}_{SEXES[index % 2][0].upper()}",
            "age": age,
            "sex": SEXES[index % 2],
        }
        for age in AGES
        for index in range(n_donors)
    ]
    return pd.DataFrame(rows)


def _tissue_cells(
    tissue: PlantedShift,
    donors: pd.DataFrame,
    n_cells: int,
    concentration: float,
    depth_spread: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    planted = np.stack([tissue.early if age == AGES[0] else tissue.late for age in donors["age"]])
    shares = np.stack([rng.dirichlet(concentration * row) for row in planted])
    depth = np.exp(depth_spread * rng.standard_normal(len(donors)))
    counts = rng.multinomial(np.maximum(1, np.rint(n_cells * depth)).astype(np.int64), shares)
    types = np.array([f"type_{index + 1:02d}" for index in range(planted.shape[1])], dtype=object)
    cells = donors.loc[np.repeat(donors.index, counts.sum(axis=1))].reset_index(drop=True)
    cells["tissue"] = tissue.tissue
    cells["cell_ontology_class"] = np.repeat(np.tile(types, len(donors)), counts.ravel())
    return cells


def _check(n_donors: int, n_cells: int, concentration: float, depth_spread: float) -> None:
    valid = n_donors >= 1 and n_cells >= 1 and concentration > 0 and depth_spread >= 0
    if not valid or not np.isfinite([concentration, depth_spread]).all():
        raise ArgumentError(
            found=f"n_donors={n_donors}, n_cells={n_cells}, concentration={concentration}, "
            f"depth_spread={depth_spread}",
            expected="n_donors >= 1, n_cells >= 1, concentration > 0 and depth_spread >= 0, all finite",
            fix="leave the argument out to take its default",
        )
