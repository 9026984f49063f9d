"""The picture of README: 96 donors of blood at 27 cell types. Run by `make docs`; needs the raw data."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

import concentra
from concentra import pl

FOLDER = Path(os.environ["CONCENTRA_DATA_DIR"]) / "blood_ageing"
PICTURE = Path(__file__).with_suffix(".png")


def counts() -> pd.DataFrame:
    """One row a (donor, cell type): cells summed over the visits of the donor."""
    samples = pd.read_csv(FOLDER / "samples.csv")
    cells = pd.read_csv(FOLDER / "counts_27_types.csv.gz").melt(
        "sample", var_name="cell_type", value_name="n_cells"
    )
    labels = samples[["sample", "donor", "age_group"]].rename(columns={"age_group": "age group"})
    columns = ["donor", "age group", "cell_type"]
    return (
        cells.merge(labels, on="sample")
        .groupby(columns, as_index=False)["n_cells"]
        .sum()
        .assign(tissue="Blood")
    )


def main() -> None:
    """Analyse, draw, write."""
    found = concentra.analyze(counts(), amount="n_cells", contrast="age group:young:old", multiverse=False)
    print(found.verdicts.T.to_string())
    units = found.tables["concentration"]
    plt.rcParams["font.size"] = 8
    figure, axes = plt.subplots(1, 3, figsize=(8.5, 3.2), layout="constrained", width_ratios=[1, 1, 1.2])
    (row,) = found.verdicts.to_dict("records")
    titles = (
        f"ratio {row['ratio']:.2f} (95% {row['ratio_low']:.2f} to {row['ratio_high']:.2f})",
        f"difference {row['gini_change']:.3f} (95% {row['gini_low']:.3f} to {row['gini_high']:.3f})",
    )
    for ax, metric, title in zip(axes, ("hill_q1", "gini_stratum"), titles, strict=False):
        pl.donors(units, group="age group", order=["young", "old"], metric=metric, ax=ax).set_title(title)
    axes[1].set_ylabel("Gini coefficient")
    pl.drivers(found.tables["drivers"], n_parts=8, ax=axes[2]).set_title("which cell types drive it")
    axes[2].set_xlabel("contribution to the shift\nin effective number")
    figure.savefig(PICTURE, dpi=150)
    Image.open(PICTURE).convert("RGB").quantize(64).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
