"""What `concentra.tl` stored, as tidy frames."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.composition.annotated import from_anndata, modality_of, stored, tidy

__all__ = [
    "across", "agreement", "composition", "concentration", "confounding", "contrast", "design", "drivers",
    "granularity", "levels", "lorenz", "multiverse", "nested", "parameters", "plane", "plane_points", "scales", "trend",
]  # fmt: skip


def composition(adata: Any, *, modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, donor, part) with cells: `stratum`, `donor`, `sample`, labels, `part`, `n_cells`, `share`.

    >>> import numpy as np, anndata
    >>> adata = anndata.AnnData(np.array([[3, 1]]), var=pd.DataFrame(index=["T", "B"]))
    >>> composition(adata)[["part", "n_cells"]].values.tolist()
    [['B', 1], ['T', 3]]
    """
    return from_anndata(modality_of(adata, modality)).table()


def parameters(adata: Any, key: str, *, modality: str | None = None) -> dict[str, Any]:
    """The parameters with which a result was computed.

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.contrast(adata, group="age", reference="3m", other="24m")
    >>> parameters(adata, "contrast")["other"]
    ['24m']
    """
    return dict(stored(modality_of(adata, modality), key, key)["parameters"])


def _table(adata: Any, key: str, name: str, kind: str, modality: str | None) -> pd.DataFrame:
    return tidy(stored(modality_of(adata, modality), key, kind)[name])


def concentration(adata: Any, *, key: str = "concentration", modality: str | None = None) -> pd.DataFrame:
    """One row a unit: its metrics (`concentra.tl.concentration`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.concentration(adata)
    >>> units = concentration(adata)
    >>> units[["n_cells", "hill_q0"]].iloc[0].tolist()
    [265.0, 12.0]
    """
    return _table(adata, key, "concentration", "concentration", modality)


def lorenz(adata: Any, *, key: str = "lorenz", modality: str | None = None) -> pd.DataFrame:
    """One row a point of a unit's Lorenz curve (`concentra.tl.lorenz`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.lorenz(adata)
    >>> lorenz(adata)[["population", "cumulative"]].iloc[0].tolist()
    [0.0, 0.0]
    """
    return _table(adata, key, "lorenz", "lorenz", modality)


def contrast(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric): shift, interval, test, verdict (`concentra.tl.contrast`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.contrast(adata, group="age", reference="3m", other="24m")
    >>> found = contrast(adata).query("metric == 'hill_q1'").set_index("stratum")
    >>> found.loc[["crystallizes", "disperses"], "p_exact_attainable"].tolist()  # three donors against three: 2 / 20
    [0.1, 0.1]
    """
    return _table(adata, key, "contrast", "contrast", modality)


def across(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a metric: all strata in one test (`concentra.tl.contrast`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.contrast(adata, group="age", reference="3m", other="24m")
    >>> across(adata)[["metric", "n_strata", "n_reference", "n_other"]].values.tolist()[:2]
    [['gini_present', 8, 3, 3], ['hill_q1', 8, 3, 3]]
    """
    return _table(adata, key, "across", "contrast", modality)


def design(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a stratum: donors compared and the smallest attainable p (`concentra.tl.contrast`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.contrast(adata, group="age", reference="3m", other="24m")
    >>> design(adata)[["n_reference", "n_other", "n_few_cells", "p_attainable"]].iloc[0].tolist()
    [3.0, 3.0, 0.0, 0.1]
    """
    return _table(adata, key, "design", "contrast", modality)


def confounding(adata: Any, *, key: str = "contrast", modality: str | None = None) -> pd.DataFrame:
    """One row a covariate: whether the groups differ in it (`concentra.tl.contrast`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.contrast(adata, group="age", reference="3m", other="24m")
    >>> confounding(adata)[["covariate", "reference_values", "confounded"]].values.tolist()
    [['sex', 'female (2), male (1)', 'none']]
    """
    return _table(adata, key, "confounding", "contrast", modality)


def trend(adata: Any, *, key: str = "trend", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric): slope along a numeric axis (`concentra.tl.trend`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.trend(adata, along="age")
    >>> found = trend(adata).query("metric == 'hill_q1'").set_index("stratum")
    >>> bool(found.loc["crystallizes", "slope"] < 0 < found.loc["disperses", "slope"])
    True
    """
    return _table(adata, key, "trend", "trend", modality)


def drivers(adata: Any, *, key: str = "drivers", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric, part): contribution to the shift (`concentra.tl.drivers`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.drivers(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> found = drivers(adata).query("stratum == 'crystallizes' and metric == 'hill_q1'")
    >>> bool(found["contribution"].sum() < 0)
    True
    """
    return _table(adata, key, "drivers", "drivers", modality)


def plane(adata: Any, *, key: str = "plane", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, axes): the two shifts and their tests (`concentra.tl.plane`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.plane(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> found = plane(adata).query("axes == 'raw'").set_index("stratum")
    >>> bool(found.loc["disperses", "gini"] < 0 < found.loc["disperses", "hill_q1"])
    True
    """
    return _table(adata, key, "plane", "plane", modality)


def plane_points(adata: Any, *, key: str = "plane", modality: str | None = None) -> pd.DataFrame:
    """Corners of joint regions and points of null clouds (`concentra.tl.plane`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.plane(adata, group="age", reference="3m", other="24m", n_draws=200)
    >>> sorted(plane_points(adata)["what"].unique())
    ['permuted', 'region']
    """
    return _table(adata, key, "points", "plane", modality)


def multiverse(adata: Any, *, key: str = "multiverse", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, specification): the shifts it gives (`concentra.tl.multiverse`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.multiverse(adata, group="age", reference="3m", other="24m")
    >>> int(multiverse(adata).query("stratum == 'disperses'")["published"].sum())  # the choice made
    1
    """
    return _table(adata, key, "multiverse", "multiverse", modality)


def agreement(adata: Any, *, key: str = "multiverse", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, metric): how far specifications agree (`concentra.tl.multiverse`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> tl.multiverse(adata, group="age", reference="3m", other="24m")
    >>> found = agreement(adata).query("stratum == 'disperses' and metric == 'both'")
    >>> found["share_same_sign"].tolist()
    [1.0]
    """
    return _table(adata, key, "agreement", "multiverse", modality)


def granularity(adata: Any, *, key: str = "granularity", modality: str | None = None) -> pd.DataFrame:
    """One row a (level, stratum, metric): the contrast at every level (`concentra.tl.granularity`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> tl.granularity(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> granularity(adata)["level"].unique().tolist()
    ['finest', 'half']
    """
    return _table(adata, key, "granularity", "granularity", modality)


def levels(adata: Any, *, key: str = "levels", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, pair of levels, metric, term): where a change lies (`concentra.tl.levels`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> tl.levels(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> levels(adata)["part"].dropna().unique().tolist()
    ['first', 'second']
    """
    return _table(adata, key, "levels", "levels", modality)


def nested(adata: Any, *, key: str = "levels", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, coarse part, metric): the contrast within it (`concentra.tl.levels`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> tl.levels(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> nested(adata)["coarse"].unique().tolist()
    ['half']
    """
    return _table(adata, key, "nested", "levels", modality)


def scales(adata: Any, *, key: str = "granularity", modality: str | None = None) -> pd.DataFrame:
    """One row a (stratum, level): its direction beside that over the finest parts (`concentra.tl.granularity`).

    >>> from concentra import tl
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> tl.granularity(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> scales(adata).loc[0, ["stratum", "level"]].tolist()
    ['crystallizes', 'half']
    """
    return _table(adata, key, "scales", "granularity", modality)
