"""The command line: one file a command. What a command needs is imported when it runs."""

from __future__ import annotations

import sys

from concentra.cli._application import application
from concentra.errors import ConcentraError


def main() -> None:
    """Run the command line; errors are three lines, and a traceback only with `--debug`."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        application()
    except ConcentraError as problem:
        if debug:
            raise
        print(problem, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as problem:
        if debug:
            raise
        place = problem.filename or "the system"
        print(
            f"found: {place}: {problem.strerror or problem}\n"
            "expected: files and folders that can be read and written, and space on the disk\n"
            "to mend: correct that and run the command again; finished work is kept",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        print(
            "interrupted: nothing half-written is kept; the same command goes on from here", file=sys.stderr
        )
        sys.exit(130)
