"""Tabula Muris Senis: what both platforms share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from concentra.io.fetch import Remote
from concentra.study.cohorts._cohort import LABELS, first_of

COLUMNS = {
    "mouse.id": "donor",
    "tissue": "stratum",
    "cell_ontology_class": "part",
    "age": "age",
    "sex": "sex",
}
SOURCE = "mouse.id.source"
TOTALS = "tms/tms_facs_official_per_mouse_totals.csv"
"""Cells of every FACS mouse by the official annotation, below the data folder."""
CITATION = (
    "The Tabula Muris Consortium (2020), A single-cell transcriptomic atlas characterizes ageing tissues "
    "in the mouse, Nature 583, 590-595; annotated matrices at doi:10.6084/m9.figshare.8273102"
)
OBTAIN = "run `concentra fetch {cohort}`, or download {file} from doi:10.6084/m9.figshare.8273102 into the data folder"
# The processed files of the whole atlas are these of figshare article 8273102 (version 3): so the list of files
# inst/scripts/tabula-muris-senis-files.csv of the Bioconductor package TabulaMurisSenisData, which was made from them.
# Its scripts name 23938934 and 23939711 as the raw counts, and article 12654728 as that of single tissues. The host is
# the one that redirects programs to the file; figshare.com itself may ask for a person. No SHA-256 is published.
OFFICIAL = {
    platform: Remote(
        f"https://ndownloader.figshare.com/files/{number}",
        f"tabula-muris-senis-{platform}-processed-official-annotations.h5ad",
    )
    for platform, number in (("facs", 23937842), ("droplet", 23936684))
}
SEXES = {"F": "female", "M": "male"}


def official_patterns(platform: str) -> tuple[str, str]:
    """Where the official file of a platform may lie below the data folder."""
    name = f"tabula-muris-senis-{platform}*.h5ad"
    return name, f"tms/{name}"


def finder(platform: str) -> Callable[[Path], list[Path]]:
    """The official `.h5ad` where it is present, else the label tables with the per-mouse counts beside them."""

    def find(data: Path) -> list[Path]:
        official = first_of(*official_patterns(platform))(data)
        if official:
            return official
        cells = data / "tms" / f"tms_{platform}_cells.csv.gz"
        counts = sorted((data / "tms").glob(f"tms_{platform}_counts_official_*.csv"))
        return [cells, *counts] if cells.exists() else []

    return find


def load(
    files: list[Path], unusable: Mapping[tuple[str, str, str], str] = MappingProxyType({})
) -> pd.DataFrame:
    """One row a cell, in the words of the study, from whichever files were found.

    `unusable` names (tissue, age, sex) whose cells are no sample of the tissue, and why.
    """
    from concentra.io.cells import read_labels

    cells, *counts = files
    labels = read_labels(cells, list(COLUMNS), optional=[SOURCE]).rename(columns=COLUMNS)
    if SOURCE in labels:
        labels = labels.drop(columns=SOURCE).assign(donor_source="inferred")
    else:
        labels["donor_source"] = "official annotation"
    for path in counts:
        labels = fill(labels, read_counts(path))
    labels["unusable"] = None
    for (tissue, age, sex), why in unusable.items():
        here = (labels["stratum"] == tissue) & (labels["age"] == age) & (labels["sex"] == sex)
        labels.loc[here, "unusable"] = why
    return labels


def read_counts(path: Path) -> pd.DataFrame:
    """The per-mouse counts of a table, one row a cell, as labels."""
    table = pd.read_csv(path, usecols=["age", "tissue", "mouse_id", "cell_type", "n"])
    repeated = table.loc[np.repeat(table.index.to_numpy(), table["n"].to_numpy())]
    return pd.DataFrame(
        {
            "donor": repeated["mouse_id"],
            "stratum": repeated["tissue"],
            "part": repeated["cell_type"],
            "age": repeated["age"],
            "sex": repeated["mouse_id"].str[-1].map(SEXES),
            "donor_source": "official counts per mouse",
        }
    ).reset_index(drop=True)


def fill(labels: pd.DataFrame, counted: pd.DataFrame) -> pd.DataFrame:
    """Replace the cells of each (tissue, age) in which no cell has a donor by the counts per mouse, if there are any.

    Where some donors are known, the cells' own labels stand: a unit is never made of two sources.
    """
    place = labels["stratum"].astype(str) + "\n" + labels["age"].astype(str)
    known = set(place[labels["donor"].notna()])
    offered = counted["stratum"] + "\n" + counted["age"]
    added = counted[~offered.isin(known)]
    kept = labels[~place.isin(set(offered) - known)]
    columns = [*LABELS, "donor_source"]
    return pd.concat([kept[columns].astype(object), added[columns]], ignore_index=True).astype("category")
