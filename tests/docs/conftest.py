"""The folder in which a reader of the documentation works: the files that its pages name, small."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from concentra.simulate import default_plan, simulate_labels
from concentra.study import engine
from concentra.study.raw import archive_folder

COLUMNS = {"mouse.id": "donor_id", "cell_ontology_class": "cell_type"}


def labels(n_donors: int, seed: int) -> pd.DataFrame:
    """Simulated cells of two tissues, in the column names of Tabula Muris Senis."""
    return simulate_labels(default_plan(0)[:2], n_donors=n_donors, n_cells=150, rng=seed).cells.astype(str)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that a page reads without having written it."""
    folder = tmp_path_factory.mktemp("reader")
    _cells(folder)
    _designs(folder)
    _counts(folder)
    _heads(folder)
    (folder / "held_out.txt").write_text("A text that no model was trained on.\n")
    for step in ("compute_proportions", "explore"):  # the first steps of the study, from archived tables
        engine.run_node(step, data=None, out=folder / "results")
    return folder


def _cells(folder: Path) -> None:
    cells = labels(6, 1).rename(columns=COLUMNS)
    for age, other in (("3m", "1m"), ("24m", "30m")):  # two of six donors of each group
        older = cells["donor_id"].str.match(rf"{age[:-1]}_[12]_")
        cells.loc[older, "age"] = other
    cells.index = "cell_" + cells.index.astype(str)
    anndata.AnnData(obs=cells).write_h5ad(folder / "cells.h5ad")
    (folder / "cells").mkdir()
    for name, half in (("first", cells.iloc[::2]), ("second", cells.iloc[1::2])):
        half.to_parquet(folder / "cells" / f"{name}.parquet")
    (folder / "slurm").mkdir()
    (folder / "slurm" / "config.yaml").write_text("executor: local\n")  # there is no scheduler here
    odd = {
        "donor_id": "Mouse ID",
        "tissue": "organ (dissected)",
        "cell_type": "Cell Type",
        "age": "age group",
    }
    ages = {"1m": "young", "3m": "young", "24m": "old", "30m": "old"}
    groups = cells.assign(age=cells["age"].map(ages)).rename(columns=odd)
    groups.to_csv(folder / "odd.csv", index=False)
    plain = {"organ (dissected)": "organ", "Cell Type": "annotation"}
    groups.rename(columns=plain).to_csv(folder / "my_cells.csv", index=False)


def _designs(folder: Path) -> None:
    cells = labels(4, 2)
    cells.assign(sex=np.where(cells["age"] == "3m", "female", "male")).rename(columns=COLUMNS).to_csv(
        folder / "confounded.csv", index=False
    )
    time = cells["age"].map({"3m": "before", "24m": "after"})
    donor = cells["mouse.id"].str.split("_").str[1]
    paired = cells.drop(columns=["age", "sex"]).assign(time=time, **{"mouse.id": "d" + donor})
    paired.rename(columns=COLUMNS).to_csv(folder / "paired.csv", index=False)
    visits = labels(4, 4).rename(columns=COLUMNS).drop(columns="sex")
    visits["visit"] = visits["donor_id"] + np.where(np.arange(len(visits)) % 2, " visit 1", " visit 2")
    visits["group"] = visits.pop("age").map({"3m": "control", "24m": "case"})
    visits.to_csv(folder / "visits.csv", index=False)
    visits.drop(columns="group").to_csv(folder / "unlabelled.csv", index=False)
    visits[["donor_id", "group"]].drop_duplicates().to_csv(folder / "donors.csv", index=False)
    middle = labels(4, 3).query("age == '24m'").assign(age="18m")
    middle["mouse.id"] = middle["mouse.id"].str.replace("24_", "18_")
    pd.concat([cells, middle]).to_csv(folder / "ages.csv", index=False)


def _counts(folder: Path) -> None:
    """Real counts: mouse marrow from the archived tables."""
    counts = pd.read_csv(archive_folder() / "composition.csv")
    counts = counts[(counts["cohort"] == "tms_facs") & counts["age"].isin(["3m", "24m"])]
    names = {"stratum": "tissue", "part": "cell_type"}
    some = counts[counts["stratum"].isin(["Marrow", "Kidney"])].rename(columns=names)
    some[["donor", "age", "tissue", "cell_type", "n_cells"]].to_csv(folder / "counts_long.csv", index=False)
    some[some["tissue"] == "Marrow"].to_csv(folder / "marrow.csv", index=False)
    marrow = counts[counts["stratum"] == "Marrow"]
    wide = marrow.pivot_table(index=["donor", "age"], columns="part", values="n_cells", fill_value=0).astype(
        int
    )
    wide.reset_index().to_csv(folder / "counts_wide.csv", index=False)
    wide.reset_index("age", drop=True).to_csv(folder / "counts.csv")


def _heads(folder: Path) -> None:
    """Simulated ablations of 3 x 8 heads at three checkpoints; names for the sweep, which is not run here."""
    (folder / "demo" / "checkpoints").mkdir(parents=True)
    np.save(folder / "held_out.npy", np.arange(10))
    rng = np.random.default_rng(0)
    layer, head = np.divmod(np.arange(24), 8)
    frames = [
        pd.DataFrame(
            {"checkpoint": step, "layer": layer, "head": head, "delta": -(rng.exponential(size=24) ** power)}
        )
        for step, power in ((512, 1), (4000, 2), (143_000, 3))
    ]
    for name in ("ablations.csv", "heads.csv"):
        pd.concat(frames).to_csv(folder / name, index=False)
