"""What the tests of the study and of the command line share: the command as users run it, and labels that hurt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("concentra"))
PARTS_OF_AN_ERROR = ("error: ", "expected: ", "fix: ")

HOSTILE = (
    "comma, and; semicolon",
    "quote \"double\" and 'single'",
    "line\nbreak",
    "carriage\rreturn",
    "both\r\nof them",
    "tab\tinside",
    "<script>alert(1)</script>",
    "=1+1",
    "@SUM(A1)",
    "| pipe | `code` | *star* | _under_ | $x$ | \\back",
    "[bold]markup[/bold]",
    "\x1b[31mred",
    "\N{GRINNING FACE}",
    "\u05e2\u05d1\u05e8\u05d9\u05ea \u202emirrored",
    "x" * 10_000,
    "  spaces around  ",
    "NULL",
    "None",
    "001",
    "1e5",
    "../../etc/passwd",
)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, parsed strictly: NaN is no JSON."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def environment(data: Path | None, more: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment of a command that sees this data folder, or none, and whose lines are of any length."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CONCENTRA_") and name != "COLUMNS"
    }
    return kept | ({"CONCENTRA_DATA_DIR": str(data)} if data else {}) | dict(more)


def command(*arguments: object, data: Path | None = None, **more: Any) -> Ended:
    """Run `concentra` as a process of its own."""
    words = [COMMAND, *map(str, arguments)]
    ended = subprocess.run(words, env=environment(data), capture_output=True, text=True, check=False, **more)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def start(*arguments: object, data: Path | None = None) -> subprocess.Popen[str]:
    """Start `concentra` as the head of a process group of its own that heeds Ctrl-C, whatever started the tests."""
    words = [COMMAND, *map(str, arguments)]
    return subprocess.Popen(
        words,
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end(process: subprocess.Popen[str], sent: signal.Signals) -> Ended:
    """Send a signal to the whole group of a process and wait for its end."""
    os.killpg(process.pid, sent)
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is true, or fail."""
    stop = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < stop, "waited too long"
        time.sleep(0.05)


def assert_error(ended: Ended, *words: str) -> None:
    """The command failed with three lines, found, expected and fix, and nothing else."""
    assert ended.code == 1, ended
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert len(lines) == 3, ended.err
    for line, part in zip(lines, PARTS_OF_AN_ERROR, strict=True):
        assert line.startswith(part)
        assert line.removeprefix(part).strip()
    for word in words:
        assert word in ended.err


def file_bytes(out: Path, *endings: str) -> dict[str, bytes]:
    """The results in an output folder by their relative path."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.suffix in endings and ".snakemake" not in path.parts
    }
