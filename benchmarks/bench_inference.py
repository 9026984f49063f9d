"""How long the inference takes where there is much of it: ``python benchmarks/bench_inference.py``.

2,000 tissues of 20 donors and ten types each; 41 donors of about 5,000 clones each, along a number. Processor time of
each stage, from counts to tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from concentra.analysis.concentration import concentration
from concentra.analysis.contrast import contrast
from concentra.analysis.trend import trend
from concentra.composition import Composition, from_table
from concentra.design import Question, resolve

N_TISSUES, N_DONORS, N_TYPES = 2_000, 20, 10
N_REPERTOIRES, N_CLONES = 41, 5_000
Made = TypeVar("Made")


def timed(name: str, stage: Callable[[], Made]) -> Made:
    """What a stage makes, with its processor time printed."""
    start = time.process_time()
    made = stage()
    print(f"{name:<36}{time.process_time() - start:>8.2f} s", flush=True)
    return made


def tissues(rng: np.random.Generator) -> Composition:
    """Dirichlet donors of two ages in many tissues, 200 to 600 cells each."""
    mean = rng.dirichlet(np.ones(N_TYPES), N_TISSUES)
    shares = np.array([rng.dirichlet(40 * one + 0.05, N_DONORS) for one in mean])
    counts = rng.multinomial(rng.integers(200, 600, (N_TISSUES, N_DONORS)), shares)
    tissue, donor, part = np.nonzero(counts)
    columns = {"stratum": tissue, "donor": donor, "part": part}
    table = pd.DataFrame({name: [f"{name}{n:04}" for n in codes] for name, codes in columns.items()})
    return from_table(
        table.assign(age=np.where(donor < N_DONORS // 2, "y", "o"), n_cells=counts[tissue, donor, part])
    )


def repertoires(rng: np.random.Generator) -> Composition:
    """Heavy-tailed repertoires of donors who share no clone."""
    frames = []
    for donor in range(N_REPERTOIRES):
        shares = rng.pareto(1.1, N_CLONES) + 0.05
        counts = rng.multinomial(int(rng.integers(8_000, 40_000)), shares / shares.sum())
        clones = np.flatnonzero(counts)
        frames.append(
            pd.DataFrame(
                {"stratum": "blood", "donor": f"d{donor:02}", "age": str(20 + donor),
                 "part": [f"d{donor}c{clone}" for clone in clones], "n_cells": counts[clones]}
            )
        )  # fmt: skip
    return from_table(pd.concat(frames))


def main() -> None:
    """Print the times."""
    rng = np.random.default_rng(0)
    made = timed(f"{N_TISSUES:,} tissues: counts", lambda: tissues(rng))
    units = timed("  concentration", lambda: concentration(made))
    design = timed("  design", lambda: resolve(made, Question("age", ("y",), (("o",),))))
    timed("  contrast", lambda: contrast(design, units))
    several = timed(f"{N_REPERTOIRES} repertoires: counts", lambda: repertoires(rng))
    measured = timed("  concentration", lambda: concentration(several))
    along = timed("  design", lambda: resolve(several, Question(trend="age")))
    timed("  contrast", lambda: contrast(along, measured))
    timed("  trend", lambda: trend(along, measured))


if __name__ == "__main__":
    main()
