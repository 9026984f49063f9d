"""Counting in shards through Snakemake: on the processors of this machine, or on a cluster, and resumed where it ended.

The shards of a request are kept in a folder beside the output, named by all that the request asks and by the state of
its files, until they are merged. Each is counted, and they are merged, by a process of its own, which is the command
line of this module: ``python -m concentra.io.shards PLACE|merge FILE`` in that folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from concentra import __version__
from concentra.errors import ConcentraError, DesignError
from concentra.files import write_text
from concentra.io.blocks import WHOLE, Share
from concentra.io.counting import check_request, count_to, merge_counts, refuse_output
from concentra.io.grouping import MEMORY, Counted
from concentra.io.soma import Tell
from concentra.workflow import alone, run_snakemake, snakemake_command

REQUEST = "request.json"
MERGE = "merge"
SNAKEFILE = Path(__file__).with_name("Snakefile")


@dataclass(frozen=True)
class Request:
    """What is counted, and in how many shards.

    Attributes
    ----------
    cells
        Files, and folders or addresses of SOMA experiments.
    by, where, primary_only, memory
        As `concentra.io.counting.count_to`.
    n_shards
        Shares of every file.
    """

    cells: tuple[str, ...]
    by: tuple[str, ...]
    n_shards: int = 1
    where: str | None = None
    primary_only: bool = True
    memory: str = MEMORY

    @classmethod
    def read(cls, folder: Path = Path()) -> Request:
        """The request of a folder."""
        found = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        return cls(**(found | {"cells": tuple(found["cells"]), "by": tuple(found["by"])}))

    def text(self) -> str:
        """The request as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def name(self) -> str:
        """A name for what is asked and the state of the files: another request, or a changed file, has another.

        >>> one = Request(("cells.parquet",), ("donor",), 8)
        >>> one.name() == Request(("cells.parquet",), ("donor",), 8).name()
        True
        >>> one.name() == Request(("cells.parquet",), ("type",), 8).name()
        False
        """
        state = [sorted(_state(Path(cell))) for cell in self.cells]
        asked = asdict(self) | {"memory": None}  # which changes no count
        return hashlib.sha256(json.dumps([__version__, asked, state]).encode()).hexdigest()[:12]

    def parts(self) -> list[str]:
        """The files of the shards."""
        return [part(place) for place in range(1, self.n_shards + 1)]

    def count(self, out: Path, shard: Share = WHOLE, *, tell: Tell | None = None) -> Counted:
        """Write the counts, or those of a shard."""
        return count_to(
            out,
            self.cells,
            self.by,
            where=self.where,
            primary_only=self.primary_only,
            shard=shard,
            memory=self.memory,
            tell=tell,
        )

    def run(self, what: str, out: Path) -> None:
        """Count a shard of all into a file, or merge the shards in this folder, with a summary beside."""
        if what != MERGE:
            self.count(out, (int(what), self.n_shards), tell=_tell)
            return
        found = merge_counts(out, self.parts(), memory=self.memory)
        write_text(summary(out), json.dumps(asdict(found)) + "\n")


def part(place: int | str) -> str:
    """The file of a shard.

    >>> part(3)
    'shard_3.parquet'
    """
    return f"shard_{place}.parquet"


def summary(merged: str | Path) -> str:
    """The file that says what was counted, beside the merged counts."""
    return f"{merged}.json"


def count_in_shards(out: str | Path, request: Request, *, cores: int, profile: Path | None = None) -> Counted:
    """Write the counts of a request, counted in shards through Snakemake: the bytes that `count_to` writes.

    Shards that an earlier run of the same request has finished are not counted again.

    Parameters
    ----------
    out
        The file; one that exists is replaced once the counts are whole.
    request
        What is counted.
    cores
        Shards counted at the same time on this machine.
    profile
        A Snakemake profile: a folder whose `config.yaml` names an executor and its options. Its machines must see the
        same files under the same names.

    Raises
    ------
    DesignError
        A shard failed; or another run is at the same request.
    ArgumentError, MissingDependencyError
        The profile has no `config.yaml`; Snakemake is not installed.
    """
    target = Path(out).resolve()
    merged = f"merged{target.suffix}"
    refuse_output(target, request.cells)
    check_request(request.cells, request.by, (1, request.n_shards), request.where)
    folder = target.parent / f"{target.name}.shards-{request.name()}"
    command = snakemake_command(SNAKEFILE, folder, cores=cores, targets=[merged], profile=profile)
    with alone(folder) as lock:
        for left in folder.glob(".shard_*.*"):  # of a run that was killed while it wrote
            left.unlink()
        write_text(folder / REQUEST, request.text())
        if run_snakemake(command, lock):
            raise DesignError(
                found=f"a shard failed, see above or {folder}/.snakemake/log",
                expected="every shard to be counted",
                fix="correct the cause and run the command again; finished shards are kept",
            )
        (folder / merged).replace(target)
        found = json.loads((folder / summary(merged)).read_text(encoding="utf-8"))
        shutil.rmtree(folder)
    return Counted(**found)


def _state(cell: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of each file of a cell table; nothing of an address."""
    files = [cell]
    if cell.is_dir():
        files = [Path(folder) / name for folder, _, names in os.walk(cell) for name in names]
    for file in files:
        if file.is_file():
            stat = file.stat()
            yield str(file), stat.st_size, stat.st_mtime_ns


def command() -> str:
    """The shell command that counts a shard, to be followed by its place and its file."""
    return shlex.join([sys.executable, "-m", "concentra.io.shards"])


def _tell(sentence: str) -> None:
    print(f"  {sentence}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Count a shard of the request in this folder, or merge all shards; Snakemake calls this."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt ends the shard at once and without a word
    what, out = arguments
    request, start = Request.read(), time.perf_counter()
    name = MERGE if what == MERGE else f"shard {what} of {request.n_shards}"
    try:
        request.run(what, Path(out))
    except ConcentraError as problem:
        print(f"{name}\n{problem}", file=sys.stderr)
        return 1
    _tell(f"{name:<16} {time.perf_counter() - start:7.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
