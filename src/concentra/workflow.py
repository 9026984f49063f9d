"""Running Snakemake in a folder: one run at a time, whose hold on the folder ends with its processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from concentra.errors import ArgumentError, DesignError, MissingDependencyError
from concentra.files import opened_alone

PROFILES = ("config.yaml", "config.v8+.yaml", "config.v9+.yaml")


@contextmanager
def alone(folder: Path) -> Iterator[BinaryIO]:
    """Hold a folder for this process; the hold ends with the process, however that ends.

    The hold is a lock on the file ``.lock`` in the folder, whose content, if it has any, stays as it is.

    Yields
    ------
    The open lock: what inherits it (`run_snakemake`) holds the folder too.

    Raises
    ------
    DesignError
        Another process holds the folder.
    ArgumentError
        ``.lock`` is a symbolic link, or no regular file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(opened_alone(folder / ".lock"))
        except BlockingIOError:
            raise DesignError(
                found=f"another run is working in {folder}",
                expected="one run at a time in one output folder",
                fix="wait for it to end, or name another output with --out",
            ) from None
        yield handle


def snakemake_command(
    snakefile: Path,
    folder: Path,
    *arguments: str,
    cores: int = 1,
    targets: Sequence[str] = (),
    profile: Path | None = None,
) -> list[str]:
    """The words that run Snakemake in a folder.

    Parameters
    ----------
    snakefile
        The rules.
    folder
        The folder in which they work.
    arguments
        More of Snakemake's command line.
    cores
        Processors of this machine that jobs use at the same time.
    targets
        What is made; default the first rule.
    profile
        A Snakemake profile: a folder whose `config.yaml` names an executor and its options.

    Raises
    ------
    ArgumentError
        The profile has no `config.yaml`.
    MissingDependencyError
        Snakemake is not installed.
    """
    require_snakemake()
    words = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(snakefile)]
    words += ["--directory", str(folder), "--cores", str(cores), "--nolock", "--rerun-incomplete"]
    if profile is not None:
        if not any((profile / name).is_file() for name in PROFILES):
            raise ArgumentError(
                found=f"no config.yaml in {str(profile)!r}",
                expected="the folder of a Snakemake profile",
                fix="write its config.yaml, such as 'executor: slurm' and 'jobs: 8'",
            )
        words += ["--profile", str(profile.resolve())]
    return [*words, *arguments]


def run_snakemake(
    command: Sequence[str],
    lock: BinaryIO,
    *,
    held: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> int:
    """Make what is missing or stale; the exit status is Snakemake's.

    Parameters
    ----------
    command
        As `snakemake_command` gives it.
    lock
        What `alone` yielded: killing this process alone does not free the folder while jobs run.
    held
        Further open files that Snakemake inherits.
    environment
        Its environment; default that of this process.
    """
    running = subprocess.Popen([*command, "--quiet", "all"], pass_fds=[lock.fileno(), *held], env=environment)
    try:
        return running.wait()
    except KeyboardInterrupt:
        _end(running)
        raise


def require_snakemake() -> None:
    """Refuse to go on without Snakemake."""
    if find_spec("snakemake") is None:
        raise MissingDependencyError(
            found="snakemake is not installed",
            expected="the package that runs jobs, here or on a cluster",
            fix='pip install "concentra[study]"',
        )


def _end(running: subprocess.Popen[bytes]) -> None:
    """Let an interrupted Snakemake remove what is half-written: a terminal has interrupted it as well."""
    try:
        running.wait(timeout=3)
    except subprocess.TimeoutExpired:
        running.terminate()
        running.wait()
