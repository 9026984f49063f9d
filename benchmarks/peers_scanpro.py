"""What scanpro (propeller in Python) finds on two shared cohorts: run by `make peers` in an environment of its own.

``python benchmarks/peers_scanpro.py DATA_FOLDER OUTPUT_FOLDER`` writes ``scanpro.csv``.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scanpro import scanpro

GROUPS = {"pelka_hitme": ("Tissue", "N", "T"), "zhang_fine": ("Tissue", "blood", "tumor")}


def cells_of(data: Path, cohort: str) -> pd.DataFrame:
    """One row a cell, of the two groups: sample, part, group."""
    column, *groups = GROUPS[cohort]
    counts = pd.read_csv(data / f"cohorts/{cohort}.csv.gz", index_col=0)
    labels = pd.read_csv(data / f"cohorts/{cohort.split('_')[0]}_samples.csv", index_col=0)
    group = labels.loc[counts.index, column]
    kept = group.isin(groups)
    counts, group = counts[kept], group[kept]
    sample, part = np.nonzero(counts.to_numpy())
    times = counts.to_numpy()[sample, part]
    columns = {"sample": counts.index[sample], "part": counts.columns[part], "group": group.iloc[sample]}
    return pd.DataFrame({name: np.repeat(np.asarray(values), times) for name, values in columns.items()})


def main() -> None:
    """Both transformations of shares, every part."""
    warnings.simplefilter("ignore")
    data, out = map(Path, sys.argv[1:3])
    rows = []
    for cohort in GROUPS:
        for transform in ("logit", "arcsin"):
            found = scanpro(cells_of(data, cohort), clusters_col="part", conds_col="group", samples_col="sample",
                            transform=transform, verbosity=0).results  # fmt: skip
            found = (
                found.rename(columns={"t_statistics": "t", "p_values": "p_value"})
                .rename_axis("part")
                .reset_index()
            )
            rows.append(found[["part", "t", "p_value"]].assign(cohort=cohort, transform=transform))
    table = pd.concat(rows)
    table["part"] = table["part"].astype(str).str.replace(",", ";")
    table[["cohort", "transform", "part", "t", "p_value"]].to_csv(out / "scanpro.csv", index=False)


if __name__ == "__main__":
    main()
