"""Would another defensible choice lead to another result?"""

from __future__ import annotations

from typing import Any

from concentra.analysis import multiverse as crossing
from concentra.composition.annotated import modality_of
from concentra.design import Settings
from concentra.design.question import Group
from concentra.tl._shared import Others, Seed, asked, old_names, parameters, seed_of, store


@old_names
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
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> multiverse(adata, group="age", reference="3m", other="24m")
    >>> found = get.agreement(adata)
    >>> float(found.loc[(found["stratum"] == "disperses") & (found["metric"] == "both"), "share_same_sign"].iloc[0])
    1.0
    """
    adata = modality_of(adata, modality)
    design = asked(adata, group, reference, other, Settings(min_cells=min_cells, seed=seed_of(rng)))
    found, summary = crossing.multiverse(design, restricted_by=restricted_by)
    store(adata, key_added, parameters(design), multiverse=found, agreement=summary)
