"""Steps 08 to 13 on simulated cohorts of the size of Tabula Muris Senis: time, and memory of all processes together.

Writes FACS, Droplet, a validation cohort and a rat cohort as `.h5ad` (simulated, and marked so), then runs the study's
steps on them as a user does. Run it with::

    python benchmarks/bench_states.py [--share 1.0] [--cores 2] [--keep FOLDER]

`--share 0.1` takes a tenth of the cells.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil

SIZES = {
    "tabula-muris-senis-facs-processed-official-annotations.h5ad": ("tms_facs", 110_824, 22_966),
    "tabula-muris-senis-droplet-processed-official-annotations.h5ad": ("tms_droplet", 245_389, 20_138),
    "kimmel2019.h5ad": ("kimmel2019", 90_000, 20_000),
    "rat_cr.h5ad": ("rat_cr", 60_000, 18_000),
}
STEPS = (
    "substate_analysis", "substate_figure", "kimmel_validation", "kimmel_robustness", "calico_cr_marrow",
    "tms_kidney_leiden", "figure_S5_substate_scale", "figure_S6_validation", "figure_S7_rescue",
    "substate_summary", "validation_summary",
)  # fmt: skip
BUDGET_MINUTES, BUDGET_GIGABYTES = 20.0, 3.0
SIMULATE = (
    "import sys; from concentra.simulate import simulate_atlas; simulate_atlas(sys.argv[1], sys.argv[2], "
)


def simulate(folder: Path, share: float) -> None:
    """Write the cohorts, one process each, and say what each took."""
    for name, (layout, n_cells, n_genes) in SIZES.items():
        if (folder / name).exists():
            continue
        start = time.perf_counter()
        call = f"{SIMULATE}n_cells={round(n_cells * share)}, n_genes={n_genes}, n_counts=2_000, rng=1)"
        subprocess.run([sys.executable, "-c", call, str(folder / name), layout], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        size = (folder / name).stat().st_size / 1e9
        print(
            f"simulated {layout}: {round(n_cells * share):,} x {n_genes:,}, {size:.1f} GB, "
            f"{time.perf_counter() - start:.0f} s, largest process so far {peak:.2f} GB",
            flush=True,
        )


def memory(process: psutil.Process) -> int:
    """Resident bytes of a process and all below it; shared pages are counted once for each."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def measure(data: Path, out: Path, cores: int) -> tuple[float, float]:
    """Minutes of the run, and peak gigabytes of its processes together, looked at five times a second."""
    words = [str(Path(sys.executable).with_name("concentra")), "reproduce", *STEPS]
    words += ["--data", str(data), "--out", str(out), "--cores", str(cores)]
    start, peak = time.perf_counter(), 0
    running = psutil.Popen(words)
    while running.poll() is None:
        peak = max(peak, memory(running))
        time.sleep(0.2)
    if running.returncode:
        raise SystemExit("the run failed")
    return (time.perf_counter() - start) / 60, peak / 1e9


def found(out: Path) -> list[str]:
    """What was planted within types of the large cohorts and what the step says of it, counted."""
    contrast = pd.read_csv(out / "tables" / "substate_contrast.csv").query("metric == 'hill_q1'")
    planted = pd.read_csv(out / "tables" / "planted_states.csv").query("level == 'within'")
    both = contrast.merge(planted, on=["cohort", "stratum", "part"], suffixes=("", "_planted"))
    counts = both.groupby(["cohort", "direction_planted", "verdict"]).size()
    return [
        f"{cohort}: planted {planted}, found {verdict}: {n} types"
        for (cohort, planted, verdict), n in counts.items()
    ]


def main() -> int:
    """Simulate, run, and say whether the budget holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="keep the cohorts here, and take those that are there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.keep or Path(folder)
        data.mkdir(parents=True, exist_ok=True)
        simulate(data, arguments.share)
        minutes, gigabytes = measure(data, Path(folder) / "results", arguments.cores)
        print(*found(Path(folder) / "results"), sep="\n")
    print(f"steps 08 to 13: {minutes:.1f} min on {arguments.cores} cores, peak {gigabytes:.2f} GB")
    kept = minutes < BUDGET_MINUTES and gigabytes < BUDGET_GIGABYTES
    print(
        f"budget of {BUDGET_MINUTES:.0f} min and {BUDGET_GIGABYTES:.0f} GB: {'kept' if kept else 'exceeded'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
