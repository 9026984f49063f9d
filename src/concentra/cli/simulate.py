"""`concentra simulate`: an atlas with planted shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder for the atlas and its truth.")],
    layout: Annotated[
        str, typer.Option("--layout", help="tms_facs, tms_droplet, kimmel2019 or rat_cr.")
    ] = "tms_facs",
    cells: Annotated[int, typer.Option("--cells", help="Number of cells.", min=100)] = 20_000,
    genes: Annotated[int, typer.Option("--genes", help="Number of genes.", min=50)] = 2_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same atlas.", min=0)] = 0,
) -> None:
    """Write an atlas with planted shifts as `.h5ad`, and the truth beside it.

    Example: concentra simulate --out simulated --layout rat_cr --cells 6000
    """
    from concentra.simulate import simulate_atlas, truth_path

    path = out / f"simulated_{layout}.h5ad"
    simulate_atlas(path, layout, n_cells=cells, n_genes=genes, rng=seed, progress=True)
    typer.echo(path)
    typer.echo(truth_path(path))
