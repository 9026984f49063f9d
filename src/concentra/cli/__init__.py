"""The command line: one file a command. What a command needs is imported when it runs."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path

from concentra.cli._application import application
from concentra.errors import ConcentraError, explained

INTERRUPTED = 130  # as shells say it: 128 and the number of the signal
INTERRUPTION = "interrupted: nothing half-written is kept; run the same command again"


def main() -> None:
    """Run the command line; errors are three lines, and a traceback only with `--debug`."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    _prepare_streams()
    _prepare_reader()
    try:
        application(prog_name="concentra")
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            print(INTERRUPTION, file=sys.stderr)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as problem:
        if debug:
            raise
        _say(problem)
        sys.exit(1)


def _prepare_streams() -> None:
    """Labels that the terminal cannot show are escaped, never an error; a warning is one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *place, **more: f"warning: {message}\n"


def _prepare_reader() -> None:
    """The process that reads an annotated matrix starts while this one imports what it needs."""
    for argument in sys.argv[1:]:
        ending = Path(argument).suffix
        if ending in (".h5ad", ".zarr") and Path(argument).exists():
            from concentra.io.child import prepare

            prepare(ending)


def _say(problem: Exception) -> None:
    """Print an error; on a terminal its lines are broken between words."""
    from concentra.cli._terminal import columns, wrapped

    for line in _three_lines(problem).splitlines():
        print("\n".join(wrapped(line, columns(sys.stderr), "  ")), file=sys.stderr)


def _three_lines(problem: Exception) -> str:
    if isinstance(problem, ConcentraError) or not isinstance(problem, ModuleNotFoundError):
        return explained(problem)
    module = str(problem.name)
    return explained(problem) if module.startswith("concentra") else _not_installed(module)


def _not_installed(module: str) -> str:
    from concentra.cli.doctor import extra_of

    extra = extra_of(module)
    return (
        f"error: the Python package {module!r} is not installed\n"
        f"expected: the packages of the extra `{extra}`\n"
        f"fix: pip install 'concentra[{extra}]'"
    )
