"""Commands with small inputs, what they write, and a disk that fails at a chosen write."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MARK = "concentra-unfinished"
ERRORS = (errno.ENOSPC, errno.EIO)


def write_inputs(folder: Path) -> None:
    """Cells of twelve donors in two groups, counts, and head ablations."""
    rng = np.random.default_rng(0)
    n = 3000
    donor = rng.integers(0, 12, n)
    cells = pd.DataFrame(
        {
            "donor": [f"d{one}" for one in donor],
            "age": np.where(donor < 6, "young", "old"),
            "tissue": rng.choice(["lung", "liver"], n),
            "type": [f"t{one}" for one in rng.geometric(0.3, n).clip(max=8)],
        }
    )
    cells.to_csv(folder / "cells.csv", index=False)
    cells.to_parquet(folder / "cells.parquet", row_group_size=200)
    counts = cells.groupby(["donor", "tissue", "type"]).size().reset_index(name="n_cells")
    for place, part in enumerate((counts.iloc[::2], counts.iloc[1::2])):
        part.to_csv(folder / f"part_{place}.csv", index=False)
    delta = rng.normal(size=24)
    heads = {
        "checkpoint": np.repeat([1, 10, 100], 8), "perturbation_type": "head", "layer_idx": np.tile([0, 1], 12),
        "head_idx": np.tile(np.repeat([0, 1, 2, 3], 2), 3), "baseline_loss": 4.0,
        "perturbed_loss": 4 * (1 - delta), "delta": delta,
    }  # fmt: skip
    pd.DataFrame(heads).to_csv(folder / "ablations.csv", index=False)


def write_model(folder: Path) -> None:
    """Three checkpoints of a small language model, and tokens."""
    import definitions_heads

    for step in (1, 2, 3):
        definitions_heads.tiny("gpt_neox", seed=step).save_pretrained(folder / f"model/step{step}")
    np.save(folder / "tokens.npy", definitions_heads.tokens(1, 400)[0].numpy())


@dataclass(frozen=True)
class Case:
    """A command: words with `{inputs}` and `{out}` to be filled; it writes below `{out}`."""

    name: str
    words: tuple[str, ...]

    def filled(self, inputs: Path, out: Path) -> list[str]:
        return [word.replace("{inputs}", str(inputs)).replace("{out}", str(out)) for word in self.words]


BY = ("--by", "donor,tissue,type")
ANALYZE = ("analyze", "{inputs}/cells.csv", "--donor", "donor", "--stratum", "tissue", "--part", "type")
CASES = (
    Case("count", ("count", "{inputs}/cells.csv", *BY, "--out", "{out}/counts.csv")),
    Case("count_parquet", ("count", "{inputs}/cells.parquet", *BY, "--out", "{out}/counts.parquet")),
    Case("merge", ("merge", "{inputs}/part_0.csv", "{inputs}/part_1.csv", "--out", "{out}/sum.csv")),
    Case("simulate", ("simulate", "--out", "{out}", "--cells", "500", "--genes", "50")),
    Case("analyze", (*ANALYZE, "--contrast", "age:young:old", "--out", "{out}/results")),
    Case(
        "power",
        (
            "power",
            "{inputs}/cells.csv",
            "--donor",
            "donor",
            "--tissue",
            "tissue",
            "--part",
            "type",
            "--group",
            "age",
            "--out",
            "{out}/power.csv",
            "--figure",
            "{out}/power.svg",
        ),
    ),
    Case("trajectory", ("heads", "trajectory", "{inputs}/ablations.csv", "--figure", "{out}/heads.svg")),
)
SHARDED = Case(
    "shards",
    ("count", "{inputs}/cells.parquet", *BY, "--out", "{out}/counts.csv", "--shards", "3", "--cores", "1"),
)
STUDY = Case("reproduce", ("reproduce", "compute_proportions", "--cores", "2", "--out", "{out}/results"))
SWEEP = Case(
    "sweep",
    (
        "heads", "sweep", "--model", "{inputs}/model", "--tokens", "{inputs}/tokens.npy", "--out", "{out}/heads.csv",
        "--sequences", "4", "--length", "16", "--batch-size", "4",
    ),
)  # fmt: skip
DIFFERING = ("provenance.json", ".lock")
"""Holds times of a run, or nothing."""


def written(out: Path) -> dict[str, bytes]:
    """Content of what a command has written, by name; without Snakemake's own files and notes of time."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.endswith(DIFFERING) and ".snakemake" not in path.parts
    }


def measured(out: Path) -> dict[str, bytes]:
    """Of a sweep: its table without the seconds that it took."""
    return {"heads.csv": pd.read_csv(out / "heads.csv").drop(columns="seconds").to_csv().encode()}


def unfinished(out: Path) -> list[Path]:
    """What is left of writing that did not end."""
    return [path for path in out.rglob("*") if MARK in path.name or path.name == ".run.json"]


def as_command(words: list[str], errors: Path) -> None:
    """Be `concentra` with these words: the target of a process that has its imports. Ends with `SystemExit`."""
    os.setsid()
    for number, path in ((1, os.devnull), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    for name in [name for name in os.environ if name.startswith("CONCENTRA_")]:
        del os.environ[name]
    sys.argv = ["concentra", *words]
    from concentra.cli import main

    main()


class Disk:
    """Counts the openings for writing, flushes and renamings below a folder, and fails one of them."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.fails, self.number, self.count = 0, 0, 0

    def touched(self, path: object) -> None:
        if self.folder is None or not str(path).startswith(self.folder):
            return
        self.count += 1
        if self.count == self.fails:
            raise OSError(self.number, os.strerror(self.number), str(path))

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                self.touched(os.fsdecode(path))
        elif event == "os.rename":
            self.touched(os.fsdecode(arguments[1]))


DISK = Disk()
_fsync: Callable[[int], None] = os.fsync


def _flushed(number: int) -> None:
    DISK.touched(Path(f"/proc/self/fd/{number}").readlink())
    _fsync(number)


@contextmanager
def failing(folder: Path, place: int, number: int) -> Iterator[Disk]:
    """Fail the write at a place, counted from 1; none for 0."""
    if not getattr(sys, "_disk_is_heard", False):  # an audit hook stays as long as the process
        sys.addaudithook(lambda event, arguments: DISK.heard(event, arguments))
        sys._disk_is_heard = True  # type: ignore[attr-defined]
    DISK.folder, DISK.fails, DISK.number, DISK.count = str(folder), place, number, 0
    os.fsync = _flushed
    try:
        yield DISK
    finally:
        DISK.folder, os.fsync = None, _fsync
