"""Clustering at five resolutions against the plain scanpy recipe, both from a normalised matrix in memory.

The plain recipe: `pp.pca`, `pp.neighbors`, and `tl.leiden` for each resolution, all with their defaults. Each side
runs in a process of its own, twice: the first time counts what it compiles and imports lazily, as a user meets
it; the second does not. Quality is the adjusted Rand index against the planted states.

Run: python benchmarks/bench_clustering.py [--cells 20000] [--genes 2000]

The plain recipe of scanpy 1.11 needs pynndescent < 0.6.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

RESOLUTIONS = (0.4, 0.6, 0.8, 1.0, 1.2)
REQUIRED = 5.0


def plain(path: Path) -> tuple[float, dict[float, list[str]]]:
    import anndata
    import scanpy

    scanpy.settings.verbosity = 0
    atlas = anndata.read_h5ad(path)
    start = time.perf_counter()
    scanpy.pp.pca(atlas)
    scanpy.pp.neighbors(atlas)
    for resolution in RESOLUTIONS:
        scanpy.tl.leiden(atlas, resolution=resolution, key_added=str(resolution))
    seconds = time.perf_counter() - start
    return seconds, {resolution: atlas.obs[str(resolution)].tolist() for resolution in RESOLUTIONS}


def ours(path: Path) -> tuple[float, dict[float, list[int]]]:
    from concentra.clustering import cluster_cells
    from concentra.io.expression import read_expression

    matrix = read_expression(path).matrix
    start = time.perf_counter()
    labels = cluster_cells(matrix, RESOLUTIONS)
    seconds = time.perf_counter() - start
    return seconds, {key: rows["cluster"].tolist() for key, rows in labels.groupby("resolution")}


def measure(side: str, path: Path) -> None:
    """Print seconds of two passes, and the agreement with the planted states, as JSON."""
    warnings.simplefilter("ignore")
    run = {"plain": plain, "ours": ours}[side]
    first, labels = run(path)
    second, _ = run(path)
    from sklearn.metrics import adjusted_rand_score

    from concentra.io.expression import select_cells

    planted = select_cells(path, {}, ["free_annotation"])["free_annotation"].astype(str)
    agreement = {str(key): adjusted_rand_score(planted, found) for key, found in labels.items()}
    print(json.dumps({"first": first, "second": second, "agreement": agreement}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=2_000)
    parser.add_argument("--side", choices=["plain", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options.side, options.path)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        from concentra.simulate import simulate_atlas

        path = Path(folder) / "atlas.h5ad"
        simulate_atlas(path, "tms_facs", n_cells=options.cells, n_genes=options.genes, rng=1)
        found = {}
        for side in ("plain", "ours"):
            command = [sys.executable, __file__, "--side", side, "--path", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                return 1
            found[side] = json.loads(done.stdout.splitlines()[-1])
    for side, result in found.items():
        best = max(result["agreement"].values())
        print(
            f"{side:6} first {result['first']:7.1f} s   again {result['second']:7.1f} s   best index {best:.3f}"
        )
        print("       " + "  ".join(f"{key}: {value:.3f}" for key, value in result["agreement"].items()))
    ratios = [found["plain"][key] / found["ours"][key] for key in ("first", "second")]
    print(f"ratio  first {ratios[0]:7.1f}     again {ratios[1]:7.1f}   (required {REQUIRED:.0f})")
    worse = [
        key
        for key, value in found["ours"]["agreement"].items()
        if value < found["plain"]["agreement"][key] - 0.01
    ]
    print(
        "quality at least equal at every resolution" if not worse else f"quality lower at {', '.join(worse)}"
    )
    return int(min(ratios) < REQUIRED or bool(worse))


if __name__ == "__main__":
    raise SystemExit(main())
