"""`analyze` on large designs: repertoires of thousands of clones, and thousands of tissues.

Prints seconds of this process (user and system) for each piece of work. Run: `python benchmarks/bench_sizes.py`.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd

import concentra
from concentra.analysis.across import across
from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.composition import read
from concentra.design import Question, resolve


def repertoires(n_donors: int, n_clones: int) -> pd.DataFrame:
    """One row a clone of a donor; one clone in twenty is found in others too, sizes follow Zipf's law."""
    rng = np.random.default_rng(0)
    rows = []
    for donor in range(n_donors):
        own = np.char.add(f"d{donor} ", np.arange(n_clones).astype(str))
        public = rng.integers(0, n_clones, n_clones).astype(str)
        clones = np.where(rng.random(n_clones) < 0.05, public, own)
        sizes = rng.zipf(2.2, n_clones).clip(max=2_000)
        group = "case" if donor >= n_donors / 2 else "control"
        found = pd.DataFrame({"clone": clones, "n_cells": sizes}).groupby("clone", as_index=False).sum()
        rows.append(found.assign(donor=f"d{donor:02}", group=group, age=20 + donor))
    return pd.concat(rows, ignore_index=True)


def tissues(n_tissues: int, n_donors: int, n_parts: int = 8, n_cells: int = 200) -> pd.DataFrame:
    """One row a (donor, tissue, cell type)."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(n_parts), n_tissues)
    counts = rng.multinomial(n_cells, shares, size=(n_donors, n_tissues))
    donor, tissue, part = np.nonzero(counts)
    return pd.DataFrame(
        {
            "donor": np.char.add("d", donor.astype(str)),
            "group": np.where(donor < n_donors / 2, "control", "case"),
            "tissue": np.char.add("t", tissue.astype(str)),
            "cell_type": np.char.add("p", part.astype(str)),
            "n_cells": counts[donor, tissue, part],
        }
    )


class Clock:
    """Prints what each piece of work took, as `analyze` reports its progress."""

    def __init__(self) -> None:
        self.start = self.last = time.process_time()
        self.what = ""

    def __call__(self, what: str) -> None:
        now = time.process_time()
        if self.what:
            print(f"{now - self.last:10.1f} s  {self.what}")
        self.last, self.what = now, what


def timed(title: str, table: pd.DataFrame, **options: object) -> None:
    print(title)
    clock = Clock()
    concentra.analyze(table, amount="n_cells", progress=clock, **options)
    clock("")
    print(f"{time.process_time() - clock.start:10.1f} s  in all")


def compared(title: str, table: pd.DataFrame) -> None:
    """The model and the exact tests of every tissue, and one test over all, without what explains them."""
    print(title)
    clock = Clock()
    clock("reading and counting")
    composition = read(table, amount="n_cells", needed=["group"])
    clock("measuring")
    units = concentration(composition)
    clock("contrast")
    design = resolve(composition, Question("group", ("control",), (("case",),)))
    contrast(design, units)
    clock("across")
    across(design, units)
    clock("")
    print(f"{time.process_time() - clock.start:10.1f} s  in all")


def main() -> None:
    warnings.simplefilter("ignore")
    concentra.analyze(tissues(2, 6), amount="n_cells", contrast="group:control:case")  # imports
    clones = {"cell_type": "clone", "tissue": "none"}
    timed("8 donors x 2,000 clones, contrast", repertoires(8, 2_000), contrast="group:control:case", **clones)
    timed("41 donors x 5,000 clones, trend", repertoires(41, 5_000), trend="age", **clones)
    compared("20 donors x 2,000 tissues", tissues(2_000, 20))


if __name__ == "__main__":
    main()
