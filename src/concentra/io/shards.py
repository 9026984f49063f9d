"""Counting in shards through Snakemake: on the processors of this machine, or on a cluster, and resumed where it ended.

The shards of a request are kept in a folder beside the output, named by all that the request asks and by the content of
its files, until they are merged. Beside each lies the hash of what was written: a shard that is something else is
counted again, and never merged. Each is counted, and they are merged, by a process of its own, which is the command
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
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from concentra import __version__
from concentra.errors import DesignError, explained
from concentra.files import read_json, remove_unfinished, sha256, write_text
from concentra.io.blocks import WHOLE, Share
from concentra.io.counting import check_request, count_to, merge_counts, refuse_output
from concentra.io.grouping import MEMORY, Counted
from concentra.io.soma import Tell, is_soma
from concentra.outputs import confirm, is_as_written, refuse_links
from concentra.workflow import alone, run_snakemake, snakemake_command

REQUEST = "request.json"
HASH = "sha256"
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
        """A name for the request and the content of its files: another request, or a changed file, has another.

        >>> one = Request(("cells.parquet",), ("donor",), 8)
        >>> one.name() == Request(("cells.parquet",), ("donor",), 8).name()
        True
        >>> one.name() == Request(("cells.parquet",), ("type",), 8).name()
        False
        """
        state = [sorted(_content(Path(cell))) for cell in self.cells]
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
        if what == MERGE:
            confirm(Path(), {name: _written(Path(name)) for name in self.parts()})
            found = merge_counts(out, self.parts(), memory=self.memory)
        else:
            found = self.count(out, (int(what), self.n_shards), tell=_tell)
        write_text(summary(out), json.dumps(asdict(found) | {HASH: sha256(out)}) + "\n")


def part(place: int | str) -> str:
    """The file of a shard.

    >>> part(3)
    'shard_3.parquet'
    """
    return f"shard_{place}.parquet"


def summary(counts: str | Path) -> str:
    """The file beside counts that holds what was counted, and their hash."""
    return f"{counts}.json"


def _written(counts: Path) -> str:
    """The hash of counts as they were written; empty where there is no note of it."""
    return str(read_json(Path(summary(counts))).get(HASH, ""))


def _remove_altered(folder: Path, names: Sequence[str]) -> None:
    """Remove counts that are not what was written, so that they are made again."""
    for path in (folder / name for name in names):
        if path.exists() and not is_as_written(path, _written(path)):
            path.unlink()


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
    refuse_links(target.parent, [folder / REQUEST])
    with alone(folder) as lock:
        remove_unfinished(folder)
        _remove_altered(folder, [*request.parts(), merged])
        write_text(folder / REQUEST, request.text())
        if run_snakemake(command, lock):
            raise DesignError(
                found=f"a shard failed, see above or {folder}/.snakemake/log",
                expected="every shard to be counted",
                fix="correct the cause and run the command again; finished shards are kept",
            )
        confirm(folder, {merged: _written(folder / merged)})
        (folder / merged).replace(target)
        found = read_json(folder / summary(merged))
        _remove(folder, request, merged)
    return Counted(**{name: found[name] for name in ("n_combinations", "n_cells", "n_missing")})


def _remove(folder: Path, request: Request, merged: str) -> None:
    """Remove what this module and Snakemake wrote; the folder stays where it holds anything else."""
    for name in [*request.parts(), *map(summary, [*request.parts(), merged]), REQUEST, ".lock"]:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()


def _content(cell: Path) -> Iterator[tuple[str, int, str]]:
    """Name, size and hash of each file of a cell table; nothing of an address.

    The files of a SOMA experiment are never written twice, and may be larger than a disk: their names, sizes and times
    stand for their content.
    """
    files = [cell]
    if cell.is_dir():
        files = [Path(folder) / name for folder, _, names in os.walk(cell) for name in names]
    stored = cell.is_dir() and is_soma(cell)
    for file in files:
        if file.is_file():
            state = file.stat()
            yield str(file), state.st_size, str(state.st_mtime_ns) if stored else sha256(file)


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
    except Exception as problem:
        print(f"{name}\n{explained(problem)}", file=sys.stderr)
        return 1
    _tell(f"{name:<16} {time.perf_counter() - start:7.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
