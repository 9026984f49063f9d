"""How concentrated is each unit? Both metrics, beside them support, evenness, dominance and depth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.composition import Composition
from concentra.design.settings import FEWEST_CELLS, Settings
from concentra.errors import DesignError, TableError
from concentra.metrics import compute
from concentra.metrics.depth import coverage, hill_q1_corrected, hill_q1_miller_madow
from concentra.metrics.rarefaction import rarefied_gini, rarefied_hill
from concentra.progress import counted
from concentra.tables import Table, column

PLAIN = ("gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q2", "evenness", "largest_share")
DEPTH = ("coverage", "hill_q1_corrected", "hill_q1_miller_madow", "gini_rarefied", "gini_stratum_rarefied",
         "hill_q1_rarefied")  # fmt: skip


class Concentration(Table):
    """How concentrated each unit is, as observed and corrected for depth."""

    stratum: str = column("tissue")
    donor: str = column("donor")
    sample: str = column("sample; the donor's name where it has one")
    n_cells: int = column("cells of the unit", unit="cells", low=0)
    included: bool = column("has at least the minimum number of cells")
    gini_present: float = column("Gini coefficient over the parts present in the unit", low=0, high=1)
    gini_stratum: float = column("Gini coefficient over all cell types of the tissue", low=0, high=1)
    hill_q0: float = column("parts present (Hill number of order 0)", unit="parts", low=1)
    hill_q1: float = column("effective number (Hill number of order 1)", unit="parts", low=1 - 1e-9)
    hill_q2: float = column("Hill number of order 2 (inverse Simpson)", unit="parts", low=1 - 1e-9)
    evenness: float = column("ln hill_q1 / ln hill_q0", low=0, high=1 + 1e-9, nullable=True)
    largest_share: float = column("largest share", low=0, high=1)
    coverage: float = column("Good-Turing sample coverage", low=0, high=1, nullable=True)
    hill_q1_corrected: float = column(
        "effective number, corrected for unseen parts (Chao, Wang & Jost 2013)", unit="parts", low=1 - 1e-9,
        nullable=True,
    )  # fmt: skip
    hill_q1_miller_madow: float = column(
        "effective number, Miller-Madow", unit="parts", low=1 - 1e-9, nullable=True
    )
    gini_rarefied: float = column(
        "Gini over parts present, expected at the common number of cells", low=0, high=1, nullable=True
    )
    gini_stratum_rarefied: float = column(
        "Gini over all cell types of the tissue, expected at `depth` cells: what the model tests",
        low=0,
        high=1,
        nullable=True,
    )
    hill_q1_rarefied: float = column(
        "effective number, expected at the common number of cells", unit="parts", low=1 - 1e-9, nullable=True
    )
    depth: float = column(
        "the common number of cells of the tissue, never above its smallest unit that is included",
        unit="cells",
        low=1,
        nullable=True,
    )

    class Config(Table.Config):
        unique = ["stratum", "donor", "sample"]


def concentration(composition: Composition, settings: Settings = Settings()) -> pd.DataFrame:  # noqa: B008
    """The concentration of every unit over the parts of its stratum.

    Parameters
    ----------
    composition
        Counts, or shares: these have no depth, so that what corrects for it is missing.
    settings
        `min_cells`: units with fewer are measured, and not `included`. `depth`: the common number of cells; None: that
        of the smallest unit of the stratum that is included, at least 20. A larger one holds for `gini_rarefied` and
        `hill_q1_rarefied` alone: what is tested needs a value of every unit.

    Returns
    -------
    One row a unit, in the order of `composition.units`: the columns of `Concentration`, then labels.

    Raises
    ------
    DesignError
        No unit has enough cells.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": "a", "part": ["B", "T"], "n_cells": [30, 10]})
    >>> concentration(from_table(rows), Settings(min_cells=20))[["gini_present", "hill_q0"]].values.tolist()
    [[0.25, 2.0]]
    """
    n_cells = composition.n_cells
    included = np.ones(len(n_cells), dtype=bool) if composition.of_shares else n_cells >= settings.min_cells
    if not included.any():
        raise DesignError(
            found=f"no donor with {settings.min_cells} cells in any tissue; the largest has {n_cells.max():,}",
            expected=f"donors with at least {settings.min_cells} cells in a tissue",
            fix="lower --min-cells; or check the columns of tissues and donors"
            if composition.counts.max() > 1
            else "name the column of counts, --amount COLUMN: each donor has one row of a type, as "
            "in a table of counts",
        )
    found = {name: np.full(len(n_cells), np.nan) for name in (*PLAIN, *DEPTH, "depth")}
    for stratum in counted(composition.strata):
        counts, _, rows = composition.of_stratum(stratum)
        for name, values in _measured(counts, included[rows], settings, composition.of_shares).items():
            found[name][rows] = values
    frame = composition.units[["stratum", "donor", "sample"]].assign(
        n_cells=n_cells, included=included, **found
    )
    labels = [name for name in composition.labels if name not in frame]
    return pd.concat([frame, composition.units[labels]], axis=1)


def _measured(
    counts: NDArray[np.int64], included: NDArray[np.bool_], settings: Settings, of_shares: bool
) -> dict[str, NDArray[np.float64]]:
    """Every metric of the units of one stratum, (n,) each."""
    amounts = counts.astype(np.float64)
    plain = {name: np.asarray(values) for name, values in compute(amounts, PLAIN).items()}
    if of_shares:
        return plain
    totals = counts.sum(axis=1)
    smallest = int(totals[included].min()) if included.any() else FEWEST_CELLS
    common = max(FEWEST_CELLS, smallest)
    depth = settings.depth or common
    over_all = np.asarray(rarefied_gini(amounts, depth, support="stratum"))
    deciding = over_all if depth <= common else np.asarray(rarefied_gini(amounts, common, support="stratum"))
    n_present = np.asarray(rarefied_hill(amounts, depth, q=0))
    return {
        **plain,
        "coverage": np.asarray(coverage(amounts)),
        "hill_q1_corrected": np.asarray(hill_q1_corrected(amounts)),
        "hill_q1_miller_madow": np.asarray(hill_q1_miller_madow(amounts)),
        # over the parts present: the same expected differences over fewer parts
        "gini_rarefied": np.clip(1 - (1 - over_all) * counts.shape[1] / n_present, 0, 1),
        "gini_stratum_rarefied": deciding,
        "hill_q1_rarefied": np.asarray(rarefied_hill(amounts, depth, q=1)),
        "depth": np.full(len(counts), float(min(depth, common))),
    }


def aligned(units: pd.DataFrame, composition: Composition) -> pd.DataFrame:
    """The rows of `units` in the order of `composition.units`.

    Raises
    ------
    TableError
        A unit was not measured.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> made = from_table(pd.DataFrame({"stratum": "lung", "donor": list("ab"), "part": "T", "n_cells": 60}))
    >>> aligned(concentration(made).iloc[::-1], made)["donor"].tolist()
    ['a', 'b']
    """
    keys = ["stratum", "donor", "sample"]
    wanted = composition.units[keys]
    if (
        len(units) == len(wanted)
        and units[keys].to_numpy(dtype=object).tolist() == wanted.to_numpy(dtype=object).tolist()
    ):
        return units.reset_index(drop=True)
    places = pd.MultiIndex.from_frame(units[keys]).get_indexer(pd.MultiIndex.from_frame(wanted))
    if (places < 0).any():
        unit = wanted.iloc[int(np.flatnonzero(places < 0)[0])]
        raise TableError(
            found=f"no values of donor {unit['donor']!r} in {unit['stratum']!r}",
            expected="values of every unit of the composition",
            fix="measure this composition: concentration(composition)",
        )
    return units.iloc[places].reset_index(drop=True)
