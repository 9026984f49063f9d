"""`concentra count` on 100 million rows of Parquet, against a plain grouping by DuckDB: whole processes, in turn.

10,000 donors, 60 tissues, 600 types in 8 files; each donor has 4 tissues, each tissue 30 types, so that about 1.2
million combinations occur. Rows are shuffled over all donors, which is the hard case: a real atlas holds the cells of
a donor together. Run it with::

    python benchmarks/bench_count.py [--rows 100000000] [--rounds 3] [--h5ad-rows 5000000]

The peer is ``COPY (SELECT three columns, count(*) ... GROUP BY ALL) TO 'plain.csv'``: the same files, columns, memory
limit and processors, and the result written to a file of the same form. It may write its rows in any order; ours are
sorted, which is part of the time measured. Then the same request in 8 shards, merged, must be the same bytes, as
`.csv` and as `.parquet`; and the cells of an `.h5ad` are counted, against a grouping by pandas.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BY = ("donor_id", "tissue", "cell_type")
COLUMNS = ",".join(BY)
SIZES = (10_000, 60, 600)
TISSUES_OF_DONOR, TYPES_OF_TISSUE = 4, 30
N_FILES, N_SHARDS, CHUNK = 8, 8, 1_000_000
MEMORY = "1GB"
BUDGET_RATIO, BUDGET_MEGABYTES = 1.1, 2_000
RSS = 2**20 if sys.platform == "darwin" else 2**10
PLAIN = """
import sys, duckdb
*files, memory, by, out = sys.argv[1:]
connection = duckdb.connect(config={"memory_limit": memory, "preserve_insertion_order": False})
connection.execute("SET enable_progress_bar = false")
query = f"SELECT {by}, count(*) AS n_cells FROM read_parquet({files}) GROUP BY ALL"
connection.execute(f"COPY ({query}) TO '{out}' (HEADER true)")
"""
PANDAS = """
import sys, h5py, pandas
from anndata.io import read_elem
path, by, out = sys.argv[1:]
by = by.split(",")
with h5py.File(path) as file:
    cells = pandas.DataFrame({name: read_elem(file["obs"][name]) for name in by})
counts = cells.groupby(by, observed=True, dropna=False).size().rename("n_cells").reset_index()
counts.to_csv(out, index=False)
"""
CONCENTRA = (sys.executable, "-c", "from concentra.cli import main; main()")


@dataclass(frozen=True)
class Run:
    """One process: seconds, seconds of processor, peak megabytes."""

    seconds: float
    processor: float
    peak: float


def labels(n_rows: int, rng):
    """Codes of the three labels of shuffled cells, as a real atlas combines them."""
    import numpy as np

    fixed = np.random.default_rng(
        1
    )  # which tissues a donor has, and types a tissue: the same for every chunk
    n_donors, n_tissues, n_types = SIZES
    of_donor = fixed.permuted(np.tile(np.arange(n_tissues), (n_donors, 1)), axis=1)[:, :TISSUES_OF_DONOR]
    of_tissue = fixed.permuted(np.tile(np.arange(n_types), (n_tissues, 1)), axis=1)[:, :TYPES_OF_TISSUE]
    donor = rng.integers(0, n_donors, n_rows)
    tissue = of_donor[donor, np.minimum(rng.geometric(0.45, n_rows), TISSUES_OF_DONOR) - 1]
    part = of_tissue[tissue, np.minimum(rng.geometric(0.12, n_rows), TYPES_OF_TISSUE) - 1]
    return donor, tissue, part


def names():
    """The labels, in no order."""
    import numpy as np

    rng = np.random.default_rng(2)
    forms = ("donor_{:05d}", "tissue of region {}", "type {}, alpha-beta lineage positive cell")
    return [
        [form.format(number) for number in rng.permutation(size)]
        for form, size in zip(forms, SIZES, strict=True)
    ]


def write_parquet(folder: Path, n_rows: int) -> None:
    """The cells as Parquet files, in chunks."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    values = [pa.array(one) for one in names()]
    schema = pa.schema([(name, pa.dictionary(pa.int32(), pa.string())) for name in BY])
    for place in range(N_FILES):
        left = n_rows * (place + 1) // N_FILES - n_rows * place // N_FILES
        with pq.ParquetWriter(folder / f"cells_{place}.parquet", schema) as file:
            while left:
                columns = labels(min(CHUNK, left), rng)
                arrays = [
                    pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), value)
                    for codes, value in zip(columns, values, strict=True)
                ]
                file.write_table(pa.table(arrays, schema=schema))
                left -= len(columns[0])


def write_h5ad(path: Path, n_rows: int) -> None:
    """The cells as an annotated matrix of one gene."""
    import anndata
    import numpy as np
    import pandas as pd
    from scipy import sparse

    columns = zip(BY, labels(n_rows, np.random.default_rng(0)), names(), strict=True)
    obs = pd.DataFrame({name: pd.Categorical.from_codes(codes, value) for name, codes, value in columns})
    obs.index = obs.index.astype(str)
    anndata.AnnData(sparse.csr_matrix((n_rows, 1), dtype=np.float32), obs=obs).write_h5ad(path)


def apart(call: str) -> None:
    """A function of this file in a process of its own: a child's peak is at least that of its parent when it forks."""
    code = f"import bench_count; from pathlib import Path; bench_count.{call}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)


