"""The process that reads HDF5 files and Zarr stores (`concentra.io.store_server`): started, asked, ended.

One idle process is kept for the next file, because starting one takes a tenth of a second. Whatever a file does to it,
an error is what this process sees; an interrupt is answered at once, since nothing here waits inside a library.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from concentra.io.nodes import MEGABYTES, SECONDS

SERVER = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from concentra.io.store_server import main; main(sys.argv[1])"
)
LONGEST_HEAD = 1 << 28  # bytes of JSON
_lock = threading.Lock()
_idle: list[Child] = []


class Ended(Exception):
    """The process ended before it answered; the message says how."""


class Child:
    """A process that answers requests about stored nodes.

    Parameters
    ----------
    ending
        ".h5ad" or ".zarr": whose library it imports while it waits for the first request.
    """

    def __init__(self, ending: str) -> None:
        self.ending = ending
        self.usable = True
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER, ending, json.dumps([*map(str, sys.path)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the process that asks
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )

    def ask(self, do: str, **what: Any) -> tuple[dict[str, Any], list[bytearray]]:
        """The answer to a request, and the bytes of its arrays; `Ended` where the process did not survive it."""
        self.usable = False  # until the answer is whole
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(json.dumps({"do": do, **what}).encode() + b"\n")
            requests.flush()
            length = int.from_bytes(_exactly(answers, 8), "little")
            if length > LONGEST_HEAD:
                raise EOFError
            answer: dict[str, Any] = json.loads(_exactly(answers, length))
            arrays = [_exactly(answers, _size(kind, shape)) for _, kind, shape in answer["arrays"]]
        except (BrokenPipeError, EOFError, ValueError, KeyError, TypeError) as problem:
            raise Ended(self._how_it_ended()) from problem
        self.usable = "refused" not in answer  # a library that met damage is not trusted with the next file
        return answer, arrays

    def _how_it_ended(self) -> str:
        self._process.stdout.close()  # type: ignore[union-attr]
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "the process that reads it answers nonsense"
        if status == -signal.SIGALRM:
            return f"reading it made no progress for {SECONDS} s"
        if status < 0:
            return f"the library that reads it crashed ({signal.Signals(-status).name})"
        return f"the process that reads it ended with status {status}"

    def end(self) -> None:
        """End the process, which may be at work."""
        self._process.kill()
        with contextlib.suppress(OSError):  # what was not yet written to it is not wanted any more
            self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)

    def forget(self) -> None:
        """Leave the process to the one that started it, of which this one is a fork."""
        self._process.returncode = 0
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]


def _exactly(stream: Any, size: int) -> bytearray:
    filled, data = 0, bytearray(size)
    view = memoryview(data)
    while filled < size:
        count = stream.readinto(view[filled:])
        if not count:
            raise EOFError
        filled += count
    return data


def _size(kind: str, shape: list[int]) -> int:
    """Bytes of an array whose type is written as numpy does (`<i4`)."""
    size = int(kind[2:])
    for length in shape:
        size *= length
    if not 0 <= size <= MEGABYTES << 20:
        raise EOFError
    return size


def prepare(ending: str) -> None:
    """Start the process that will read files of this ending, while there is something else to do.

    >>> prepare(".h5ad")
    """
    with _lock:
        if not _idle:
            _idle.append(Child(ending))


@contextmanager
def borrowed(ending: str) -> Iterator[Child]:
    """A process that answers requests; kept for the next borrower where all went well."""
    with _lock:
        fitting = [child for child in _idle if child.ending == ending]
        child = fitting[0] if fitting else None
        if child is not None:
            _idle.remove(child)
    child = child or Child(ending)
    try:
        yield child
    finally:
        with _lock:
            keep = child.usable and not any(other.ending == ending for other in _idle)
            if keep:
                _idle.append(child)
        if not keep:
            child.end()


@atexit.register
def end_idle() -> None:
    """End the processes that nobody asks any more."""
    while _idle:
        _idle.pop().end()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    while _idle:
        _idle.pop().forget()


os.register_at_fork(after_in_child=_after_fork)
