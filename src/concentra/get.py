"""What `concentra.tl` stored, as tidy frames."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.annotated import from_anndata, modality_of, stored, tidy

__all__ = [
    "across", "agreement", "composition", "concentration", "confounding", "contrast", "design", "drivers",
    "granularity", "lorenz", "multiverse", "parameters", "plane", "plane_points", "scales", "trend",
]  # fmt: skip


def composition(adata: Any, *, modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, donor, part) with cells: `stratum`, `donor`, the other columns of `obs`, `part`, `n_cells`.

    >>> import numpy as np, anndata
    >>> adata = anndata.AnnData(np.array([[3, 1]]), var=pd.DataFrame(index=["T", "B"]))
    >>> composition(adata)[["part", "n_cells"]].values.tolist()
    [['B', 1], ['T', 3]]
    """
    adata = modality_of(adata, modality)
    others = [str(name) for name in adata.obs.columns if name not in ("donor", "stratum", "n_cells")]
    return from_anndata(adata, others)


def parameters(adata: Any, key: str, *, modality: str | None = None) -> dict[str, Any]:
    """The parameters with which a result was computed."""
    return dict(stored(modality_of(adata, modality), key, key)["parameters"])


def _table(adata: Any, key: str, name: str, kind: str, modality: str | None) -> pd.DataFrame:
    return tidy(stored(modality_of(adata, modality), key, kind)[name])


def concentration(adata: Any, *, key: str = "concentration", modality: str | None = None) -> pd.DataFrame:
    """One row a unit: its metrics (`concentra.tl.concentration`)."""
    return _table(adata, key, "concentration", "concentration", modality)


def lorenz(adata: Any, *, key: str = "lorenz", modality: str | None = None) -> pd.DataFrame:
    """One row a point of a unit's Lorenz curve (`concentra.tl.lorenz`)."""
    return _table(adata, key, "lorenz", "lorenz", modality)


def contrast(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric): shift, interval, test, verdict (`concentra.tl.contrast`)."""
    return _table(adata, key, "contrast", "contrast", modality)


def across(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a metric: all strata in one test (`concentra.tl.contrast`)."""
    return _table(adata, key, "across", "contrast", modality)


def design(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a stratum: donors compared and the smallest attainable p (`concentra.tl.contrast`)."""
    return _table(adata, key, "design", "contrast", modality)


def confounding(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a covariate: whether the groups differ in it (`concentra.tl.contrast`)."""
    return _table(adata, key, "confounding", "contrast", modality)


def trend(adata: Any, *, key: str = "trend", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric): slope along a numeric axis (`concentra.tl.trend`)."""
    return _table(adata, key, "trend", "trend", modality)


def drivers(adata: Any, *, key: str = "drivers", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric, part): contribution to the shift (`concentra.tl.drivers`)."""
    return _table(adata, key, "drivers", "drivers", modality)


def plane(adata: Any, *, key: str = "plane", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, axes): the two shifts and their tests (`concentra.tl.plane`)."""
    return _table(adata, key, "plane", "plane", modality)


def plane_points(adata: Any, *, key: str = "plane", modality: str | None = None) -> pd.DataFrame:
    """Corners of joint regions and points of null clouds (`concentra.tl.plane`)."""
    return _table(adata, key, "points", "plane", modality)


def multiverse(adata: Any, *, key: str = "multiverse", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, specification): the shifts it gives (`concentra.tl.multiverse`)."""
    return _table(adata, key, "multiverse", "multiverse", modality)


def agreement(adata: Any, *, key: str = "multiverse", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric): how far specifications agree (`concentra.tl.multiverse`)."""
    return _table(adata, key, "agreement", "multiverse", modality)


def granularity(adata: Any, *, key: str = "granularity", modality: str | None = None) -> pd.DataFrame:
    """One row a (resolution, stratum, metric): the shift at every granularity (`concentra.tl.granularity`)."""
    return _table(adata, key, "contrast", "granularity", modality)


def scales(adata: Any, *, key: str = "granularity", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, level): the coarse direction beside the fine one (`concentra.tl.granularity`)."""
    return _table(adata, key, "scales", "granularity", modality)
