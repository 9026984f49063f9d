"""Atlases of any size as real `.h5ad` files, with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import ArgumentError
from concentra.files import replacing, write_text
from concentra.progress import track
from concentra.simulate.counts import draw_counts, log_normalised, profiles
from concentra.simulate.layouts import Layout, layout_named
from concentra.simulate.tissues import PlantedTissue
from concentra.simulate.writer import append_rows, created, finish, open_rows

DRAWS_PER_CHUNK = 4_000_000


def simulate_atlas(
    path: str | Path,
    layout: str = "tms_facs",
    *,
    n_cells: int = 20_000,
    n_genes: int = 2_000,
    n_counts: int = 2_000,
    concentration: float = 1000.0,
    depth_spread: float = 0.2,
    rng: int | np.random.Generator = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Write an atlas as `.h5ad` with its truth as `<stem>.truth.csv` beside it, and return the truth.

    Cells are drawn in three steps. Donor d at stage g has, in each tissue, the composition
    `Dirichlet(concentration * planted_g)` over types, and within each type `Dirichlet(concentration *
    planted)` over states. Cells are shared out over donors and tissues in proportion to
    `exp(depth_spread * z)`, z standard normal. A cell has `n_counts * exp(z / 4)` counts, drawn from the
    profile of its state (`concentra.simulate.counts.profiles`).

    Parameters
    ----------
    path
        The `.h5ad` file; it and its truth appear whole or not at all.
    layout
        "tms_facs", "tms_droplet", "kimmel2019" (young and old) or "rat_cr" (young, old ad libitum, old
        restricted; two libraries each): column names, groups, tissues and what X holds.
    n_cells, n_genes
        The size of the matrix, exactly; at least 100 cells and 50 genes. Memory does not grow with
        `n_cells * n_genes`: rows are written in chunks of about four million counts.
    n_counts
        The median total count of a cell.
    concentration
        How alike the donors of a group are (Dirichlet precision).
    depth_spread
        Standard deviation of the logarithm of donors' cell numbers.
    rng
        A seed or a generator; the same seed gives the same file.
    progress
        Show it on standard error where that is a terminal.

    Returns
    -------
    DataFrame
        One row a planted composition: `level` ("types", "states": all states of the tissue, "within": the
        states of `cell_type`), `tissue`, `cell_type`, `direction`, and for each of `gini` and `hill_q1`:
        `_early`, `_late`, `_shift`, `_treated`, `_rescue` (NaN without a treated group or without a shift).

    Notes
    -----
    X is CSR of float32, log-normalised for the two Tabula Muris Senis layouts and counts for the others.
    The planted state of each cell is in `free_annotation` (Tabula Muris Senis) or `subtype`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "atlas.h5ad"
    >>> truth = simulate_atlas(path, "kimmel2019", n_cells=300, n_genes=50)
    >>> truth.loc[truth["tissue"] == "kidney", "direction"].tolist()[:2]  # over types, over all states
    ['crystallize', 'disperse']
    """
    chosen = layout_named(layout)
    _check(n_cells, n_genes, n_counts, concentration, depth_spread)
    generator = np.random.default_rng(rng)
    tissues = chosen.tissues()
    obs = _draw_cells(chosen, tissues, n_cells, concentration, depth_spread, generator)
    cumulative = profiles(tissues, n_genes, generator)
    depths = np.maximum(1, np.rint(n_counts * np.exp(generator.standard_normal(n_cells) / 4))).astype(
        np.int64
    )
    treated = any(group.stage == "treated" for group in chosen.groups)
    truth = pd.DataFrame([row for tissue in tissues for row in tissue.truth(treated=treated)])
    with replacing(path) as temporary:
        _write(temporary, chosen, obs, cumulative, depths, generator, progress)
        write_text(truth_path(path), truth.to_csv(index=False))
    return truth


def truth_path(path: str | Path) -> Path:
    """Where the truth of an atlas lies: `<stem>.truth.csv` beside it.

    >>> truth_path("atlas.h5ad").name
    'atlas.truth.csv'
    """
    return Path(path).with_suffix(".truth.csv")


