"""How concentrated is each unit?"""

from __future__ import annotations

from typing import Any

from concentra.analysis import concentration as measuring
from concentra.composition.annotated import from_anndata, modality_of
from concentra.design import Settings
from concentra.tl._shared import store


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
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> concentration(adata)
    >>> get.concentration(adata)[["stratum", "donor", "hill_q0"]].values.tolist()[0]
    ['crystallizes', '24_1_F', 12.0]
    """
    adata = modality_of(adata, modality)
    units = measuring.concentration(from_anndata(adata), Settings(min_cells=min_cells, depth=depth))
    store(adata, key_added, {"min_cells": min_cells, "depth": depth or 0}, concentration=units)
