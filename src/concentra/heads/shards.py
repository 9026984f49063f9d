"""The shards of a sweep through Snakemake's executors, or on several devices of this machine, a process each."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from concentra.errors import DesignError
from concentra.files import write_text
from concentra.workflow import alone, run_snakemake, snakemake_command

REQUEST = "request.json"
SNAKEFILE = Path(__file__).with_name("Snakefile")
PROGRAM = "from concentra.cli import main; main()"


def shard_command(arguments: Sequence[str], shard: str, device: str | None = None) -> list[str]:
    """The words that measure one shard, "I/N": the sweep's own arguments, and which share, and on which device.

    >>> shard_command(["--model", "m"], "1/2")[3:]
    ['heads', 'sweep', '--model', 'm', '--shards', '1/2']
    """
    words = [sys.executable, "-c", PROGRAM, "heads", "sweep", *arguments, "--shards", shard]
    return [*words, "--device", device] if device else words


def run_on_devices(arguments: Sequence[str], devices: Sequence[str]) -> None:
    """Measure as many shards as there are devices, a process on each at the same time.

    Raises
    ------
    DesignError
        One of them failed; what the others measured is kept.
    """
    commands = [
        shard_command(arguments, f"{place}/{len(devices)}", device)
        for place, device in enumerate(devices, start=1)
    ]
    running = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in commands]
    try:
        failed = [device for device, one in zip(devices, running, strict=True) if one.wait()]
    except BaseException:
        for one in running:
            one.terminate()
        raise
    if failed:
        raise _failed(f"the shard on {', '.join(failed)}, see above")


def run_through_snakemake(
    out: Path, arguments: Sequence[str], n_shards: int, *, cores: int, profile: Path | None
) -> None:
    """Measure all shards as jobs of Snakemake; those that an earlier run has finished are left as they are.

    Raises
    ------
    DesignError
        A shard failed, or another run is at the same table.
    """
    folder = Path(f"{out.resolve()}.jobs")
    command = snakemake_command(SNAKEFILE, folder, cores=cores, profile=profile)
    with alone(folder) as lock:
        request = {"arguments": list(arguments), "n_shards": n_shards, "where": str(Path.cwd())}
        write_text(folder / REQUEST, json.dumps(request, indent=1) + "\n")
        for done in folder.glob("shard_*.done"):  # parts know what is done; these only order the jobs
            done.unlink()
        if run_snakemake(command, lock):
            raise _failed(f"a shard, see above or {folder}/.snakemake/log")


def job(request: dict[str, Any], place: str) -> str:
    """The shell command of one job.

    >>> job({"arguments": ["--out", "a b.csv"], "n_shards": 4, "where": "/work dir"}, "2")[:14]
    "cd '/work dir'"
    """
    words = shard_command(request["arguments"], f"{place}/{request['n_shards']}")
    return f"cd {shlex.quote(request['where'])} && {shlex.join(words)} > /dev/null"


def _failed(which: str) -> DesignError:
    return DesignError(
        found=f"failed: {which}",
        expected="every shard to be measured",
        fix="correct the cause and run the command again; finished layers are kept",
    )
