"""Which parts drive the shift of a stratum?"""

from __future__ import annotations

from typing import Any

from concentra.analysis import drivers as attribution
from concentra.composition.annotated import modality_of
from concentra.design import Settings
from concentra.design.question import Group
from concentra.tl._shared import Others, Seed, asked, old_names, parameters, seed_of, store


@old_names
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
    >>> import numpy as np
    >>> from concentra import get
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> drivers(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> found = get.drivers(adata).groupby(["stratum", "metric"])["fraction_of_shift"].sum()
    >>> bool(np.allclose(found, 1))
    True
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, level=level, n_draws=n_draws, seed=seed_of(rng))
    design = asked(adata, group, reference, other, settings)
    store(adata, key_added, parameters(design), drivers=attribution.drivers(design))
