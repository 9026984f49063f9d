"""Every stratum in the plane of the two shifts."""

from __future__ import annotations

from typing import Any

from concentra.analysis import plane as both_shifts
from concentra.composition.annotated import modality_of
from concentra.design import Settings
from concentra.design.question import Group
from concentra.tl._shared import Others, Seed, asked, old_names, parameters, seed_of, store


@old_names
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
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> plane(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> sorted(get.plane_points(adata)["what"].unique())
    ['permuted', 'region']
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, level=level, n_draws=n_draws, seed=seed_of(rng))
    design = asked(adata, group, reference, other, settings)
    tests, points = both_shifts.plane(design)
    store(adata, key_added, parameters(design), plane=tests, points=points)
