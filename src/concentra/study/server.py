"""One process that has imported what nodes need, and forks for each of them: imports are paid once a run.

Snakemake decides what runs and when; the command of each job (`concentra.study._ask`) asks this server to run the node.
Each node runs in a fork of the server as it was after its imports, with the environment, the standard output and the
folder of the job, and so gives the bytes that it gives in a process of its own. On a machine without the server, as in
a cluster, the job runs the engine itself.

`serving`
    The environment for Snakemake in which jobs find the server.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NoReturn

from concentra.study._ask import SERVER

IMPORTED = (
    "concentra.study.engine",
    "concentra.clustering",
    "anndata",
    "h5py",
    "igraph",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "scipy.stats",
    "scipy.optimize",
    "sklearn.decomposition",
    "sklearn.neighbors",
)
"""Beside the nodes: what functions import when they are called."""
LONGEST = 1 << 20  # bytes of a request


@contextmanager
def serving(
    environment: Mapping[str, str], lock: BinaryIO
) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Run a server until the end of the block.

    Parameters
    ----------
    environment
        The environment of nodes.
    lock
        What `concentra.workflow.alone` yielded: nodes hold the folder, too.

    Yields
    ------
    The environment for Snakemake, and the open files that Snakemake is to inherit: the server ends when neither this
    process nor Snakemake holds them open. Where no server can be reached, jobs run the engine themselves.
    """
    with tempfile.TemporaryDirectory(prefix="concentra-", ignore_cleanup_errors=True) as folder:
        path = str(Path(folder) / "server")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            try:
                listener.bind(path)
            except OSError:  # the path of the folder for temporary files is too long for a socket
                yield dict(os.environ), ()
                return
            listener.listen(128)  # whoever asks before the imports have ended waits
            running, open_end = _started(environment, listener, lock)
        try:
            yield {**os.environ, SERVER: path}, (open_end,)
        finally:
            os.close(open_end)
            _end(running)


def _started(
    environment: Mapping[str, str], listener: socket.socket, lock: BinaryIO
) -> tuple[subprocess.Popen[bytes], int]:
    """The process of the server, which does not hear Ctrl-C, and the end of the pipe that keeps it."""
    held, open_end = os.pipe()
    running = subprocess.Popen(
        [sys.executable, "-m", "concentra.study.server", str(listener.fileno()), str(held)],
        env=dict(environment),
        pass_fds=[listener.fileno(), held, lock.fileno()],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    os.close(held)
    return running, open_end


def _end(running: subprocess.Popen[bytes]) -> None:
    try:
        running.wait(timeout=3)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def serve(listener: socket.socket, held: int) -> None:
    """Fork for every request, until the other end of the pipe `held` is closed everywhere."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that have ended are nobody's to wait for
    while True:
        ready, _, _ = select.select([listener.fileno(), held], [], [])
        if held in ready:
            return
        line, _ = listener.accept()
        with line:
            if os.fork() == 0:
                listener.close()
                _run(line)


def _run(line: socket.socket) -> NoReturn:
    """Run the node that a job asks for and tell its exit status, whatever happens."""
    status = 1
    try:
        status = _node(line)
    except SystemExit as ending:
        status = int(ending.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        with suppress(OSError):  # the job is gone
            line.send(bytes([status]))
        os._exit(status)


def _node(line: socket.socket) -> int:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, folder, streams = _request(line)
    for target, given in enumerate(streams, 1):
        os.dup2(given, target)
    os.chdir(folder)
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    return int(import_module("concentra.study.engine").main(words))


def _request(line: socket.socket) -> tuple[Sequence[str], str, Sequence[int]]:
    request, streams, _, _ = socket.recv_fds(line, LONGEST, 2)
    while not request.endswith(b"\n"):
        request += line.recv(LONGEST)
    found = json.loads(request)
    return found["words"], found["folder"], streams


def _end_with(line: socket.socket) -> None:
    """End this process when the job that asked is gone, which sends nothing else."""
    if not line.recv(1):
        os._exit(1)


def main(listener: int, held: int) -> None:
    """Import, then serve."""
    for name in IMPORTED:
        with suppress(ImportError):  # the node that needs it says what is missing
            import_module(name)
    engine = import_module("concentra.study.engine")
    for node in engine.nodes().values():
        engine.code(node.module)  # read once, and as it was imported
    gc.collect()
    gc.freeze()  # what is imported is never collected, so that forks share its memory
    with socket.socket(fileno=listener) as opened:
        serve(opened, held)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
