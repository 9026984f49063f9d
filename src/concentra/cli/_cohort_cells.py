"""The cells themselves, where `--resolutions` asks for clusters of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from concentra.analysis.cohort_scales import Scales
from concentra.analysis.spelling import Spellings, respelled
from concentra.analysis.states import Clustering
from concentra.analysis.tally import WHOLE, as_labels
from concentra.cli._cohort_options import Options
from concentra.errors import ArgumentError

HOW = {"n_variable": 2_000, "n_components": 50, "n_neighbors": 15, "n_seeds": 5}


def refuse_clustering(options: Options) -> None:
    """Raise where there is nothing to cluster, or nothing to cluster with, before anything long begins."""
    from concentra.clustering._needed import require_packages
    from concentra.io.expression import MATRICES, has_matrix

    asked = f"--resolutions {','.join(f'{one:g}' for one in options.resolutions)}"
    if len(options.cells) > 1:
        raise ArgumentError(
            found=f"{asked} of {len(options.cells)} files",
            expected="one file, because all donors of a stratum are clustered together",
            fix="join them: anndata.concat([...]).write_h5ad(...); or leave out --resolutions",
        )
    path = options.cells[0]
    if (
        options.wide
        or options.amount is not None
        or not path.lower().endswith(MATRICES)
        or not has_matrix(path)
    ):
        raise ArgumentError(
            found=f"{asked}, and no expression in {path!r}",
            expected="cells with a matrix: .h5ad or .zarr with X",
            fix="name the file that holds the expression; or leave out --resolutions",
        )
    require_packages()


def cells_of(options: Options, by: Mapping[str, str | None], spelling: Spellings) -> Scales:
    """Every cell with its labels, as text, and how it is clustered."""
    from concentra.io.cells import read_labels

    path = options.cells[0]
    cells = read_labels(path, list(dict.fromkeys(name for name in by.values() if name is not None)))
    columns = {
        name: as_labels(cells[column] if column is not None else pd.Series(WHOLE, index=cells.index)).astype(object)
        for name, column in by.items()
    }  # fmt: skip
    frame = respelled(pd.DataFrame(columns), spelling)
    how = Clustering(**HOW, seed=options.seed, features=options.how)
    return Scales(Path(path), frame, options.resolutions, how)


def how_clustered(options: Options) -> str:
    """How cells were clustered, in one sentence."""
    features = (
        f"their (at most) {HOW['n_variable']:,} most variable genes"
        if options.how == "genes"
        else "their features"
    )
    return (
        f"clusters: cells of all donors of a stratum together, by {features}, at most {HOW['n_components']} principal "
        f"components, {HOW['n_neighbors']} neighbours, Leiden on one graph; batches are not integrated"
    )