def _draw_cells(
    layout: Layout,
    tissues: list[PlantedTissue],
    n_cells: int,
    concentration: float,
    depth_spread: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """One row a cell, tissue by tissue and donor by donor; `code` numbers the states of all tissues."""
    donors = [layout.donors(tissue.tissue) for tissue in tissues]
    weights = np.exp(depth_spread * rng.standard_normal(sum(map(len, donors))))
    sizes = np.split(
        rng.multinomial(n_cells, weights / weights.sum()), np.cumsum([len(frame) for frame in donors])[:-1]
    )
    frames, offset = [], 0
    for tissue, frame, size in zip(tissues, donors, sizes, strict=True):
        labels = tissue.labels()
        shares = np.stack([_donor_shares(tissue, stage, concentration, rng) for stage in frame["stage"]])
        counts = rng.multinomial(size, shares)
        codes = np.repeat(np.tile(np.arange(len(labels)), len(frame)), counts.ravel())
        cells = frame.loc[np.repeat(frame.index, size)].reset_index(drop=True)
        cells["tissue"] = tissue.tissue
        cells["subtissue"] = tissue.tissue
        cells[layout.part] = labels["cell_type"].to_numpy()[codes]
        cells[layout.state] = labels["state"].to_numpy()[codes]
        cells["code"] = offset + codes
        offset += len(labels)
        frames.append(cells)
    cells = pd.concat(frames, ignore_index=True).assign(**layout.constants)
    return cells.assign(cell=[f"cell_{number:07d}" for number in range(n_cells)])


def _donor_shares(
    tissue: PlantedTissue, stage: Any, concentration: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """One donor's shares over all states of a tissue: Dirichlet over types, then over states within each."""
    types = rng.dirichlet(concentration * tissue.type_shares(stage))
    within = [rng.dirichlet(concentration * tissue.state_shares(index, stage)) for index in range(types.size)]
    return np.concatenate([share * states for share, states in zip(types, within, strict=True)])


def _write(
    path: Path,
    layout: Layout,
    obs: pd.DataFrame,
    cumulative: NDArray[np.float64],
    depths: NDArray[np.int64],
    rng: np.random.Generator,
    progress: bool,
) -> None:
    states = obs["code"].to_numpy()
    n_genes = cumulative.shape[1]
    chunks = list(_chunks(depths))
    found = np.empty(len(obs), dtype=np.int64)
    with created(path) as (file, check):
        rows = open_rows(file, len(obs), n_genes, int(depths.sum()))
        for start, stop in track(chunks, "simulating cells", total=len(chunks)) if progress else chunks:
            counts = draw_counts(cumulative, states[start:stop], depths[start:stop], rng)
            found[start:stop] = np.diff(counts.indptr)
            append_rows(rows, start, log_normalised(counts) if layout.log_normalised else counts)
            check()
        table = obs.assign(n_genes=found, n_counts=depths.astype(np.float32)).set_index("cell", drop=False)
        table = table[list(layout.columns)].rename_axis("index")
        finish(file, table, [f"gene_{number:05d}" for number in range(n_genes)])


def _chunks(depths: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Consecutive rows with about `DRAWS_PER_CHUNK` counts together."""
    ends = np.cumsum(depths)
    start = 0
    while start < depths.size:
        used = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, used + DRAWS_PER_CHUNK, side="right")))
        yield start, stop
        start = stop


def _check(n_cells: int, n_genes: int, n_counts: int, concentration: float, depth_spread: float) -> None:
    sizes = n_cells >= 100 and n_genes >= 50 and n_counts >= 1
    finite = np.isfinite([concentration, depth_spread]).all()
    if not (sizes and finite and concentration > 0 and depth_spread >= 0):
        raise ArgumentError(
            found=f"n_cells={n_cells}, n_genes={n_genes}, n_counts={n_counts}, "
            f"concentration={concentration}, depth_spread={depth_spread}",
            expected="n_cells >= 100, n_genes >= 50, n_counts >= 1, concentration > 0, depth_spread >= 0",
            fix="leave the argument out to take its default",
        )
