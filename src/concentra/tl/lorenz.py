"""The Lorenz curve of every unit."""

from __future__ import annotations

from typing import Any

from concentra.analysis.lorenz import lorenz_curves
from concentra.composition.annotated import from_anndata, modality_of
from concentra.metrics import Support
from concentra.tl._shared import store


def lorenz(
    adata: Any, *, support: Support = "present", key_added: str = "lorenz", modality: str | None = None
) -> None:
    """Lorenz curve of every unit: `stratum`, `donor`, `sample`, `population` and `cumulative`, both from 0 to 1.

    Examples
    --------
    >>> from concentra import get
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> lorenz(adata)
    >>> get.lorenz(adata)[["population", "cumulative"]].iloc[0].tolist()
    [0.0, 0.0]
    """
    adata = modality_of(adata, modality)
    curves = lorenz_curves(from_anndata(adata), support)
    store(adata, key_added, {"support": support}, lorenz=curves)