def measure(*words: object) -> Run:
    """Run a process to its end."""
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[:4]} ended with {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / RSS)


def count(files: list[Path], out: Path, *more: object) -> Run:
    """`concentra count`."""
    return measure(*CONCENTRA, "count", *files, "--by", COLUMNS, "--memory", MEMORY, "--out", out, *more)


def compare(ways: dict[str, object], n_rounds: int) -> dict[str, list[Run]]:
    """Every way in turn, round after round, in alternating order."""
    measured: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(n_rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            measured[name].append(ways[name]())
    peer, ours = measured
    print(f"{'way':34}{'median s':>10}{'best s':>10}{'processor s':>13}{'peak MB':>10}")
    for name, runs in measured.items():
        seconds, processor = (
            statistics.median(getattr(run, of) for run in runs) for of in ("seconds", "processor")
        )
        best, peak = min(run.seconds for run in runs), max(run.peak for run in runs)
        print(f"{name:34}{seconds:10.2f}{best:10.2f}{processor:13.2f}{peak:10.0f}", flush=True)
    pairs = list(zip(measured[ours], measured[peer], strict=True))
    for of in ("seconds", "processor"):
        ratio = statistics.median(getattr(one, of) / getattr(other, of) for one, other in pairs)
        print(f"ratio of {of}, median of {n_rounds} pairs: {ratio:.2f}", flush=True)
    return measured


def ratio(measured: dict[str, list[Run]]) -> float:
    """The median ratio of the pairs, in seconds."""
    peer, ours = measured.values()
    return statistics.median(one.seconds / other.seconds for one, other in zip(ours, peer, strict=True))


def same_rows(plain: Path, ours: Path) -> bool:
    """Whether two CSV files have the same rows, in any order."""
    query = (
        "SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b) "
        "UNION ALL SELECT count(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)"
    )
    code = (
        "import sys, duckdb\nc = duckdb.connect()\nc.execute('SET enable_progress_bar = false')\n"
        "for name, path in zip('ab', sys.argv[1:]):\n"
        "    c.execute(f\"CREATE VIEW {name} AS SELECT * FROM read_csv('{path}', header=true)\")\n"
        f"sys.exit(any(row[0] for row in c.execute({query!r}).fetchall()))\n"
    )
    return subprocess.run([sys.executable, "-c", code, plain, ours], check=False).returncode == 0


def sharded(files: list[Path], folder: Path, ending: str) -> tuple[Path, float]:
    """The counts of the shards, merged, and the peak of all processes."""
    parts = [folder / f"part_{place}{ending}" for place in range(1, N_SHARDS + 1)]
    runs = [count(files, part, "--shard", f"{n}/{N_SHARDS}") for n, part in enumerate(parts, start=1)]
    out = folder / f"merged{ending}"
    runs.append(measure(*CONCENTRA, "merge", *parts, "--memory", MEMORY, "--out", out))
    print(
        f"{N_SHARDS} shards {ending}: {sum(run.seconds for run in runs[:-1]):.1f} s one after the other, "
        f"merge {runs[-1].seconds:.1f} s"
    )
    return out, max(run.peak for run in runs)


def main() -> int:
    """Measure, and say whether the budget holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--h5ad-rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart(f"write_parquet(Path({name!r}), {asked.rows})")
        apart(f"write_h5ad(Path({name!r}) / 'cells.h5ad', {asked.h5ad_rows})")
        files = sorted(folder.glob("*.parquet"))
        plain, ours, atlas = folder / "plain.csv", folder / "whole.csv", folder / "cells.h5ad"
        print(f"{asked.rows:,} rows, {sum(file.stat().st_size for file in files) / 1e6:.0f} MB of Parquet")
        ways = {
            "plain GROUP BY of DuckDB": lambda: measure(
                sys.executable, "-c", PLAIN, *files, MEMORY, COLUMNS, plain
            ),
            "concentra count, sorted": lambda: count(files, ours),
        }
        large = compare(ways, asked.rounds)
        with ours.open("rb") as handle:
            print(f"{sum(1 for _ in handle) - 1:,} combinations", flush=True)
        right = same_rows(plain, ours)
        print(f"the same counts: {'yes' if right else 'NO'}")
        peaks = [run.peak for run in large["concentra count, sorted"]]
        for ending in (".csv", ".parquet"):
            whole = ours.with_suffix(ending)
            if ending == ".parquet":
                count(files, whole)
            merged, peak = sharded(files, folder, ending)
            same = filecmp.cmp(whole, merged, shallow=False)
            right, peaks = right and same, [*peaks, peak]
            print(f"merged and whole {ending} are the same bytes: {'yes' if same else 'NO'}", flush=True)
        print(f"\n{asked.h5ad_rows:,} cells of .h5ad, {atlas.stat().st_size / 1e6:.0f} MB")
        ways = {
            "anndata's columns, pandas groupby": lambda: measure(
                sys.executable, "-c", PANDAS, atlas, COLUMNS, plain
            ),
            "concentra count .h5ad, sorted": lambda: count([atlas], ours),
        }
        compare(ways, asked.rounds)
        right = right and same_rows(plain, ours)
    kept = right and ratio(large) <= BUDGET_RATIO and max(peaks) < BUDGET_MEGABYTES
    print(
        f"budget of {BUDGET_RATIO} of the plain time and {BUDGET_MEGABYTES} MB: {'kept' if kept else 'exceeded'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
