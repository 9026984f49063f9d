"""`concentra analyze` on 250,000 labelled cells, 20 donors and 15 tissues: time and memory of the whole process.

From `.h5ad` to tables, figures and report, in a fresh interpreter. Run it with::

    python benchmarks/bench_analyze.py [--cells 250000] [--genes 2000] [--rounds 3]
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

N_TISSUES, N_DONORS = 15, 20
BUDGET_SECONDS, BUDGET_MEGABYTES = 12.0, 1_000
RUN = """
import json, resource, sys, time
from concentra.cli import main
sys.argv = ["concentra", "analyze", sys.argv[1], "--contrast", "age:3m:24m", "--trend", "age",
            "--out", sys.argv[2], "--json"]
try:
    main()
finally:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    scale = 2**20 if sys.platform == "darwin" else 2**10
    print(json.dumps([usage.ru_maxrss / scale, usage.ru_utime + usage.ru_stime]), file=sys.stderr)
"""


def write_atlas(path: Path, n_cells: int, n_genes: int) -> None:
    """An atlas of 20 donors in 15 tissues with planted shifts, and ten nonzeros a cell."""
    import anndata
    import numpy as np
    import pandas as pd
    from scipy import sparse

    from concentra.simulate import default_plan, simulate_labels

    plan = default_plan(N_TISSUES - 3)
    each = n_cells / (N_TISSUES * N_DONORS) * 0.985
    obs = simulate_labels(plan, n_donors=N_DONORS // 2, n_cells=round(each), rng=1).cells
    rng = np.random.default_rng(1)
    obs = obs.iloc[rng.permutation(len(obs))].reset_index(drop=True)
    obs.index = pd.Index([f"CELL{number:08d}" for number in range(len(obs))])
    indices = rng.integers(0, n_genes, 10 * len(obs)).astype(np.int32)
    starts = np.arange(0, 10 * len(obs) + 1, 10)
    values = np.ones(10 * len(obs), dtype=np.float32)
    matrix = sparse.csr_matrix((values, indices, starts), shape=(len(obs), n_genes))
    matrix.sum_duplicates()
    anndata.AnnData(matrix, obs, pd.DataFrame(index=[f"g{n}" for n in range(n_genes)])).write_h5ad(path)
    print(f"{len(obs):,} cells x {n_genes:,} genes, {path.stat().st_size / 1e6:.0f} MB on disk", flush=True)


def measure(path: Path, out: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor, and peak megabytes of one run."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path), str(out)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    seconds = time.perf_counter() - start
    found = json.loads(done.stdout)
    right = {row["stratum"]: row["verdict"] for row in found["verdicts"]}
    if (right["crystallizes"], right["disperses"]) != ("more concentrated", "less concentrated"):
        raise SystemExit(f"planted shifts were not found: {right}")
    peak, processor = json.loads(done.stderr.strip().splitlines()[-1])
    return seconds, processor, peak


def main() -> int:
    """Measure round after round, and say whether the budget holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=250_000)
    parser.add_argument("--genes", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "atlas.h5ad"
        # In a process of its own: on Linux a child's peak is at least that of the process it is forked from.
        writer = f"import bench_analyze, pathlib; bench_analyze.write_atlas(pathlib.Path({str(path)!r}), "
        subprocess.run(
            [sys.executable, "-c", f"{writer}{arguments.cells}, {arguments.genes})"],
            check=True,
            cwd=Path(__file__).parent,
        )
        runs = [measure(path, Path(folder) / "out") for _ in range(arguments.rounds)]
    seconds, processor = (statistics.median(run[place] for run in runs) for place in (0, 1))
    peak = max(run[2] for run in runs)
    print(
        f"median {seconds:.1f} s, best {min(run[0] for run in runs):.1f} s, "
        f"processor {processor:.1f} s, peak {peak:.0f} MB"
    )
    kept = seconds < BUDGET_SECONDS and peak < BUDGET_MEGABYTES
    print(f"budget of {BUDGET_SECONDS:.0f} s and {BUDGET_MEGABYTES} MB: {'kept' if kept else 'exceeded'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
