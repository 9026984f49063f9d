"""`concentra simulate`: an atlas with planted shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from concentra.cli._options import Json, print_json

EXAMPLE = "Example: concentra simulate --out simulated --layout rat_cr --cells 6000"


def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the atlas and its truth.")],
    layout: Annotated[str, typer.Option(help="tms_facs, tms_droplet, kimmel2019 or rat_cr.")] = "tms_facs",
    cells: Annotated[int, typer.Option(help="Number of cells, at least 100.")] = 20_000,
    genes: Annotated[int, typer.Option(help="Number of genes, at least 50.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same atlas.")] = 0,
    json: Json = False,
) -> None:
    """Write an atlas with planted shifts, and the truth beside it. The `.h5ad` is read as real cells are."""
    from concentra.simulate import simulate_atlas, truth_path

    path = out / f"simulated_{layout}.h5ad"
    simulate_atlas(path, layout, n_cells=cells, n_genes=genes, rng=seed, progress=True)
    written = {"atlas": str(path), "truth": str(truth_path(path))}
    if json:
        print_json(written)
    else:
        print(*written.values(), sep="\n")


COMMANDS = (simulate,)
