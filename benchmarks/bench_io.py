"""Four label columns of a large atlas: time and memory of the whole process, against two ways of anndata.

What checking before use and a reading process apart cost shows against h5py in the same process, which checks nothing
and may crash or never return on a damaged file.

Each way runs in a fresh interpreter, so that its start and its imports count. Run it with::

    python benchmarks/bench_io.py [--cells 245389] [--genes 20000] [--rounds 5]

The atlas has the cells and genes of the Tabula Muris Senis Droplet file, but a matrix with few nonzeros, which
favours those who read it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = ["mouse.id", "tissue", "cell_ontology_class", "age"]
WAYS = {
    "concentra.io.cells.read_labels": """
from concentra.io.cells import read_labels
frame = read_labels(path, columns)
""",
    "the same, reading process started early": """
from concentra.io.child import prepare
prepare(".h5ad")
from concentra.io.cells import read_labels
frame = read_labels(path, columns)
""",
    "h5py in this process, unchecked": """
import h5py, pandas as pd
with h5py.File(path) as file:
    frame = pd.DataFrame({
        name: pd.Categorical.from_codes(file["obs"][name]["codes"][:], file["obs"][name]["categories"].asstr()[:])
        for name in columns
    })
""",
    "anndata.read_h5ad(backed='r').obs": """
import anndata
adata = anndata.read_h5ad(path, backed="r")
frame = adata.obs[columns]
""",
    "anndata.read_h5ad().obs": """
import anndata
frame = anndata.read_h5ad(path).obs[columns]
""",
}
BUDGET_SECONDS, BUDGET_MEGABYTES = 1.5, 300


def write_atlas(path: Path, n_cells: int, n_genes: int) -> None:
    """An atlas of labels as rich as a real one, and ten nonzeros a cell."""
    import anndata
    import numpy as np
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(1)
    kinds = {"mouse.id": 23, "tissue": 20, "cell_ontology_class": 120, "age": 6, "sex": 2, "subtissue": 40}
    obs = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(
                rng.integers(0, n, n_cells), [f"{name} {number}" for number in range(n)]
            )
            for name, n in kinds.items()
        },
        index=[f"CELL{number:08d}" for number in range(n_cells)],
    )
    obs["n_counts"] = rng.integers(500, 50_000, n_cells)
    obs["cell"] = [f"{number:08d}_ACGTACGT" for number in range(n_cells)]
    indices = rng.integers(0, n_genes, 10 * n_cells).astype(np.int32)
    data = np.ones(10 * n_cells, dtype=np.float32)
    matrix = sparse.csr_matrix((data, indices, np.arange(0, 10 * n_cells + 1, 10)), shape=(n_cells, n_genes))
    matrix.sum_duplicates()
    var = pd.DataFrame(index=[f"gene{number}" for number in range(n_genes)])
    anndata.AnnData(X=matrix, obs=obs, var=var).write_h5ad(path)


def measure(way: str, path: Path) -> tuple[float, float, str]:
    """Seconds and peak megabytes of a process that reads the columns, and a digest of what it read."""
    code = (
        f"path, columns = {str(path)!r}, {COLUMNS!r}\n{WAYS[way]}\n"
        "import hashlib, json, resource\n"
        "digest = hashlib.sha256()\n"
        "for name in columns:\n"
        "    digest.update(frame[name].cat.codes.to_numpy().astype('int32').tobytes())\n"
        "    digest.update(chr(0).join(frame[name].cat.categories).encode())\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if __import__('sys').platform == 'darwin'"
        " else 2**10)\n"
        "print(json.dumps([peak, digest.hexdigest()]))\n"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ
    )
    seconds = time.perf_counter() - start
    peak, digest = json.loads(done.stdout)
    return seconds, peak, digest


def main() -> int:
    """Measure every way in turn, round after round, and say whether the budget holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=245_389)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "atlas.h5ad"
        # In a process of its own: on Linux a child's peak is at least that of the process it is forked from.
        writer = f"import bench_io, pathlib; bench_io.write_atlas(pathlib.Path({str(path)!r}), "
        subprocess.run(
            [sys.executable, "-c", f"{writer}{arguments.cells}, {arguments.genes})"],
            check=True,
            cwd=Path(__file__).parent,
        )
        print(
            f"{arguments.cells:,} cells x {arguments.genes:,} genes, {path.stat().st_size / 1e6:.0f} MB on disk"
        )
        measured = {way: [] for way in WAYS}
        for _ in range(arguments.rounds):
            for way, runs in measured.items():
                runs.append(measure(way, path))
    if len({run[2] for runs in measured.values() for run in runs}) != 1:
        print("the ways disagree about the labels", file=sys.stderr)
        return 1
    ours = statistics.median(run[0] for run in measured["concentra.io.cells.read_labels"])
    print(f"{'way':42}{'median s':>10}{'best s':>10}{'peak MB':>10}{'ratio':>8}")
    for way, runs in measured.items():
        seconds = statistics.median(run[0] for run in runs)
        peak = max(run[1] for run in runs)
        print(f"{way:42}{seconds:10.2f}{min(run[0] for run in runs):10.2f}{peak:10.0f}{seconds / ours:8.1f}")
    peak = max(run[1] for run in measured["concentra.io.cells.read_labels"])
    kept = ours < BUDGET_SECONDS and peak < BUDGET_MEGABYTES
    print(f"budget of {BUDGET_SECONDS} s and {BUDGET_MEGABYTES} MB: {'kept' if kept else 'exceeded'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
